// What the page knows of one facility: the hours behind, what is expected, what is planned, and how it stood at a moment.

import { HOUR } from "./axis.js";

export const BACK = 24 * HOUR;
export const AHEAD = 48 * HOUR;
const REAL_TIME = { CAISO: "real-time-5min", PJM: "real-time-5min", NYISO: "real-time-5min", ERCOT: "real-time-15min" };
const DAY_AHEAD = "day-ahead-hourly";
const MOST_DECISIONS = 4000;
const NOTICEABLE = 0.005; // USD/MWh, half of what is shown

/** What all engines together should give, in kW. */
export function powerOf(decision) {
  return decision.units.reduce((sum, unit) => sum + (unit.powerKw ?? 0), 0);
}

/** Fed by REST answers and by the socket's messages; prices in it are USD/MWh, moments are milliseconds. */
export class Story {
  constructor(desk) {
    this.desk = desk;
    this.facility = desk.facility();
    this.answer = null;
    this.answeredAt = 0;
    this.prices = new Map();
    this.ahead = new Map();
    this.decisions = [];
    this.outlook = [];
    this.plan = null;
    this.loaded = [];
  }

  /** What is decided now, and what lies ahead; the hours behind are loaded after it. */
  async open() {
    const [answer] = await Promise.all([this.desk.api("/api/chp/decision", { facilityId: this.facility.id }), this.refreshAhead()]);
    this.take(answer);
  }

  /** Prices and decisions of a stretch of time, put among what is known already. */
  async load(from, to) {
    const decided = this.desk.all("/api/chp/decisions", { facilityId: this.facility.id, from: iso(from), to: iso(to), limit: 1000 });
    const [prices, ahead, decisions] = await Promise.all([this.askPrices(from, to, REAL_TIME[this.facility.iso_region]), this.askPrices(from, to, DAY_AHEAD), decided]);
    for (const record of [...prices, ...ahead]) this.#keep(record);
    for (const row of decisions) this.#remember(Date.parse(row.timestamp), row);
    this.loaded.push([from, to]);
  }

  /** Price records of the facility's node, as they are known or as they were at a moment. */
  askPrices(from, to, market, asOf = null) {
    const { iso_region: region, pricing_node: node } = this.facility;
    return this.desk.all("/api/market/prices", { region, node, market, from: iso(from), to: iso(to), limit: 1000, asOf: asOf && iso(asOf) });
  }

  /** What is expected and what is planned. */
  async refreshAhead() {
    const { id, iso_region: region, pricing_node: node } = this.facility;
    const [outlook, plan] = await Promise.all([
      this.desk.api("/api/market/outlook", { region, node }).catch(noOutlook),
      this.desk.api("/api/chp/schedule", { facilityId: id }),
    ]);
    this.outlook = outlook ? expected(outlook.rows) : [];
    this.plan = { ...plan, rows: plan.rows.map(timed) };
  }

  /** How it stood at a moment: the decision, and prices and expectations as they were known. */
  async at(moment) {
    const { id, iso_region: region, pricing_node: node } = this.facility;
    const isLoaded = this.loaded.some(([from, to]) => from <= moment - HOUR && moment <= to);
    if (!isLoaded) await this.load(moment - BACK, Math.min(moment + AHEAD, this.desk.now()));
    const [answer, prices, ahead, outlook, plan] = await Promise.all([
      this.decidedAt(moment) && this.desk.api("/api/chp/decision", { facilityId: id, at: iso(moment) }),
      this.askPrices(moment - BACK, moment + HOUR, REAL_TIME[this.facility.iso_region], moment),
      this.askPrices(moment - BACK, moment + AHEAD, DAY_AHEAD, moment),
      this.desk.api("/api/market/outlook", { region, node, at: iso(moment) }).catch(noOutlook),
      this.desk.api("/api/chp/schedule", { facilityId: id, at: iso(moment) }),
    ]);
    return { moment, answer, prices: prices.map(priceOf), ahead: ahead.map(priceOf), outlook: outlook ? expected(outlook.rows) : [], plan: plan.rows.map(timed) };
  }

  /** Takes a whole answer of /api/chp/decision. */
  take(answer) {
    this.desk.clock.hear(answer.timestamp, true);
    this.answer = answer;
    this.answeredAt = this.desk.now();
    if (answer.decision.validFrom) this.#remember(Date.parse(answer.decision.validFrom), answer);
  }

