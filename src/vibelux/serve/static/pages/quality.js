// Whether the data can be trusted: a light a feed, what mends each fault, and how good each day was.

import { card, copier, el, mark, repeat, SortableTable } from "../parts.js";
import { age, number, span, time } from "../words.js";
import { isFailing } from "../now/lights.js";
import { Drill } from "../quality/drill.js";

const SECONDS = 15;
const DRILL_SECONDS = 5;
const LIGHTS = ["missing", "stale", "good", "off"];
const WHOLE = 0.995;
const WORDS = { good: "fresh", stale: "late", missing: "nothing yet", off: "off" };

export async function mount(root, desk) {
  const state = { days: [], feed: "", doubtful: false };
  const sums = el("p", { class: "sums" });
  const repairs = el("div", { class: "repairs" });
  const lights = new SortableTable({
    caption: "Feeds",
    columns: lightColumns(desk),
    key: (row) => row.feed,
    pageSize: 30,
    empty: "No feed is on. [providers] in vibelux.toml turns them on.",
  });
  const off = el("details", {});
  const days = new SortableTable({
    caption: "Feeds by day",
    columns: DAYS,
    key: (row) => `${row.day} ${row.feed}`,
    sort: 0,
    down: true,
    pageSize: 20,
    empty: "",
  });
  const feed = el("select", {
    id: "day-feed",
    onchange: () => {
      state.feed = feed.value;
      drawDays();
    },
  });
  const doubtful = el("input", {
    type: "checkbox",
    id: "day-doubt",
    onchange: () => {
      state.doubtful = doubtful.checked;
      drawDays();
    },
  });
  const tools = el(
    "div",
    { class: "tools" },
    el("label", { for: "day-feed" }, "Feed ", feed),
    el("label", { for: "day-doubt", class: "check" }, doubtful, " only days with something to doubt"),
  );
  const drill = (await desk.api("/healthz")).drill ? new Drill(desk, () => refresh()) : null;
  root.replaceChildren(
    el("div", { class: "page-title" }, el("h1", {}, "Data quality"), sums),
    repairs,
    ...(drill ? [drill.element] : []),
    card("Feeds now", lights.element, off),
    card(
      "Day by day",
      el(
        "p",
        { class: "quiet" },
        "Of each market day: how much of what was due has come, how long after its interval, and what was doubted.",
      ),
      tools,
      days.element,
    ),
  );

  function drawDays() {
    const rows = state.days.filter((row) => (!state.feed || row.feed === state.feed) && (!state.doubtful || isDoubtful(row)));
    days.show(rows, state.days.length ? "No day is like that: nothing to doubt here." : "No day has been counted yet.");
  }

  async function refresh() {
    const feeds = await desk.all("/api/feeds");
    const on = feeds.filter((row) => row.light !== "off");
    sums.replaceChildren(
      ...LIGHTS.map((light) => [light, feeds.filter((row) => row.light === light).length])
        .filter(([, count]) => count)
        .map(([light, count]) => el("span", { class: "sum" }, mark(light, `${count} ${WORDS[light]}`))),
    );
    lights.show(on);
    const rest = feeds.filter((row) => row.light === "off").map((row) => row.feed);
    off.hidden = rest.length === 0;
    off.replaceChildren(el("summary", {}, `${rest.length} feeds are off here`), el("p", { class: "quiet" }, rest.join(", ")));
    const faults = await desk.all("/api/repairs");
    repairs.hidden = faults.length === 0;
    repairs.replaceChildren(
      el("h2", {}, faults.length === 1 ? "One fault, and what mends it" : `${faults.length} faults, and what mends them`),
      ...faults.map(repairCard),
    );
    await drill?.refresh();
  }

  async function count() {
    state.days = await desk.all("/api/quality");
    const names = [...new Set(state.days.map((row) => row.feed))].sort();
    feed.replaceChildren(new Option("all feeds", ""), ...names.map((name) => new Option(name, name)));
    feed.value = state.feed;
    drawDays();
  }

  const polls = [repeat(drill ? DRILL_SECONDS : SECONDS, refresh, desk.failed), repeat(SECONDS * 8, count, desk.failed)];
  await Promise.all(polls.map((poll) => poll.first));
  return { leave: () => polls.forEach((poll) => poll.stop()) };
}

