"""The report of a backtest: one page with its tables and plots."""

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np

from vibelux.backtest.accounts import Account
from vibelux.backtest.charts import COLOURS, Curve, bars, lines, waterfall
from vibelux.backtest.strategies import ALWAYS_ON, GRID_ONLY, HEAT_LED, PERFECT, STATIC_THRESHOLD, STRATEGIES, VIBELUX
from vibelux.backtest.study import Outcome
from vibelux.backtest.window import moment
from vibelux.dispatch.document import Array
from vibelux.market.intervals import zone
from vibelux.market.units import MWH_PER_KWH
from vibelux.outlook.past import DAY

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1d2330 }}
svg {{ width: 100%; height: auto; display: block }} text {{ font-size: 12px; fill: #4a5264 }}
h2 {{ font-size: 1.15rem; margin: 2rem 0 .4rem }} figure {{ margin: 1rem 0 1.6rem }} figcaption {{ font-weight: 600 }}
.key {{ display: inline-block; margin-right: 1rem }}
.key i {{ display: inline-block; width: 1.2em; height: .25em; margin-right: .4em; vertical-align: middle }}
table {{ border-collapse: collapse; width: 100% }} th, td {{ padding: .2rem .8rem .2rem 0; text-align: right }}
th:first-child, td:first-child {{ text-align: left }} tr + tr {{ border-top: 1px solid #dde1e8 }}
</style></head><body><h1>{title}</h1>{body}</body></html>
"""
_WEEK = 7 * DAY
_REFERENCES = (HEAT_LED, GRID_ONLY, ALWAYS_ON, STATIC_THRESHOLD)
"""What savings are shown against: the first of these that was run."""


def page(outcome: Outcome) -> str:
    """The whole page, with nothing to be fetched."""
    told = outcome.as_json()
    window = outcome.study.window
    title = f"Backtest of {window.facility.name or window.facility.id}"
    return _PAGE.format(title=escape(title), body="".join(_parts(outcome, told)))


def _parts(outcome: Outcome, told: dict[str, Any]) -> Iterator[str]:
    window = outcome.study.window
    yield (
        f"<p>{escape(told['node'])}, {escape(told['market'])}, {told['from']} to {told['to']}: {told['steps']} steps "
        f"of {told['step_minutes']} minutes. Every strategy saw only what was known at each moment"
        f"{', but perfect foresight' if PERFECT in outcome.accounts else ''}; all were settled at what came.</p>"
    )
    yield _summary(outcome, told)
    yield "".join(f"<p>{escape(note)}</p>" for note in told["notes"])
    own = outcome.accounts.get(VIBELUX)
    against = next((outcome.accounts[name] for name in _REFERENCES if name in outcome.accounts), None)
    if own is not None and against is not None:
        yield "<h2>Savings</h2>"
        yield _savings(against, own)
    yield "<h2>Cost by month</h2>"
    yield _months(outcome, told)
    if outcome.case.demand_charges:
        yield "<h2>Demand charges</h2>"
        yield _demand_charges(told)
    if own is not None and PERFECT in outcome.accounts:
        yield "<h2>Regret</h2>"
        yield _regret(outcome, told)
    yield "<h2>Prices</h2>"
    yield lines(
        f"Settled price at {told['node']}, USD/MWh",
        [Curve("price", window.settled / MWH_PER_KWH, COLOURS[0])],
        lambda share: _date(outcome, window.start + share * (window.end - window.start)),
    )
    yield "<h2>Duration curves</h2>"
    yield from _durations(outcome)
    if own is not None and against is not None:
        yield from _weeks(outcome, own, against)
    yield "<h2>Assumptions</h2>"
    yield _assumptions(told)


def _summary(outcome: Outcome, told: dict[str, Any]) -> str:
    heads = ("strategy", "USD", "vibelux saves", "share", "CHP hours", "starts", "highest kW", "t CO2")
    rows = ""
    for name, one in told["strategies"].items():
        saves = told["savings_usd"].get(name)
        share = "" if saves is None or not one["total_cost_usd"] else f"{saves / one['total_cost_usd']:.1%}"
        cells = (
            f"{one['total_cost_usd']:,.2f}", "" if saves is None else f"{saves:,.2f}", share,
            f"{one['run_hours']:,.0f}", str(one["starts"]), f"{max(one['peak_kw'].values()):,.0f}",
            f"{one['co2_kg'] * MWH_PER_KWH:,.1f}",
        )  # fmt: skip
        rows += f"<tr><td>{escape(name)}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    names = list(told["strategies"])
    costs = np.array([told["strategies"][name]["total_cost_usd"] for name in names])
    head = "".join(f"<th>{text}</th>" for text in heads)
    return f"<table><tr>{head}</tr>{rows}</table>" + bars("Total cost, USD", names, [Curve("cost", costs, COLOURS[0])])


def _savings(against: Account, own: Account) -> str:
    parts = [
        (name.replace("_", " "), own.found.cost[name] - usd)
        for name, usd in against.found.cost.items()
        if abs(own.found.cost[name] - usd) >= 0.005
    ]
    title = f"From {against.name} to {own.name}, USD by part of the cost"
    return waterfall(title, (against.name, against.usd), parts, (own.name, own.usd))


def _months(outcome: Outcome, told: dict[str, Any]) -> str:
    months = list(next(iter(told["strategies"].values()))["cost_by_month_usd"])
    curves = [
        Curve(name, np.array([told["strategies"][name]["cost_by_month_usd"][month] for month in months]), _colour(name))
        for name in outcome.accounts
    ]
    peaks = [
        Curve(name, np.array([told["strategies"][name]["peak_kw"][month] for month in months]), _colour(name))
        for name in outcome.accounts
    ]
    return bars("Cost by month, USD", months, curves) + bars("Highest import by month, kW", months, peaks)


def _demand_charges(told: dict[str, Any]) -> str:
    """A row a month and charge, a column a strategy."""
    by_name = {name: one["demand_charges_usd"] for name, one in told["strategies"].items()}
    rows = ""
    for month, charges in next(iter(by_name.values())).items():
        for charge in charges:
            cells = "".join(f"<td>{one[month][charge]:,.2f}</td>" for one in by_name.values())
            rows += f"<tr><td>{month} {escape(charge)}</td>{cells}</tr>"
    head = "".join(f"<th>{escape(name)}</th>" for name in by_name)
    return f"<table><tr><th>USD</th>{head}</tr>{rows}</table>"


def _regret(outcome: Outcome, told: dict[str, Any]) -> str:
    window, best = outcome.study.window, outcome.accounts[PERFECT]
    curves = [
        Curve(name, np.cumsum(one.by_step - best.by_step), _colour(name))
        for name, one in outcome.accounts.items()
        if name != PERFECT
    ]
    drawn = lines(
        "Cost above perfect foresight, adding up, USD (demand charges left out)",
        curves,
        lambda share: _date(outcome, window.start + share * (window.end - window.start)),
        steps=False,
    )
    parts = told.get("regret_parts_usd")
    if parts is None:
        return drawn
    values = np.array(list(parts.values()))
    names = [name.replace("_", " ") for name in parts]
    return bars("Regret of vibelux by cause, USD", names, [Curve("regret", values, COLOURS[1])]) + drawn


def _durations(outcome: Outcome) -> Iterator[str]:
    window = outcome.study.window

    def share(at: float) -> str:
        return f"{at:.0%}"

    yield lines(
        "Price duration, USD/MWh over the share of the time",
        [Curve("price", np.sort(window.settled)[::-1] / MWH_PER_KWH, COLOURS[0])],
        share,
    )
    yield lines(
        "Import duration, kW over the share of the time",
        [Curve(name, np.sort(one.schedule.import_kw)[::-1], _colour(name)) for name, one in outcome.accounts.items()],
        share,
    )


def _weeks(outcome: Outcome, own: Account, against: Account) -> Iterator[str]:
    """The stretch in which most was saved, and the one in which least was."""
    window = outcome.study.window
    gained = against.by_step - own.by_step
    wide = min(_WEEK // window.step, len(gained))
    sums = np.convolve(gained, np.ones(wide), mode="valid")
    for title, first in (("most", int(sums.argmax())), ("least", int(sums.argmin()))):
        here = slice(first, first + wide)
        begin, end = window.start + first * window.step, window.start + (first + wide) * window.step
        yield f"<h2>Where vibelux saved {title} against {escape(against.name)}: {sums[first]:,.2f} USD in a week</h2>"

        def label(share: float, begin: int = begin, end: int = end) -> str:
            return _date(outcome, begin + share * (end - begin), hours=True)

        yield lines("Price, USD/MWh", [Curve("price", window.settled[here] / MWH_PER_KWH, COLOURS[0])], label)
        yield lines("Power, kW", list(_power(outcome, own, against, here)), label)
        yield lines("Heat, kW", list(_heat(outcome, own, here)), label)
        store = own.schedule.heat_storage
        if store is not None:
            yield lines("Stored heat, kWh", [Curve("level", store.level_kwh[here], COLOURS[4])], label, steps=False)


def _power(outcome: Outcome, own: Account, against: Account, here: slice) -> Iterator[Curve]:
    yield Curve("CHP, vibelux", _chp(own)[here], COLOURS[0])
    yield Curve(f"CHP, {against.name}", _chp(against)[here], COLOURS[7])
    yield Curve("import, vibelux", own.schedule.import_kw[here], COLOURS[1])
    yield Curve("demand without lamps", outcome.case.power_kw[here], COLOURS[3])


def _heat(outcome: Outcome, own: Account, here: slice) -> Iterator[Curve]:
    zero = np.zeros(outcome.case.steps)
    yield Curve("demand", outcome.case.heat_kw[here], COLOURS[3])
    yield Curve("CHP", sum((run.heat_kw for run in own.schedule.chp.values()), zero)[here], COLOURS[0])
    yield Curve("boilers", sum((run.heat_kw for run in own.schedule.boiler.values()), zero)[here], COLOURS[1])


def _chp(one: Account) -> Array:
    return sum((run.power_kw for run in one.schedule.chp.values()), np.zeros(len(one.by_step)))


def _assumptions(told: dict[str, Any]) -> str:
    rows = {"market": told["market"], "forecast of": told["forecast_of"]} | told["assumptions"]
    cells = "".join(
        f"<tr><td>{escape(name.replace('_', ' '))}</td><td>{escape(str(value))}</td></tr>"
        for name, value in rows.items()
    )
    return f"<table>{cells}</table>"


def _date(outcome: Outcome, minute: float, *, hours: bool = False) -> str:
    local = moment(int(minute)).astimezone(zone(outcome.study.window.recorded.rules.zone_name))
    return f"{local:%d %b %H:%M}" if hours else f"{local:%d %b %Y}"


def _colour(name: str) -> str:
    return COLOURS[STRATEGIES.index(name)]
