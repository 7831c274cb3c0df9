// The page's life: find the facility, load the hours before, follow the socket, ask for a key where one is needed.

import { DeskState, HOURS_SHOWN } from "./desk-state.js";
import { Live } from "./live.js";
import { MarketClock } from "./market-clock.js";
import { $, clear, render, setText, tick } from "./view.js";
import { time } from "./words.js";

const RETRY_MS = 3000;
const BURST_MS = 250;

class NeedsKey extends Error {}

let state = null;
let live = null;
let refreshing = null;
let heardAt = null;

async function api(path, query = {}) {
  const response = await fetch(`${path}?${new URLSearchParams(query)}`, { credentials: "same-origin" });
  if (response.status === 401) throw new NeedsKey();
  if (!response.ok) throw new Error(`the service answered ${response.status}`);
  return response.json();
}

async function start() {
  try {
    const { facilities } = await api("/api/facilities");
    const { clockSpeed } = await api("/healthz");
    $("signin").hidden = true;
    $("desk").hidden = false;
    offer(facilities, clockSpeed);
    const wanted = new URLSearchParams(location.search).get("facilityId");
    const chosen = facilities.find((one) => one.id === wanted) ?? facilities[0];
    if (chosen) await follow(chosen, clockSpeed);
    else setText("sentence", "There is no facility yet. `vibelux facilities add FILE` adds one.");
  } catch (error) {
    if (error instanceof NeedsKey) return askForKey();
    say("down", `not live: ${error.message}`);
    setTimeout(start, RETRY_MS);
  }
}

function offer(facilities, clockSpeed) {
  const select = $("facility");
  select.replaceChildren(...facilities.map((one) => new Option(one.name ?? one.id, one.id)));
  select.disabled = facilities.length < 2;
  select.onchange = () => {
    history.replaceState(null, "", `?${new URLSearchParams({ facilityId: select.value })}`);
    follow(facilities.find((one) => one.id === select.value), clockSpeed);
  };
}

async function follow(facility, clockSpeed) {
  live?.end();
  clear();
  $("facility").value = facility.id;
  state = new DeskState(facility, new MarketClock(clockSpeed));
  live = new Live(facility.id, { message: hear, state: connection, refused });
  await loadHistory(state);
}

/** Prices and decisions of the hours before; they are put among what the socket has brought meanwhile. */
async function loadHistory(mine) {
  const { id, iso_region: region, pricing_node: node } = mine.facility;
  const now = await api("/api/chp/decision", { facilityId: id });
  const from = new Date(Date.parse(now.timestamp) - HOURS_SHOWN * 3_600_000).toISOString();
  const [prices, decisions] = await Promise.all([
    api("/api/market/prices", { region, node, from, limit: 1000 }),
    api("/api/chp/decisions", { facilityId: id, from, limit: 1000 }),
  ]);
  for (const record of prices.rows) mine.addPrice(record);
  for (const row of decisions.rows) mine.addDecision(row.decision, row.marketConditions, row.timestamp);
  if (mine.answer === null) mine.take(now);
  if (mine === state) render(mine);
}

function hear(message) {
  heardAt = Date.now();
  if (message.type === "alert" || message.type === "dr-event") {
    setText("notice", message.text ?? message.data?.text ?? `A message of kind ${message.type} came.`);
    $("notice").hidden = false;
  }
  if (state.hear(message)) refreshSoon(state);
  if (state.answer !== null && message.type !== "heartbeat") render(state);
}

/** Asks for the whole answer, once for a burst of messages. */
function refreshSoon(mine) {
  refreshing ??= setTimeout(async () => {
    refreshing = null;
    try {
      mine.take(await api("/api/chp/decision", { facilityId: mine.facility.id }));
      if (mine === state) render(mine);
    } catch (error) {
      console.warn("the answer could not be asked for:", error.message); // the socket will bring the next
    }
  }, BURST_MS);
}

function connection(kind) {
  if (kind === "live") return say("live", "live");
  if (kind === "reconnecting") return say("reconnecting", "reconnecting");
  const since = heardAt === null ? "" : ` since ${time(heardAt, Intl.DateTimeFormat().resolvedOptions().timeZone, true)}`;
  return say("down", `not live${since}`);
}

function say(kind, text) {
  $("connection").dataset.state = kind;
  document.body.dataset.connection = kind;
  setText("connection", text);
}

/** The server closed with 44xx. On this machine the page itself renews the session; elsewhere a key is asked for. */
async function refused() {
  try {
    await fetch("/", { credentials: "same-origin" });
    await api("/api/facilities");
    return true;
  } catch (error) {
    if (error instanceof NeedsKey) askForKey();
    return !(error instanceof NeedsKey);
  }
}

function askForKey() {
  live?.end();
  $("desk").hidden = true;
  $("signin").hidden = false;
  say("down", "not signed in");
  $("key").focus();
}

$("signin").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ key: $("key").value.trim() });
  const headers = { "Content-Type": "application/json" };
  const response = await fetch("/api/session", { method: "POST", credentials: "same-origin", headers, body });
  setText("signin-error", response.ok ? "" : response.status === 429 ? "Too many attempts; wait a moment." : "This key is not known, or no longer valid.");
  if (!response.ok) return;
  $("key").value = "";
  await start();
});

new ResizeObserver(() => state?.answer && render(state)).observe($("chart"));
setInterval(() => state && tick(state), 1000);
start();
