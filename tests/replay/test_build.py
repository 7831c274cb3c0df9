import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from shared_files import real
from vibelux.feeds import Ask, Payload, feed_named, read
from vibelux.market.errors import TimeRefused, UsageError
from vibelux.market.quality import Origin
from vibelux.replay.build import build_tape
from vibelux.replay.source import TapeSource, Wanted
from vibelux.replay.table import Columns
from vibelux.replay.tape import Tape, TapeWriter

SP15 = "TH_SP15_GEN-APND"
RTD, DAM = "caiso/real-time-pricing", "caiso/day-ahead-pricing"
BEGIN = datetime(2025, 8, 14, 7, tzinfo=UTC)


def _prices(tape: Tape, feed: str) -> dict[datetime, float]:
    found: dict[datetime, float] = {}
    for entry in tape:
        if entry.feed == feed:
            parsed = read(feed_named(feed), Payload(entry.load(), received_at=entry.received_at))
            assert parsed.quarantined == []
            frame = parsed.frames["electricity-price"]
            assert frame["energy_component"].null_count() == frame.height
            assert set(frame["pricing_node"]) == set(tape.nodes)
            for start, price in frame.select("market_interval_start", "price_per_kwh").iter_rows():
                assert found.setdefault(start, price) == price
    return found


def _csv(path: Path, lines: str) -> Path:
    path.write_text(lines)
    return path


def _five_minutes(path: Path, count: int = 24, header: str = "timestamp,price_mwh") -> Path:
    rows = [f"{BEGIN + timedelta(minutes=5 * n)},{10 + n}" for n in range(count)]
    return _csv(path, "\n".join([header, *rows]) + "\n")


def test_a_real_day_at_sp15_is_rebuilt_price_by_price(tmp_path: Path) -> None:
    table = real("caiso/history_tidy/SP15_rtm5_2025-08-01_2025-09-20.csv.gz")
    ahead = real("caiso/history_tidy/SP15_dam_2025-08-01_2025-09-20.csv")
    end = BEGIN + timedelta(hours=4)
    tape = build_tape(tmp_path / "tape", table, day_ahead=ahead, start=BEGIN, end=end)
    rows = [line.split(",") for line in gzip.decompress(table.read_bytes()).decode().splitlines()[1:]]
    recorded = {datetime.fromisoformat(stamp): float(price) for stamp, price in rows}
    rebuilt = _prices(tape, RTD)
    assert {start for start in rebuilt if start >= BEGIN} == {BEGIN + timedelta(minutes=5 * n) for n in range(48)}
    assert all(price == pytest.approx(recorded[start] / 1000, abs=1e-9) for start, price in rebuilt.items())
    hourly = [line.split(",") for line in ahead.read_text().splitlines()[1:]]
    known = {datetime.fromisoformat(stamp): float(price) for stamp, price in hourly}
    forecast = _prices(tape, DAM)
    assert len(forecast) == 48
    assert all(price == pytest.approx(known[start] / 1000, abs=1e-9) for start, price in forecast.items())
    assert (tape.origin, tape.nodes) == (Origin.REBUILT, (SP15,))
    assert {e.feed: e.origin.value for e in tape} == {
        RTD: "rebuilt",
        DAM: "rebuilt",
        "caiso/gas-price-index": "synthetic",
        "caiso/ghg-allowance": "synthetic",
    }


def test_nothing_is_published_before_its_time_nor_where_the_table_has_a_hole(tmp_path: Path) -> None:
    table = _five_minutes(tmp_path / "t.csv")
    lines = table.read_text().splitlines()
    table.write_text("\n".join(lines[:10] + lines[14:]) + "\n")
    tape = build_tape(tmp_path / "tape", table)
    real_time = [entry for entry in tape if entry.feed == RTD]
    assert len(real_time) == 20
    for entry in real_time:
        newest = read(feed_named(RTD), Payload(entry.load())).frames["electricity-price"]["market_interval_start"].max()
        assert isinstance(newest, datetime)
        assert timedelta(seconds=30) <= entry.received_at - newest < timedelta(seconds=60)


