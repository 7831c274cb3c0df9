// Puts a DeskState on the page. All text from elsewhere enters as text, never as markup.

import { drawChart } from "./chart.js";
import { powerOf } from "./desk-state.js";
import { age, dayAndTime, number, perMwh, power, time } from "./words.js";

const DECISIONS_SHOWN = 12;
const VERBS = { run: "RUN", stop: "STOP", hold: "HOLD", unavailable: "NO DECISION" };
const ORIGINS = {
  synthetic: "SYNTHETIC, made up for a demonstration",
  rebuilt: "REBUILT from recorded prices",
  recorded: "RECORDED on a past day",
};

export const $ = (id) => document.getElementById(id);

let follows = true;

/** Everything that a message may have changed. */
export function render(state) {
  const { decision, marketConditions: market } = state.answer;
  const headline = VERBS[decision.action] + (decision.action === "run" ? ` at ${power(powerOf(decision))}` : "");
  announce(decision, headline);
  setText("headline", headline);
  $("verdict").dataset.action = decision.action;
  document.title = `${headline} · ${perMwh(market.gridPrice)} USD/MWh – Vibelux`;
  const provenance = Object.keys(ORIGINS).map((origin) => provenanceOf(origin, market.origin ?? {})).filter(Boolean);
  $("provenance").hidden = provenance.length === 0;
  setText("provenance", `Not live. ${provenance.join(". ")}.`);
  $("reasons").replaceChildren(...decision.reasons.map((reason) => make("li", "", reason)));
  setText("confidence", decision.confidence == null ? "" : `Confidence ${number(decision.confidence, 0)} of 100.`);
  renderChart(state);
  renderDecisions(state);
  tick(state);
}

/** What changes with time alone: clock and ages. */
export function tick(state) {
  const { clock, facility, answer } = state;
  if (clock.now() !== null) setText("clock", dayAndTime(clock.now(), facility.timezone));
  $("speed").hidden = clock.speed === 1;
  setText("speed", clock.speed === 0 ? "clock stands" : `clock ×${number(clock.speed, 0)}`);
  if (answer === null) return;
  const { decision, marketConditions: market } = answer;
  const ages = state.ages();
  setText("sentence", sentence(decision, market, ages.electricity, facility.timezone));
  const { dataQuality: quality, origin } = market;
  $("tiles").replaceChildren(
    tile("Grid price", perMwh(market.gridPrice), "USD/MWh", stateOf(quality.electricity, ages.electricity, origin?.electricity)),
    tile("Break-even", perMwh(decision.breakEvenGridPrice), "USD/MWh", ["where the decision turns"]),
    tile("Gas", number(market.gasPrice, 2), "USD/MMBtu", stateOf(quality.gas, ages.gas, origin?.gas)),
    tile("Carbon", number(market.co2Price, 2), "USD/t", stateOf(quality.carbon, ages.carbon, origin?.carbon)),
  );
}

/** Forgets what was shown of another facility. */
export function clear() {
  follows = true;
  for (const id of ["tiles", "reasons", "chart", "price-rows", "decision-rows"]) $(id).replaceChildren();
  for (const id of ["sentence", "confidence", "readout", "announce"]) $(id).textContent = "";
  $("headline").textContent = "Waiting for a decision";
  $("verdict").dataset.action = "";
  $("provenance").hidden = true;
  $("notice").hidden = true;
}

function announce(decision, headline) {
  const before = $("verdict").dataset.action;
  if (before && before !== decision.action) setText("announce", `${headline}. ${decision.reasons[0] ?? ""}`);
}

function provenanceOf(origin, origins) {
  const names = Object.keys(origins).filter((name) => origins[name] === origin);
  if (names.length === 0) return null;
  const listed = names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0];
  return `${listed[0].toUpperCase()}${listed.slice(1)}: ${ORIGINS[origin]}`;
}

function sentence(decision, market, seconds, timeZone) {
  const parts = [`Price ${perMwh(market.gridPrice)}, break-even ${perMwh(decision.breakEvenGridPrice)} USD/MWh.`];
  if (decision.netBenefitUsdPerHour != null) parts.push(`Worth ${number(decision.netBenefitUsdPerHour, 2)} USD an hour.`);
  parts.push(seconds == null ? "No price data." : `Data ${age(seconds)}.`);
  if (decision.validUntil) parts.push(`Holds until ${time(Date.parse(decision.validUntil), timeZone)}.`);
  return parts.join(" ");
}

function stateOf(quality, seconds, origin) {
  const mark = make("span", "quality", quality);
  mark.dataset.quality = quality;
  const parts = [mark, seconds == null ? "" : ` ${age(seconds)}`];
  return origin && origin !== "live" ? [...parts, " ", make("span", "badge", origin)] : parts;
}

function tile(name, value, unit, state) {
  const figure = make("p", "figure", value);
  figure.append(make("span", "unit", ` ${unit}`));
  const line = make("p", "state");
  line.append(...state);
  const dd = make("dd");
  dd.append(figure, line);
  const group = make("div", "tile");
  group.append(make("dt", "", name), dd);
  return group;
}

function renderChart(state) {
  const { answer, facility, prices } = state;
  const even = answer.decision.breakEvenGridPrice == null ? null : answer.decision.breakEvenGridPrice * 1000;
  const place = drawChart($("chart"), { prices, breakEven: even, runs: state.runs(), timeZone: facility.timezone });
  const cursor = $("cursor");
  cursor.disabled = prices.length === 0;
  cursor.max = Math.max(0, prices.length - 1);
  if (follows) cursor.value = cursor.max;
  const look = () => {
    const price = prices[cursor.value];
    if (!price) return;
    place(Number(cursor.value));
    const text = `${time(price.start, facility.timezone)}: ${number(price.value, 2)} USD/MWh, ${against(price.value, even)}`;
    setText("readout", text);
    cursor.setAttribute("aria-valuetext", text);
  };
  cursor.oninput = () => {
    follows = Number(cursor.value) === prices.length - 1;
    look();
  };
  look();
  const table = $("price-table");
  table.ontoggle = () => table.open && renderPrices(prices, even, facility.timezone);
  table.ontoggle();
}

function renderPrices(prices, even, timeZone) {
  const rows = prices.map((price) => row([time(price.start, timeZone), number(price.value, 2), against(price.value, even)]));
  $("price-rows").replaceChildren(...rows.reverse());
}

function against(value, even) {
  if (even === null) return "no break-even known";
  return `${number(Math.abs(value - even), 2)} ${value > even ? "above" : "below"} break-even`;
}

/** The newest decisions; one that only says the same again is left out. */
function renderDecisions({ decisions, facility }) {
  const told = (one) => [one.action, one.kw, one.price, one.even].join();
  const shown = decisions.filter((one, i) => i === 0 || told(one) !== told(decisions[i - 1])).slice(-DECISIONS_SHOWN - 1);
  const rows = shown.map((one, i) => {
    const action = make("span", "action", VERBS[one.action] + (one.action === "run" ? ` ${power(one.kw)}` : ""));
    action.dataset.action = one.action;
    const at = time(one.at, facility.timezone);
    const cells = [at, action, perMwh(one.price), perMwh(one.even), number(one.worth, 2)];
    return row(cells, i > 0 && shown[i - 1].action !== one.action ? "switched" : "");
  });
  $("decision-rows").replaceChildren(...rows.slice(-DECISIONS_SHOWN).reverse());
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

/** Sets a text only when it is another, so that screen readers and selections are left in peace. */
export function setText(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}
