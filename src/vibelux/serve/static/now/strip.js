// The price strip: real time as steps, day ahead as a line, the forecast as a band, and the plant's own break-even.

import { add, bandPath, niceTicks, scale, stepPath } from "./axis.js";
import { number } from "../words.js";

const REACH = 0.35; // a break-even farther off than this part of the prices' own range is told at the edge

/**
 * Draws into `group`; answers the scale of prices.
 *
 * `known` and `later`: { prices, ahead, outlook }; `later` is what came after the moment that is looked at.
 * `even`: steps of the break-even; `paying`: stretches in which running pays; `corrections`: prices that were replaced.
 */
export function drawStrip(group, { x, top, bottom, left, right, known, later, even, paying, corrections }) {
  const lines = [known, later].flatMap((one) => [one.prices, one.ahead, one.outlook].flat());
  const values = lines.flatMap((step) => [step.value, step.low, step.high]).filter((value) => value != null);
  const [low, high] = reach(values, even.map((step) => step.value));
  const ticks = niceTicks(low, high, Math.max(3, Math.floor((bottom - top) / 44)));
  const y = scale(ticks[0], ticks.at(-1), bottom, top);
  const within = (value) => Math.min(ticks.at(-1), Math.max(ticks[0], value));

  for (const tick of ticks) {
    add(group, "line", { class: tick === 0 ? "zero" : "grid", x1: left, x2: right, y1: y(tick), y2: y(tick) });
    add(group, "text", { class: "axis", x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, number(tick, 0));
  }
  for (const stretch of paying) {
    add(group, "rect", { class: "pays", x: x(stretch.start), y: top, width: Math.max(0, x(stretch.end) - x(stretch.start)), height: bottom - top });
    add(group, "line", { class: "pays-mark", x1: x(stretch.start), x2: x(stretch.end), y1: bottom - 1.5, y2: bottom - 1.5 });
  }
  const banded = known.outlook.filter((step) => step.low != null);
  add(group, "path", { class: "band", d: bandPath(banded, x, y, (step) => step.low, (step) => step.high) });
  add(group, "path", { class: "price later", d: stepPath(later.prices, x, y) });
  add(group, "path", { class: "ahead later", d: stepPath(later.ahead, x, y) });
  add(group, "path", { class: "ahead", d: stepPath(known.ahead, x, y) });
  const guessed = known.outlook.filter((step) => step.value != null && (step.kind === "forecast" || step.kind === "advisory"));
  add(group, "path", { class: "forecast", d: stepPath(guessed, x, y) });
  add(group, "path", { class: "even", d: stepPath(even.map((step) => ({ ...step, value: within(step.value) })), x, y) });
  add(group, "path", { class: "price", d: stepPath(known.prices, x, y) });
  for (const one of corrections) {
    const middle = (x(one.start) + x(one.end)) / 2;
    const mark = add(group, "path", { class: "correction", d: `M${middle} ${y(one.value) - 3}l-4 -8h8z` });
    add(mark, "title", {}, `corrected from ${number(one.was, 2)} to ${number(one.value, 2)} USD/MWh`);
  }
  const last = even.at(-1);
  if (last && x(last.end) >= right) labelEven(group, last, y(within(last.value)), right, { top, bottom, off: last.value - within(last.value) });
  return y;
}

/** The range that is drawn: all prices, and the break-even where it is not far away. */
function reach(values, evens) {
  if (values.length === 0) return evens.length ? [Math.min(0, ...evens), Math.max(10, ...evens)] : [0, 100];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max(high - low, 10) * REACH;
  const near = evens.filter((value) => value > low - room && value < high + room);
  return [Math.min(low, ...near), Math.max(high, ...near)];
}

function labelEven(group, step, at, right, { top, bottom, off }) {
  const arrow = off > 0 ? " ↑" : off < 0 ? " ↓" : "";
  const y = Math.min(bottom - 6, Math.max(top + 14, at - 6));
  add(group, "text", { class: "even-label", x: right - 4, y, "text-anchor": "end" }, `break-even ${number(step.value, 2)}${arrow}`);
}
