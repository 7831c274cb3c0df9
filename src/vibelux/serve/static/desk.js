// What every page is given: the public API, the facility that is looked at, the market's clock and the socket.

import { Live } from "./live.js";
import { MarketClock } from "./market-clock.js";
import { el } from "./parts.js";

const ZONES = { CAISO: "America/Los_Angeles", PJM: "America/New_York", NYISO: "America/New_York", ERCOT: "America/Chicago" };

/** An answer that is no good one: `status`, and `detail` where the service gave more. */
class Refused extends Error {
  constructor(status, body) {
    const detail = typeof body?.detail === "string" ? body.detail : body?.detail?.map?.((one) => `${one.where}: ${one.what}`).join("; ");
    super(detail ?? body?.error ?? `the service answered ${status}`);
    this.status = status;
    this.detail = detail;
  }
}

/** 401: the shell is asking for a key already. */
export class NeedsKey extends Refused {}

/** One a browser tab. Functions are fields, so that they can be handed on as they are. */
export class Desk {
  #live = null;
  #facility = null;
  #hearers = new Set();

  /** @param on `connection(kind, since)`, `needsKey()`, `failed(error)`, `facilities()`: what the shell does about it */
  constructor(on) {
    this.on = on;
    this.facilities = [];
    this.clock = new MarketClock(1);
    this.heardAt = null;
  }

  /** Learns which facilities there are, and how fast the service's clock runs. */
  open = async () => {
    const [{ facilities }, health] = await Promise.all([this.api("/api/facilities"), this.api("/healthz")]);
    this.clock = new MarketClock(health.clockSpeed);
    this.clock.hear(health.time, true);
    this.facilities = facilities;
  };

  /** GET; `query` without null values. Throws Refused, NeedsKey, or TypeError where there is no answer at all. */
  api = (path, query = {}) => this.#ask(path + search(query), {});

  /** The rows of a list, over as many pages as it has. */
  all = async (path, query = {}) => {
    const rows = [];
    let next = path + search(query);
    while (next !== null) {
      const answer = await this.#ask(next, {});
      rows.push(...answer.rows);
      next = answer.next ? answer.next.replace(/^https?:\/\/[^/]+/, "") : null;
    }
    return rows;
  };

  /** POST, PUT or DELETE with a JSON body; null where the answer has none. */
  send = async (method, path, body) => {
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    const answer = await this.#ask(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    if (path.startsWith("/api/facilities")) {
      this.facilities = (await this.api("/api/facilities")).facilities;
      this.on.facilities();
    }
    return answer;
  };

  /** The facility that is looked at; null where there is none. */
  facility = () => this.#facility;

  facilityId = () => this.#facility?.id ?? null;

  /** The zone of the facility that is looked at; without one that of the reader. */
  timeZone = () => zoneOf(this.#facility) ?? Intl.DateTimeFormat().resolvedOptions().timeZone;

  /** Market time, in milliseconds since 1970. */
  now = () => this.clock.now();

  /** Listens to the socket's messages; answers the function that ends it. */
  subscribe = (hearer) => {
    this.#hearers.add(hearer);
    return () => this.#hearers.delete(hearer);
  };

  /** A link to a page, of another facility where one is named. */
  link = (page, facilityId, text) => el("a", { href: address(page, facilityId ?? this.facilityId()) }, text);

  /** Says that something could not be had; a missing key is asked for elsewhere. */
  failed = (error) => {
    if (!(error instanceof NeedsKey)) this.on.failed(error);
  };

  /** Looks at a facility from now on, or at none. */
  follow(facility) {
    const isSame = facility?.id === this.facilityId();
    this.#facility = facility;
    if (isSame && this.#live) return;
    this.#live?.end();
    this.#live = null;
    this.on.connection(facility ? "connecting" : "none");
    if (!facility) return;
    this.#live = new Live(facility.id, { message: (message) => this.#hear(message), state: (kind) => this.on.connection(kind), refused: this.#renewed });
  }

  #hear(message) {
    this.heardAt = Date.now();
    this.clock.hear(message.timestamp, message.type === "heartbeat");
    for (const hearer of this.#hearers) hearer(message);
  }

  /** The server closed with 44xx. On this machine the page itself renews the session; elsewhere a key is asked for. */
  #renewed = async () => {
    try {
      await fetch("/", { credentials: "same-origin" });
      await this.api("/api/facilities");
      return true;
    } catch (error) {
      return !(error instanceof NeedsKey);
    }
  };

  async #ask(path, options) {
    const response = await fetch(path, { credentials: "same-origin", ...options });
    const body = response.headers.get("content-type")?.includes("json") ? await response.json() : null;
    if (response.ok) return body;
    if (response.status !== 401 || path === "/api/session") throw new Refused(response.status, body);
    this.#live?.end();
    this.#live = null;
    this.on.needsKey();
    throw new NeedsKey(401, body);
  }
}

/** Where a page stands: `#/now/salinas-1/2026-07-14T20:00:00Z`. */
export function address(page, facilityId = null, moment = null) {
  const parts = [page, facilityId, moment === null ? null : new Date(moment).toISOString()];
  return `#/${parts.filter((part) => part !== null).map((part) => encodeURIComponent(part).replaceAll("%3A", ":")).join("/")}`;
}

/** A facility's zone: its own, else its grid's. */
export function zoneOf(facility) {
  return facility ? (facility.timezone ?? ZONES[facility.iso_region]) : null;
}

function search(query) {
  const given = Object.entries(query).filter(([, value]) => value != null);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}
