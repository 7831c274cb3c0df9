// The fault drill of a replay: breaks a feed in one of the known ways, and mends it again.

import { card, el } from "../parts.js";
import { time } from "../words.js";

export class Drill {
  constructor(desk, changed) {
    this.desk = desk;
    this.changed = changed;
    this.feed = el("select", { id: "drill-feed" });
    this.fault = el("select", { id: "drill-fault" });
    this.broken = el("ul", { class: "broken" });
    this.said = el("p", { class: "fault", role: "alert" });
    this.button = el("button", { type: "submit", class: "danger" }, "Break it");
    this.note = el("p", { class: "quiet" });
    const form = el(
      "form",
      {
        class: "tools",
        onsubmit: (event) => {
          event.preventDefault();
          this.#do("POST", "/api/drill", { feed: this.feed.value, fault: this.fault.value });
        },
      },
      el("label", { for: "drill-feed" }, "Feed ", this.feed),
      el("label", { for: "drill-fault" }, "Fault ", this.fault),
      this.button,
    );
    this.element = card(
      "Fault drill",
      el(
        "p",
        { class: "quiet" },
        "This is a replay: break a feed and watch its light, the alerts and the decision; mend it and watch them come back.",
      ),
      this.note,
      form,
      this.said,
      this.broken,
    );
  }

  async refresh() {
    if (this.element.contains(document.activeElement) && document.activeElement.tagName === "SELECT") return; // somebody is choosing
    const [drill, session] = await Promise.all([this.desk.api("/api/drill"), this.desk.api("/api/session")]);
    const may = session.scopes.includes("operate");
    offer(
      this.feed,
      drill.feeds.map((name) => [name, name]),
    );
    offer(this.fault, Object.entries(drill.faults));
    this.button.disabled = !may;
    this.note.hidden = may;
    this.note.replaceChildren(
      "Breaking needs a key with the scope operate. ",
      this.desk.link("settings", null, "Sign in with one"),
      "; a demo prints one when it starts.",
    );
    const shown = JSON.stringify([drill.rows, may]);
    if (shown === this.shown) return; // a button stays under the hand that is about to press it
    this.shown = shown;
    this.broken.replaceChildren(...drill.rows.map((row) => this.#line(row, drill.faults, may)));
  }

  #line(row, faults, may) {
    const mend = el(
      "button",
      {
        type: "button",
        class: "plain",
        disabled: !may,
        "aria-label": `Mend ${row.feed}`,
        onclick: () => this.#do("DELETE", `/api/drill?${new URLSearchParams({ feed: row.feed })}`),
      },
      "Mend it",
    );
    return el(
      "li",
      {},
      el(
        "span",
        {},
        el("strong", {}, row.feed),
        ` is broken since ${time(Date.parse(row.since), this.desk.timeZone())}: ${faults[row.fault] ?? row.fault}`,
      ),
      mend,
    );
  }

  async #do(method, path, body) {
    this.said.textContent = "";
    try {
      await this.desk.send(method, path, body);
      document.activeElement?.blur();
      await this.changed();
    } catch (error) {
      this.said.textContent = error.message;
    }
  }
}

/** Fills a choice of pairs of a value and its words, and keeps what was chosen. */
function offer(select, pairs) {
  const chosen = select.value;
  select.replaceChildren(...pairs.map(([value, words]) => new Option(words, value)));
  if (pairs.some(([value]) => value === chosen)) select.value = chosen;
}
