"""Baseline and performance, on loads that can be reckoned by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from dispatch.plants import engine, facility
from vibelux.dispatch.dr_performance import Measured, performance
from vibelux.market.dr_events import Event
from vibelux.market.intervals import iso_z
from vibelux.outlook.past import utc_minutes

START = datetime(2026, 7, 14, 23, tzinfo=UTC)
"""A Tuesday, four in the afternoon in California."""
HOUR = timedelta(hours=1)
SITE = facility(chp=[], dr={})
USUAL_KW = 500.0


def event(value: float = 0.5, kind: str = "price", start: datetime = START, **more: Any) -> Event:
    interval = {"starts_at": iso_z(start), "ends_at": iso_z(start + 2 * HOUR), "value": value}
    body = {"program": "CBP", "event_id": "e", "starts_at": interval["starts_at"], "ends_at": interval["ends_at"]}
    return msgspec.convert(body | {"signals": [{"type": kind, "intervals": [interval]}]} | more, Event)


def metered(days: float = 46, *, start: datetime = START, source: str = "telemetry", **changes: float) -> Measured:
    """500 kW always, and otherwise in hours after the start: `h_1=100` is 100 kW in the hour before the start."""
    first = utc_minutes(start) - int(days * 1440)
    minutes = np.arange(first // 5 * 5, utc_minutes(start) + 180, 5)
    kw = np.full(len(minutes), USUAL_KW)
    for name, value in changes.items():
        sign = -1 if name.startswith("h_") else 1
        begin = utc_minutes(start) + sign * int(name.lstrip("h_")) * 60
        kw[(minutes >= begin) & (minutes < begin + 60)] = value
    return Measured(minutes, kw, source)


def measured(
    told: Measured, one: Event | None = None, *, site: Any = SITE, busy: frozenset[date] = frozenset(), until: float = 2
) -> dict[str, Any]:
    one = one or event()
    return performance(site, one, utc_minutes(one.starts_at) + int(until * 60), told, busy)


def test_reduction_is_the_baseline_less_what_was_drawn_and_pays_its_price() -> None:
    found = measured(metered(h0=200, h1=300))
    assert found["status"] == "measured"
    assert (found["baselineKwh"], found["measuredKwh"], found["reductionKwh"]) == (1000, 500, 500)
    assert found["payUsd"] == 250
    assert found["adjustment"] == 1
    assert found["note"] is None


def test_the_ten_newest_workdays_count_without_weekends_holidays_and_other_events() -> None:
    found = measured(metered(), busy=frozenset({date(2026, 7, 13)}))
    assert len(found["days"]) == 10
    assert found["days"][:2] == ["2026-07-10", "2026-07-09"], "the 13th had an event, the 11th and 12th a weekend"
    assert "2026-07-03" not in found["days"], "Independence Day is kept on that Friday"


def test_a_weekend_is_compared_with_four_of_its_kind() -> None:
    sunday = START - timedelta(days=2)
    found = measured(metered(start=sunday), event(start=sunday))
    assert found["days"] == ["2026-07-11", "2026-07-05", "2026-07-04", "2026-07-03"]
    assert found["method"].startswith("4-in-4")


@pytest.mark.parametrize(("before", "factor"), [(550.0, 1.1), (900.0, 1.2), (100.0, 0.8)])
def test_the_day_itself_moves_the_baseline_by_a_fifth_at_most(before: float, factor: float) -> None:
    found = measured(metered(h_4=before, h_3=before, h_2=before, h_1=5000.0, h0=0, h1=0))
    assert found["adjustment"] == pytest.approx(factor)
    assert found["baselineKwh"] == pytest.approx(1000 * factor)


def test_import_above_the_baseline_is_paid_by_the_site() -> None:
    found = measured(metered(h0=600, h1=600))
    assert (found["reductionKwh"], found["payUsd"]) == (-200, -100)


def test_what_was_called_off_is_measured_until_then() -> None:
    found = measured(metered(h0=200, h1=200), until=0.5)
    assert (found["baselineKwh"], found["reductionKwh"]) == (250, 150)
    assert measured(metered(), until=-1)["note"] == "The performance is not known: it was called off before it began."


def test_levels_pay_what_the_site_has_set_and_limits_pay_nothing() -> None:
    site = facility(chp=[], dr={"level_prices_usd_per_kwh": [0, 0.1, 0.2, 1.0]})
    assert measured(metered(h0=0, h1=0), event(2, "level"), site=site)["payUsd"] == 200
    assert measured(metered(h0=0, h1=0), event(100, "import-limit-kw"), site=site)["payUsd"] == 0


def test_too_few_days_or_too_little_of_the_event_is_not_known() -> None:
    assert "4 days alike are measured, 5 are needed" in measured(metered(days=6))["note"]
    told = metered()
    hole = told.starts < utc_minutes(START + HOUR)
    told = Measured(told.starts[hole], told.kw[hole], "telemetry")
    assert "four fifths" in measured(told)["note"]
    assert measured(Measured(np.array([], dtype=np.int64), np.array([]), "decisions"))["status"] == "unknown"


def test_decisions_in_the_place_of_a_meter_are_named_as_such() -> None:
    found = measured(metered(source="decisions"))
    assert found["source"] == "decisions"
    assert "Nothing was metered" in found["note"]


def test_what_a_californian_gas_engine_makes_is_no_reduction() -> None:
    told = metered(h0=100, h1=100)
    inside = told.starts >= utc_minutes(START)
    made = {"engine-1": np.where(inside & (told.starts < utc_minutes(START + 2 * HOUR)), 400.0, 0.0)}
    with_engine = Measured(told.starts, told.kw, "telemetry", made)
    here = facility(chp=[engine()], dr={"prohibited_resources_attested": True})
    there = facility(chp=[engine()], iso_region="ERCOT", dr={})
    assert measured(with_engine, site=here)["reductionKwh"] == 0
    assert measured(with_engine, site=there)["reductionKwh"] == 800


def test_an_event_across_the_change_of_clocks_is_measured_by_the_clock_on_the_wall() -> None:
    monday = datetime(2026, 11, 2, 23, tzinfo=UTC)
    found = measured(metered(start=monday, h0=200, h1=200), event(start=monday))
    assert found["reductionKwh"] == 600
    assert found["days"][0] == "2026-10-30"
