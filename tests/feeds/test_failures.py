"""The forty-two failures that upstreams really had, each with the outcome that it must have here.

A failure that bytes can show has its payloads under `tests/payloads`, by number; one that they cannot (a certificate,
a host that blocks) is met by the client, the schedule or the store, and the tests that prove it are named.
"""

import asyncio
import re
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import polars as pl
import pytest

import vibelux
from ingest.fakes import upstream_to
from ingest.stand_in import Answer, StandIn
from payloads.catalogue import ELSEWHERE, REFUSED, ROWS, Refused, Rows
from payloads.shelf import HERE, failure, good
from vibelux.feeds import Ask, Feed, Parsed, Payload, Request, feed_named, read
from vibelux.ingest.check import coverage, is_complete
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import (
    AccessDenied,
    Corrupt,
    FeedError,
    NotYetPublished,
    Unreachable,
    UpstreamError,
)
from vibelux.market.intervals import Interval, local_day

TESTS = Path(__file__).parents[1]
SOURCE = Path(vibelux.__file__).parent
VALUES = ("price_per_kwh", "price_per_mmbtu", "price_per_metric_ton", "price_per_mw_hour", "value")
STARTS = ("market_interval_start", "interval_start", "valid_start", "trading_date")


def parsed_of(feed: Feed, payload: str, name: str = "", received: str = "2026-07-14T19:30:00") -> Parsed:
    at = datetime.fromisoformat(received).replace(tzinfo=UTC)
    return read(feed, Payload(failure(payload), name or payload, received_at=at))


def starts_and_values(feed: Feed, parsed: Parsed) -> list[tuple[Any, Any]]:
    frame = parsed.frames[feed.kind]
    start, value = (next(name for name in names if name in frame.columns) for names in (STARTS, VALUES))
    return frame.select(start, value).sort(start, value).rows()


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case.number:02d} {case.feed} {case.payload}")
def test_a_payload_that_cannot_be_trusted_is_refused_by_its_name(case: Refused) -> None:
    with pytest.raises(case.error, match=re.compile(case.words, re.IGNORECASE)):
        parsed_of(feed_named(case.feed), case.payload, case.name)


@pytest.mark.parametrize("case", ROWS, ids=lambda case: f"{case.number:02d} {case.feed} {case.payload}")
def test_what_can_be_known_is_read_and_the_rest_set_aside_with_its_reason(case: Rows) -> None:
    feed = feed_named(case.feed)
    parsed = parsed_of(feed, case.payload, case.name, case.received)
    found = [
        (f"{start:%Y-%m-%d}" if not isinstance(start, datetime) else _stamp(start), value)
        for start, value in starts_and_values(feed, parsed)
    ]
    assert found == list(case.rows)
    reasons = sorted(row.reason for row in parsed.quarantined)
    assert len(reasons) == len(case.aside), reasons
    for words in case.aside:
        assert any(words in reason for reason in reasons), reasons


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}".removesuffix(":00")


def test_each_of_the_forty_two_is_accounted_for() -> None:
    met = {case.number for case in (*REFUSED, *ROWS)} | set(ELSEWHERE)
    assert met == set(range(1, 43))


def test_every_payload_of_a_failure_is_used_by_its_number() -> None:
    used = {case.payload: case.number for case in (*REFUSED, *ROWS)}
    text = Path(__file__).read_text(encoding="utf-8") + "".join(used)
    for path in HERE.glob("[0-9][0-9]_*"):
        assert path.name in text
        assert used.get(path.name, int(path.name[:2])) == int(path.name[:2])


