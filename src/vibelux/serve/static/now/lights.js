// A light a feed: how old, against which limit, when the next is expected, and the last error in words.

import { el, mark } from "../parts.js";
import { age, span, time } from "../words.js";

const ORDER = ["missing", "stale", "estimated", "good"];

/** Whether a feed's last error came after all that it has brought. */
export function isFailing(feed) {
  return Boolean(feed.error) && !(Date.parse(feed.received_at) >= Date.parse(feed.error_at));
}

export class Lights {
  constructor(desk) {
    this.desk = desk;
    this.feeds = [];
    this.list = el("ul", { class: "lights", id: "lights" });
    this.element = el("section", { class: "strip", "aria-label": "Feeds" }, this.list);
  }

  show(feeds) {
    this.feeds = feeds.filter((one) => one.light !== "off");
    this.at = this.desk.now();
    const grid = (this.desk.facility()?.iso_region ?? "").toLowerCase();
    const rank = (one) => ORDER.indexOf(one.light) * 10 + (one.provider === grid ? 0 : 1);
    this.feeds.sort((a, b) => rank(a) - rank(b));
    this.tick();
  }

  /** Ages grow by themselves. */
  tick() {
    const zone = this.desk.timeZone();
    const since = (this.desk.now() - this.at) / 1000;
    const chips = this.feeds.map((one) => {
      const limit = one.stale_after_seconds == null ? "no limit" : `limit ${span(one.stale_after_seconds)}`;
      const seconds = one.ageSeconds > 0 ? one.ageSeconds + since : one.ageSeconds;
      const light = one.light === "good" && seconds > one.stale_after_seconds ? "stale" : one.light;
      const old = seconds == null ? "nothing yet" : age(seconds);
      const next = one.expectedAt ? `next ${time(Date.parse(one.expectedAt), zone)}` : null;
      const late = one.lateSeconds > 0 ? `late by ${span(one.lateSeconds)}` : next;
      const words = isFailing(one) ? `fails: ${one.error}` : [limit, late].filter(Boolean).join(", ");
      return el("li", { "data-light": light, title: `${one.feed}: ${old}, ${limit}${next ? `, ${next}` : ""}${one.error ? `; last error: ${one.error}` : ""}` },
        el("span", { class: "feed" }, mark(light, one.feed)), el("span", { class: "quiet" }, `${old} · ${words}`));
    });
    if (chips.length === 0) chips.push(el("li", {}, el("span", { class: "quiet" }, "No feed is on: vibelux.toml turns providers on.")));
    this.list.replaceChildren(...chips);
  }
}
