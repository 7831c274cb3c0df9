"""What every feed declares about itself, and what it says to bytes that are nobody's data."""

import gzip
import random
import time
import warnings
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

import vibelux.feeds
from payloads.mutants import zipped
from vibelux.feeds import Ask, Daily, Feed, Payload, Rolling, all_feeds, feed_named, read
from vibelux.market.errors import FeedError, UsageError
from vibelux.market.intervals import Interval, local_day, zone
from vibelux.market.records import KINDS
from vibelux.market.regions import find_region

FOLDER = Path(vibelux.feeds.__file__).parent
CONTRACT = {
    "caiso": "real-time-pricing fifteen-minute-pricing day-ahead-pricing ancillary-services load load-forecast "
    "renewable-forecast gas-price-index ghg-allowance fuel-mix carbon-intensity demand-response marginal-emissions",
    "pjm": "real-time-lmp real-time-hourly-lmp day-ahead-lmp capacity-prices ancillary-services load load-forecast "
    "wind-solar congestion fuel-mix",
    "ercot": "settlement-point-prices day-ahead-prices ancillary-services load load-forecast wind-generation "
    "solar-generation fuel-mix system-conditions",
    "nyiso": "real-time-pricing day-ahead-pricing transmission-congestion reserve-prices load load-forecast fuel-mix",
    "eia": "henry-hub-spot regional-gas-prices",
    "nymex": "gas-futures",
    "carb": "auction-prices",
    "rggi": "auction-prices",
    "offsets": "voluntary-prices",
    "nws": "forecast observations",
    "open-meteo": "forecast",
    "noaa": "degree-days",
    "openadr": "events",
    "site": "telemetry",
}
HANDED_IN = {"offsets/voluntary-prices", "site/telemetry"}
"""The operator's own file, the site's own reports: there is nobody to ask."""
GRIDS = {"caiso", "pjm", "ercot", "nyiso"}
SECRETS = ("key", "token", "password", "secret", "signature", "authorization")
A_LONG_FEED = 120

ORDINARY = Interval(datetime(2026, 7, 14, 18, tzinfo=UTC), datetime(2026, 7, 14, 19, tzinfo=UTC))
YEAR_OF_CLOCK_CHANGES = Interval(datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC))
WINDOWS = {
    "ordinary": ORDINARY,
    "spring day": Interval(datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 9, 7, tzinfo=UTC)),
    "autumn day": Interval(datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 2, 8, tzinfo=UTC)),
    "both clock changes": YEAR_OF_CLOCK_CHANGES,
    "turn of the year": Interval(datetime(2026, 12, 31, 12, tzinfo=UTC), datetime(2027, 1, 1, 12, tzinfo=UTC)),
    "leap day": Interval(datetime(2028, 2, 28, 12, tzinfo=UTC), datetime(2028, 3, 1, 12, tzinfo=UTC)),
}
NODES = {"nws": ("36.67,-121.65",), "open-meteo": ("36.67,-121.65", "52.52,13.42")}
NOTHING = {
    "empty": b"",
    "blank": b" \r\n\t\n ",
    "a page": b"<html></html>",
    "a page with a doctype": b"<!DOCTYPE html>\n<html><head><title>Oops</title></head><body>Sorry</body></html>",
    "a refusal": b"<html><head><title>403 Forbidden</title></head><body><h1>Forbidden</h1></body></html>",
    "a byte order mark": b"\xef\xbb\xbf",
    "null": b"null",
    "a number": b"42",
    "a text": b'"ok"',
    "an empty object": b"{}",
    "half an object": b'{"data": [{"a": 1}, {"a"',
    "an empty root": b"<r/>",
    "half a root": b"<OASISReport><REPORT_ITEM>",
    "a sentence": b"Service temporarily unavailable, please try again later.",
    "a foreign table": b"a,b,c\n1,2,3\n",
    "the head of a zip": b"PK\x03\x04",
    "an empty zip": b"PK\x05\x06" + bytes(18),
    "the head of a gzip": b"\x1f\x8b\x08",
    "the head of an old workbook": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504),
    "the head of a pdf": b"%PDF-1.7\n%%EOF",
    "zeros": bytes(4096),
}

LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
BOMBS = {
    "zip 1:1000": zipped([("bomb.csv", bytes(20_000_000))]),
    "zip in zip in zip": zipped([("2.zip", zipped([("1.zip", zipped([("0.csv", b"a,b")]))]))]),
    "a thousand members": zipped([(f"{n}.csv", b"a,b\n") for n in range(1_000)]),
    "gzip 1:1000": gzip.compress(bytes(20_000_000)),
    "a billion laughs": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">' + LAUGHS + b"]><x>&l9;</x>",
    "an entity from outside": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><OASISReport>&a;</OASISReport>',
    "deep XML": b"<a>" * 100_000 + b"</a>" * 100_000,
    "deep JSON": b"[" * 1_000_000 + b"]" * 1_000_000,
    "deep objects": b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "a number of a million digits": b'{"items": [{"mw": ' + b"9" * 1_000_000 + b"}]}",
    "a line without end": b"a," * 500_000,
    "a cell without end": b'a,b\n1,"' + b"x" * 1_000_000,
}
every_feed = pytest.mark.parametrize("feed", all_feeds(), ids=lambda feed: feed.name)


def urls(feed: Feed, window: Interval, nodes: tuple[str, ...] = ()) -> list[str]:
    """All that it would ask at once, fallbacks and theirs included."""
    queue, found = list(feed.requests(Ask(window, nodes))), []
    for request in queue:
        found.append(request.url)
        queue.extend(request.fallback)
    return found


def test_every_feed_of_the_contract_is_there() -> None:
    contract = {f"{provider}/{name}" for provider, names in CONTRACT.items() for name in names.split()}
    assert contract <= {feed.name for feed in all_feeds()}


@every_feed
def test_a_feed_is_found_where_its_name_says_and_nowhere_else(feed: Feed) -> None:
    path = FOLDER / feed.provider.replace("-", "_") / f"{feed.data_type.replace('-', '_')}.py"
    assert path.is_file()
    assert feed_named(feed.name) is feed
    lines = len(path.read_text().splitlines())
    if lines > A_LONG_FEED:
        print(f"{path.relative_to(FOLDER)} has {lines} lines, over {A_LONG_FEED}")


def test_a_feed_in_another_folder_than_its_name_says_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(all_feeds()[0], provider="my-meter", data_type="load")
    monkeypatch.setattr("vibelux.feeds.all_feeds", lambda: (other,))
    with pytest.raises(UsageError, match=r"my-meter/load stands elsewhere than in vibelux\.feeds\.my_meter\.load"):
        feed_named("my-meter/load")


@every_feed
def test_its_words_are_those_of_the_contract(feed: Feed) -> None:
    assert feed.kind in KINDS
    assert feed.is_price == (feed.kind == "electricity-price")
    assert zone(feed.timezone)
    assert feed.reports
    assert len(set(feed.reports)) == len(feed.reports)
    assert feed.columns
    assert feed.source, "says where the form is described and whether a recording has proved it"
    low, high = feed.plausible
    assert low < high
    assert not feed.is_price or low < 0, "negative prices are ordinary"
    assert not feed.is_price or feed.unit == "USD/MWh"
    assert feed.service.seconds_between > 0
    assert 0 < feed.service.timeout_seconds <= 300
    assert urlsplit(feed.url).scheme in {"https", "http"} or feed.name in HANDED_IN
    if feed.provider in GRIDS:
        region = find_region(feed.provider.upper())
        assert region is not None
        assert feed.region == region.region


@every_feed
def test_it_is_stale_no_sooner_than_something_new_can_have_come(feed: Feed) -> None:
    assert 60 <= feed.cadence_seconds <= 86_400
    publication = feed.publication
    if isinstance(publication, Rolling):
        assert timedelta(seconds=feed.stale_after_seconds) > publication.lag, "so old is the newest before the next"
        assert publication.reread >= timedelta(0)
    else:
        assert feed.stale_after_seconds >= 86_400
    if feed.is_price and feed.cadence_seconds == 300:
        assert feed.stale_after_seconds <= 900, "the brief's threshold for five-minute prices"


