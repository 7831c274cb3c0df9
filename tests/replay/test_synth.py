import io
import zipfile
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from vibelux.feeds import Payload, feed_named, read
from vibelux.market.intervals import Interval, local_day
from vibelux.market.quality import Origin
from vibelux.replay import curve, synth
from vibelux.replay.curve import Market, allowance_price, fuel_prices, node_prices
from vibelux.replay.oasis import ZONE
from vibelux.replay.synth import FEEDS, morning, synthesise
from vibelux.replay.tape import Entry

NODE = "TH_NP15_GEN-APND"
PLAIN_DAY = date(2026, 4, 14)
RTD, RTPD, DAM, GAS, GHG = FEEDS


def _records(day: date, feed: str, nodes: tuple[str, ...] = (NODE,)) -> pl.DataFrame:
    """The distinct records of a feed's payloads; of payloads that overlap by an hour some are enough."""
    entries = list(synthesise(day, nodes, (feed,)))
    apart = {RTD: 12, RTPD: 4}.get(feed, 1)
    frames = []
    for entry in [*entries[::apart], entries[-1]]:
        parsed = read(feed_named(feed), Payload(entry.load(), received_at=entry.received_at))
        assert parsed.quarantined == []
        frames.append(parsed.frames[feed_named(feed).kind])
    return pl.concat(frames).unique(maintain_order=True)


def _starts_within(frame: pl.DataFrame, window: Interval) -> list[datetime]:
    return [start for start in frame["market_interval_start"].to_list() if window.contains(start)]


@pytest.mark.parametrize(
    ("day", "hours"),
    [(PLAIN_DAY, 24), (date(2026, 3, 8), 23), (date(2026, 11, 1), 25)],
    ids=["plain", "spring", "autumn"],
)
def test_a_day_has_each_interval_once_in_all_markets(day: date, hours: int) -> None:
    whole = local_day(day, ZONE)
    for feed, per_hour in ((RTD, 12), (RTPD, 4), (DAM, 1)):
        starts = _starts_within(_records(day, feed), whole)
        assert len(starts) == len(set(starts)) == hours * per_hour


def test_the_repeated_hour_is_number_25_and_the_skipped_one_has_no_number() -> None:
    def numbers(day: date) -> list[str]:
        last = list(synthesise(day, (NODE,), (GAS,)))[-1]
        rows = [row.split(",") for member in _members(last) for row in member.splitlines()[1:]]
        return list(dict.fromkeys(row[3] for row in rows if row[2] == f"{day}"))

    assert numbers(date(2026, 11, 1)) == ["1", "2", "25", *map(str, range(3, 25))]
    assert numbers(date(2026, 3, 8)) == ["1", "2", *map(str, range(4, 25))]


def _members(entry: Entry) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(entry.load())) as archive:
        return [archive.read(name).decode() for name in archive.namelist()]


def test_the_same_day_twice_gives_the_same_bytes_and_another_node_others() -> None:
    def bodies(node: str) -> list[tuple[datetime, str, bytes]]:
        return [(e.received_at, e.url, e.load()) for e in synthesise(PLAIN_DAY, (node,), (RTPD, DAM, GAS, GHG))]

    first = bodies(NODE)
    for cached in (synth._payload, curve._node_price, curve._node_day, curve._energy):
        cached.cache_clear()
    assert bodies(NODE) == first
    assert bodies("TH_SP15_GEN-APND")[0][2] != first[0][2]


def test_components_add_up_to_the_price() -> None:
    for feed in (RTD, RTPD, DAM):
        frame = _records(PLAIN_DAY, feed, (NODE, "TH_SP15_GEN-APND"))
        components = frame.select("^.*_component$")
        assert frame["pricing_node"].n_unique() == 2
        assert components.null_count().sum_horizontal().item() == 0
        assert components.sum_horizontal().to_list() == pytest.approx(frame["price_per_kwh"].to_list(), abs=1e-8)


@pytest.mark.parametrize("day", [date(2026, 1, 5) + timedelta(days=37 * n) for n in range(10)])
@pytest.mark.parametrize("node", [NODE, "TH_SP15_GEN-APND", "TH_ZP26_GEN-APND", "BAYSHOR2_1_N001"])
def test_every_day_is_negative_at_noon_and_leaps_in_the_evening(day: date, node: str) -> None:
    prices = [price.parts["LMP"] for price in node_prices(node, Market.REAL_TIME, local_day(day, ZONE))]
    noon, evening = prices[11 * 12 : 13 * 12], prices[19 * 12 : 20 * 12]
    assert -60 < min(noon) < -15
    assert max(noon) < 0
    assert 200 < max(evening) < 800