@pytest.mark.parametrize("test", [test for tests in ELSEWHERE.values() for test in tests])
def test_a_test_that_is_named_as_the_proof_exists(test: str) -> None:
    path, _, name = test.partition("::")
    assert re.search(rf"^(async )?def {name}\(", (TESTS / path).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    ("feed", "files"),
    [
        ("nyiso/load", ("20261231pal.csv", "20270101pal.csv")),
        ("nyiso/load-forecast", ("20261231isolf.csv", "20270101isolf.csv")),
        ("caiso/fuel-mix", ("history/20261231/fuelsource.csv", "history/20270101/fuelsource.csv")),
        ("noaa/degree-days", ("daily_data/2026/", "daily_data/2027/")),
        ("pjm/load", ("12/31/2026%2023:59", "01/01/2027%2000:00")),
    ],
)
def test_10_the_turn_of_a_month_and_of_a_year_asks_for_the_files_of_both(feed: str, files: tuple[str, str]) -> None:
    found = feed_named(feed)
    zone = found.timezone
    window = Interval(
        local_day(datetime(2026, 12, 31).date(), zone).start, local_day(datetime(2027, 1, 1).date(), zone).end
    )
    asked = "\n".join(request.url for request in found.requests(Ask(window)))
    assert all(file in asked for file in files), asked


def test_15_an_offset_that_is_in_no_stamp_is_not_guessed_from_a_name() -> None:
    feed = feed_named("ercot/load-forecast")
    parsed = parsed_of(feed, "15_xhr_in_the_name.zip", received="2026-11-01T07:31:00")
    assert set(parsed.frames["series"]["issued_at"]) == {datetime(2026, 11, 1, 7, 31, tzinfo=UTC)}


def test_18_weather_is_asked_for_in_utc() -> None:
    window = Interval(datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC))
    (request,) = feed_named("open-meteo/forecast").requests(Ask(window, ("36.67,-121.65",)))
    assert "timezone=UTC" in request.url or "timezone=GMT" in request.url


def test_21_a_look_ahead_is_a_market_of_its_own() -> None:
    frame = parsed_of(feed_named("nyiso/real-time-pricing"), "21_five_and_fifteen.csv").frames["electricity-price"]
    lengths = frame.select("market", length=pl.col("market_interval_end") - pl.col("market_interval_start"))
    five, fifteen = timedelta(minutes=5), timedelta(minutes=15)
    assert lengths.rows() == [("real-time-5min", five)] * 2 + [("advisory-15min", fifteen)] * 2


def test_23_no_reader_looks_at_the_clock() -> None:
    ambient = re.compile(r"\b(?:datetime|date)\.(?:now|utcnow|today)\(|\btime\.(?:time|time_ns)\(")
    looking = [
        path.relative_to(SOURCE)
        for room in ("feeds", "market", "outlook", "dispatch")
        for path in (SOURCE / room).rglob("*.py")
        if path.name != "clock.py" and ambient.search(path.read_text(encoding="utf-8"))
    ]
    assert looking == []


