// The service's clock as this page can know it: the stamps of messages, and how fast it runs (a replay runs fast).

/** Tells market time between messages. */
export class MarketClock {
  /** @param {number} speed seconds of the market a second of the wall; 1 when live, 0 for a clock that stands */
  constructor(speed) {
    this.speed = speed;
    this.market = null;
    this.real = 0;
  }

  /** Takes a stamp. One that says when something happened (not `exact`) may move the clock forward only. */
  hear(timestamp, exact) {
    const market = Date.parse(timestamp);
    if (Number.isNaN(market) || (!exact && this.market !== null && market < this.now())) return;
    this.market = market;
    this.real = performance.now();
  }

  /** Market time in milliseconds since 1970; null before the first message. */
  now() {
    return this.market === null ? null : this.market + (performance.now() - this.real) * this.speed;
  }
}