@pytest.mark.parametrize(
    ("header", "row", "columns"),
    [
        ("time,price_per_kwh", "{t},0.05", None),
        ("Interval Start,LMP", "{t},50", None),
        ("INTERVALSTARTTIME_GMT,NODE,LMP_PRC", "{t},X,50", None),
        ("when,cost", "{t},50", Columns("when", "cost", "usd-per-mwh")),
        ("time,node,market,price_per_kwh", "{t},X,real-time-5min,0.05", None),
    ],
)
def test_usual_columns_are_recognised(tmp_path: Path, header: str, row: str, columns: Columns | None) -> None:
    stamp = BEGIN.isoformat().replace("+00:00", "Z")
    tape = build_tape(
        tmp_path / "tape", _csv(tmp_path / "t.csv", f"{header}\n{row.format(t=stamp)}\n"), columns=columns
    )
    assert _prices(tape, RTD) == {BEGIN: pytest.approx(0.05)}
    assert tape.nodes == (("X",) if ",X" in row else (SP15,))


def test_parquet_with_zoned_times_and_local_offsets_are_read(tmp_path: Path) -> None:
    frame = pl.DataFrame({"time": [BEGIN], "price_per_kwh": [0.05]})
    frame.with_columns(pl.col("time").dt.convert_time_zone("America/Los_Angeles")).write_parquet(tmp_path / "t.parquet")
    assert _prices(build_tape(tmp_path / "one", tmp_path / "t.parquet"), RTD) == {BEGIN: pytest.approx(0.05)}
    table = _csv(tmp_path / "t.csv", "time,lmp\n2025-08-14 00:00:00-07:00,50\n")
    assert _prices(build_tape(tmp_path / "two", table, node="N"), RTD) == {BEGIN: pytest.approx(0.05)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,price\n2025-08-14T07:00:00Z,5\n", "--price-unit"),
        ("time,cost\n2025-08-14T07:00:00Z,5\n", "--price-column"),
        ("when,lmp\n2025-08-14T07:00:00Z,5\n", "--time-column"),
        ("time,lmp\n2025-08-14T07:00:00Z,five\n", "row 1: 'five' is no number"),
        ("time,lmp\n2025-08-14T07:00:00Z,5\n2025-08-14T07:00:00Z,6\n", "two prices"),
        ("time,lmp\n2025-08-14T07:01:00Z,5\n", "no start of an interval"),
        ("time,lmp\n2025-08-14T07:00:00Z,\n", "no prices"),
        ("time,lmp\n", "no prices"),
        ("time,node,lmp\n2025-08-14T07:00:00Z,A,5\n2025-08-14T07:00:00Z,B,6\n", "several nodes"),
        ("time,market,lmp\n2025-08-14T07:00:00Z,day-ahead-hourly,5\n", "real-time-5min"),
    ],
)
def test_a_doubtful_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        build_tape(tmp_path / "tape", _csv(tmp_path / "t.csv", text))
    assert not (tmp_path / "tape").exists()


@pytest.mark.parametrize("stamp", ["2025-11-02 01:30:00", "2025-08-14T07:00", "1755154800", "08/14/2025 07:00"])
def test_a_stamp_without_an_offset_is_refused_by_its_row(tmp_path: Path, stamp: str) -> None:
    with pytest.raises(TimeRefused, match="row 2"):
        build_tape(tmp_path / "tape", _csv(tmp_path / "t.csv", f"time,lmp\n2025-08-14T07:00:00Z,5\n{stamp},5\n"))


