// The four grids side by side, then what prices rest on: gas, carbon, weather, load and renewables.

import { card, el, mark, repeat, SortableTable, sparkline } from "../parts.js";
import { age, number, perMwh, time } from "../words.js";

const SECONDS = 30;
const DAY = 86_400_000;
const GRIDS = {
  CAISO: { place: "California", zone: "America/Los_Angeles" },
  PJM: { place: "Mid-Atlantic and Ohio valley", zone: "America/New_York" },
  ERCOT: { place: "Texas", zone: "America/Chicago" },
  NYISO: { place: "New York", zone: "America/New_York" },
};
const ONLY_LIVE = "live";

export async function mount(root, desk) {
  const grids = Object.fromEntries(Object.keys(GRIDS).map((name) => [name, new Grid(name)]));
  const gas = new SortableTable({
    caption: "Gas prices",
    columns: GAS,
    key: gasKey,
    pageSize: 10,
    empty: "No gas price is stored. `vibelux feeds` lists the feeds that bring one.",
  });
  const carbon = new SortableTable({
    caption: "Carbon prices",
    columns: CARBON,
    key: carbonKey,
    pageSize: 10,
    empty: "No carbon price is stored.",
  });
  const series = new SortableTable({
    caption: "Weather, load and renewables",
    columns: seriesColumns(desk),
    key: seriesKey,
    pageSize: 25,
    empty: "No weather, load or generation has come in the last three hours.",
  });
  root.replaceChildren(
    el(
      "div",
      { class: "page-title" },
      el("h1", {}, "Market"),
      el("p", { class: "quiet" }, "The newest real-time price of each hub and zone, with the six hours before it. USD/MWh."),
    ),
    el(
      "div",
      { class: "grids" },
      Object.values(grids).map((grid) => grid.element),
    ),
    el("div", { class: "pair" }, card("Gas, USD/MMBtu", gas.element), card("Carbon, USD per metric ton", carbon.element)),
    card("Weather, load and renewables", series.element),
  );
  async function prices() {
    const [overview, feeds] = await Promise.all([desk.all("/api/market/overview", { hours: 6 }), desk.all("/api/feeds")]);
    for (const grid of Object.values(grids)) grid.show(overview, feeds, desk.now());
  }
  async function slower() {
    const now = desk.now();
    const back = (days) => ({ from: new Date(now - days * DAY).toISOString(), limit: 1000 });
    const [gases, carbons, measured] = await Promise.all([
      desk.all("/api/market/gas", back(10)),
      desk.all("/api/market/carbon", back(400)),
      desk.all("/api/market/series", back(1 / 8)),
    ]);
    gas.show(newest(gases, now, { key: gasKey, moment: "trading_date", value: "price_per_mmbtu" }));
    carbon.show(newest(carbons, now, { key: carbonKey, moment: "trading_date", value: "price_per_metric_ton" }));
    series.show(newest(measured, now, { key: seriesKey, moment: "valid_start", value: "value" }));
  }
  const polls = [repeat(SECONDS, prices, desk.failed), repeat(SECONDS * 4, slower, desk.failed)];
  await Promise.all(polls.map((poll) => poll.first));
  return { leave: () => polls.forEach((poll) => poll.stop()) };
}

class Grid {
  constructor(name) {
    this.name = name;
    this.zone = GRIDS[name].zone;
    this.table = new SortableTable({
      caption: `Prices of ${name}`,
      columns: priceColumns(this.zone),
      key: (row) => row.pricing_node,
      pageSize: 12,
      empty: "",
    });
    this.state = el("p", { class: "quiet" });
    const heading = el("h2", {}, name, " ", el("span", { class: "unit" }, GRIDS[name].place));
    this.element = el(
      "section",
      { class: "card", "aria-label": name },
      el("div", { class: "title" }, heading, this.state),
      this.table.element,
    );
  }

  show(overview, feeds, now) {
    const rows = overview.filter((row) => row.iso_region === this.name);
    this.state.textContent = `now ${time(now, this.zone)}`;
    this.table.show(rows, this.#why(feeds));
    this.element.classList.toggle("bare", rows.length === 0);
  }

  #why(feeds) {
    const own = feeds.filter((feed) => feed.provider === this.name.toLowerCase());
    if (own.some((feed) => feed.enabled)) return "Its feeds are on; no price has come yet. Data quality says what they wait for.";
    const keys = [...new Set(own.flatMap((feed) => feed.needs_key ?? []))];
    const needs = keys.length ? ` Prices of this grid need ${keys.map((key) => key.replaceAll("|", " or ")).join(" and ")}.` : "";
    return `Its feeds are off here.${needs} [providers.${this.name.toLowerCase()}] in vibelux.toml turns them on.`;
  }
}

