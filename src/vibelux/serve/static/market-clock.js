// The service's clock as this page can know it: from the stamps of messages, and how fast they go by (a replay runs).

const WINDOW_MS = 60_000;
const LEAST_MS = 3_000;

/** Tells market time between messages. */
export class MarketClock {
  constructor() {
    this.speed = 1;
    this.samples = [];
  }

  /** Notes a message's stamp; one that is older than what is known is news of the past and tells nothing. */
  hear(timestamp) {
    const market = Date.parse(timestamp);
    const real = performance.now();
    const last = this.samples.at(-1);
    if (Number.isNaN(market) || (last && market < last.market)) return;
    this.samples.push({ real, market });
    this.samples = this.samples.filter((sample) => real - sample.real <= WINDOW_MS);
    const first = this.samples[0];
    if (real - first.real >= LEAST_MS) this.speed = rounded((market - first.market) / (real - first.real));
  }

  /** Market time in milliseconds since 1970; null before the first message. */
  now() {
    const last = this.samples.at(-1);
    return last ? last.market + (performance.now() - last.real) * this.speed : null;
  }
}

function rounded(speed) {
  return Math.abs(speed - 1) < 0.3 ? 1 : Math.max(0, Math.round(speed));
}