  /** Takes a message of the socket: `nothing`, `something`, or `ask` where the whole answer should be asked for. */
  hear(message) {
    if (this.answer === null && message.type !== "market-price-update") return "nothing";
    if (message.type === "snapshot") {
      const isNews = this.answer.decision.validFrom !== message.data.decision.validFrom;
      this.take(message.data);
      return isNews ? "ask" : "something";
    }
    if (message.type === "market-price-update") return this.#hearPrice(message.data);
    if (message.type !== "chp-decision-update") return "nothing";
    this.answer = { ...this.answer, decision: message.decision };
    return "ask";
  }

  #hearPrice(record) {
    const price = this.#keep(record);
    if (price === null || record.market === DAY_AHEAD || this.answer === null) return price === null ? "nothing" : "something";
    const newest = Math.max(...this.prices.keys());
    if (price.start === newest) this.#show(record);
    return "something";
  }

  /** The newest price is shown at once; the rest follows with the decision that it leads to. */
  #show(record) {
    const market = this.answer.marketConditions;
    const marketConditions = {
      ...market,
      gridPrice: record.price_per_kwh,
      dataQuality: { ...market.dataQuality, electricity: "good" },
      origin: { ...market.origin, electricity: record.origin ?? market.origin?.electricity },
    };
    const old = Math.max(0, (this.desk.now() - Date.parse(record.market_interval_end)) / 1000);
    this.answer = { ...this.answer, marketConditions, dataFreshness: { ...this.answer.dataFreshness, electricity: old } };
    this.answeredAt = this.desk.now();
  }

  /** Seconds of age of each input by now. */
  ages() {
    const since = Math.max(0, (this.desk.now() - this.answeredAt) / 1000);
    const ages = Object.fromEntries(Object.entries(this.answer.dataFreshness).map(([name, seconds]) => [name, seconds == null ? null : seconds + since]));
    // An interval that still ran when this was told has no age: it begins to age when it ends.
    const end = this.prices.get(Math.max(...this.prices.keys()))?.end;
    if (this.answer.dataFreshness.electricity === 0 && end) ages.electricity = Math.max(0, (this.desk.now() - end) / 1000);
    return ages;
  }

  #keep(record) {
    if (record.pricing_node !== this.facility.pricing_node) return null;
    const kept = { [REAL_TIME[this.facility.iso_region]]: this.prices, [DAY_AHEAD]: this.ahead }[record.market];
    if (!kept) return null;
    const price = priceOf(record);
    kept.set(price.start, price);
    return price;
  }

  #remember(at, answer) {
    const place = this.decisions.findIndex((one) => one.at >= at);
    if (place === -1) this.decisions.push({ at, answer });
    else this.decisions.splice(place, this.decisions[place].at === at ? 1 : 0, { at, answer });
    if (this.decisions.length > MOST_DECISIONS) this.decisions.shift();
  }

  /** Where a decision ends: with the next one, or soon after it has run out where none is known. */
  endOf(place) {
    const { at, answer } = this.decisions[place];
    const next = this.decisions[place + 1]?.at ?? Math.max(at, this.desk.now());
    const runsOut = Date.parse(answer.decision.validUntil);
    return Number.isNaN(runsOut) ? next : Math.min(next, Math.max(at, runsOut) + HOUR);
  }

  /** The decision in force at a moment, and the one before it. */
  decidedAt(moment) {
    const place = this.decisions.findLastIndex((one) => one.at <= moment);
    if (place === -1 || this.endOf(place) < moment) return null;
    return { ...this.decisions[place], before: this.decisions[place - 1] ?? null };
  }

  /** Prices that are no longer what a decision was made on: `start`, `was`, `price`. */
  corrections() {
    const found = new Map();
    for (const { answer } of this.decisions) {
      const used = answer.decision.basis?.electricity;
      const price = used?.rung === "live" && used.start ? this.prices.get(Date.parse(used.start)) : null;
      if (price && Math.abs(price.value - used.value * 1000) >= NOTICEABLE) found.set(price.start, { ...price, was: used.value * 1000 });
    }
    return [...found.values()];
  }
}

function iso(moment) {
  return new Date(moment).toISOString();
}

/** A process that expects no prices answers 503. */
function noOutlook(error) {
  if (error.status !== 503) throw error;
  return null;
}

function priceOf(record) {
  return { start: Date.parse(record.market_interval_start), end: Date.parse(record.market_interval_end), value: record.price_per_kwh * 1000 };
}

function timed(row) {
  return { ...row, start: Date.parse(row.start), end: Date.parse(row.end) };
}

function expected(rows) {
  const perMwh = (value) => (value == null ? null : value * 1000);
  return rows.map((row) => ({ ...timed(row), value: perMwh(row.price), low: perMwh(row.p10), high: perMwh(row.p90) }));
}
