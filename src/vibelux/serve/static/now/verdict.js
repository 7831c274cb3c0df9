// The verdict in words: what to do, until when, on which price against which break-even, what it is worth, how sure.

import { powerOf } from "./story.js";
import { el, mark } from "../parts.js";
import { age, day, hour, number, perMwh, power, time } from "../words.js";

export const VERBS = { run: "RUN", stop: "STOP", hold: "HOLD", unavailable: "NO DECISION" };
const ORIGINS = {
  synthetic: "SYNTHETIC, made up for a demonstration",
  rebuilt: "REBUILT from recorded prices",
  recorded: "RECORDED on a past day",
};
const RUNGS = {
  "same-hour": (source) => (source?.startsWith("day-ahead") ? "the day-ahead price" : "the grid's look-ahead price"),
  last: () => "the last real-time price",
  "recent-days": () => "what this hour cost on recent days",
};
const RULES = { "heat-led": "Without a price the engines follow the heat demand alone.", hold: "The last safe set-point is kept, because inputs are missing." };

/** The card at the top of the page. */
export class Verdict {
  constructor(desk) {
    this.desk = desk;
    this.headline = el("span", { id: "headline" }, "Waiting for a decision");
    this.shape = el("span", { class: "shape", "aria-hidden": "true" });
    this.sentence = el("p", { class: "sentence", id: "sentence" });
    this.doubt = el("p", { class: "doubt", id: "doubt", hidden: true });
    this.provenance = el("p", { class: "provenance", id: "provenance", hidden: true });
    this.tiles = el("dl", { class: "tiles", id: "tiles" });
    this.past = el("p", { class: "past", id: "past", hidden: true });
    this.back = el("button", { type: "button", id: "back-to-now" }, "Back to now ", el("kbd", {}, "N"));
    this.element = el("section", { class: "card verdict", id: "verdict", "data-action": "", "aria-labelledby": "headline" },
      this.past, el("div", { class: "told" }, el("h1", {}, this.shape, this.headline), this.sentence), this.tiles, this.doubt, this.provenance);
  }

  /**
   * @param answer of /api/chp/decision
   * @param ages seconds, by commodity
   * @param moment where one looks at the past, else null
   * @param saved what today's decisions have saved: `usd` or null, and `words`
   */
  show(answer, ages, moment, saved) {
    const zone = this.desk.timeZone();
    const { decision, marketConditions: market } = answer;
    const headline = headlineOf(decision, zone, moment ?? this.desk.now());
    const doubts = doubtsOf(answer, ages);
    text(this.headline, headline);
    text(this.sentence, sentenceOf(decision, market, ages, { zone, saved: moment === null ? saved.usd : null }));
    this.doubt.hidden = doubts.length === 0;
    text(this.doubt, doubts.join(" "));
    const origins = Object.keys(ORIGINS).map((origin) => originOf(origin, market.origin ?? {})).filter(Boolean);
    this.provenance.hidden = origins.length === 0;
    text(this.provenance, origins.length ? `Not live. ${origins.join(". ")}.` : "");
    this.element.dataset.action = decision.action;
    this.element.dataset.degraded = String(doubts.length > 0);
    this.#date(moment);
    this.tiles.replaceChildren(...tilesOf(decision, market, ages, saved, moment !== null));
    return headline;
  }

  /** Nothing is known of a moment of the past. */
  showNothing(moment) {
    text(this.headline, VERBS.unavailable);
    text(this.sentence, "No decision of that moment is kept: the service had not begun, or was away.");
    this.doubt.hidden = this.provenance.hidden = true;
    Object.assign(this.element.dataset, { action: "unavailable", degraded: "false" });
    this.#date(moment);
    this.tiles.replaceChildren();
  }

  /** Says that this is the past. */
  #date(moment) {
    this.element.dataset.past = String(moment !== null);
    this.past.hidden = moment === null;
    if (moment === null || this.past.dataset.moment === String(moment)) return;
    const zone = this.desk.timeZone();
    this.past.dataset.moment = moment;
    this.past.replaceChildren(el("strong", {}, "PAST"), ` ${day(moment, zone)}, ${time(moment, zone)}: what was known and decided then. `, this.back);
  }
}

