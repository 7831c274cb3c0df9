// The schedule under the prices, a lane a thing: what was decided and done, and what is planned.

import { add, scale, stepPath } from "./axis.js";
import { power } from "../words.js";

const HOUR = 3_600_000;

/**
 * The lanes that a facility has, filled from a picture's decisions (behind its moment) and plan (ahead of it). Of a
 * moment of the past, what was decided later (`came`) is a line over what was then planned.
 *
 * A lane: `title`, `max` and `min` of its scale, `unit`, `bars` (pairs of a tone and steps, drawn from 0), `lines`
 * (pairs of a class and steps) and `limits` (levels that are drawn across).
 */
export function lanesOf(facility, { past, planned, came, done, isPast }) {
  const read = (steps, value) => merged(steps.map((step) => ({ start: step.start, end: step.end, value: value(step) ?? null })).filter((step) => step.value !== null));
  const of = (value) => read([...past, ...planned], value);
  const later = (value) => ["came", isPast ? read(came, value) : []];
  const lanes = (facility.chp ?? []).map((engine) => {
    const mine = (step) => step.units?.find((unit) => unit.id === engine.id)?.powerKw;
    return { title: engine.id, unit: power, min: 0, max: engine.rated_kw, bars: [["engine", of(mine)]], lines: [["done", read(done, mine)], later(mine)], limits: [] };
  });
  const boiler = (facility.boiler ?? []).length > 0;
  const heat = (step) => (step.units ?? []).reduce((sum, unit) => sum + (unit.heatKw ?? 0), 0);
  const [fromEngines, fromBoiler, demand] = [of(heat), of((step) => heat(step) + (step.boilerKw ?? 0)), of((step) => step.heatDemandKw)];
  const heatMax = Math.max(1, ...fromBoiler.map((step) => step.value), ...demand.map((step) => step.value));
  lanes.push({ title: "heat", unit: power, min: 0, max: heatMax, bars: [...(boiler ? [["boiler", fromBoiler]] : []), ["heat", fromEngines]], lines: [["demand", demand]], limits: [] });
  const flow = (step) => (step.gridImportKw == null ? null : step.gridImportKw - step.gridExportKw);
  const net = of(flow);
  const most = Math.max(1, ...net.map((step) => Math.abs(step.value)));
  lanes.push({ title: "grid", unit: signed, min: -most, max: most, bars: [["import", net.filter((step) => step.value >= 0)], ["export", net.filter((step) => step.value < 0)]], lines: [later(flow)], limits: [] });
  for (const [key, title, level] of [["heat_storage", "heat store", "storageKwh"], ["battery", "battery", "batteryKwh"]]) {
    const store = facility[key];
    if (store) lanes.push({ title, unit: energy, min: 0, max: store.capacity_kwh, bars: [["store", of((step) => step[level])]], lines: [later((step) => step[level])], limits: [store.capacity_kwh, store.min_kwh ?? 0] });
  }
  const lamps = (facility.lights ?? []).reduce((sum, one) => sum + one.max_kw, 0);
  if (lamps > 0) lanes.push({ title: "lights", unit: power, min: 0, max: lamps, bars: [["lights", of((step) => step.lightingKw)]], lines: [later((step) => step.lightingKw)], limits: [] });
  if (facility.co2) {
    const dosed = of((step) => (step.co2LiquidKg == null ? null : ((step.co2LiquidKg + step.co2ExhaustKg) * HOUR) / (step.end - step.start)));
    lanes.push({ title: "CO2", unit: (value) => `${Math.round(value)} kg/h`, min: 0, max: Math.max(1, ...dosed.map((step) => step.value)), bars: [["carbon", dosed]], lines: [], limits: [] });
  }
  return lanes;
}

/** Draws the lanes between `top` and `bottom`. */
export function drawLanes(group, lanes, { x, top, bottom, left, right, gap, isNarrow }) {
  const each = (bottom - top + gap) / lanes.length;
  lanes.forEach((lane, index) => {
    const high = top + index * each;
    const low = high + each - gap;
    const y = scale(lane.min, lane.max, low, high);
    add(group, "rect", { class: "lane", x: left, y: high, width: right - left, height: low - high });
    for (const [tone, steps] of lane.bars) add(group, "path", { class: `bar ${tone}`, d: bars(steps, x, y) });
    for (const limit of lane.limits) add(group, "line", { class: "limit", x1: left, x2: right, y1: y(limit), y2: y(limit) });
    for (const [tone, steps] of lane.lines) add(group, "path", { class: `curve ${tone}`, d: stepPath(steps, x, y) });
    if (lane.min < 0) add(group, "line", { class: "zero", x1: left, x2: right, y1: y(0), y2: y(0) });
    const middle = (high + low) / 2;
    const title = isNarrow ? { x: left + 4, y: high + 11 } : { x: left - 8, y: middle + (each > 34 ? -1 : 4), "text-anchor": "end" };
    add(group, "text", { class: "lane-title", ...title }, lane.title);
    if (!isNarrow && each > 34) add(group, "text", { class: "axis small", x: left - 8, y: middle + 12, "text-anchor": "end" }, lane.min < 0 ? `±${power(lane.max)}` : lane.unit(lane.max));
  });
}

function bars(steps, x, y) {
  return steps.filter((step) => step.value !== 0).map((step) => `M${x(step.start)} ${y(0)}V${y(step.value)}H${x(step.end)}V${y(0)}Z`).join("");
}

/** Steps of one value that follow one another, as one. */
function merged(steps) {
  const found = [];
  for (const step of steps) {
    const last = found.at(-1);
    if (last && last.value === step.value && Math.abs(last.end - step.start) < 1000) last.end = step.end;
    else found.push({ start: step.start, end: step.end, value: step.value });
  }
  return found;
}

function signed(kw) {
  return kw < 0 ? `${power(-kw)} out` : `${power(kw)} in`;
}

function energy(kwh) {
  return kwh >= 1000 ? `${(kwh / 1000).toFixed(1)} MWh` : `${Math.round(kwh)} kWh`;
}