function priceColumns(zone) {
  const points = (row) => row.recent.map(([start, value]) => [Date.parse(start), value * 1000]);
  const label = (row) => {
    const values = points(row).map(([, value]) => value);
    if (values.length < 2) return `No hours before at ${row.pricing_node}`;
    return `${row.pricing_node}, last 6 hours: from ${number(Math.min(...values), 2)} to ${number(Math.max(...values), 2)} USD/MWh`;
  };
  return [
    {
      head: "Place",
      start: true,
      grow: true,
      value: (row) => row.pricing_node,
      cell: (row) => [row.pricing_node, el("span", { class: "under" }, [row.node_type, row.place].filter(Boolean).join(", "))],
    },
    { head: "Price", value: (row) => row.price_per_kwh, down: true, cell: (row) => el("strong", {}, perMwh(row.price_per_kwh)) },
    { head: "Day-ahead", value: (row) => row.dayAhead, down: true, wide: true, cell: (row) => perMwh(row.dayAhead) },
    { head: "Last 6 h", cell: (row) => sparkline(points(row), label(row)) },
    {
      head: "Data",
      start: true,
      value: (row) => row.ageSeconds,
      cell: (row) => [mark(row.quality), origin(row), el("span", { class: "under" }, freshness(row, zone))],
    },
  ];
}

/** The age of a price that is over, else when it began. */
function freshness(row, zone) {
  if (row.ageSeconds) return age(row.ageSeconds);
  return row.market_interval_start ? `from ${time(Date.parse(row.market_interval_start), zone)}` : "";
}

const GAS = [
  {
    head: "Hub",
    start: true,
    grow: true,
    value: (row) => row.hub_name,
    cell: (row) => [row.hub_name, el("span", { class: "under" }, [row.contract_type, row.contract].filter(Boolean).join(" "))],
  },
  { head: "Price", value: (row) => row.price_per_mmbtu, down: true, cell: (row) => [number(row.price_per_mmbtu, 3), origin(row)] },
  { head: "Last 10 days", wide: true, cell: (row) => sparkline(row.before, `${row.hub_name}, last 10 days`) },
  { head: "Trading day", start: true, value: (row) => row.trading_date, down: true, cell: (row) => row.trading_date },
  { head: "Source", start: true, wide: true, wraps: true, value: (row) => row.data_source, cell: (row) => row.data_source },
];

const CARBON = [
  {
    head: "Market",
    start: true,
    grow: true,
    value: (row) => row.market_name,
    cell: (row) => [row.market_name, el("span", { class: "under" }, row.market_type)],
  },
  {
    head: "Price",
    value: (row) => row.price_per_metric_ton,
    down: true,
    cell: (row) => [number(row.price_per_metric_ton, 2), origin(row)],
  },
  { head: "Last 400 days", wide: true, cell: (row) => sparkline(row.before, `${row.market_name}, last 400 days`) },
  { head: "Day", start: true, value: (row) => row.trading_date, down: true, cell: (row) => row.trading_date },
  { head: "Source", start: true, wide: true, wraps: true, value: (row) => row.data_source, cell: (row) => row.data_source },
];

function seriesColumns(desk) {
  return [
    {
      head: "What",
      start: true,
      grow: true,
      value: (row) => row.variable,
      cell: (row) => [
        row.variable.replaceAll("-", " ").replaceAll("_", " "),
        el("span", { class: "under" }, [row.category, row.location].filter(Boolean).join(", ")),
      ],
    },
    {
      head: "Value",
      value: (row) => row.value,
      down: true,
      cell: (row) => [number(row.value, Math.abs(row.value) < 100 ? 2 : 0), el("span", { class: "unit" }, ` ${row.unit}`), origin(row)],
    },
    { head: "Last 3 h", cell: (row) => sparkline(row.before, `${row.variable} at ${row.location}, last 3 hours`) },
    {
      head: "For",
      start: true,
      value: (row) => row.valid_start,
      down: true,
      cell: (row) => time(Date.parse(row.valid_start), desk.timeZone()),
    },
    { head: "Source", start: true, wide: true, wraps: true, value: (row) => row.data_source, cell: (row) => row.data_source },
  ];
}

function gasKey(row) {
  return `${row.hub_name} ${row.contract_type} ${row.contract}`;
}

function carbonKey(row) {
  return row.market_name;
}

function seriesKey(row) {
  return `${row.provider} ${row.category} ${row.variable} ${row.location}`;
}

/** Of rows in the order of time the last of each key that has begun, and pairs of moment and value until then. */
function newest(rows, now, { key, moment, value }) {
  const found = new Map();
  for (const row of rows) {
    const at = Date.parse(row[moment]);
    if (at > now) continue;
    const before = found.get(key(row))?.before ?? [];
    before.push([at, row[value]]);
    found.set(key(row), { ...row, before });
  }
  return [...found.values()];
}

function origin(row) {
  return row.origin && row.origin !== ONLY_LIVE ? [" ", el("span", { class: "badge" }, row.origin)] : null;
}
