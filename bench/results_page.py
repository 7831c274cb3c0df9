"""docs/results.md from the results of bench/results.py."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Result = Mapping[str, Any]

BASELINES = {"heat-led": "heat-led", "always-on": "always on", "grid-only": "grid and boiler"}
CAUSES = {
    "forecast": "forecast",
    "stability": "stability rule",
    "missing_data": "missing data",
    "horizon_and_model": "horizon and quick planner",
    "together": "together",
}
_AIM_CAPTURED, AIM_REGRET = 0.85, 0.03
_CENT = 0.01
_CRISIS = 3.0

_HEAD = """# Results: what would have been saved

Written by `make results DATA=FOLDER` from recorded histories; do not edit. The market-years were played through the
plants by `vibelux backtest` ([how](backtest.md)): decided anew every hour, with what was known at that hour and nothing
else.

"""
_TAIL = """
## What this rests on

- **Plants**: `examples/study/small.toml` (200 kW engine, nothing to store heat in), `medium.toml` (1 MW, a heat buffer
  of 8 MWh), `greenhouse.toml` (1.5 MW, 20 MWh, lamps of 1.4 MW that owe 14 MWh a day), `peaks.toml` (the medium one
  with demand charges). Engines, boilers and adders are typical; none is a real site. Heat that nobody needs may be
  thrown away.
- **Demands** are stated curves, the same every year: the yearly mean of the file, heat ±60 % over the year (most in
  mid-January) and ±20 % over the day (most at 04:00), power ±20 % over the day (most at 14:00). All strategies know
  them. Real demands follow the weather and are not known.
- **Prices**: a kWh bought costs the market's price and 3.4 cents, one sold earns it less 0.3 cents. Gas is Henry Hub's
  newest daily price and 0.90 USD/MMBtu. Carbon costs nothing.
- **Always on is the baseline to beat**: with gas this cheap and power this dear an engine's kWh is nearly always worth
  making, and most of what is saved against heat-led comes from running in hours without heat demand.
- **Hours**: the histories have hourly means. Spikes are shorter, and the live service would see them in five or fifteen
  minutes. The price of the running hour is a forecast for a site that settles in real time.
- **Baselines** look at no price to run their engines. Their buffer and lamps are planned as ours are, which flatters
  them: what is compared is the running of the engines alone. Heat-led follows the heat demand of the hour: where that
  is below the engine's least heat it stands, and the buffer does not bridge it. A grower who fills the buffer by hand
  does better than this baseline.
- **Perfect foresight** is the best that was found for the year with every price known, in stretches of a week. The gap
  in brackets is what the linear relaxation of the whole year leaves open.
- **The lit greenhouse's regret** was looked into on four weeks of July 2024 at HB_HOUSTON (981 USD, 5.5 % of perfect
  foresight's cost): 619 USD are the forecast, 18 the stability rule, none is missing data, and some 370 the quick plan.
  With every price known it cost 18,278 USD, with 0.3 s of search for each plan 17,879: it burnt the lamps at half
  power over the whole photoperiod, the engine at part load for 467 hours in place of 320. Since then plans are also
  changed block by block: the same four weeks cost 17,907. Rows that older code made do not have that yet.
- **Peaks**: the engine is larger than the site's demand and never fails here. Whoever runs it all the time pays no
  demand charge either, and one outage in a month of a real site takes that month's saving away.
- **A storage** has to end as full as it began; what is more is worth nothing.
- **Left out**: the histories of SP15 (August and September 2025). Their rows mix the price with its components, and
  nothing in them says which is which.