function lightColumns(desk) {
  const when = (text) => time(Date.parse(text), desk.timeZone());
  return [
    {
      head: "Feed",
      start: true,
      value: (row) => row.feed,
      cell: (row) => [
        row.feed,
        el("span", { class: "under" }, [row.region, row.origin && row.origin !== "live" && row.origin].filter(Boolean).join(", ")),
        row.error && el("span", { class: isFailing(row) ? "under narrow fault" : "under narrow" }, row.error),
      ],
    },
    { head: "Light", start: true, value: (row) => LIGHTS.indexOf(row.light), cell: (row) => [mark(row.light, WORDS[row.light]), isFailing(row) && el("span", { class: "under" }, "fails")] },
    {
      head: "Age",
      value: (row) => row.ageSeconds,
      down: true,
      cell: (row) => [
        age(row.ageSeconds),
        el("span", { class: "under" }, `limit ${span(row.stale_after_seconds)}`),
      ],
    },
    { head: "Next", start: true, wide: true, value: (row) => row.expectedAt, cell: (row) => row.expected },
    {
      head: "Last error",
      start: true,
      wide: true,
      grow: true,
      value: (row) => row.error && row.error_at,
      down: true,
      cell: (row) =>
        row.error
          ? [
              el("span", { class: isFailing(row) ? "fault" : "quiet" }, row.error),
              row.error_at && el("span", { class: "under" }, `${when(row.error_at)}${isFailing(row) ? "" : ", over"}`),
            ]
          : "none",
    },
  ];
}

const DAYS = [
  { head: "Day", start: true, value: (row) => row.day, down: true, cell: (row) => row.day },
  { head: "Feed", start: true, value: (row) => row.feed, cell: (row) => row.feed },
  { head: "Complete", start: true, value: (row) => row.completeness, cell: complete },
  {
    head: "Late",
    unit: "half / 95 %",
    wide: true,
    value: (row) => row.latenessP95Seconds,
    down: true,
    cell: (row) => `${late(row.latenessP50Seconds)} / ${late(row.latenessP95Seconds)}`,
  },
  {
    head: "Failures",
    unit: "of payloads",
    wide: true,
    value: (row) => row.failures,
    down: true,
    cell: (row) => `${row.failures} of ${row.payloads}`,
  },
  { head: "Corrections", wide: true, value: (row) => row.corrections, down: true, cell: (row) => String(row.corrections) },
  { head: "Implausible", wide: true, value: (row) => row.implausible, down: true, cell: (row) => warned(row.implausible) },
  { head: "Set aside", wide: true, value: (row) => row.quarantined, down: true, cell: (row) => warned(row.quarantined) },
  { head: "Disagreements", wide: true, value: (row) => row.disagreements, down: true, cell: (row) => warned(row.disagreements) },
];

function complete(row) {
  if (row.completeness == null) return [row.intervalsStored ? `${row.intervalsStored} stored` : "–", doubts(row)];
  const kind = row.completeness >= WHOLE ? "good" : row.completeness >= 0.9 ? "stale" : "missing";
  const words = `${number(row.completeness * 100, 1)} %`;
  const begun = row.since ? ` since ${time(Date.parse(row.since), row.timezone)}` : "";
  const bar = el("meter", {
    min: "0",
    max: "1",
    low: "0.9",
    high: String(WHOLE),
    optimum: "1",
    value: String(row.completeness),
    "aria-label": `${words} complete`,
  });
  return [bar, " ", mark(kind, words), el("span", { class: "under" }, `${row.intervalsStored} of ${row.intervalsExpected}${begun}`), doubts(row)];
}

/** What the columns say that a phone has no room for. */
function doubts(row) {
  const counted = ["failures", "corrections", "implausible", "quarantined", "disagreements"].filter((name) => row[name] > 0);
  return el(
    "span",
    { class: "under narrow" },
    counted.map((name) => `${row[name]} ${name === "quarantined" ? "set aside" : name}`).join(", "),
  );
}

function warned(count) {
  return count ? el("span", { class: "alerting" }, count.toLocaleString("en-US")) : "0";
}

/** Below zero: known before the interval had ended. */
function late(seconds) {
  if (seconds == null) return "–";
  return seconds < 0 ? `${span(-seconds)} ahead` : span(seconds);
}

function isDoubtful(row) {
  const incomplete = row.completeness != null && row.completeness < WHOLE;
  return incomplete || row.failures > 0 || row.implausible > 0 || row.quarantined > 0 || row.disagreements > 0;
}

/** A fault in words, and the command that mends it. */
function repairCard({ words, command, urgent }) {
  const urgency = urgent ? mark("missing", "decisions suffer now") : null;
  return el(
    "section",
    { class: urgent ? "card repair urgent" : "card repair" },
    el("p", {}, words, " ", urgency),
    el("div", { class: "command" }, el("code", {}, command), copier(command)),
  );
}
