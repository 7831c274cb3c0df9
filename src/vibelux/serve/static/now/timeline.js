// One time axis for prices and schedule: a window that follows the clock, a cursor, a scrubber, and the same as a table.

import { add, HOUR, scale, timeTicks } from "./axis.js";
import { drawLanes, lanesOf } from "./lanes.js";
import { picture } from "./picture.js";
import { AHEAD, BACK } from "./story.js";
import { drawStrip } from "./strip.js";
import { tableOf } from "./table.js";
import { el } from "../parts.js";
import { localText, momentOf, time } from "../words.js";

export const STEP = 5 * 60_000;
const SPANS = { "12 h": [4, 8], "36 h": [12, 24], "3 days": [24, 48] };
const NARROW = 640;
const DRAG = 6;

export class Timeline {
  /** @param on `look(moment | null, isPinned)`: the cursor moved; `words(moment)`: what stands there, in one line */
  constructor(story, on) {
    this.story = story;
    this.on = on;
    this.zone = story.desk.timeZone();
    this.offsets = matchMedia(`(max-width: ${NARROW}px)`).matches ? SPANS["36 h"].map((n, i) => (i ? n : -n) * HOUR) : [-BACK, AHEAD];
    this.pin = null;
    this.hover = null;
    this.then = null;
    this.host = el("div", { class: "canvas", id: "timeline" });
    this.cursor = el("input", { type: "range", id: "cursor", step: STEP, "aria-label": "Look at a moment", oninput: () => this.on.look(Number(this.cursor.value), true) });
    this.readout = el("output", { id: "readout", for: "cursor" });
    this.goto = el("input", { type: "datetime-local", id: "goto", onchange: () => this.goto.value && this.on.look(momentOf(this.goto.value, this.zone), true) });
    this.tableHost = el("div", { class: "scroll", id: "table", tabindex: "0", role: "region", "aria-label": "Prices and schedule as a table", hidden: true });
    this.tableButton = el("button", { type: "button", class: "plain", id: "as-table", "aria-pressed": "false", onclick: () => this.toggleTable() }, "Table");
    this.spans = Object.entries(SPANS).map(([name, [back, ahead]]) => el("button", { type: "button", class: "plain", "data-span": name, onclick: () => this.zoom([-back * HOUR, ahead * HOUR]) }, name));
    this.element = el("section", { class: "card timeline", "aria-labelledby": "timeline-title" },
      el("h2", { id: "timeline-title", class: "hidden" }, "Price and schedule"), el("div", { class: "title" }, legend(), el("div", { class: "row spans", role: "group", "aria-label": "Span" }, this.spans, this.tableButton)),
      el("div", { class: "look" }, this.readout, el("label", { class: "goto" }, "Go to ", this.goto)), this.host, this.tableHost, this.cursor);
    this.#listen();
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(this.host);
  }

  leave() {
    this.resizing.disconnect();
  }

  /** The stretch that is shown; it goes along with the clock, or stands about a moment far back. */
  window() {
    const middle = this.then && this.then.moment < this.story.desk.now() - BACK ? this.then.moment : this.story.desk.now();
    return this.offsets.map((offset) => Math.floor((middle + offset) / STEP) * STEP);
  }

  zoom(offsets) {
    this.offsets = offsets;
    this.draw();
  }

