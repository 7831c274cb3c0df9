// The frame around all pages: who asks, which facility, which page, the clock, and whether what is shown is live.
//
// How a page is written. `pages/NAME.js` exports `async function mount(root, desk)`: it fills `root` and answers an
// object with `leave()`, called once before another page comes. `desk` (desk.js) asks the service: `api(path, query)`,
// `all(path, query)` for lists, `send(method, path, body)`; `subscribe(hearer)` gives the socket's messages; it knows
// `facility()`, `facilityId()`, `facilities`, `timeZone()` and `now()`; `link(page, facilityId, text)` leads to another
// page, and `failed(error)` says that something could not be had. A page whose mount throws is tried again.
// Elements and tables are in parts.js, figures and times in words.js, colours in style.css.

import { address, Desk, NeedsKey } from "./desk.js";
import { el } from "./parts.js";
import { dayAndTime, number, time } from "./words.js";

const PAGES = { now: "Now", fleet: "Fleet", market: "Market", quality: "Data quality", response: "Alerts & DR", settings: "Settings" };
const THEMES = ["auto", "dark", "light"];
const RETRY_MS = 3000;
const NOTICE_MS = 10_000;

const $ = (id) => document.getElementById(id);
const desk = new Desk({ connection, needsKey, failed, facilities });

let mounted = null;
let isOpen = false;
let visit = 0;
let retry = null;
let telling = null;

async function start() {
  clearTimeout(retry);
  try {
    await desk.open();
    isOpen = true;
    $("signin").hidden = true;
    offerFacilities();
    await go();
  } catch (error) {
    if (error instanceof NeedsKey) return;
    connection("down");
    failed(error);
    retry = setTimeout(start, RETRY_MS);
  }
}

/** Goes where the address says. */
async function go() {
  const mine = (visit += 1);
  clearTimeout(retry);
  const [wanted, facilityId] = location.hash.slice(2).split("/").map(decodeURIComponent);
  const name = Object.hasOwn(PAGES, wanted) ? wanted : "now";
  desk.follow(chosen(facilityId));
  tick();
  $("facility").value = desk.facilityId() ?? "";
  mounted?.leave();
  mounted = null;
  drawNav(name);
  document.body.dataset.page = name;
  document.title = `${PAGES[name]} – Vibelux`;
  try {
    const page = await import(`./pages/${name}.js`);
    const root = el("div", { class: "content" });
    const found = await page.mount(root, desk);
    if (mine !== visit) return found.leave();
    mounted = found;
    $("page").replaceChildren(root);
    $("page").hidden = false;
  } catch (error) {
    if (mine !== visit || error instanceof NeedsKey) return;
    failed(error);
    retry = setTimeout(go, RETRY_MS);
  }
}

/** The facility of the address, else the one that was looked at last, else the first. */
function chosen(facilityId) {
  const asked = facilityId ?? new URLSearchParams(location.search).get("facilityId") ?? desk.facilityId() ?? kept("facility");
  const found = desk.facilities.find((one) => one.id === asked) ?? desk.facilities[0] ?? null;
  if (found) keep("facility", found.id);
  return found;
}

function drawNav(current) {
  $("nav").replaceChildren(...Object.entries(PAGES).map(([name, title]) => {
    return el("a", { href: address(name, desk.facilityId()), "aria-current": name === current ? "page" : null }, title);
  }));
  $("nav").querySelector("[aria-current]").scrollIntoView({ block: "nearest", inline: "nearest" });
}

function offerFacilities() {
  const select = $("facility");
  select.replaceChildren(...desk.facilities.map((one) => new Option(one.name || one.id, one.id)));
  if (desk.facilities.length === 0) select.append(new Option("no facility yet", ""));
  select.disabled = desk.facilities.length < 2;
  select.value = desk.facilityId() ?? desk.facilities[0]?.id ?? "";
}

/** Facilities were added, changed or removed. */
function facilities() {
  offerFacilities();
  desk.follow(chosen());
  drawNav(document.body.dataset.page);
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address after # is the page's own
  $("page").focus();
});

$("facility").addEventListener("change", () => {
  location.hash = address(document.body.dataset.page ?? "now", $("facility").value);
});

desk.subscribe((message) => {
  if (message.type === "dr-event") notice("A demand-response event has come or changed: see Alerts & DR.");
  if (message.type === "alert") $("latest").replaceChildren(time(Date.parse(message.timestamp), desk.timeZone()), " ", desk.link("response", null, message.text ?? message.data?.text ?? "an alert"));
});

function connection(kind) {
  const words = { live: "live", connecting: "connecting", reconnecting: "reconnecting", none: "no facility" };
  const since = desk.heardAt === null ? "" : ` since ${time(desk.heardAt, Intl.DateTimeFormat().resolvedOptions().timeZone, true)}`;
  const text = words[kind] ?? `not live${since}`;
  document.body.dataset.connection = kind;
  $("connection").dataset.state = kind;
  if ($("connection").textContent !== text) $("connection").textContent = text;
}

function failed(error) {
  notice(error instanceof TypeError ? "The service does not answer; this page tries again." : `Something could not be had: ${error.message}`);
}

/** Says something for a while. */
function notice(text) {
  clearTimeout(telling);
  $("notice-text").textContent = text;
  $("notice").hidden = false;
  telling = setTimeout(() => { $("notice").hidden = true; }, NOTICE_MS);
}

$("notice-close").addEventListener("click", () => { $("notice").hidden = true; });

function needsKey() {
  visit += 1;
  mounted?.leave();
  mounted = null;
  $("page").hidden = true;
  $("page").replaceChildren();
  $("notice").hidden = true;
  $("signin").hidden = false;
  connection("down");
  $("connection").textContent = "not signed in";
  $("key").focus();
}

$("signin").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await desk.send("POST", "/api/session", { key: $("key").value.trim() });
    $("signin-error").textContent = "";
    $("key").value = "";
    await start();
  } catch (error) {
    const words = { 401: "This key is not known, or no longer valid.", 429: "Too many attempts; wait a moment." };
    $("signin-error").textContent = words[error.status] ?? error.message;
  }
});

function tick() {
  const { clock } = desk;
  if (clock.now() === null) return;
  $("clock").textContent = dayAndTime(clock.now(), desk.timeZone());
  $("speed").hidden = clock.speed === 1;
  $("speed").textContent = clock.speed === 0 ? "clock stands" : `×${number(clock.speed, 0)}`;
}

function dress(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $("theme").textContent = { auto: "◐", dark: "●", light: "○" }[theme];
  $("theme").setAttribute("aria-label", `Colours: ${theme}. Press for the next.`);
  $("theme").title = `Colours: ${theme}`;
  keep("theme", theme);
}

$("theme").addEventListener("click", () => dress(THEMES[(THEMES.indexOf(kept("theme") ?? "auto") + 1) % THEMES.length]));

/** Small things that a browser remembers; one that may not simply forgets them. */
function keep(name, value) {
  try {
    localStorage.setItem(`vibelux-${name}`, value);
  } catch (error) {
    console.info("not remembered:", error.message);
  }
}

function kept(name) {
  try {
    return localStorage.getItem(`vibelux-${name}`);
  } catch {
    return null;
  }
}

dress(THEMES.includes(kept("theme")) ? kept("theme") : "auto");
addEventListener("hashchange", () => isOpen && go());
setInterval(tick, 1000);
start();