@pytest.mark.parametrize("day", [date(2026, 1, 5) + timedelta(days=37 * n) for n in range(10)])
def test_the_price_falls_through_every_break_even_within_two_hours_of_the_morning(day: date) -> None:
    begin = morning(day)
    window = Interval(begin, begin + timedelta(hours=2))
    prices = [price.parts["LMP"] for price in node_prices(NODE, Market.REAL_TIME, window)]
    assert max(prices[:3]) > 65
    assert min(prices) < -20


def test_day_ahead_is_a_calmer_forecast_of_real_time() -> None:
    whole = local_day(PLAIN_DAY, ZONE)
    real = [price.parts["LMP"] for price in node_prices(NODE, Market.REAL_TIME, whole)]
    ahead = [price.parts["LMP"] for price in node_prices(NODE, Market.DAY_AHEAD, whole)]
    assert max(ahead) < max(real)
    assert min(ahead) > min(real)
    means = [sum(real[12 * hour : 12 * hour + 12]) / 12 for hour in range(24)]
    calm = [hour for hour in range(24) if abs(means[hour]) < 90]
    assert all(abs(means[hour] - ahead[hour]) < 25 for hour in calm)
    assert any(abs(means[hour] - ahead[hour]) > 1 for hour in calm)


def test_gas_and_allowance_are_there_from_the_start_and_plausible() -> None:
    begin = local_day(PLAIN_DAY, ZONE).start
    for feed in (GAS, GHG, DAM):
        assert next(synthesise(PLAIN_DAY, (NODE,), (feed,))).received_at == begin
    gas = _records(PLAIN_DAY, GAS)
    assert (
        gas.filter(pl.col("trading_date") == PLAIN_DAY).height
        == gas["hub_name"].n_unique()
        == len(fuel_prices(PLAIN_DAY))
    )
    assert gas["price_per_mmbtu"].is_between(2.5, 7).all()
    prices = fuel_prices(PLAIN_DAY)
    for region in (name for name in prices if name.endswith("GHG")):
        assert prices[region] - prices[region.removesuffix("GHG")] == pytest.approx(
            0.05306 * allowance_price(PLAIN_DAY), abs=1e-3
        )
    assert _records(PLAIN_DAY, GHG)["price_per_metric_ton"].is_between(26, 34).all()


def test_a_weekend_repeats_the_index_of_friday() -> None:
    assert fuel_prices(date(2026, 4, 18)) == fuel_prices(date(2026, 4, 17))
    assert fuel_prices(date(2026, 4, 20)) != fuel_prices(date(2026, 4, 17))


def test_payloads_come_when_upstream_would_give_them_out() -> None:
    began = local_day(PLAIN_DAY, ZONE).start
    for entry in list(synthesise(PLAIN_DAY, (NODE,), (RTD,)))[1:40]:
        newest = _newest_start(entry)
        assert timedelta(seconds=30) <= entry.received_at - newest < timedelta(seconds=60)
    for entry in list(synthesise(PLAIN_DAY, (NODE,), (RTPD,)))[1:10]:
        assert _newest_start(entry) > entry.received_at
    ahead = list(synthesise(PLAIN_DAY, (NODE,), (DAM,)))
    assert [entry.received_at.replace(second=0) for entry in ahead] == [began, datetime(2026, 4, 14, 20, 0, tzinfo=UTC)]
    assert _newest_start(ahead[0]) < local_day(PLAIN_DAY, ZONE).end <= _newest_start(ahead[1])


def _newest_start(entry: Entry) -> datetime:
    frame = read(feed_named(entry.feed), Payload(entry.load())).frames["electricity-price"]
    newest = frame["market_interval_start"].max()
    assert isinstance(newest, datetime)
    return newest


def test_everything_is_marked_synthetic() -> None:
    assert {entry.origin for entry in synthesise(PLAIN_DAY, (NODE,))} == {Origin.SYNTHETIC}


def test_twelve_nodes_are_two_payloads_as_oasis_takes_ten() -> None:
    nodes = tuple(f"NODE_{number}" for number in range(12))
    by_moment = defaultdict(list)
    for entry in synthesise(PLAIN_DAY, nodes, (DAM,)):
        by_moment[entry.received_at].append(entry)
    first = by_moment[local_day(PLAIN_DAY, ZONE).start]
    assert len(first) == 2
    named = [set(read(feed_named(DAM), Payload(e.load())).frames["electricity-price"]["pricing_node"]) for e in first]
    assert named == [set(nodes[:10]), set(nodes[10:])]