/** What to do, and until when. */
export function headlineOf(decision, zone, now) {
  const parts = [VERBS[decision.action]];
  if (decision.action === "run" || (decision.action === "hold" && powerOf(decision) > 0)) parts.push(`at ${power(powerOf(decision))}`);
  const next = decision.nextChange?.at ? Date.parse(decision.nextChange.at) : null;
  if (next !== null && (decision.action === "run" || decision.action === "stop")) {
    const weekday = day(next, zone) === day(now, zone) ? "" : `${day(next, zone).split(" ")[0]} `;
    parts.push(`until ${weekday}${hour(next, zone)}`);
  }
  return parts.join(" ");
}

function sentenceOf(decision, market, ages, { zone, saved }) {
  const even = decision.breakEvenGridPrice;
  const parts = [even == null ? `Price ${perMwh(market.gridPrice)} USD/MWh, ${decision.action === "unavailable" ? "no break-even known" : "at no price would this change now"}.` : `Price ${perMwh(market.gridPrice)}, break-even ${perMwh(even)} USD/MWh.`];
  if (decision.netBenefitUsdPerHour != null) parts.push(`Worth ${number(decision.netBenefitUsdPerHour, 2)} USD an hour${saved === null ? "" : `; ${number(saved, 2)} USD saved today`}.`);
  parts.push(ages.electricity == null ? "No price data." : `Data ${age(ages.electricity)}.`);
  if (decision.validUntil) parts.push(`Holds until ${hour(Date.parse(decision.validUntil), zone)}.`);
  return parts.join(" ");
}

/** Why this decision rests on less than it should. */
function doubtsOf({ decision, marketConditions: market }, ages) {
  const doubts = [];
  const rung = market.rung?.electricity;
  if (RULES[decision.rule]) doubts.push(RULES[decision.rule]);
  if (RUNGS[rung]) doubts.push(`Deciding on ${RUNGS[rung](market.source?.electricity)}: the real-time price is ${ages.electricity == null ? "missing" : age(ages.electricity)}.`);
  for (const name of ["electricity", "gas", "carbon"]) {
    const quality = market.dataQuality[name];
    if (name === "electricity" && RUNGS[rung]) continue;
    if (quality === "stale") doubts.push(`The ${name} price is stale: ${age(ages[name])}.`);
    if (quality === "missing") doubts.push(`No ${name} price is known.`);
  }
  return doubts;
}

function originOf(origin, origins) {
  const names = Object.keys(origins).filter((name) => origins[name] === origin);
  if (names.length === 0) return null;
  if (names.length === 3) return `All prices: ${ORIGINS[origin]}`;
  const listed = names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0];
  return `${listed[0].toUpperCase()}${listed.slice(1)}: ${ORIGINS[origin]}`;
}

function tilesOf(decision, market, ages, saved, isPast) {
  const { dataQuality: quality } = market;
  const even = decision.breakEvenGridPrice;
  const gap = even == null || market.gridPrice == null ? null : (market.gridPrice - even) * 1000;
  const where = gap === null ? (even == null && decision.action !== "unavailable" ? "none now" : "not known") : `${gap >= 0 ? "▲" : "▼"} price ${number(Math.abs(gap), 2)} ${gap >= 0 ? "above" : "below"}`;
  const tiles = [
    tile("Grid price", perMwh(market.gridPrice), "USD/MWh", inputState(quality.electricity, ages.electricity)),
    tile("Break-even", perMwh(even), "USD/MWh", [where]),
    tile("Worth now", number(decision.netBenefitUsdPerHour, 2), "USD/h", [decision.confidence == null ? "" : `confidence ${number(decision.confidence, 0)} of 100`]),
    isPast ? null : tile("Saved today", number(saved.usd, 2), "USD", [saved.words]),
    tile("Gas", number(market.gasPrice, 2), "USD/MMBtu", inputState(quality.gas, ages.gas)),
    tile("Carbon", number(market.co2Price, 2), "USD/t", inputState(quality.carbon, ages.carbon)),
  ];
  return tiles.filter(Boolean);
}

function inputState(quality, seconds) {
  return [mark(quality), seconds == null ? "" : ` ${age(seconds)}`];
}

function tile(name, value, unit, state) {
  return el("div", { class: "tile" }, el("dt", {}, name), el("dd", {}, el("p", { class: "figure" }, value, el("span", { class: "unit" }, ` ${unit}`)), el("p", { class: "state" }, state)));
}

function text(element, words) {
  if (element.textContent !== words) element.textContent = words;
}
