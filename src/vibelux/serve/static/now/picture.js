// From what is known to what is drawn: the series of the timeline in a window, now or as it stood at a moment.

const NOTHING = { prices: [], ahead: [], outlook: [] };

/** @param then what `Story.at` answered, or null for now */
export function picture(story, then, [from, to]) {
  const within = (step) => step.end > from && step.start < to;
  const cut = (step) => ({ ...step, start: Math.max(step.start, from), end: Math.min(step.end, to) });
  const series = (steps) => [...steps].filter(within).sort((a, b) => a.start - b.start).map(cut);
  const whole = { prices: series(story.prices.values()), ahead: series(story.ahead.values()), outlook: then ? [] : series(story.outlook) };
  const known = then ? { prices: series(then.prices), ahead: series(then.ahead), outlook: series(then.outlook) } : whole;
  const moment = then?.moment ?? story.desk.now();
  const later = then ? { ...whole, prices: whole.prices.filter((step) => step.end > moment) } : NOTHING;

  const all = series(decided(story));
  const plan = then ? then.plan : (story.plan?.rows ?? []);
  const planned = series(plan.filter((row) => row.end > moment)).map((row) => ({ ...row, start: Math.max(row.start, moment) }));
  const past = all.filter((step) => step.start <= moment).map((step) => ({ ...step, end: Math.min(step.end, moment) }));
  const came = all.filter((step) => step.end > moment).map((step) => ({ ...step, start: Math.max(step.start, moment) }));
  const evens = past.filter((step) => step.even != null).map((step) => ({ start: step.start, end: step.end, value: step.even }));
  const here = evens.filter((step) => step.start <= moment);
  const current = past.at(-1)?.even == null ? null : here.at(-1);
  const even = current && Math.abs(current.end - moment) < 3_600_000 ? [...here.slice(0, -1), { ...current, end: to }] : here;
  const corrections = story.corrections().filter((one) => within(one) && one.end <= moment);
  return { from, to, moment, isPast: then !== null, known, later, even, past, planned, came, corrections, done: series(done(story)), paying: [...paid(known.prices, here), ...runs(planned)] };
}

/** What was decided, a step a decision, in the form of the plan's rows. */
function decided(story) {
  return story.decisions.map(({ at, answer: { decision, marketConditions } }, i) => ({
    ...decision,
    start: at,
    end: story.endOf(i),
    heatDemandKw: decision.basis?.demand?.heatKw,
    even: decision.breakEvenGridPrice == null ? null : decision.breakEvenGridPrice * 1000,
    price: marketConditions.gridPrice,
  }));
}

/** What the site reported, from one report to the next. */
function done(story) {
  const reports = new Map(story.decisions.map(({ answer }) => answer.operations).filter(Boolean).map((report) => [Date.parse(report.timestamp), report]));
  const moments = [...reports.keys()].sort((a, b) => a - b);
  return moments.map((start, i) => ({ ...reports.get(start), start, end: moments[i + 1] ?? story.desk.now() }));
}

/** Where the price was above the break-even of its time. */
function paid(prices, evens) {
  const stretches = [];
  let place = 0;
  for (const price of prices) {
    while (place < evens.length && evens[place].end <= price.start) place += 1;
    const even = evens[place];
    if (even && even.start < price.end && price.value > even.value) join(stretches, price);
  }
  return stretches;
}

/** Where the plan lets an engine run. */
function runs(planned) {
  const stretches = [];
  for (const row of planned) if (row.units.some((unit) => unit.on)) join(stretches, row);
  return stretches;
}

function join(stretches, { start, end }) {
  const last = stretches.at(-1);
  if (last && Math.abs(last.end - start) < 1000) last.end = end;
  else stretches.push({ start, end });
}
