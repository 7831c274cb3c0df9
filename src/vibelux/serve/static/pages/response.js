// What calls for an answer: alerts that are open, demand-response events, and what a facility could give.

import { zoneOf as zone } from "../desk.js";
import { card, el, mark, repeat, SortableTable } from "../parts.js";
import { dayAndTime, number, power, time } from "../words.js";

const SECONDS = 15;
const STATES = { open: "stale", resolved: "good", happened: "off" };
const EVENT_STATES = { upcoming: "estimated", active: "stale", ended: "off", cancelled: "off" };

export async function mount(root, desk) {
  const session = await desk.api("/api/session");
  const own = new Map(desk.facilities.map((one) => [one.id, one]));
  const nameOf = (id) => own.get(id)?.name || id;
  const zoneOf = (id) => zone(own.get(id)) ?? desk.timeZone();
  const mayAnswer = session.scopes.includes("operate");

  const alerts = new SortableTable({
    caption: "Alerts",
    columns: alertColumns(nameOf, zoneOf),
    key: (row) => row.id,
    sort: 3,
    down: true,
    pageSize: 12,
    empty: "",
  });
  const onlyOpen = el("input", { type: "checkbox", id: "only-open", onchange: () => drawAlerts() });
  const events = el("div", { class: "events" });
  const note = el(
    "p",
    { class: "quiet", hidden: mayAnswer },
    "You may look, not answer: accepting and declining need a key with the scope operate. ",
    desk.link("settings", null, "Sign in with one"),
    ".",
  );
  const said = el("p", { class: "fault", role: "alert" });
  const could = new SortableTable({
    caption: "What the facility could give",
    columns: chanceColumns(desk.timeZone()),
    key: (row) => `${row.event_id ?? row.kind} ${row.startsAt}`,
    pageSize: 10,
    empty: "",
  });
  root.replaceChildren(
    el("h1", { class: "page-title" }, "Alerts and demand response"),
    card(
      "Alerts",
      el("div", { class: "tools" }, el("label", { for: "only-open", class: "check" }, onlyOpen, " only those that are open")),
      alerts.element,
    ),
    card("Demand-response events", note, said, events),
    card(`What ${desk.facility() ? nameOf(desk.facilityId()) : "a facility"} could give`, could.element),
  );

  let rows = [];
  function drawAlerts() {
    const open = rows.filter((row) => row.state === "open");
    alerts.show(onlyOpen.checked ? open : rows, rows.length && onlyOpen.checked ? "Nothing is open." : "No alert in the last seven days.");
  }

  async function refresh() {
    rows = await desk.all("/api/alerts", { limit: 500 });
    drawAlerts();
    const found = await desk.all("/api/dr/events");
    drawEvents(found);
  }

  function drawEvents(found) {
    const held = events.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : "";
    const none = "No event from a week back to a month ahead. Events come from a feed (OpenADR, CAISO), or by POST /api/dr/events.";
    const order = [...found].sort((a, b) => isOver(a) - isOver(b) || a.starts_at.localeCompare(b.starts_at));
    events.replaceChildren(...(found.length ? order.map((event) => eventBlock(event)) : [el("p", { class: "empty" }, none)]));
    if (held) events.querySelector(`[aria-label="${CSS.escape(held)}"]`)?.focus();
  }

  function eventBlock(event) {
    const timeZone = zoneOf(event.facilities[0]?.facilityId);
    const until = event.ends_at ? time(Date.parse(event.ends_at), timeZone) : "further notice";
    return el(
      "section",
      { class: "event", "data-event": event.event_id },
      el("h3", {}, `${event.program} ${event.event_id} `, mark(EVENT_STATES[event.state] ?? "off", event.state)),
      el(
        "p",
        {},
        `${dayAndTime(Date.parse(event.starts_at), timeZone, false)} to ${until}: ${event.signals.map(signalWords).join("; ") || "no signal"}`,
      ),
      el("p", { class: "quiet" }, `From ${event.source}${event.targets.length ? `, to ${event.targets.join(", ")}` : ", to all"}.`),
      event.facilities.map((site) => siteLine(event, site)),
    );
  }

  function siteLine(event, site) {
    const given = site.answer
      ? `${site.answer} by ${site.answeredBy}, ${time(Date.parse(site.answeredAt), zoneOf(site.facilityId))}`
      : "not answered yet";
    const buttons = isOver(event)
      ? []
      : [
          ["accept", "accepted", "Accept"],
          ["decline", "declined", "Decline"],
        ].map(([verb, answer, word]) =>
          el(
            "button",
            {
              type: "button",
              class: verb === "accept" ? null : "plain",
              disabled: !mayAnswer || site.answer === answer,
              "aria-label": `${word} ${event.event_id} for ${site.facilityId}`,
              onclick: () => answerWith(verb, event, site),
            },
            word,
          ),
        );
    return el(
      "div",
      { class: "site" },
      el("p", {}, el("strong", {}, nameOf(site.facilityId)), ` ${given}. `, performance(site.performance)),
      el("p", { class: "row" }, buttons),
    );
  }

  async function answerWith(verb, event, site) {
    said.textContent = "";
    document.activeElement?.blur();
    try {
      const query = new URLSearchParams({ facilityId: site.facilityId, program: event.program });
      await desk.send("POST", `/api/dr/events/${encodeURIComponent(event.event_id)}/${verb}?${query}`, {});
    } catch (error) {
      said.textContent = `${event.event_id}: ${error.message}`;
    }
    await refresh();
    events.querySelector(`[data-event="${CSS.escape(event.event_id)}"] button:not(:disabled)`)?.focus();
  }

  async function chances() {
    if (!desk.facilityId()) return could.show([], "There is no facility yet.");
    const found = await desk.api("/api/dr/opportunities", { facilityId: desk.facilityId() });
    could.show(found.rows, found.detail ?? "Nothing in sight: no event ahead, and no hour dear enough to be worth a change.");
  }

  could.show([], "It is being reckoned.");
  const polls = [repeat(SECONDS, refresh, desk.failed), repeat(SECONDS * 4, chances, desk.failed)];
  await polls[0].first; // what the facility could give is several plans' worth of work: the page does not wait for it
  const unsubscribe = desk.subscribe((message) => message.type === "alert" && refresh().catch(desk.failed));
  return {
    leave: () => {
      unsubscribe();
      polls.forEach((poll) => poll.stop());
    },
  };
}

