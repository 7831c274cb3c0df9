"""Prices by two routes: found where they disagree, told once, forgotten when they agree."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from store.samples import parsed, receipt
from store.samples import price as stored
from vibelux.feeds import Payload, all_feeds, feed_named, read
from vibelux.ingest.agreement import COMPARISONS, Comparison, agreement
from vibelux.ingest.metrics import Metrics
from vibelux.ingest.second_looks import SecondLooks
from vibelux.market.clock import FrozenClock
from vibelux.market.records import ELECTRICITY_PRICE
from vibelux.store.database import Database
from vibelux.store.disagreements import disagreements
from vibelux.store.journal import Kept, retain
from vibelux.store.reader import feed_status
from vibelux.store.writer import write_payload

PJM, NYISO, ERCOT = COMPARISONS
LBMP = ("LBMP", "Marginal Cost Losses", "Marginal Cost Congestion")
HOUR = datetime(2026, 7, 14, 17, tzinfo=UTC)
PJM_FIVE = [30.0 + n for n in range(12)]
"""Mean 35.50."""


def record(
    rule: Comparison, market: str, start: datetime, minutes: float, usd_per_mwh: float, node: str
) -> dict[str, Any]:
    return stored(
        usd_per_mwh / 1000,
        start,
        node,
        iso_region=rule.iso_region,
        market=market,
        market_interval_end=start + timedelta(minutes=minutes),
    )


def frame(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=ELECTRICITY_PRICE.schema())


def fives(
    rule: Comparison, values: Iterable[float], node: str = "WEST", start: datetime = HOUR
) -> list[dict[str, Any]]:
    return [
        record(rule, rule.short, start + n * timedelta(minutes=5), 5, value, node) for n, value in enumerate(values)
    ]


def hour(rule: Comparison, value: float, node: str = "WEST", start: datetime = HOUR) -> dict[str, Any]:
    return record(rule, rule.long, start, rule.length.total_seconds() / 60, value, node)


def runs(*at: tuple[int, int, float], node: str = "HB_NORTH") -> list[dict[str, Any]]:
    """Dispatch runs by minute and second after the hour."""
    return [
        record(ERCOT, ERCOT.short, HOUR + timedelta(minutes=minute, seconds=second), 5, value, node)
        for minute, second, value in at
    ]


def test_the_mean_of_twelve_five_minute_prices_is_held_against_the_hour() -> None:
    found = agreement(PJM, frame(fives(PJM, PJM_FIVE)), frame([hour(PJM, 35.5)]))
    assert (found.compared, found.disagreements) == (1, ())
    (one,) = agreement(PJM, frame(fives(PJM, PJM_FIVE)), frame([hour(PJM, 36.0)])).disagreements
    assert (one.pricing_node, one.interval_start, one.interval_end) == ("WEST", HOUR, HOUR + timedelta(hours=1))
    assert (one.one, one.other, one.tolerance) == (35.5, 36.0, PJM.tolerance)
    assert one.feed == "pjm/real-time-hourly-lmp"
    assert str(one) == (
        "WEST 2026-07-14 17:00 UTC, mean of real-time-5min and real-time-hourly: 35.50 and 36.00 USD/MWh"
    )
    assert "mean of its twelve" in one.why


@pytest.mark.parametrize(("value", "agrees"), [(35.51, True), (35.49, True), (35.5101, False), (35.4899, False)])
def test_what_rounding_explains_is_no_disagreement(value: float, agrees: bool) -> None:
    found = agreement(PJM, frame(fives(PJM, PJM_FIVE)), frame([hour(PJM, value)]))
    assert found.compared == 1
    assert (not found.disagreements) == agrees


def test_an_hour_that_is_not_whole_is_not_compared() -> None:
    for gone in (0, 5, 11):
        some = [value for n, value in enumerate(fives(PJM, PJM_FIVE)) if n != gone]
        assert agreement(PJM, frame(some), frame([hour(PJM, 99.0)])).compared == 0
    assert agreement(PJM, frame([]), frame([hour(PJM, 99.0)])).compared == 0
    assert agreement(PJM, frame(fives(PJM, PJM_FIVE)), frame([])).compared == 0


def test_each_node_and_hour_is_compared_for_itself() -> None:
    later = HOUR + timedelta(hours=1)
    short = [row for start in (HOUR, later) for node in ("WEST", "AEP") for row in fives(PJM, PJM_FIVE, node, start)]
    long = [hour(PJM, 35.5), hour(PJM, 40.0, "AEP"), hour(PJM, 35.5, "AEP", later), hour(PJM, 1.0, "ELSEWHERE")]
    found = agreement(PJM, frame(short), frame(long))
    assert found.compared == 3
    assert [(one.pricing_node, one.interval_start) for one in found.disagreements] == [("AEP", HOUR)]


def test_a_name_that_stands_for_two_prices_is_not_compared() -> None:
    long = [hour(PJM, 35.5), hour(PJM, 50.0) | {"node_type": "ZONE"}]
    assert agreement(PJM, frame(fives(PJM, PJM_FIVE)), frame(long)).compared == 0


def test_an_extra_run_counts_by_its_seconds() -> None:
    """14:37:12 after a corrective run: two intervals of 132 and 168 seconds in place of one."""
    start = HOUR + timedelta(minutes=35)
    cut = [
        *fives(NYISO, [20.0] * 7),
        record(NYISO, NYISO.short, start, 2.2, 80.0, "WEST"),
        record(NYISO, NYISO.short, start + timedelta(minutes=2.2), 2.8, 30.0, "WEST"),
        *fives(NYISO, [20.0] * 4, start=HOUR + timedelta(minutes=40)),
    ]
    mean = (20.0 * 3300 + 80.0 * 132 + 30.0 * 168) / 3600
    found = agreement(NYISO, frame(cut), frame([hour(NYISO, round(mean, 2))]))
    assert (found.compared, found.disagreements) == (1, ())
    plain = (20.0 * 11 + 80.0 + 30.0) / 13
    assert agreement(NYISO, frame(cut), frame([hour(NYISO, round(plain, 2))])).disagreements


def test_prices_all_five_minutes_off_are_noticed() -> None:
    off = fives(NYISO, PJM_FIVE, start=HOUR - timedelta(minutes=5)) + fives(
        NYISO, [42.0], start=HOUR + timedelta(minutes=55)
    )
    (one,) = agreement(NYISO, frame(off), frame([hour(NYISO, 35.5)])).disagreements
    assert one.one == 36.5


def test_a_dispatch_run_holds_until_the_next_one() -> None:
    short = frame(runs((-5, 14, 20.0), (0, 12, 30.0), (4, 57, 40.0), (9, 41, 50.0), (15, 3, 90.0)))
    mean = (20.0 * 12 + 30.0 * 285 + 40.0 * 284 + 50.0 * 319) / 900
    found = agreement(ERCOT, short, frame([hour(ERCOT, round(mean, 2), "HB_NORTH")]))
    assert (found.compared, found.disagreements) == (1, ())
    assert agreement(ERCOT, short, frame([hour(ERCOT, 60.0, "HB_NORTH")])).disagreements


def test_an_adder_that_all_nodes_have_is_none_and_one_that_a_node_has_alone_is() -> None:
    at = ((-5, 0, 20.0), (0, 0, 20.0), (5, 0, 20.0), (10, 0, 20.0))
    nodes = ("HB_NORTH", "HB_WEST", "7RNCHSLR_ALL")
    short = frame([row for node in nodes for row in runs(*at, node=node)])
    with_adder = [hour(ERCOT, 27.5, node) for node in nodes]
    assert agreement(ERCOT, short, frame(with_adder)).disagreements == ()
    found = agreement(ERCOT, short, frame([*with_adder[:2], hour(ERCOT, 20.0, nodes[2])])).disagreements
    assert [one.pricing_node for one in found] == ["HB_NORTH", "HB_WEST"]
    below = [hour(ERCOT, 12.5, node) for node in nodes]
    assert len(agreement(ERCOT, short, frame(below)).disagreements) == 3


def test_ercots_load_zones_and_times_before_its_new_market_are_not_compared() -> None:
    at = ((-5, 0, 20.0), (0, 0, 20.0), (5, 0, 20.0), (10, 0, 20.0))
    assert agreement(ERCOT, frame(runs(*at, node="LZ_WEST")), frame([hour(ERCOT, 99.0, "LZ_WEST")])).compared == 0
    years = timedelta(days=400)
    old = [row | {"market_interval_start": row["market_interval_start"] - years} for row in runs(*at)]
    assert agreement(ERCOT, frame(old), frame([hour(ERCOT, 99.0, "HB_NORTH", HOUR - years)])).compared == 0


def test_what_is_compared_is_what_feeds_give() -> None:
    """A comparison of a market that no feed has would agree for ever."""
    names = {feed.name for feed in all_feeds()}
    assert {rule.feed for rule in COMPARISONS} <= names
    columns = "Time Stamp", "Name", "PTID", *(f"{what} ($/MWHr)" for what in LBMP)
    body = ",".join(f'"{column}"' for column in columns).encode() + b"\r\n"
    five = body + b"".join(
        b'"07/14/2026 %02d:%02d:00","WEST",61752,%.2f,1.50,-4.25\r\n' % (13 + n // 12, n % 12 * 5, 30.0 + n - 1)
        for n in range(1, 13)
    )
    short = read(feed_named("nyiso/real-time-pricing"), Payload(five)).frames["electricity-price"]
    hourly = body + b'"07/14/2026 13:00","WEST",61752,35.50,1.50,-4.25\r\n'
    long = read(feed_named("nyiso/real-time-hourly-pricing"), Payload(hourly)).frames["electricity-price"]
    found = agreement(NYISO, short, long)
    assert (found.compared, found.disagreements) == (1, ())


def looking(database: Database, minutes: float = 75) -> tuple[SecondLooks, CollectorRegistry]:
    clock, registry = FrozenClock(HOUR + timedelta(minutes=minutes)), CollectorRegistry()
    return SecondLooks(database, clock, Metrics(clock, registry), lambda _: ("WEST", "HB_NORTH")), registry


def counted(registry: CollectorRegistry, comparison: str) -> float | None:
    labels = {"provider": "nyiso", "data_type": "real-time-hourly-pricing", "comparison": comparison}
    return registry.get_sample_value("vibelux_price_disagreements_total", labels)


def nyiso(minutes: float, data_type: str = "real-time-pricing") -> Any:
    return receipt(HOUR + timedelta(minutes=minutes), feed=f"nyiso/{data_type}")


async def test_a_disagreement_is_told_once_counted_once_and_seen_in_the_status_of_its_feed(database: Database) -> None:
    await write_payload(database, nyiso(62), parsed(*fives(NYISO, PJM_FIVE)))
    await write_payload(database, nyiso(66, "real-time-hourly-pricing"), parsed(hour(NYISO, 36.25)))
    looks, registry = looking(database)
    with capture_logs() as logs:
        (one,) = await looks.look()
        assert await looks.look() == []
    assert (one.one, one.other) == (35.5, 36.25)
    (said,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert (said["event"], said["count"], said["feed"]) == ("prices disagree", 1, "nyiso/real-time-hourly-pricing")
    assert "35.50 and 36.25" in said["worst"]
    assert counted(registry, NYISO.name) == 1.0
    compared = {"provider": "nyiso", "data_type": "real-time-hourly-pricing"}
    assert registry.get_sample_value("vibelux_prices_compared", compared) == 1.0
    assert await disagreements(database) == [one]
    status = {row["feed"]: row["price_disagreements"] for row in await feed_status(database)}
    assert status == {"nyiso/real-time-pricing": 0, "nyiso/real-time-hourly-pricing": 1}


async def test_it_is_forgotten_once_a_correction_makes_them_agree(database: Database) -> None:
    await write_payload(database, nyiso(62), parsed(*fives(NYISO, PJM_FIVE)))
    await write_payload(database, nyiso(66, "real-time-hourly-pricing"), parsed(hour(NYISO, 36.25)))
    assert len(await looking(database)[0].look()) == 1
    await write_payload(database, nyiso(80, "real-time-hourly-pricing"), parsed(hour(NYISO, 35.5)))
    assert await looking(database, 90)[0].look() == []
    assert await disagreements(database) == []


async def test_prices_that_agree_or_cannot_be_compared_say_nothing(database: Database) -> None:
    looks, registry = looking(database)
    assert await looks.look() == []
    await write_payload(database, nyiso(62), parsed(*fives(NYISO, PJM_FIVE)))
    await write_payload(database, nyiso(66, "real-time-hourly-pricing"), parsed(hour(NYISO, 35.5)))
    assert await looks.look() == []
    assert await disagreements(database) == []
    assert counted(registry, NYISO.name) is None


API, MIS = (
    "https://api.ercot.com/api/public-reports/np6-905-cd/spp_node_zone_hub?page=1",
    ("https://www.ercot.com/misdownload/servlets/mirDownload?doclookupId=1"),
)


def ercot(minutes: float, url: str) -> Any:
    return receipt(HOUR + timedelta(minutes=minutes), feed="ercot/settlement-point-prices", url=url)


async def test_a_price_that_another_route_says_otherwise_is_a_disagreement(database: Database) -> None:
    await write_payload(database, ercot(17, MIS), parsed(hour(ERCOT, 25.0, "HB_NORTH")))
    await write_payload(database, ercot(25, API), parsed(hour(ERCOT, 26.0, "HB_NORTH")))
    (one,) = await looking(database)[0].look()
    assert one.comparison == "www.ercot.com and api.ercot.com, real-time-15min"
    assert (one.feed, one.pricing_node, one.one, one.other) == ("ercot/settlement-point-prices", "HB_NORTH", 25.0, 26.0)
    assert await looking(database)[0].look() == []


async def test_a_correction_by_the_same_route_and_the_same_price_by_another_are_none(database: Database) -> None:
    await write_payload(database, ercot(17, MIS), parsed(hour(ERCOT, 25.0, "HB_NORTH")))
    await write_payload(database, ercot(25, MIS + "2"), parsed(hour(ERCOT, 26.0, "HB_NORTH")))
    await write_payload(database, ercot(30, API), parsed(hour(ERCOT, 26.0, "HB_NORTH")))
    assert await looking(database)[0].look() == []


async def test_what_was_found_goes_with_the_payloads_after_a_month(database: Database) -> None:
    await write_payload(database, ercot(17, MIS), parsed(hour(ERCOT, 25.0, "HB_NORTH")))
    await write_payload(database, ercot(25, API), parsed(hour(ERCOT, 26.0, "HB_NORTH")))
    await looking(database)[0].look()
    await retain(database, HOUR + timedelta(days=29), Kept())
    assert len(await disagreements(database)) == 1
    await retain(database, HOUR + timedelta(days=32), Kept())
    assert await disagreements(database) == []
