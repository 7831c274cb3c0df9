// The page: asks once, then follows the socket. All text from elsewhere enters as text, never as markup.

import { drawChart } from "./chart.js";
import { Live } from "./live.js";
import { MarketClock } from "./market-clock.js";
import { age, dayAndTime, number, perMwh, power, time } from "./words.js";

const HOURS_SHOWN = 12;
const DECISIONS_SHOWN = 12;
const REAL_TIME = { CAISO: "real-time-5min", PJM: "real-time-5min", NYISO: "real-time-5min", ERCOT: "real-time-15min" };
const VERBS = { run: "RUN", stop: "STOP", hold: "HOLD", unavailable: "NO DECISION" };
const ORIGINS = {
  synthetic: "SYNTHETIC prices: made up for this demonstration, no market ever paid them.",
  rebuilt: "REBUILT prices: upstream files made again from a table of recorded prices.",
  recorded: "RECORDED prices: a past day, played again.",
};

const $ = (id) => document.getElementById(id);
const clock = new MarketClock();
let facility = null;
let live = null;
let answer = null;
let receivedAt = 0;
let prices = [];
let decisions = [];
let placeCursor = () => {};
let follows = true;
let refreshing = null;

async function api(path, options) {
  const response = await fetch(path, { credentials: "same-origin", ...options });
  if (response.status === 401) throw new NeedsKey();
  if (!response.ok) throw new Error(`${path.split("?")[0]} answered ${response.status}`);
  return response.status === 204 ? null : response.json();
}

class NeedsKey extends Error {}

async function start() {
  try {
    const { facilities } = await api("/api/facilities");
    $("signin").hidden = true;
    offer(facilities);
    const wanted = new URLSearchParams(location.search).get("facilityId");
    const chosen = facilities.find((one) => one.id === wanted) ?? facilities[0];
    if (chosen) await follow(chosen);
    else explainNoFacility();
  } catch (error) {
    if (error instanceof NeedsKey) askForKey();
    else sayConnection("down", `${error.message}; trying again`, () => setTimeout(start, 3000));
  }
}

function offer(facilities) {
  const select = $("facility");
  select.replaceChildren(...facilities.map((one) => new Option(one.name ?? one.id, one.id)));
  select.disabled = facilities.length < 2;
  select.onchange = () => {
    history.replaceState(null, "", `?${new URLSearchParams({ facilityId: select.value })}`);
    follow(facilities.find((one) => one.id === select.value));
  };
}

async function follow(chosen) {
  live?.end();
  facility = chosen;
  $("facility").value = chosen.id;
  [answer, prices, decisions, follows] = [null, [], [], true];
  live = new Live(chosen.id, hear, sayConnection, refused);
  $("desk").hidden = false;
  await loadHistory();
}

/** Prices and decisions of the hours before; what the socket brought meanwhile is kept. */
async function loadHistory() {
  const mine = facility;
  const state = await api(`/api/chp/decision?${new URLSearchParams({ facilityId: mine.id })}`);
  const now = Date.parse(state.timestamp);
  const from = new Date(now - HOURS_SHOWN * 3_600_000).toISOString();
  const wanted = { region: mine.iso_region, node: mine.pricing_node, from, limit: 1000 };
  const [priceList, decisionList] = await Promise.all([
    api(`/api/market/prices?${new URLSearchParams(wanted)}`),
    api(`/api/chp/decisions?${new URLSearchParams({ facilityId: mine.id, from, limit: 1000 })}`),
  ]);
  if (facility !== mine) return;
  for (const record of priceList.rows) addPrice(record);
  const older = decisionList.rows.map((row) => entry(row.decision, row.marketConditions, row.timestamp));
  decisions = [...older.filter((one) => !decisions.some((known) => known.at >= one.at)), ...decisions];
  if (answer === null) take(state);
  render();
}

function hear(message) {
  clock.hear(message.timestamp);
  if (message.type === "snapshot") {
    take(message.data);
    if (message.data.decision.action !== "unavailable") {
      addDecision(entry(message.data.decision, message.data.marketConditions, message.timestamp));
    }
  } else if (message.type === "market-price-update") {
    if (addPrice(message.data)) followPrice(message.data);
  } else if (message.type === "chp-decision-update" && answer !== null) {
    announce(message.decision, answer.decision);
    answer = { ...answer, decision: message.decision };
    addDecision(entry(message.decision, answer.marketConditions, message.timestamp));
    refreshSoon();
  } else if (message.type === "alert") {
    $("notice").textContent = message.text ?? message.data?.text ?? "An alert came without a text.";
    $("notice").hidden = false;
  }
  render();
}

