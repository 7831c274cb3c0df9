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

/** An age in seconds, as long as a person needs it. */
export function age(seconds) {
  if (seconds == null) return "no data";
  if (seconds < 120) return `${Math.floor(seconds)} s old`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min old`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h old`;
  return `${Math.floor(seconds / 86400)} days old`;
}

/** Market time of a moment with its offset, so that the two autumn hours differ. */
export function time(moment, timeZone, withSeconds = false) {
  const parts = partsOf(moment, timeZone, { hour: "2-digit", minute: "2-digit", second: withSeconds ? "2-digit" : undefined });
  const clock = [parts.hour, parts.minute, parts.second].filter(Boolean).join(":");
  return `${clock} ${offset(parts)}`;
}

/** Only hour and minute, for axes. */
export function hour(moment, timeZone) {
  const parts = partsOf(moment, timeZone, { hour: "2-digit", minute: "2-digit" });
  return `${parts.hour}:${parts.minute}`;
}

/** Day, time and offset. */
export function dayAndTime(moment, timeZone) {
  const parts = partsOf(moment, timeZone, { day: "numeric", month: "short", weekday: "short" });
  return `${parts.weekday} ${parts.day} ${parts.month}, ${time(moment, timeZone, true)}`;
}

function partsOf(moment, timeZone, wanted) {
  const format = new Intl.DateTimeFormat("en-US", { ...wanted, timeZone, hourCycle: "h23", timeZoneName: "longOffset" });
  return Object.fromEntries(format.formatToParts(moment).map((part) => [part.type, part.value]));
}

function offset(parts) {
  const text = parts.timeZoneName.replace("GMT", "");
  return text === "" ? "UTC" : text.replace("-", "−");
}
