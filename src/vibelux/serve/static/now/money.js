// Money: what today, this month and this year cost as decided, against the named baselines, down to hours and their rows.

import { el } from "../parts.js";
import { day, hour, number, time } from "../words.js";

const BASELINES = { "heat-led": "heat-led", "always-on": "always on", "grid-and-boiler": "grid and boiler" };
const PERIODS = { today: "Today", month: "Month", year: "Year" };
const FIRST = "heat-led";

export class Money {
  constructor(desk) {
    this.desk = desk;
    this.totals = undefined;
    this.body = el("div", { id: "money" }, el("p", { class: "quiet" }, "Being reckoned …"));
    this.hours = el("button", { type: "button", class: "plain", id: "by-hour", hidden: true, onclick: () => this.#openHours() }, "By hour");
    this.dialog = el("dialog", { class: "drill", "aria-labelledby": "drill-title" });
    this.element = el("section", { class: "card money", "aria-labelledby": "money-title" },
      el("div", { class: "title" }, el("h2", { id: "money-title" }, "Saved against"), this.hours), this.body, this.dialog);
  }

  /** What is asked for now and then; a ledger that is not kept is said to be so. */
  async refresh() {
    try {
      this.totals = await this.desk.api("/api/savings/totals", { facilityId: this.desk.facilityId() });
    } catch (error) {
      if (![404, 503].includes(error.status)) throw error;
      this.totals = null;
      return this.body.replaceChildren(el("p", { class: "quiet" }, "Not available yet: no ledger is kept here."));
    }
    this.hours.hidden = false;
    this.#draw();
  }

  /** Today's savings in one figure, and what it is against, or why there is none. */
  today() {
    const usd = this.totals?.today.savingsUsd[FIRST] ?? null;
    if (usd !== null) return { usd, words: `against ${BASELINES[FIRST]}` };
    return { usd, words: this.totals === undefined ? "being reckoned" : "not available yet" };
  }

  #draw() {
    const names = Object.keys(this.totals.today.savingsUsd);
    const periods = Object.keys(PERIODS).filter((period) => this.totals[period]);
    const row = (title, read, className) => el("tr", { class: className }, el("th", { scope: "row" }, title), periods.map((period) => el("td", {}, usd(read(this.totals[period])))));
    const { hoursCovered, hoursMissing } = this.totals.today;
    const covered = hoursMissing > 0.1 ? `${number(hoursCovered, 1)} of today's ${number(hoursCovered + hoursMissing, 1)} hours are counted: in the others nothing was decided.` : `All of today's ${number(hoursCovered, 1)} hours are counted.`;
    const restated = this.totals.today.decided.restatedUsd;
    const notes = [covered, Math.abs(restated) >= 0.005 ? `Corrected prices have changed today's cost by ${usd(restated)} USD.` : ""].filter(Boolean).join(" ");
    this.body.replaceChildren(el("table", {}, el("caption", { class: "hidden" }, "Savings in USD"),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "USD"), periods.map((period) => el("th", { scope: "col" }, PERIODS[period], " ", this.#begun(period))))),
      el("tbody", {}, names.map((name) => row(BASELINES[name] ?? name, (of) => of.savingsUsd[name], name === FIRST ? "first" : null)),
        row("net cost", (of) => of.decided.costUsd, "cost"))), el("p", { class: "quiet" }, notes));
  }

  /** Of a month or year that began before there was any decision: since when it counts. */
  #begun(period) {
    const { since } = this.totals;
    if (period === "today" || !since || Date.parse(since) <= Date.parse(this.totals[period].from)) return null;
    return el("span", { class: "begun" }, `since ${day(Date.parse(since), this.desk.timeZone())}`);
  }

  /** Hours of today, and below each its decisions with the prices they were settled at. */
  async #openHours() {
    try {
      const { from, to } = this.totals.today;
      const told = await this.desk.api("/api/savings", { facilityId: this.desk.facilityId(), from, to, by: "hour" });
      this.#fill(told, { from, to });
      this.dialog.showModal();
    } catch (error) {
      this.desk.failed(error);
    }
  }

  #fill(told, { from, to }) {
    const names = Object.keys(told.savingsUsd);
    const zone = this.desk.timeZone();
    const file = `/api/savings?${new URLSearchParams({ facilityId: told.facilityId, from, to, by: "hour", format: "csv" })}`;
    const steps = el("div", { class: "steps" });
    const rows = told.rows.map((one) => el("tr", {}, el("th", { scope: "row" }, el("button", { type: "button", class: "link", onclick: () => this.#openSteps(one, steps) }, hour(Date.parse(one.start), zone))),
      [one.hours, one.costUsd, ...names.map((name) => one.savingsUsd[name]), one.restatedUsd].map((value) => el("td", {}, number(value, 2)))));
    const heads = ["Hour", "hours", "cost", ...names.map((name) => `saved: ${BASELINES[name] ?? name}`), "corrections"];
    this.dialog.replaceChildren(
      el("div", { class: "title" }, el("h2", { id: "drill-title" }, "Today by hour, USD"), el("span", { class: "row" }, el("a", { href: file, download: "savings.csv" }, "CSV"), el("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => this.dialog.close() }, "×"))),
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Hours" }, el("table", {}, el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, rows))), steps);
  }

  async #openSteps(one, host) {
    const start = Date.parse(one.start);
    try {
      const { rows } = await this.desk.api("/api/savings", { facilityId: this.desk.facilityId(), from: one.start, to: new Date(start + 3_600_000).toISOString(), by: "interval" });
      const zone = this.desk.timeZone();
      const heads = ["Decision from", "cost, USD", "price known, USD/MWh", "price settled", "payloads"];
      const lines = rows.map((row) => el("tr", {}, el("th", { scope: "row" }, time(Date.parse(row.start), zone, true)), el("td", {}, number(row.costUsd, 2)),
        el("td", {}, number(row.knownPrice == null ? null : row.knownPrice * 1000, 2)), el("td", {}, number(row.settledPrice == null ? null : row.settledPrice * 1000, 2)),
        el("td", {}, row.prices.map((price) => [el("code", { title: price.payloadSha256 }, (price.payloadSha256 ?? "–").slice(0, 8)), " "]))));
      host.replaceChildren(el("h3", {}, `The hour from ${hour(start, zone)}, decision by decision`), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Decisions of the hour" }, el("table", {}, el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, lines))));
    } catch (error) {
      this.desk.failed(error);
    }
  }
}

function usd(value) {
  if (value == null) return "–";
  return Math.abs(value) >= 1000 ? number(value, 0) : number(value, 2);
}
