// All facilities in a table: what each does, on which prices, and which of them need a look.

import { el, mark, repeat, SortableTable } from "../parts.js";
import { age, number, perMwh, power } from "../words.js";

const SECONDS = 15;
const ACTIONS = { run: "RUN", hold: "HOLD", stop: "STOP", unavailable: "NO DECISION" };
const RANK = { unavailable: 0, hold: 1, stop: 2, run: 3 };
const QUALITIES = ["missing", "stale", "estimated", "good"];

export async function mount(root, desk) {
  let chosen = null;
  let rows = null;

  const chips = el("div", { class: "chips", role: "group", "aria-label": "Show only" });
  const sums = el("p", { class: "sums" });
  const search = (row) => `${row.name} ${row.facilityId} ${row.iso_region} ${row.pricing_node}`;
  const table = new SortableTable({
    caption: "facilities",
    columns: columns(desk),
    key: (row) => row.facilityId,
    pageSize: 25,
    empty: "",
    search,
  });
  root.replaceChildren(
    el("section", { class: "card page" }, el("div", { class: "title" }, el("h1", {}, "Fleet"), sums, table.query), chips, table.element),
  );

  function draw() {
    if (rows === null) return;
    const shown = rows.filter((row) => chosen === null || GROUPS[chosen].has(row));
    chips.hidden = rows.length < 2;
    const pressed = document.activeElement?.dataset.group;
    chips.replaceChildren(
      ...Object.entries(GROUPS)
        .map(([name, group]) => chip(name, rows.filter(group.has).length))
        .filter(Boolean),
    );
    if (pressed) chips.querySelector(`[data-group="${pressed}"]`)?.focus();
    sums.textContent = rows.length ? summary(rows) : "";
    const none = "There is no facility yet. Add one under Settings, or with `vibelux facilities add FILE`.";
    table.show(shown, rows.length ? "No facility is like that now. Choose another group." : none);
  }

  function chip(name, count) {
    if (count === 0 && chosen !== name) return null;
    const choose = () => {
      chosen = chosen === name ? null : name;
      draw();
    };
    return el(
      "button",
      { type: "button", class: "chip", "data-group": name, "aria-pressed": String(chosen === name), onclick: choose },
      el(
        "span",
        { class: GROUPS[name].action ? "action" : null, "data-action": GROUPS[name].action },
        `${count.toLocaleString("en-US")} ${GROUPS[name].word(count)}`,
      ),
    );
  }

  const polling = repeat(
    SECONDS,
    async () => {
      rows = await desk.all("/api/fleet");
      draw();
    },
    desk.failed,
  );
  await polling.first;
  return { leave: () => polling.stop() };
}

const GROUPS = {
  run: { action: "run", has: (row) => row.action === "run", word: (n) => (n === 1 ? "runs" : "run") },
  stop: { action: "stop", has: (row) => row.action === "stop", word: (n) => (n === 1 ? "stands" : "stand") },
  hold: { action: "hold", has: (row) => row.action === "hold", word: (n) => (n === 1 ? "holds" : "hold") },
  unavailable: { action: "unavailable", has: (row) => row.action === "unavailable", word: () => "without decision" },
  doubt: { has: (row) => ["stale", "missing"].includes(worst(row)), word: () => "on old or missing data" },
  alerts: { has: (row) => row.openAlerts > 0, word: () => "with open alerts" },
};

function columns(desk) {
  return [
    {
      head: "Facility",
      start: true,
      grow: true,
      value: (row) => row.name,
      cell: (row) => [desk.link("now", row.facilityId, row.name), place(row)],
    },
    { head: "Action", start: true, value: (row) => RANK[row.action] * 1e9 + (row.powerKw ?? 0), down: true, cell: action },
    { head: "Price", unit: "USD/MWh", value: (row) => row.gridPrice, down: true, cell: (row) => perMwh(row.gridPrice) },
    {
      head: "Break-even",
      unit: "USD/MWh",
      wide: true,
      value: (row) => row.breakEvenGridPrice,
      down: true,
      cell: (row) => perMwh(row.breakEvenGridPrice),
    },
    { head: "Above it", unit: "USD/MWh", wide: true, value: above, down: true, cell: (row) => signed(above(row)) },
    {
      head: "Worth",
      unit: "USD/h",
      value: (row) => row.netBenefitUsdPerHour,
      down: true,
      cell: (row) => number(row.netBenefitUsdPerHour, 2),
    },
    { head: "Data", start: true, wide: true, value: (row) => QUALITIES.indexOf(worst(row)), cell: quality },
    {
      head: "Price age",
      wide: true,
      value: (row) => row.dataFreshness.electricity,
      down: true,
      cell: (row) => age(row.dataFreshness.electricity),
    },
    {
      head: "Alerts",
      value: (row) => row.openAlerts,
      down: true,
      cell: (row) => (row.openAlerts ? el("span", { class: "alerting" }, String(row.openAlerts)) : "0"),
    },
  ];
}

function place(row) {
  return el("span", { class: "under" }, `${row.iso_region} ${row.pricing_node}`);
}

function action(row) {
  const words = row.action === "run" ? `${ACTIONS.run} ${power(row.powerKw)}` : ACTIONS[row.action];
  return el("span", { class: "action", "data-action": row.action, title: row.reason }, words);
}

/** The worst of the three inputs, and which one it is. */
function quality(row) {
  const found = worst(row);
  const names = Object.keys(row.dataQuality).filter((name) => row.dataQuality[name] === found);
  const origins = [...new Set(Object.values(row.origin))].filter((origin) => origin && origin !== "live");
  const word = found === "good" ? "good" : `${names.join(", ")} ${found}`;
  return [mark(found, word), el("span", { class: "under" }, origins.length ? `not live: ${origins.join(", ")}` : "")];
}

function worst(row) {
  return QUALITIES.find((one) => Object.values(row.dataQuality).includes(one)) ?? "missing";
}

function above(row) {
  if (row.gridPrice == null || row.breakEvenGridPrice == null) return null;
  return row.gridPrice - row.breakEvenGridPrice;
}

function signed(usdPerKwh) {
  return usdPerKwh > 0 ? `+${perMwh(usdPerKwh)}` : perMwh(usdPerKwh);
}

function summary(rows) {
  const running = rows.filter((row) => row.action === "run");
  const made = running.reduce((sum, row) => sum + row.powerKw, 0);
  const worth = rows.reduce((sum, row) => sum + (row.netBenefitUsdPerHour ?? 0), 0);
  const all = rows.length === 1 ? "One facility" : `${rows.length.toLocaleString("en-US")} facilities`;
  return `${all}: ${power(made)} told to run, worth ${number(worth, 2)} USD an hour.`;
}
