// The price as steps, the break-even as a line, and the stretches in which running was worth it.

import { hour, number } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const EDGE = { top: 12, right: 58, bottom: 40, left: 46 };
const RIBBON = 8;

/** Draws into `host`; returns a function that puts the cursor on an interval. */
export function drawChart(host, { prices, breakEven, runs, timeZone }) {
  const width = host.clientWidth;
  const height = host.clientHeight;
  host.replaceChildren();
  if (width < 50 || prices.length === 0) return () => {};
  const svg = add(host, "svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
  const x = scale(prices[0].start, prices.at(-1).end, EDGE.left, width - EDGE.right);
  const values = prices.map((price) => price.value).concat(breakEven ?? []);
  const ticks = niceTicks(Math.min(0, ...values), Math.max(...values), height < 220 ? 4 : 6);
  const y = scale(ticks[0], ticks.at(-1), height - EDGE.bottom, EDGE.top);

  add(svg, "title").textContent = summary(prices, breakEven);
  worthPattern(svg);
  for (const tick of ticks) {
    add(svg, "line", { class: tick === 0 ? "zero" : "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(tick), y2: y(tick) });
    add(svg, "text", { class: "axis", x: EDGE.left - 8, y: y(tick) + 4, "text-anchor": "end" }).textContent = number(tick, 0);
  }
  for (const moment of hours(prices[0].start, prices.at(-1).end, width)) {
    add(svg, "text", { class: "axis", x: x(moment), y: height - 8, "text-anchor": "middle" }).textContent = hour(moment, timeZone);
  }
  if (breakEven != null) {
    for (const price of prices.filter((one) => one.value > breakEven)) {
      const top = y(price.value);
      add(svg, "rect", { fill: "url(#worth-hatch)", x: x(price.start), y: top, width: x(price.end) - x(price.start), height: y(breakEven) - top });
    }
  }
  add(svg, "path", { class: "price", d: steps(prices, x, y) });
  const last = prices.at(-1);
  const labels = [{ class: "price-label", value: last.value }];
  if (breakEven != null) {
    add(svg, "line", { class: "even", x1: EDGE.left, x2: width - EDGE.right, y1: y(breakEven), y2: y(breakEven) });
    labels.push({ class: "even-label", value: breakEven });
  }
  placeLabels(svg, labels, y, width - EDGE.right + 6);
  ribbon(svg, runs, x, height - EDGE.bottom + 5, prices);
  return cursor(svg, prices, x, y, height);
}

function summary(prices, breakEven) {
  const values = prices.map((price) => price.value);
  const even = breakEven == null ? "" : ` Break-even is ${number(breakEven, 2)}.`;
  return `Price from ${number(Math.min(...values), 2)} to ${number(Math.max(...values), 2)} USD/MWh, last ${number(values.at(-1), 2)}.${even}`;
}

function worthPattern(svg) {
  const pattern = add(add(svg, "defs"), "pattern", {
    id: "worth-hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)",
  });
  add(pattern, "rect", { class: "hatch-ground", width: 6, height: 6 });
  add(pattern, "line", { class: "hatch-line", x1: 0, x2: 0, y1: 0, y2: 6 });
}

function steps(prices, x, y) {
  let path = "";
  let end = null;
  for (const price of prices) {
    const joined = end !== null && price.start <= end;
    path += `${joined ? "L" : "M"}${x(price.start)} ${y(price.value)}H${x(price.end)}`;
    end = price.end;
  }
  return path;
}

function placeLabels(svg, labels, y, left) {
  const placed = labels.map((label) => ({ ...label, at: y(label.value) + 4 })).sort((a, b) => a.at - b.at);
  for (let i = 1; i < placed.length; i += 1) placed[i].at = Math.max(placed[i].at, placed[i - 1].at + 15);
  for (const label of placed) add(svg, "text", { class: label.class, x: left, y: label.at }).textContent = number(label.value, 2);
}

function ribbon(svg, runs, x, top, prices) {
  const first = prices[0].start;
  const last = prices.at(-1).end;
  for (const run of runs) {
    const from = x(Math.max(run.start, first));
    const to = x(Math.min(run.end, last));
    if (to > from) add(svg, "rect", { class: run.on ? "ran" : "stood", x: from, y: run.on ? top : top + RIBBON - 2, width: to - from, height: run.on ? RIBBON : 2 });
  }
}

function cursor(svg, prices, x, y, height) {
  const line = add(svg, "line", { class: "cursor", y1: EDGE.top, y2: height - EDGE.bottom });
  const dot = add(svg, "circle", { class: "cursor-dot", r: 4 });
  return (index) => {
    const price = prices[index];
    const middle = (x(price.start) + x(price.end)) / 2;
    line.setAttribute("x1", middle);
    line.setAttribute("x2", middle);
    dot.setAttribute("cx", middle);
    dot.setAttribute("cy", y(price.value));
  };
}

function hours(start, end, width) {
  const most = Math.max(2, Math.floor(width / 90));
  const every = [1, 2, 3, 4, 6, 12].map((n) => n * 3_600_000).find((step) => (end - start) / step <= most) ?? 86_400_000;
  const moments = [];
  for (let moment = Math.ceil(start / every) * every; moment <= end; moment += every) moments.push(moment);
  return moments;
}

function niceTicks(low, high, most) {
  const span = Math.max(high - low, 1);
  const rough = span / most;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= rough);
  const ticks = [];
  for (let tick = Math.floor(low / step); tick * step < high + step; tick += 1) ticks.push(tick * step);
  return ticks;
}

function scale(from, to, low, high) {
  const factor = (high - low) / Math.max(to - from, 1e-9);
  return (value) => Math.round((low + (value - from) * factor) * 10) / 10;
}

function add(parent, name, attributes = {}) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return parent.appendChild(element);
}