"""
PLANTS = ("small", "medium", "greenhouse", "peaks")


def page(years: Sequence[Any], results: Sequence[Result], lacking: Sequence[str], code: str) -> str:
    """The page.

    Args:
        years: the market-years (`results.MarketYear`), in order.
        results: of those that were played.
        lacking: titles of those whose files were not there.
        code: digest of the code that decides now.
    """
    order = {year.id: at for at, year in enumerate(years)}
    found = sorted(results, key=lambda one: (order[one["year"]], PLANTS.index(one["plant"])))
    titles = {year.id: year.title for year in years}
    lines = [_HEAD, *_older(found, titles, code), *_aims(found), *_savings(found, titles), *_peaks(found, titles)]
    lines += [*_months(found, titles), *_regret(found, titles)]
    lines += [
        "\n## The market-years\n\n",
        *(f"- **{year.title}**: {year.what}.{_notes(year, found)}\n" for year in years),
    ]
    lines += [f"- {title} is left out: its files were not there.\n" for title in lacking]
    lines += [f"- Not played here: {'; '.join(gone)}.\n" for gone in [_not_played(years, found)] if gone]
    return "".join([*lines, _TAIL])


def _not_played(years: Sequence[Any], found: Sequence[Result]) -> list[str]:
    done = {(one["year"], one["plant"]) for one in found}
    lists = ((year.title, [plant for plant in PLANTS if (year.id, plant) not in done]) for year in years)
    return [f"{title} ({', '.join(plants)})" for title, plants in lists if plants]


def _usd(one: Result, strategy: str) -> float:
    return float(one["strategies"][strategy]["total_cost_usd"])


def _saved(one: Result, strategy: str) -> str:
    """USD, and as a part of that strategy's cost; who earned more than was paid has no such part."""
    usd, cost = float(one["savings_usd"][strategy]), _usd(one, strategy)
    return f"{usd:,.0f} ({usd / cost:.1%})" if cost > 0 else f"{usd:,.0f}"


def _crises(one: Result) -> list[str]:
    """Months in which a site without plan or engine paid over three times what it usually does."""
    costs = one["strategies"]["grid-only"]["cost_by_month_usd"]
    usual = statistics.median(costs.values())
    return [month for month, usd in costs.items() if usd > _CRISIS * usual]


def _usually_saved(one: Result, strategy: str) -> float:
    """Of that strategy's cost, months of crisis left out."""
    own, theirs = (one["strategies"][name]["cost_by_month_usd"] for name in ("vibelux", strategy))
    months = set(own) - set(_crises(one))
    cost = sum(theirs[month] for month in months)
    return float((cost - sum(own[month] for month in months)) / cost)


def regret_share(one: Result) -> float:
    """The regret, as a part of perfect foresight's cost."""
    return float(one["regret_usd"]) / abs(_usd(one, "perfect-foresight"))


def _captured(one: Result) -> float:
    """Of what foresight would have saved against heat-led."""
    return float(one["savings_usd"]["heat-led"]) / (_usd(one, "heat-led") - _usd(one, "perfect-foresight"))


def _older(found: Sequence[Result], titles: Mapping[str, str], code: str) -> Iterator[str]:
    """Which results the code that is there now did not make."""
    old = [one for one in found if one.get("code") != code]
    if not old:
        yield f"All figures are of the code that is here (dispatch, outlook and backtest, digest `{code}`).\n\n"
        return
    lists = {year: [one["plant"] for one in old if one["year"] == year] for year in titles}
    told = "; ".join(f"{titles[year]} ({', '.join(plants)})" for year, plants in lists.items() if plants)
    yield f"**Of an older planner**, and not played again with the one that is here: {told}.\n\n"


def _aims(found: Sequence[Result]) -> Iterator[str]:
    met = {
        "at least 85 % of what perfect foresight would have saved against heat-led": [
            one for one in found if _captured(one) >= _AIM_CAPTURED
        ],
        "regret under 3 % of perfect foresight's cost": [one for one in found if regret_share(one) < AIM_REGRET],
        "never dearer than heat-led over the year": [one for one in found if one["savings_usd"]["heat-led"] >= 0],
    }
    for name, told in BASELINES.items():
        saved = sorted(_usually_saved(one, name) for one in found)
        yield f"- Against {told}, vibelux saves {saved[0]:.1%} to {saved[-1]:.1%} of a year's cost.\n"
    yield "\nMonths of crisis are left out of these three. The promise was 5 to 15 %.\n\n"
    yield "| aim | met in |\n| --- | --- |\n"
    yield from (f"| {aim} | {len(ones)} of {len(found)} |\n" for aim, ones in met.items())


