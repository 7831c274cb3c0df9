// The timeline as a table: a row a price interval behind now, a row a step of the plan ahead of it.

import { el } from "../parts.js";
import { number, power, time, day } from "../words.js";
import { powerOf } from "./story.js";

const HEADS = ["From", "Kind", "Price", "p10 to p90", "Day ahead", "Break-even", "Engines", "Boiler", "Grid", "Stored heat"];

export function tableOf(story, picture, zone) {
  const aheadAt = finder(picture.known.ahead);
  const evenAt = finder(picture.even);
  const plannedAt = finder(picture.planned);
  const behind = picture.known.prices.filter((price) => price.start <= picture.moment).map((price) => {
    const found = story.decidedAt(Math.min(price.end - 1, picture.moment));
    return { ...price, kind: "real time", plant: found?.answer.decision, even: evenAt(price.start)?.value };
  });
  const coming = picture.known.outlook.filter((step) => step.start > picture.moment).map((step) => ({ ...step, plant: plannedAt(step.start) }));
  const rows = [...behind, ...coming].map((row) => {
    const { plant } = row;
    const grid = plant?.gridImportKw == null ? "–" : plant.gridExportKw > 0 ? `${power(plant.gridExportKw)} out` : `${power(plant.gridImportKw)} in`;
    const range = row.low == null ? "–" : `${number(row.low, 2)} to ${number(row.high, 2)}`;
    const cells = [row.kind, number(row.value, 2), range, number(aheadAt(row.start)?.value, 2), number(row.even, 2), plant ? power(powerOf(plant)) : "–", power(plant?.boilerKw), grid, plant?.storageKwh == null ? "–" : `${number(plant.storageKwh, 0)} kWh`];
    return el("tr", {}, el("th", { scope: "row" }, `${day(row.start, zone)} ${time(row.start, zone)}`), cells.map((cell) => el("td", {}, cell)));
  });
  return el("table", {}, el("caption", { class: "hidden" }, "Prices in USD/MWh, and what the plant is told"),
    el("thead", {}, el("tr", {}, HEADS.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, rows));
}

/** Of steps in order, the one that holds a moment. */
function finder(steps) {
  return (moment) => steps.find((step) => step.start <= moment && moment < step.end);
}
