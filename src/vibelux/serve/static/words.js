// Figures and times in words: USD/MWh for people, market time with its offset, ages.

const DASH = "–";

/** A market price in USD/kWh as USD/MWh. */
export function perMwh(usdPerKwh) {
  return usdPerKwh == null ? DASH : number(usdPerKwh * 1000, 2);
}

/** A number with fixed decimals and a true minus sign. */
export function number(value, decimals) {
  if (value == null) return DASH;
  const text = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return value < 0 && Number(value.toFixed(decimals)) !== 0 ? `−${text}` : text;
}

/** Kilowatts, from a megawatt on in MW. */
export function power(kw) {
  if (kw == null) return DASH;
  return kw >= 1000 ? `${number(kw / 1000, 2)} MW` : `${number(kw, 0)} kW`;
}

/** A length of time in seconds, as long as a person needs it. */
export function span(seconds) {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
}

/** An age in seconds; 0 has what holds until now, or is known ahead. */
export function age(seconds) {
  if (seconds === 0) return "current";
  return seconds == null ? "no data" : `${span(seconds)} old`;
}

/** Market time of a moment with its offset, so that the two autumn hours differ. */
export function time(moment, timeZone, withSeconds = false) {
  const parts = partsOf(moment, timeZone, { hour: "2-digit", minute: "2-digit", second: withSeconds ? "2-digit" : undefined });
  const clock = [parts.hour, parts.minute, parts.second].filter(Boolean).join(":");
  return `${clock} ${offset(parts)}`;
}

/** Only hour and minute, for axes; of the hour that autumn repeats the first is A and the second B. */
export function hour(moment, timeZone) {
  const read = (at) => {
    const parts = partsOf(at, timeZone, { hour: "2-digit", minute: "2-digit" });
    return `${parts.hour}:${parts.minute}`;
  };
  const text = read(moment);
  if (read(moment + 3_600_000) === text) return `${text}A`;
  return read(moment - 3_600_000) === text ? `${text}B` : text;
}

/** Weekday and day, for axes. */
export function day(moment, timeZone) {
  const parts = partsOf(moment, timeZone, { day: "numeric", month: "short", weekday: "short" });
  return `${parts.weekday} ${parts.day} ${parts.month}`;
}

/** What a zone's clocks show, as `2026-07-14T13:05`. */
export function localText(moment, timeZone) {
  const parts = partsOf(moment, timeZone, { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}`;
}

/** The moment that a zone's clocks show as `2026-07-14T13:05`; of two in autumn the first. */
export function momentOf(text, timeZone) {
  const asUtc = Date.parse(`${text}Z`);
  const offsetAt = (moment) => Date.parse(`1970-01-01T00:00:00${partsOf(moment, timeZone, {}).timeZoneName.replace("GMT", "") || "Z"}`);
  const first = asUtc + offsetAt(asUtc - 43_200_000);
  return asUtc + offsetAt(first);
}

/** Day, time and offset. */
export function dayAndTime(moment, timeZone, withSeconds = true) {
  return `${day(moment, timeZone)}, ${time(moment, timeZone, withSeconds)}`;
}

const formats = new Map();

function partsOf(moment, timeZone, wanted) {
  const key = JSON.stringify([timeZone, wanted]);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat("en-US", { ...wanted, timeZone, hourCycle: "h23", timeZoneName: "longOffset" }));
  const format = formats.get(key);
  return Object.fromEntries(format.formatToParts(moment).map((part) => [part.type, part.value]));
}

function offset(parts) {
  const text = parts.timeZoneName.replace("GMT", "");
  return text === "" ? "UTC" : text.replace("-", "−");
}