def _savings(found: Sequence[Result], titles: Mapping[str, str]) -> Iterator[str]:
    yield "\n## A year, USD\n"
    for year in dict.fromkeys(one["year"] for one in found):
        yield f"\n### {titles[year]}\n\n"
        own = [one for one in found if one["year"] == year]
        yield _row(["", *(one["plant"] for one in own)])
        yield _row(["---"] * (len(own) + 1))
        for name, told in BASELINES.items():
            yield _row([told, *(f"{_usd(one, name):,.0f}" for one in own)])
        yield _row(["**vibelux**", *(f"**{_usd(one, 'vibelux'):,.0f}**" for one in own)])
        yield _row(["perfect foresight (gap)", *(_perfect(one) for one in own)])
        for name, told in BASELINES.items():
            yield _row(
                [
                    f"saved against {told}",
                    *(_saved(one, name) for one in own),
                ]
            )
        crises = list(dict.fromkeys(month for one in own for month in _crises(one)))
        if crises:
            without = (f"{_usually_saved(one, 'heat-led'):.1%}" for one in own)
            yield _row([f"saved against heat-led without {', '.join(crises)}", *without])
        yield _row(["regret", *(f"{one['regret_usd']:,.0f} ({regret_share(one):.1%})" for one in own)])
        yield _row(["of foresight's saving against heat-led", *(f"{_captured(one):.0%}" for one in own)])


def _perfect(one: Result) -> str:
    gap = one["strategies"]["perfect-foresight"].get("gap")
    return f"{_usd(one, 'perfect-foresight'):,.0f}" + ("" if gap is None else f" ({gap:.1%})")


def _peaks(found: Sequence[Result], titles: Mapping[str, str]) -> Iterator[str]:
    for one in found:
        own = one["strategies"]["vibelux"]["demand_charges_usd"]
        if not own:
            continue
        yield f"\n## Demand charges by month: {titles[one['year']]}, USD\n\n"
        names = [*BASELINES, "vibelux", "perfect-foresight"]
        yield _row(["month", "charge", *names, "saved against heat-led"])
        yield _row(["---"] * (len(names) + 3))
        for month, charges in own.items():
            for charge, usd in charges.items():
                paid = {name: one["strategies"][name]["demand_charges_usd"][month][charge] for name in names}
                saved = paid["heat-led"] - usd
                yield _row([month, charge, *(f"{value:,.0f}" for value in paid.values()), f"{saved:,.0f}"])
        totals = {name: one["strategies"][name]["cost"]["demand_charge"] for name in names}
        share = (totals["heat-led"] - totals["vibelux"]) / totals["heat-led"]
        yield _row(["**year**", "", *(f"**{value:,.0f}**" for value in totals.values()), f"**{share:.1%}**"])


def _months(found: Sequence[Result], titles: Mapping[str, str]) -> Iterator[str]:
    yield "\n## Months in which we lose\n\n"
    lost = list(_lost(found, titles))
    yield (
        "Against the same month of a baseline; what a storage carried over the end of a month is in these figures.\n\n"
        if lost
        else "None.\n"
    )
    if lost:
        yield _row(["market-year", "plant", "against", "months, USD lost"])
        yield _row(["---"] * 4)
        yield from lost


def _lost(found: Sequence[Result], titles: Mapping[str, str]) -> Iterator[str]:
    for one in found:
        own = one["strategies"]["vibelux"]["cost_by_month_usd"]
        for name, told in BASELINES.items():
            theirs = one["strategies"][name]["cost_by_month_usd"]
            months = {month: own[month] - theirs[month] for month in own if own[month] - theirs[month] >= _CENT}
            if months:
                said = ", ".join(f"{month} {usd:,.2f}" for month, usd in months.items())
                yield _row([titles[one["year"]], one["plant"], told, said])


def _regret(found: Sequence[Result], titles: Mapping[str, str]) -> Iterator[str]:
    split = [one for one in found if "regret_parts_usd" in one]
    if not split:
        return
    yield "\n## Regret by cause, USD\n\nWhere it is above the aim; each from a run without that cause.\n\n"
    yield _row(["market-year", "plant", "regret", *CAUSES.values()])
    yield _row(["---"] * (len(CAUSES) + 3))
    for one in split:
        parts = (f"{one['regret_parts_usd'][name]:,.0f}" for name in CAUSES)
        yield _row([titles[one["year"]], one["plant"], f"{one['regret_usd']:,.0f}", *parts])


def _notes(year: Any, found: Sequence[Result]) -> str:
    told = dict.fromkeys(note for one in found if one["year"] == year.id for note in one["notes"])
    return "".join(f" {note}" for note in told)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
