// What the page knows of one facility: the answer, the prices and decisions of the last hours.

export const HOURS_SHOWN = 12;
const REAL_TIME = { CAISO: "real-time-5min", PJM: "real-time-5min", NYISO: "real-time-5min", ERCOT: "real-time-15min" };
const MOST_DECISIONS = 2000;

/** One facility's state, fed by REST answers and by the socket's messages. */
export class DeskState {
  constructor(facility, clock) {
    this.facility = facility;
    this.clock = clock;
    this.answer = null;
    this.answeredAt = 0;
    this.prices = [];
    this.decisions = [];
  }

  /** Takes a whole answer of /api/chp/decision. */
  take(answer) {
    this.clock.hear(answer.timestamp, true);
    this.answer = answer;
    this.answeredAt = this.clock.now();
  }

  /** Takes a message; true when the whole answer should be asked for again. */
  hear(message) {
    this.clock.hear(message.timestamp, message.type === "heartbeat");
    if (message.type === "snapshot") {
      this.take(message.data);
      if (message.data.decision.validFrom) this.addDecision(message.data.decision, message.data.marketConditions, message.timestamp);
    } else if (message.type === "market-price-update") {
      if (this.addPrice(message.data)) this.show(message.data);
    } else if (message.type === "chp-decision-update" && this.answer !== null) {
      this.answer = { ...this.answer, decision: message.decision };
      this.addDecision(message.decision, this.answer.marketConditions, message.timestamp);
      return true; // it holds neither the prices of gas and carbon nor any ages
    }
    return false;
  }

  /** Puts a price record among the others, a correction in place of what it corrects; true for a new newest. */
  addPrice(record) {
    if (record.pricing_node !== this.facility.pricing_node || record.market !== REAL_TIME[this.facility.iso_region]) return false;
    const start = Date.parse(record.market_interval_start);
    const price = { start, end: Date.parse(record.market_interval_end), value: record.price_per_kwh * 1000 };
    const at = this.prices.findIndex((one) => one.start >= start);
    if (at === -1) this.prices.push(price);
    else this.prices.splice(at, this.prices[at].start === start ? 1 : 0, price);
    const oldest = this.prices.at(-1).end - HOURS_SHOWN * 3_600_000;
    this.prices = this.prices.filter((one) => one.start >= oldest);
    return this.prices.at(-1) === price;
  }

  addDecision(decision, market, timestamp) {
    const at = Date.parse(timestamp);
    this.decisions = this.decisions.filter((known) => known.at !== at);
    this.decisions.push({
      at,
      action: decision.action,
      kw: powerOf(decision),
      price: market.gridPrice,
      even: decision.breakEvenGridPrice,
      worth: decision.netBenefitUsdPerHour,
    });
    this.decisions.sort((a, b) => a.at - b.at);
    this.decisions = this.decisions.slice(-MOST_DECISIONS);
  }

  /** Seconds of age of each input by now. */
  ages() {
    const since = Math.max(0, (this.clock.now() - this.answeredAt) / 1000);
    const grown = ([name, seconds]) => [name, seconds == null ? null : seconds + since];
    const ages = Object.fromEntries(Object.entries(this.answer.dataFreshness).map(grown));
    // An interval that still ran when this was told has no age: it begins to age when it ends.
    const end = this.prices.at(-1)?.end;
    if (this.answer.dataFreshness.electricity === 0 && end) ages.electricity = Math.max(0, (this.clock.now() - end) / 1000);
    return ages;
  }

  /** The stretches in which the plant was told the same: to run, or not to. */
  runs() {
    const runs = [];
    for (const { at, action } of this.decisions) {
      const last = runs.at(-1);
      if (last) last.end = at;
      if (last?.on !== (action === "run")) runs.push({ start: at, end: at, on: action === "run" });
    }
    if (runs.length > 0) runs.at(-1).end = Math.max(runs.at(-1).end, this.prices.at(-1)?.end ?? 0);
    return runs;
  }

  /** The newest price is shown at once; the rest follows with the decision that it leads to. */
  show(record) {
    if (this.answer === null) return;
    const market = this.answer.marketConditions;
    const marketConditions = {
      ...market,
      gridPrice: record.price_per_kwh,
      dataQuality: { ...market.dataQuality, electricity: "good" },
      origin: { ...market.origin, electricity: record.origin ?? market.origin?.electricity },
    };
    const age = Math.max(0, (this.clock.now() - Date.parse(record.market_interval_end)) / 1000);
    this.answer = { ...this.answer, marketConditions, dataFreshness: { ...this.answer.dataFreshness, electricity: age } };
    this.answeredAt = this.clock.now();
  }
}

/** What all engines together should give. */
export function powerOf(decision) {
  return decision.units.reduce((sum, unit) => sum + unit.powerKw, 0);
}