@pytest.mark.parametrize(
    "feed", ["caiso/real-time-pricing", "nyiso/day-ahead-pricing", "ercot/settlement-point-prices"]
)
def test_26_a_damaged_or_cut_off_archive_is_corrupt(feed: str) -> None:
    body = next(body for name, body in good(feed).items() if name.endswith(".zip"))
    directory = body.rindex(b"PK\x01\x02")
    wrong_sum, wrong_size = bytearray(body), bytearray(body)
    wrong_sum[directory + 16] ^= 0xFF
    wrong_size[directory + 24] ^= 0x01
    for hurt in (bytes(wrong_sum), bytes(wrong_size), *(body[: len(body) * n // 16] for n in range(1, 16))):
        with pytest.raises(Corrupt):
            read(feed_named(feed), Payload(hurt, "x.zip"))


class SecureStandIn(StandIn):
    """The stand-in behind TLS, with a certificate of its own making."""

    @property
    def url(self) -> str:
        return super().url.replace("http:", "https:")

    async def __aenter__(self) -> Self:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(HERE / "28_certificate_that_nobody_signed.pem")
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self._port = self._server.sockets[0].getsockname()[1]
        return self


async def asked(answer: Answer, request: Request, kind: type[StandIn] = StandIn) -> tuple[FeedError, int]:
    """The error that comes of it, and how many requests reached the other side."""
    feed, clock = feed_named("caiso/real-time-pricing"), FrozenClock(datetime(2026, 7, 14, 19, tzinfo=UTC))
    async with kind(clock, lambda _: answer) as there, upstream_to(there.url, clock) as upstream:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # of the server's end of a refused handshake
        with pytest.raises(FeedError) as caught:
            await upstream.fetch(feed, request)
        return caught.value, len(there.asked)


PRICES = Request("https://oasis.caiso.com/oasisapi/SingleZip?queryname=PRC_INTVL_LMP")


async def test_28_a_certificate_that_nobody_signed_is_unreachable_and_asked_nothing() -> None:
    error, requests = await asked(Answer(body=b"prices"), PRICES, SecureStandIn)
    assert isinstance(error, Unreachable)
    assert "certificate" in str(error).lower()
    assert requests == 0


def test_28_certificates_are_checked_everywhere() -> None:
    off = re.compile(r"verify\s*=\s*False|CERT_NONE|check_hostname\s*=\s*False|_create_unverified_context")
    found = [path.name for path in SOURCE.rglob("*.py") if off.search(path.read_text(encoding="utf-8"))]
    assert found == []


async def test_29_a_host_that_turns_us_away_is_denied_once_and_not_stormed() -> None:
    error, requests = await asked(Answer(403, failure("29_blocked.html")), PRICES)
    assert isinstance(error, AccessDenied)
    assert "turned away" in str(error)
    assert requests == 1


async def test_30_an_address_that_is_gone_is_told_apart_from_a_file_that_is_not_there_yet() -> None:
    gone, requests = await asked(Answer(404), PRICES)
    assert isinstance(gone, Unreachable)
    assert (gone.status, requests) == (404, 1)
    missing, _ = await asked(Answer(404), Request("https://oasis.caiso.com/files/20260714.csv"))
    assert isinstance(missing, NotYetPublished)
    retired, requests = await asked(Answer(410), PRICES)
    assert isinstance(retired, UpstreamError)
    assert requests == 1


def test_31_a_stale_copy_with_status_200_is_late_by_its_content() -> None:
    feed, now = feed_named("caiso/real-time-pricing"), datetime(2026, 7, 14, 19, tzinfo=UTC)
    covered = coverage(feed, parsed_of(feed, "31_stale.csv"))
    assert covered.newest_end == datetime(2026, 7, 13, 18, 10, tzinfo=UTC)
    assert not is_complete(feed, covered.newest_end, now)
    assert now - covered.newest_end > timedelta(seconds=feed.stale_after_seconds)


def test_35_zones_that_are_missing_are_said_and_the_others_read() -> None:
    feed = feed_named("nyiso/real-time-pricing")
    begin = datetime(2026, 7, 14, 4, tzinfo=UTC)
    ask = Ask(Interval(begin, begin + timedelta(minutes=5)), ("CAPITL", "N.Y.C."))
    parsed = parsed_of(feed, "35_some_zones.csv")
    assert parsed.rows == 1
    assert coverage(feed, parsed, ask.nodes).unknown_nodes(ask) == ("N.Y.C.",)


def test_37_replaced_versions_are_kept_apart() -> None:
    parsed = parsed_of(feed_named("pjm/real-time-hourly-lmp"), "37_versions.json")
    assert sorted(parsed.superseded["electricity-price"]["price_per_kwh"]) == [0.02, 0.021]


def test_39_missing_intervals_are_gaps_and_no_zeros() -> None:
    feed = feed_named("caiso/real-time-pricing")
    begin = datetime(2026, 7, 14, 7, tzinfo=UTC)
    ask = Ask(Interval(begin, begin + timedelta(minutes=25)), ("TH_NP15_GEN-APND",))
    parsed = parsed_of(feed, "39_missing_intervals.csv")
    gaps = coverage(feed, parsed, ask.nodes).gaps(feed, ask)
    assert gaps == [begin + timedelta(minutes=10), begin + timedelta(minutes=15)]
    assert parsed.frames["electricity-price"]["price_per_kwh"].to_list() == [0.03, 0.035, 0.05]


def test_40_preliminary_and_final_prices_are_told_apart() -> None:
    first = parsed_of(feed_named("pjm/real-time-lmp"), "40_preliminary.json").frames["electricity-price"]
    final = parsed_of(feed_named("pjm/real-time-hourly-lmp"), "40_final.json").frames["electricity-price"]
    assert set(first["market"]) == {"real-time-5min"}
    assert set(final["market"]) == {"real-time-hourly"}
    assert first["confidence_level"].max() < final["confidence_level"].min()