@every_feed
@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 7, 14), date(2026, 11, 1), date(2026, 12, 31)])
def test_publications_follow_each_other_without_a_step_back_also_when_clocks_change(feed: Feed, day: date) -> None:
    begin = local_day(day, feed.timezone).start - timedelta(hours=3)
    moments = [begin + timedelta(minutes=17 * n) for n in range(110)]
    for moment in moments:
        assert feed.publication.next_after(moment) > moment
    known = [feed.publication.known_until(moment) for moment in moments]
    assert all(earlier <= later for earlier, later in pairwise(known))
    for moment in moments[::10]:
        window = feed.publication.window(moment)
        assert window.end >= feed.publication.known_until(moment)
        rare = isinstance(feed.publication, Daily) and feed.publication.open_on is not None
        assert timedelta(0) < window.end - window.start <= timedelta(days=140 if rare else 15)
    if isinstance(feed.publication, Daily):
        due = feed.publication.next_after(begin)
        assert feed.publication.known_until(due) > feed.publication.known_until(due - timedelta(seconds=1))


@every_feed
@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_requests_go_to_addresses_without_secrets_and_each_is_asked_once(feed: Feed, window: Interval) -> None:
    nodes = NODES.get(feed.provider, ("SOME NODE",) if feed.nodal else ())
    asked = urls(feed, window, nodes)
    assert asked or feed.name in HANDED_IN, "nothing is asked for"
    assert len(set(asked)) == len(asked)
    assert len(asked) <= 2_000, "as many as an ask may make"
    for url in asked:
        parts = urlsplit(url)
        assert parts.scheme in {"https", "http"}
        assert parts.hostname
        assert "." in parts.hostname
        assert parts.username is None
        assert not parts.fragment
        assert " " not in url
        assert not [name for name, _ in parse_qsl(parts.query) if any(word in name.lower() for word in SECRETS)]


@every_feed
def test_requests_without_nodes_are_possible_and_all_of_its_own_hosts(feed: Feed) -> None:
    own = {urlsplit(feed.url).hostname, feed.service.name}
    queue = list(feed.requests(Ask(ORDINARY)))
    assert all(not request.headers or set(map(str.lower, request.headers)).isdisjoint(SECRETS) for request in queue)
    for request in queue:
        hosts = own | ({request.service.name} if request.service else set())
        host = urlsplit(request.url).hostname or ""
        assert host in hosts or host.partition(".")[2] in {str(one).partition(".")[2] for one in hosts}
        queue.extend(request.fallback)


@every_feed
def test_the_same_ask_makes_the_same_requests(feed: Feed) -> None:
    nodes = NODES.get(feed.provider, ())
    assert urls(feed, ORDINARY, nodes) == urls(feed, ORDINARY, nodes)


@every_feed
@pytest.mark.parametrize("body", NOTHING.values(), ids=NOTHING)
def test_bytes_that_hold_no_data_are_a_named_error(feed: Feed, body: bytes) -> None:
    with pytest.raises(FeedError) as caught:
        read(feed, Payload(body, name="x"))
    assert str(caught.value)


@every_feed
@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_soon(feed: Feed, bomb: str) -> None:
    with pytest.raises(FeedError):
        read(feed, Payload(b""))  # what is imported by the first call is no part of it
    began = time.process_time()
    with pytest.raises(FeedError):
        read(feed, Payload(BOMBS[bomb], "x"))
    assert time.process_time() - began < 2


@every_feed
def test_random_bytes_are_a_named_error(feed: Feed) -> None:
    chance = random.Random(feed.name)
    for size in (1, 2, 3, 5, 17, 64, 1_000, 20_000):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(FeedError):
                read(feed, Payload(chance.randbytes(size)))


@every_feed
def test_each_report_that_it_names_can_be_forced_and_still_refuses_nonsense(feed: Feed) -> None:
    for report in feed.reports:
        for body in (b"", b"<html></html>", b"a,b\n1,2\n", b"{}"):
            with pytest.raises(FeedError):
                read(feed, Payload(body, report=report))


@every_feed
def test_a_reply_that_is_no_listing_leads_nowhere_or_is_a_named_error(feed: Feed) -> None:
    if feed.follow is None:
        return
    for request in feed.requests(Ask(ORDINARY, NODES.get(feed.provider, ()))):
        for body in (b"", b"<html></html>", b"{}", b"[]", b"a,b\n1,2\n", b"\xff\xfe"):
            try:
                further = list(feed.follow(Ask(ORDINARY), request, Payload(body)))
            except FeedError:
                continue
            assert further == []
