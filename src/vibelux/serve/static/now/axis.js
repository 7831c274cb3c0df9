// Scales, ticks and SVG elements of the timeline.

import { day, hour } from "../words.js";

const SVG = "http://www.w3.org/2000/svg";
export const HOUR = 3_600_000;

/** An SVG element, put into its parent. */
export function add(parent, name, attributes = {}, text = null) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== null) element.textContent = text;
  return parent.appendChild(element);
}

/** From values to pixels, with a tenth of a pixel. */
export function scale(from, to, low, high) {
  const factor = (high - low) / Math.max(to - from, 1e-9);
  return (value) => Math.round((low + (value - from) * factor) * 10) / 10;
}

/** Round values that enclose a range, `most` at most. */
export function niceTicks(low, high, most) {
  const rough = Math.max(high - low, 1) / most;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= rough);
  const ticks = [];
  for (let tick = Math.floor(low / step); tick * step < high + step; tick += 1) ticks.push(tick * step);
  return ticks;
}

/** Whole hours of the market's own day in [from, to]: `at`, `label`, and whether a day begins. */
export function timeTicks(from, to, most, timeZone) {
  const every = [1, 2, 3, 4, 6, 12, 24].find((hours) => (to - from) / (hours * HOUR) <= most) ?? 24;
  const ticks = [];
  for (let at = Math.ceil(from / HOUR) * HOUR; at <= to; at += HOUR) {
    const local = Number(hour(at, timeZone).slice(0, 2));
    if (local % every !== 0) continue;
    const isDay = local === 0;
    ticks.push({ at, isDay, label: isDay ? day(at, timeZone) : hour(at, timeZone) });
  }
  return ticks;
}

/** A path of level steps; it breaks where one does not begin where another ended. */
export function stepPath(steps, x, y) {
  let path = "";
  let end = null;
  for (const step of steps) {
    path += `${end !== null && Math.abs(step.start - end) < 1000 ? "L" : "M"}${x(step.start)} ${y(step.value)}H${x(step.end)}`;
    end = step.end;
  }
  return path;
}

/** A band between two values of each step, as one path of closed pieces. */
export function bandPath(steps, x, y, low, high) {
  return steps.map((step) => `M${x(step.start)} ${y(low(step))}V${y(high(step))}H${x(step.end)}V${y(low(step))}Z`).join("");
}
