"""Gaps, unknown nodes, lateness and completeness, for rolling and for daily feeds."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import polars as pl
import pytest

from ingest.fakes import NOON, PRICES, STEP, csv_of
from payloads.shelf import good
from vibelux.feeds import Ask, Daily, Payload, feed_named
from vibelux.feeds._check import shaped
from vibelux.ingest.check import Coverage, coverage, examine, is_complete, latency_ms
from vibelux.ingest.metrics import known_since
from vibelux.market.intervals import Interval
from vibelux.market.records import GAS_PRICE, Parsed

DAILY = replace(
    PRICES,
    kind="gas-price",
    publication=Daily(at=time(9, 0), timezone="America/Los_Angeles", days_ahead=0),
)
START = NOON.replace(second=0)


def look(body: bytes, nodes: tuple[str, ...] = ()) -> Coverage:
    return examine(PRICES, Payload(body), nodes).covered


def gas(*rows: tuple[str, date, float]) -> Parsed:
    frame = pl.DataFrame(rows, schema=["hub_name", "trading_date", "price_per_mmbtu"], orient="row")
    frame = frame.with_columns(region=pl.lit("California"), currency=pl.lit("USD"), contract_type=pl.lit("next-day"))
    return Parsed({"gas-price": shaped(GAS_PRICE, frame)})


def test_of_a_look_ahead_only_the_asked_nodes_are_left_and_of_other_prices_all() -> None:
    ((_, body),) = good("ercot/indicative-prices").items()
    ahead, nodes = feed_named("ercot/indicative-prices"), ("HB_NORTH", "NOWHERE")
    frame = examine(ahead, Payload(body), nodes).parsed.frames["electricity-price"]
    assert (frame.height, set(frame["pricing_node"])) == (3, {"HB_NORTH"})
    assert examine(ahead, Payload(body)).parsed.rows == 9, "without nodes all are meant"
    settled = feed_named("ercot/settlement-point-prices")
    dispatch = good("ercot/settlement-point-prices")["LMPSROSNODENP6788.csv"]
    assert examine(settled, Payload(dispatch), ("HB_HOUSTON",)).parsed.rows == 10


def test_a_whole_window_has_no_gap() -> None:
    ask = Ask(Interval(START - 11 * STEP, START + STEP))
    covered = look(csv_of(START - 11 * STEP, 12))
    assert covered.gaps(PRICES, ask) == []
    assert covered.newest_end == START + STEP


def test_what_is_not_due_yet_is_no_gap() -> None:
    ask = Ask(Interval(START - STEP, START + 12 * STEP))
    assert look(csv_of(START - STEP, 2)).gaps(PRICES, ask) == []


def test_a_gap_is_seen_although_another_node_has_the_interval() -> None:
    ask = Ask(Interval(START - 2 * STEP, START + STEP), ("A", "B"))
    covered = Coverage()
    covered.add(look(csv_of(START - 2 * STEP, 3, "A"), ask.nodes))
    covered.add(look(csv_of(START - 2 * STEP, 2, "B"), ask.nodes))
    assert covered.gaps(PRICES, ask) == [START]
    assert covered.unknown_nodes(ask) == ()


def test_a_node_without_any_row_is_unknown_and_no_gap() -> None:
    ask = Ask(Interval(START - STEP, START + STEP), ("A", "TYPO"))
    covered = look(csv_of(START - STEP, 2, "A"), ask.nodes)
    assert covered.unknown_nodes(ask) == ("TYPO",)
    assert covered.gaps(PRICES, ask) == []


def test_an_empty_reply_knows_nothing_against_a_node() -> None:
    assert Coverage().unknown_nodes(Ask(Interval(START, START + STEP), ("A",))) == ()


def test_a_trading_date_ends_with_its_day_in_the_markets_zone() -> None:
    covered = coverage(DAILY, gas(("PGE", date(2026, 7, 13), 3.0), ("PGE", date(2026, 7, 14), 3.3)))
    assert covered.newest_end == datetime(2026, 7, 15, 7, tzinfo=UTC)


def test_lateness_counts_from_when_the_interval_was_due() -> None:
    assert latency_ms(PRICES, START + STEP, NOON) == 0
    assert latency_ms(PRICES, START + STEP, NOON + timedelta(seconds=1.5)) == 1_500
    assert latency_ms(PRICES, None, NOON) is None
    nine = datetime(2026, 7, 14, 16, tzinfo=UTC)
    assert latency_ms(DAILY, nine, nine + timedelta(minutes=1)) == 60_000
    assert latency_ms(PRICES, datetime(2020, 1, 1, tzinfo=UTC), NOON) == 2**31 - 1


@pytest.mark.parametrize(("newest", "complete"), [(START + STEP, True), (START, False), (None, False)])
def test_an_answer_is_complete_with_the_interval_that_is_due(newest: datetime | None, complete: bool) -> None:
    assert is_complete(PRICES, newest, NOON) is complete


def test_a_feed_of_events_is_always_complete() -> None:
    assert is_complete(replace(PRICES, kind="dr-event"), None, NOON)


def test_daily_data_age_from_their_publication_and_missing_ones_from_their_end() -> None:
    nine = datetime(2026, 7, 14, 16, tzinfo=UTC)
    assert known_since(DAILY, datetime(2026, 7, 15, 7, tzinfo=UTC), NOON) == nine
    yesterday = datetime(2026, 7, 14, 7, tzinfo=UTC)
    assert known_since(DAILY, yesterday, NOON) == yesterday
    assert known_since(PRICES, START, NOON) == START


def test_a_look_ahead_of_another_market_does_not_make_a_feed_complete() -> None:
    feed = replace(PRICES, market="real-time-5min")
    parsed = examine(feed, Payload(csv_of(START - STEP, 12))).parsed
    prices = parsed.frames["electricity-price"]
    ahead = pl.when(pl.col("market_interval_start") >= START).then(pl.lit("advisory-15min")).otherwise("market")
    parsed.frames["electricity-price"] = prices.with_columns(market=ahead)
    covered = coverage(feed, parsed)
    assert covered.newest_end == START
    assert not is_complete(feed, covered.newest_end, NOON)
    assert is_complete(PRICES, coverage(PRICES, parsed).newest_end, NOON), "where no market is declared all count"