  /** Nearer or farther about now: the spans in their order. */
  zoomBy(by) {
    const all = Object.values(SPANS);
    const span = this.offsets[1] - this.offsets[0];
    const here = all.findIndex(([back, ahead]) => (back + ahead) * HOUR >= span);
    const [back, ahead] = all[Math.min(all.length - 1, Math.max(0, (here === -1 ? all.length - 1 : here) + by))];
    this.zoom([-back * HOUR, ahead * HOUR]);
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.host;
    this.spans.forEach((button) => {
      const [back, ahead] = SPANS[button.dataset.span];
      button.setAttribute("aria-pressed", String(this.offsets[0] === -back * HOUR && this.offsets[1] === ahead * HOUR));
    });
    const window = this.window();
    [this.cursor.min, this.cursor.max] = window;
    this.cursor.value = this.pin ?? Math.floor(this.story.desk.now() / STEP) * STEP;
    if (document.activeElement !== this.goto) this.goto.value = localText(this.pin ?? this.story.desk.now(), this.zone);
    this.picture = picture(this.story, this.then, window);
    if (!this.tableHost.hidden) this.tableHost.replaceChildren(tableOf(this.story, this.picture, this.zone));
    if (width < 50 || this.host.hidden) return this.#say();
    const isNarrow = width < NARROW;
    const [left, right] = [isNarrow ? 38 : 84, width - (isNarrow ? 6 : 12)];
    this.host.style.setProperty("--left", `${left}px`);
    const lanes = lanesOf(this.story.facility, this.picture);
    const [top, bottom] = [20, height - 2];
    const middle = Math.round(top + (bottom - top) * (isNarrow ? 0.5 : Math.max(0.44, 0.66 - lanes.length * 0.035)));
    const x = scale(...window, left, right);
    this.x = x;
    this.inverse = (pixels) => window[0] + ((pixels - left) / (right - left)) * (window[1] - window[0]);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [key, value] of Object.entries({ viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": this.#summary() })) svg.setAttribute(key, value);
    const now = this.picture.moment;
    const place = { x, top, left, right };
    hatch(svg);
    add(svg, "rect", { class: "coming", x: x(now), y: top, width: Math.max(0, right - x(now)), height: bottom - top });
    this.#drawHours(svg, { ...place, bottom, middle });
    this.y = drawStrip(add(svg, "g"), { ...place, ...this.picture, bottom: middle });
    drawLanes(add(svg, "g"), lanes, { ...place, top: middle + 24, bottom, gap: isNarrow ? 4 : 6, isNarrow });
    add(svg, "line", { class: "now", x1: x(now), x2: x(now), y1: top - 4, y2: bottom });
    add(svg, "text", { class: "now-label", x: x(now), y: 12, "text-anchor": "middle" }, this.picture.isPast ? `as known ${time(now, this.zone)}` : `now ${time(now, this.zone)}`);
    this.overlay = add(svg, "g");
    this.edges = { top, bottom, left, right };
    this.host.replaceChildren(svg);
    this.place();
  }

  /** Hours and days, named between prices and schedule. */
  #drawHours(svg, { x, top, bottom, middle, left, right }) {
    const { from, to } = this.picture;
    for (const tick of timeTicks(from, to, Math.max(3, Math.floor((right - left) / 64)), this.zone)) {
      add(svg, "line", { class: tick.isDay ? "midnight" : "hour", x1: x(tick.at), x2: x(tick.at), y1: top, y2: bottom });
      const inside = Math.min(right - 16, Math.max(left + 16, x(tick.at)));
      add(svg, "text", { class: tick.isDay ? "axis day" : "axis", x: inside, y: middle + 15, "text-anchor": "middle" }, tick.label);
    }
  }

  /** Puts the cursor where it is, without drawing the rest. */
  place() {
    this.#say();
    if (!this.overlay) return;
    this.overlay.replaceChildren();
    const moment = this.hover ?? this.pin;
    if (this.dragged) {
      const [a, b] = this.dragged.map((pixels) => Math.min(this.edges.right, Math.max(this.edges.left, pixels))).sort((p, q) => p - q);
      add(this.overlay, "rect", { class: "selected", x: a, y: this.edges.top, width: b - a, height: this.edges.bottom - this.edges.top });
    }
    if (moment === null || moment < this.picture.from || moment > this.picture.to) return;
    add(this.overlay, "line", { class: "cursor", x1: this.x(moment), x2: this.x(moment), y1: this.edges.top, y2: this.edges.bottom });
    const { known, later } = this.picture;
    const holds = (step) => step.start <= moment && moment < step.end && step.value != null;
    const price = known.prices.find(holds) ?? later.prices.find(holds) ?? known.outlook.find(holds);
    if (price) add(this.overlay, "circle", { class: "cursor-dot", cx: this.x(moment), cy: this.y(price.value), r: 4 });
  }

  #say() {
    const text = this.on.words(this.hover ?? this.pin);
    if (this.readout.textContent !== text) this.readout.textContent = text;
    this.cursor.setAttribute("aria-valuetext", text);
  }

  #summary() {
    const values = this.picture.known.prices.map((price) => price.value);
    if (values.length === 0) return "No prices in this stretch.";
    const even = this.picture.even.at(-1);
    const told = (value) => value.toFixed(2);
    return `Price from ${told(Math.min(...values))} to ${told(Math.max(...values))} USD/MWh, last ${told(values.at(-1))}.${even ? ` Break-even is ${told(even.value)}.` : ""} The button Table gives all of it as a table.`;
  }

  toggleTable() {
    const isTable = this.tableHost.hidden;
    this.tableHost.hidden = !isTable;
    this.host.hidden = isTable;
    this.tableButton.setAttribute("aria-pressed", String(isTable));
    this.draw();
  }

  /** A press looks at a moment, a drag shows that stretch, and a double press shows all again. */
  #listen() {
    const at = (event) => event.clientX - this.host.getBoundingClientRect().left;
    let pressed = null;
    this.host.addEventListener("pointerdown", (event) => { pressed = event.button === 0 ? at(event) : null; });
    this.host.addEventListener("pointermove", (event) => {
      if (!this.inverse) return;
      const here = at(event);
      this.dragged = pressed !== null && event.pointerType === "mouse" && Math.abs(here - pressed) > DRAG ? [pressed, here] : null;
      const moment = this.inverse(here);
      this.hover = event.pointerType === "mouse" && moment >= this.picture.from && moment <= this.picture.to ? moment : null;
      this.place();
      this.on.look(this.hover, false);
    });
    this.host.addEventListener("pointerup", (event) => {
      const [from, to] = [pressed, at(event)];
      pressed = null;
      if (from === null || !this.inverse) return;
      const stretch = this.dragged?.map(this.inverse).sort((a, b) => a - b);
      this.dragged = null;
      if (!stretch) return this.on.look(Math.floor(this.inverse(to) / STEP) * STEP, true);
      const middle = this.window()[0] - this.offsets[0];
      if (stretch[1] - stretch[0] > HOUR / 2) this.zoom(stretch.map((moment) => Math.round((moment - middle) / STEP) * STEP));
    });
    this.host.addEventListener("dblclick", () => this.zoom([-BACK, AHEAD]));
    const gone = () => {
      pressed = this.dragged = null;
      this.hover = null;
      this.place();
      this.on.look(null, false);
    };
    this.host.addEventListener("pointerleave", gone);
    this.host.addEventListener("pointercancel", gone);
  }
}

function hatch(svg) {
  const pattern = add(add(svg, "defs"), "pattern", { id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  add(pattern, "rect", { class: "hatch-ground", width: 7, height: 7 });
  add(pattern, "line", { class: "hatch-line", x1: 0, x2: 0, y1: 0, y2: 7 });
}

function legend() {
  const keys = { price: "real time", ahead: "day ahead", forecast: "forecast, p10 to p90", even: "break-even", pays: "running pays", correction: "corrected" };
  return el("p", { class: "legend" }, Object.entries(keys).map(([kind, text]) => el("span", { class: `key ${kind}` }, text)));
}