def test_wrong_arguments_are_refused(tmp_path: Path) -> None:
    table = _five_minutes(tmp_path / "t.csv")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"market": "real-time"}, "no market"),
        ({"start": BEGIN + timedelta(hours=2)}, "no prices between"),
        ({"start": BEGIN, "end": BEGIN - timedelta(hours=1)}, "no prices between"),
        ({"columns": Columns(price="lmp")}, "no column 'lmp'"),
        ({"columns": Columns(unit="cents")}, "no unit"),
        ({"day_ahead": tmp_path / "absent.csv"}, "no such file"),
    ]
    for arguments, said in wrong:
        with pytest.raises(UsageError, match=said):
            build_tape(tmp_path / "tape", table, **arguments)


def test_after_a_rebuilt_tape_synthetic_days_follow_and_leave_its_prices_alone(tmp_path: Path) -> None:
    tape = build_tape(tmp_path / "tape", _five_minutes(tmp_path / "t.csv"))
    source = TapeSource(tape)
    feed = feed_named(RTD)
    (request,) = feed.requests(Ask(feed.publication.window(tape.end), (SP15,)))
    wanted = Wanted.by(request.url)
    last = source.newest(wanted, tape.end + timedelta(minutes=1))
    assert last is not None
    assert last.origin is Origin.REBUILT
    following = source.newest(wanted, tape.end + timedelta(minutes=11))
    assert following is not None
    assert following.origin is Origin.SYNTHETIC
    starts = read(feed, Payload(following.load())).frames["electricity-price"]["market_interval_start"]
    assert starts.min() == BEGIN + timedelta(hours=2)


def test_day_ahead_hours_that_a_rebuilt_tape_lacks_are_there_when_it_has_ended(tmp_path: Path) -> None:
    ahead = _csv(tmp_path / "ahead.csv", f"time,lmp\n{BEGIN},50\n{BEGIN + timedelta(hours=1)},51\n")
    tape = build_tape(tmp_path / "tape", _five_minutes(tmp_path / "t.csv"), day_ahead=ahead)
    feed = feed_named(DAM)
    (request,) = feed.requests(Ask(feed.publication.window(tape.end), (SP15,)))
    entry = TapeSource(tape).newest(Wanted.by(request.url), tape.end + timedelta(minutes=1))
    assert entry is not None
    starts = read(feed, Payload(entry.load())).frames["electricity-price"]["market_interval_start"]
    assert (entry.origin, starts.min(), starts.len()) == (Origin.SYNTHETIC, BEGIN + timedelta(hours=2), 22)


def test_a_tape_whose_last_payload_is_an_error_goes_on_with_the_next_hour(tmp_path: Path) -> None:
    feed = feed_named(RTD)
    (request,) = feed.requests(Ask(feed.publication.window(BEGIN), (SP15,)))
    with TapeWriter(tmp_path, origin=Origin.RECORDED) as writer:
        writer.append(
            received_at=BEGIN, feed=RTD, url=request.url, status=200, headers={}, body=b"<html>", origin=Origin.RECORDED
        )
    source = TapeSource(Tape.open(tmp_path))
    wanted = replace(Wanted.by(request.url), window=None)
    error, following = (source.newest(wanted, BEGIN + timedelta(minutes=minutes)) for minutes in (30, 70))
    assert error is not None
    assert error.load() == b"<html>"
    assert following is not None
    starts = read(feed, Payload(following.load())).frames["electricity-price"]["market_interval_start"]
    assert starts.min() == BEGIN + timedelta(hours=1)


def test_a_request_that_names_further_nodes_is_answered_with_those_that_the_tape_has(tmp_path: Path) -> None:
    tape = build_tape(tmp_path / "tape", _five_minutes(tmp_path / "t.csv"))
    feed = feed_named(RTD)
    (request,) = feed.requests(Ask(feed.publication.window(tape.end), ("TH_NP15_GEN-APND", SP15)))
    for moment in (tape.end, tape.end + timedelta(minutes=30)):
        entry = TapeSource(tape).newest(Wanted.by(request.url), moment)
        assert entry is not None
        prices = read(feed, Payload(entry.load())).frames["electricity-price"]
        assert set(prices["pricing_node"]) == {SP15}