function take(state) {
  answer = state;
  receivedAt = clock.now() ?? Date.parse(state.timestamp);
  clock.hear(state.timestamp);
}

/** A decision's message holds no prices of gas and carbon and no ages: they are asked for, once for a burst. */
function refreshSoon() {
  refreshing ??= setTimeout(async () => {
    const mine = facility;
    try {
      const state = await api(`/api/chp/decision?${new URLSearchParams({ facilityId: mine.id })}`);
      if (facility === mine) take(state);
    } catch {
      // The connection says what is wrong; the ages go on growing until something comes.
    }
    refreshing = null;
    render();
  }, 250);
}

function addPrice(record) {
  const market = REAL_TIME[facility.iso_region];
  if (record.pricing_node !== facility.pricing_node || record.market !== market) return false;
  const start = Date.parse(record.market_interval_start);
  const price = { start, end: Date.parse(record.market_interval_end), value: record.price_per_kwh * 1000 };
  const at = prices.findIndex((one) => one.start >= start);
  if (at === -1) prices.push(price);
  else prices.splice(at, prices[at].start === start ? 1 : 0, price);
  const oldest = prices.at(-1).end - HOURS_SHOWN * 3_600_000;
  prices = prices.filter((one) => one.start >= oldest);
  return prices.at(-1) === price;
}

/** The newest price is shown at once; the rest of the conditions follow with the decision. */
function followPrice(record) {
  if (answer === null) return;
  const market = answer.marketConditions;
  answer = {
    ...answer,
    marketConditions: {
      ...market,
      gridPrice: record.price_per_kwh,
      dataQuality: { ...market.dataQuality, electricity: "good" },
      origin: { ...market.origin, electricity: record.origin ?? market.origin?.electricity },
    },
    dataFreshness: { ...answer.dataFreshness, electricity: 0 },
  };
}

function entry(decision, market, at) {
  const kw = decision.units.reduce((sum, unit) => sum + unit.powerKw, 0);
  return {
    at: Date.parse(at), action: decision.action, kw, price: market.gridPrice,
    even: decision.breakEvenGridPrice, worth: decision.netBenefitUsdPerHour,
  };
}

function addDecision(one) {
  if (decisions.some((known) => known.at === one.at)) return;
  decisions.push(one);
  decisions.sort((a, b) => a.at - b.at);
  decisions = decisions.slice(-1000);
}

function announce(decision, before) {
  if (decision.action !== before.action) {
    $("announce").textContent = `Now ${VERBS[decision.action] ?? decision.action}. ${decision.reasons[0] ?? ""}`;
  }
}

function render() {
  if (answer === null || facility === null) return;
  const { decision, marketConditions: market } = answer;
  const kw = decision.units.reduce((sum, unit) => sum + unit.powerKw, 0);
  const headline = `${VERBS[decision.action] ?? decision.action}${decision.action === "run" ? ` at ${power(kw)}` : ""}`;
  setText("headline", headline);
  $("verdict").dataset.action = decision.action;
  document.title = `${headline} · ${perMwh(market.gridPrice)} USD/MWh – Vibelux`;
  renderProvenance(market);
  renderReasons(decision);
  renderChart(decision);
  renderDecisions();
  tick();
}

/** What changes with time alone: the sentence's age, the tiles' ages, the clock. */
function tick() {
  const now = clock.now();
  if (now !== null && facility !== null) {
    setText("clock", dayAndTime(now, facility.timezone));
    $("speed").hidden = clock.speed === 1;
    setText("speed", `clock runs ×${clock.speed}`);
  }
  if (answer === null) return;
  const { decision, marketConditions: market } = answer;
  const since = Math.max(0, ((now ?? receivedAt) - receivedAt) / 1000);
  const ages = Object.fromEntries(
    Object.entries(answer.dataFreshness).map(([name, seconds]) => [name, seconds == null ? null : seconds + since]),
  );
  const worth = decision.netBenefitUsdPerHour;
  const parts = [`Price ${perMwh(market.gridPrice)}, break-even ${perMwh(decision.breakEvenGridPrice)} USD/MWh.`];
  if (worth != null) parts.push(`Worth ${number(worth, 2)} USD an hour.`);
  parts.push(ages.electricity == null ? "No price data." : `Data ${age(ages.electricity)}.`);
  if (decision.validUntil) parts.push(`Holds until ${time(Date.parse(decision.validUntil), facility.timezone)}.`);
  setText("sentence", parts.join(" "));
  renderTiles(decision, market, ages);
}

