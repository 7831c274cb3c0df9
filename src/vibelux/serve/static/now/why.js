// Why: the reasons of the step under the cursor, what limits it, what it rests on, and what changed before it.

import { powerOf } from "./story.js";
import { VERBS } from "./verdict.js";
import { WhatIf } from "./what-if.js";
import { el } from "../parts.js";
import { day, number, perMwh, power, time } from "../words.js";

const STAGES = { publishedToFetched: "published to fetched", fetchedToStored: "to stored", storedToDecided: "to decided" };
const WORTH_SAYING = 0.005;

export class Why {
  constructor(story) {
    this.story = story;
    this.zone = story.desk.timeZone();
    this.title = el("h2", { id: "why-title" }, "Why");
    this.told = el("div");
    this.body = el("div", { class: "scroll", id: "why", tabindex: "0", role: "region", "aria-labelledby": "why-title" });
    this.body.append(this.told, new WhatIf(story.desk).element);
    this.element = el("section", { class: "card why" }, this.title, this.body);
    this.shown = null;
  }

  /** @param moment under the cursor; null for now */
  show(moment) {
    const now = this.story.desk.now();
    const { decision } = this.story.answer;
    if (moment === null || (moment <= now && moment >= Date.parse(decision.validFrom))) return this.#decided("Why", { answer: this.story.answer, ...this.#newest() });
    if (moment > now) return this.#planned(moment);
    const found = this.story.decidedAt(moment);
    if (found === null) return this.#put("Why", `none ${moment}`, [el("p", { class: "quiet" }, "No decision of that moment is kept here: the service had not begun, or was away.")]);
    return this.#decided(`Why, decided ${time(found.at, this.zone)}`, found);
  }

  #newest() {
    const last = this.story.decisions.at(-1);
    return { at: last?.at, before: this.story.decisions.at(-2) ?? null };
  }

  #decided(title, { at, answer, before }) {
    const { decision } = answer;
    this.#put(title, JSON.stringify([at, decision]), [
      el("ol", { id: "reasons" }, decision.reasons.map((reason) => el("li", {}, reason))),
      this.#limits(decision),
      this.#changed(answer, before),
      this.#basis(decision),
    ]);
  }

  #limits({ bindingLimits: limits = [] }) {
    if (limits.length === 0) return null;
    const price = ({ unit, shadowPrice }) => (unit === "USD/kWh" ? `${number(shadowPrice * 1000, 2)} USD/MWh` : `${number(shadowPrice, 2)} ${unit}`);
    return [el("h3", {}, "What limits it"), el("ul", {}, limits.map((one) => el("li", {}, `${one.words ?? one.limit}: one more would be worth ${price(one)}.`)))];
  }

  /** Against the decision before. */
  #changed(answer, before) {
    if (before === null) return null;
    const [then, now] = [before.answer, answer];
    const moves = [
      ["price", then.marketConditions.gridPrice, now.marketConditions.gridPrice, 1000, "USD/MWh"],
      ["break-even", then.decision.breakEvenGridPrice, now.decision.breakEvenGridPrice, 1000, "USD/MWh"],
      ["gas", then.marketConditions.gasPrice, now.marketConditions.gasPrice, 1, "USD/MMBtu"],
      ["carbon", then.marketConditions.co2Price, now.marketConditions.co2Price, 1, "USD/t"],
    ].filter(([, a, b, factor]) => a != null && b != null && Math.abs(b - a) * factor >= WORTH_SAYING)
      .map(([name, a, b, factor, unit]) => `${name} ${b > a ? "+" : "−"}${number(Math.abs(b - a) * factor, 2)} to ${number(b * factor, 2)} ${unit}`);
    const told = ({ decision }) => `${VERBS[decision.action]}${powerOf(decision) > 0 ? ` ${power(powerOf(decision))}` : ""}`;
    if (told(then) !== told(now)) moves.unshift(`${told(then)} became ${told(now)}`);
    const text = moves.length ? `${moves.join("; ")}.` : "nothing that counts.";
    return [el("h3", {}, `What changed since ${time(before.at, this.zone)}`), el("p", { id: "changed" }, text[0].toUpperCase() + text.slice(1))];
  }

  #basis({ basis = {}, solve, confidence, latency }) {
    const used = ["electricity", "gas", "carbon"].map((name) => [name, basis[name]]).filter(([, one]) => one?.source);
    if (used.length === 0) return null;
    const lines = used.map(([name, one]) => el("li", {}, `${name}: ${one.source}, `, one.rung === "live" ? "" : `${one.rung}, `,
      one.knownAt ? `known ${time(Date.parse(one.knownAt), this.zone, true)}` : "", one.payloadSha256 ? [", bytes ", el("code", { title: one.payloadSha256 }, one.payloadSha256.slice(0, 8))] : ""));
    const proof = solve?.status ? `Plan ${solve.status}${solve.gap == null ? "" : `, gap ${number(solve.gap * 100, 2)} %`}, solved in ${number(solve.milliseconds, 0)} ms; confidence ${number(confidence, 0)} of 100.` : null;
    const passed = Object.entries(STAGES).filter(([name]) => latency?.seconds[name] != null).map(([name, words]) => `${words} ${number(latency.seconds[name], 2)} s`);
    const way = passed.length ? `The price on its way: ${passed.join(", ")}.` : null;
    return el("details", { class: "basis" }, el("summary", {}, "What it rests on"), el("ul", {}, lines), [way, proof].map((words) => words && el("p", { class: "quiet" }, words)));
  }

  /** A step of the plan: what is expected of it, and what it is to do. */
  #planned(moment) {
    const row = this.story.plan?.rows.find((one) => one.start <= moment && moment < one.end);
    const price = this.story.outlook.find((step) => step.start <= moment && moment < step.end) ?? null;
    const title = `Planned, ${day(moment, this.zone)} ${time(moment, this.zone)}`;
    const lines = [];
    if (row) {
      const on = row.units.filter((unit) => unit.on).map((unit) => `${unit.id} at ${power(unit.powerKw)}`);
      lines.push(on.length ? `The plan runs ${on.join(" and ")}.` : "The plan lets all engines stand.");
      lines.push(row.gridExportKw > 0 ? `${power(row.gridExportKw)} go out to the grid at ${perMwh(row.exportPrice)} USD/MWh.` : `${power(row.gridImportKw)} come from the grid at ${perMwh(row.importPrice)} USD/MWh.`);
      if (row.boilerKw > 0) lines.push(`The boiler gives ${power(row.boilerKw)} of heat.`);
      if (row.heatDumpKw > 0) lines.push(`${power(row.heatDumpKw)} of heat are dumped.`);
    } else lines.push(this.story.plan?.rows.length ? "The plan does not reach this far." : "The newest decision rests on no plan.");
    if (price?.value != null) {
      const range = price.low == null ? "" : `, likely between ${number(price.low, 2)} and ${number(price.high, 2)}`;
      lines.push(`Expected price ${number(price.value, 2)} USD/MWh${range}: ${price.source}.`);
    } else if (price) lines.push(`No price is expected yet: ${price.source}.`);
    this.#put(title, JSON.stringify([title, lines]), [el("ol", { id: "reasons" }, lines.map((line) => el("li", {}, line)))]);
  }

  #put(title, key, nodes) {
    if (this.title.textContent !== title) this.title.textContent = title;
    if (this.shown === key) return;
    this.shown = key;
    const open = this.told.querySelector("details")?.open ?? false;
    this.told.replaceChildren(...nodes.flat(2).filter(Boolean));
    const details = this.told.querySelector("details");
    if (details) details.open = open;
  }
}