function alertColumns(nameOf, zoneOf) {
  const when = (text, row) => (text ? dayAndTime(Date.parse(text), zoneOf(row.facility), false) : null);
  return [
    {
      head: "State",
      start: true,
      value: (row) => Object.keys(STATES).indexOf(row.state),
      cell: (row) => mark(STATES[row.state], row.state),
    },
    {
      head: "What",
      start: true,
      grow: true,
      value: (row) => row.kind,
      cell: (row) => [el("strong", {}, row.kind.replaceAll("-", " ")), el("span", { class: "under text" }, row.text)],
    },
    { head: "Facility", start: true, wide: true, value: (row) => nameOf(row.facility), cell: (row) => nameOf(row.facility) },
    { head: "Since", start: true, value: (row) => row.at, down: true, cell: (row) => when(row.at, row) },
    {
      head: "Until",
      start: true,
      wide: true,
      value: (row) => row.resolvedAt,
      down: true,
      cell: (row) => (row.state === "open" ? "still open" : when(row.resolvedAt, row)),
    },
  ];
}

function chanceColumns(timeZone) {
  const when = (text) => (text ? time(Date.parse(text), timeZone) : "further notice");
  const event = (row) => row.kind === "event";
  return [
    {
      head: "When",
      start: true,
      value: (row) => row.startsAt,
      cell: (row) => [dayAndTime(Date.parse(row.startsAt), timeZone, false), el("span", { class: "under" }, `to ${when(row.endsAt)}`)],
    },
    {
      head: "What",
      start: true,
      value: (row) => row.kind,
      cell: (row) =>
        event(row)
          ? `${row.program} ${row.event_id}`
          : [
              "dear hours",
              el(
                "span",
                { class: "under" },
                `up to ${number(row.highestPrice * 1000, 2)} USD/MWh, usually ${number(row.usualPrice * 1000, 2)}`,
              ),
            ],
    },
    {
      head: "Less import",
      unit: "kWh",
      value: (row) => row.offer?.reductionKwh,
      down: true,
      cell: (row) => number(row.offer?.reductionKwh, 0),
    },
    {
      head: "At most",
      wide: true,
      value: (row) => row.offer?.peakReductionKw,
      down: true,
      cell: (row) => power(row.offer?.peakReductionKw),
    },
    { head: "Made", unit: "kWh", wide: true, value: made, down: true, cell: (row) => number(made(row), 0) },
    { head: "Worth", unit: "USD", value: worth, down: true, cell: (row) => number(worth(row), 2) },
  ];
}

function made(row) {
  return row.offer ? Object.values(row.offer.madeKwh).reduce((sum, kwh) => sum + kwh, 0) : null;
}

function worth(row) {
  return row.offer?.netUsd ?? row.offer?.worthUsd ?? null;
}

function isOver(event) {
  return event.state === "ended" || event.state === "cancelled";
}

function signalWords({ type, unit, intervals }) {
  const values = intervals.map((one) => one.value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const said = { price: "price", level: "level", "import-limit-kw": "import at most" }[type] ?? type;
  return `${said} ${low === high ? number(low, 2) : `${number(low, 2)} to ${number(high, 2)}`} ${unit ?? ""}`.trim();
}

function performance(found) {
  if (!found) return null;
  if (found.status !== "measured") return found.note;
  return `Gave ${number(found.reductionKwh, 0)} kWh (baseline ${number(found.baselineKwh, 0)}, drew ${number(found.measuredKwh, 0)}), paid ${number(found.payUsd, 2)} USD. ${found.note ?? ""}`;
}