function renderProvenance(market) {
  const known = [...new Set(Object.values(market.origin ?? {}))].filter((origin) => ORIGINS[origin]);
  $("provenance").hidden = known.length === 0;
  setText("provenance", known.map((origin) => ORIGINS[origin]).join(" "));
}

function renderTiles(decision, market, ages) {
  const quality = market.dataQuality ?? {};
  const origin = market.origin ?? {};
  const tiles = [
    ["Grid price", perMwh(market.gridPrice), "USD/MWh", quality.electricity, origin.electricity, ages.electricity],
    ["Break-even", perMwh(decision.breakEvenGridPrice), "USD/MWh", null, null, null],
    ["Gas", number(market.gasPrice, 2), "USD/MMBtu", quality.gas, origin.gas, ages.gas],
    ["Carbon", number(market.co2Price, 2), "USD/t", quality.carbon, origin.carbon, ages.carbon],
  ];
  $("tiles").replaceChildren(...tiles.map((tile) => drawTile(...tile)));
}

function drawTile(name, value, unit, quality, origin, seconds) {
  const tile = make("div", "tile");
  tile.append(make("dt", "", name));
  const dd = make("dd");
  const figure = make("p", "figure", value);
  figure.append(make("span", "unit", ` ${unit}`));
  dd.append(figure);
  const state = make("p", "state");
  if (quality) {
    const mark = make("span", "quality", quality);
    mark.dataset.quality = quality;
    state.append(mark, document.createTextNode(` ${age(seconds)}`));
    if (origin && origin !== "live") state.append(document.createTextNode(" "), make("span", "badge", origin));
  } else {
    state.append("where the decision turns");
  }
  dd.append(state);
  tile.append(dd);
  return tile;
}

function renderReasons(decision) {
  $("reasons").replaceChildren(...decision.reasons.map((reason) => make("li", "", reason)));
  setText("confidence", decision.confidence == null ? "" : `Confidence ${number(decision.confidence, 0)} of 100.`);
}

function renderChart(decision) {
  const even = decision.breakEvenGridPrice == null ? null : decision.breakEvenGridPrice * 1000;
  const runs = decisions.map((one, i) => ({
    start: one.at, end: decisions[i + 1]?.at ?? prices.at(-1)?.end ?? one.at, on: one.action === "run",
  }));
  placeCursor = drawChart($("chart"), { prices, breakEven: even, runs, timeZone: facility.timezone });
  const cursor = $("cursor");
  cursor.disabled = prices.length === 0;
  cursor.max = Math.max(0, prices.length - 1);
  if (follows) cursor.value = cursor.max;
  look(even);
  cursor.oninput = () => {
    follows = Number(cursor.value) === prices.length - 1;
    look(even);
  };
  if ($("price-rows").closest("details").open) renderPriceRows(even);
  $("price-rows").closest("details").ontoggle = () => renderPriceRows(even);
}

function look(even) {
  const index = Number($("cursor").value);
  const price = prices[index];
  if (!price) return;
  placeCursor(index);
  const text = `${time(price.start, facility.timezone)}: ${number(price.value, 2)} USD/MWh, ${against(price.value, even)}`;
  setText("readout", text);
  $("cursor").setAttribute("aria-valuetext", text);
}

function against(value, even) {
  if (even === null) return "no break-even known";
  return `${number(Math.abs(value - even), 2)} ${value > even ? "above" : "below"} break-even`;
}

function renderPriceRows(even) {
  const rows = prices.toReversed().map((price) =>
    row([time(price.start, facility.timezone), number(price.value, 2), against(price.value, even)]),
  );
  $("price-rows").replaceChildren(...rows);
}

function renderDecisions() {
  const newest = decisions.slice(-DECISIONS_SHOWN).reverse();
  const rows = newest.map((one, i) => {
    const before = newest[i + 1] ?? decisions[decisions.length - DECISIONS_SHOWN - 1];
    const action = make("span", "action", VERBS[one.action] ?? one.action);
    action.dataset.action = one.action;
    const cells = [time(one.at, facility.timezone, true), action, one.action === "run" ? power(one.kw) : "–",
      perMwh(one.price), perMwh(one.even), number(one.worth, 2)];
    return row(cells, before && before.action !== one.action ? "switched" : "");
  });
  $("decision-rows").replaceChildren(...rows);
}

function row(cells, className = "") {
  const tr = make("tr", className);
  for (const cell of cells) {
    const td = make("td");
    td.append(cell);
    tr.append(td);
  }
  return tr;
}

function make(name, className = "", text = null) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== null) element.textContent = text;
  return element;
}

function setText(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}