/** What stands at a moment, in one line. */
export function wordsAt(story, picture, moment, zone) {
  if (!picture) return "";
  const at = moment ?? picture.moment;
  const holds = (step) => step.start <= at && at < step.end;
  const price = picture.known.prices.find(holds) ?? (moment === null ? picture.known.prices.at(-1) : null);
  const came = price ? null : picture.later.prices.find(holds);
  const expected = picture.known.outlook.find(holds);
  const ahead = picture.known.ahead.find(holds);
  const even = picture.even.find((step) => step.start <= at && at <= step.end);
  const parts = [];
  if (price) parts.push(`${number(price.value, 2)} USD/MWh`);
  else if (expected?.value != null) parts.push(`${number(expected.value, 2)} USD/MWh ${expected.kind}`);
  if (came) parts.push(`${number(came.value, 2)} USD/MWh came later`);
  if (price && even) parts.push(`${number(Math.abs(price.value - even.value), 2)} ${price.value > even.value ? "above" : "below"} break-even ${number(even.value, 2)}`);
  const correction = picture.corrections.find(holds);
  if (correction) parts.push(`corrected from ${number(correction.was, 2)}`);
  const told = (plant) => (powerOf(plant) > 0 ? `run ${power(powerOf(plant))}` : "stand");
  const planned = at > picture.moment ? picture.planned.find(holds) : null;
  const plant = at > picture.moment && !picture.isPast ? null : story.decidedAt(at)?.answer.decision;
  if (planned) parts.push(`plan: ${told(planned)}`);
  if (plant) parts.push(at > picture.moment ? `decided later: ${told(plant)}` : told(plant));
  if (ahead && (price || came)) parts.push(`day ahead ${number(ahead.value, 2)}`);
  return `${time(price && moment === null ? price.start : at, zone)}: ${parts.length ? parts.join(", ") : "nothing is known"}`;
}
