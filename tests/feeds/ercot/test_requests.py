"""What ERCOT is asked: keyless lists, the documents that touch the window, yearly files, the public API's pages."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from feeds.ercot.payloads import document_list, reply
from shared_files import real
from vibelux.feeds import Ask, Feed, Payload, all_feeds, feed_named
from vibelux.feeds.ercot import _api
from vibelux.market.errors import Corrupt, SchemaChanged
from vibelux.market.intervals import Interval, local_day, parse_utc

FEEDS = [feed for feed in all_feeds() if feed.provider == "ercot"]
CHICAGO = "America/Chicago"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def followed(feed: Feed, ask: Ask, request, body: bytes) -> list:
    assert feed.follow is not None
    return list(feed.follow(ask, request, Payload(body)))


def keyless(feed: Feed, ask: Ask) -> list:
    """What is asked where no key is set: a request that needs one gives way to its fallback."""
    return [
        other for request in feed.requests(ask) for other in (request.fallback if request.needs_key else (request,))
    ]


def ids(requests) -> list[str]:
    return [parse_qs(urlsplit(request.url).query)["doclookupId"][0] for request in requests]


def test_all_feeds_ask_the_keyless_site_where_no_key_is_set() -> None:
    ask = Ask(Interval(utc(2026, 7, 14), utc(2026, 7, 15)))

    assert len(FEEDS) == 11
    assert {urlsplit(request.url).netloc for feed in FEEDS for request in keyless(feed, ask)} == {"www.ercot.com"}
    assert {(feed.needs_key, feed.service.seconds_between) for feed in FEEDS} == {((), 1.0)}


def test_prices_are_asked_from_the_api_for_each_node_with_the_lists_to_fall_back_on() -> None:
    ask = Ask(Interval(utc(2026, 7, 14, 18), utc(2026, 7, 14, 19)), ("HB_NORTH", "LZ_WEST"))
    first, second, runs = feed_named("ercot/settlement-point-prices").requests(ask)
    (ahead, _) = feed_named("ercot/day-ahead-prices").requests(ask)

    for request, report in ((first, "12301"), (second, "12301"), (ahead, "12331")):
        assert request.needs_key == ("ERCOT_API_KEY", "ERCOT_USERNAME", "ERCOT_PASSWORD")
        assert request.service == _api.API
        assert not request.listing
        (instead,) = request.fallback
        assert instead.listing
        assert instead.url.endswith(f"reportTypeId={report}")
    assert runs.url.endswith("reportTypeId=12300")
    assert runs.needs_key == ()


def test_prices_older_than_the_api_are_asked_from_the_lists_alone() -> None:
    ask = Ask(Interval(utc(2022, 7, 14), utc(2022, 7, 15)), ("HB_NORTH",))

    assert all(not request.needs_key for request in feed_named("ercot/day-ahead-prices").requests(ask))


@pytest.mark.parametrize(
    ("feed", "path"),
    [
        ("ercot/load-forecast", "load_forecast_by_forecast_zone.json"),
        ("ercot/solar-generation", "solar_power_production_hourly_averaged_actual_and_forecasted_values_rtid.json"),
    ],
)
def test_recorded_list_leads_to_the_newest_csv_issue(feed: str, path: str) -> None:
    body = real(f"ercot/mis_doc_list/{path}").read_bytes()
    documents = [entry["Document"] for entry in json.loads(body)["ListDocsByRptTypeRes"]["DocumentList"]]
    tables = [document for document in documents if document["FriendlyName"].endswith("_csv")]
    newest = max(tables, key=lambda document: document["PublishDate"])
    published = parse_utc(newest["PublishDate"])
    request = next(iter(feed_named(feed).requests(Ask(Interval(published, published + timedelta(hours=1))))))

    window = feed_named(feed).publication.window(published + timedelta(minutes=4))
    assert ids(followed(feed_named(feed), Ask(window), request, body))[0] == newest["DocID"]
    day = Interval(published - timedelta(days=1), published)
    found = ids(followed(feed_named(feed), Ask(day), request, body))
    expected = [d for d in tables if published - timedelta(days=1) < parse_utc(d["PublishDate"]) <= published]
    assert found[:24] == [d["DocID"] for d in sorted(expected, key=lambda d: d["PublishDate"], reverse=True)]


def test_poll_of_quarter_hours_asks_the_documents_of_its_window_newest_first() -> None:
    feed = feed_named("ercot/settlement-point-prices")
    documents = [
        (f"{stamp:%H%M}", f"SPPHLZNP6905_{stamp:%Y%m%d_%H%M}_{form}", (stamp + timedelta(minutes=2)).isoformat())
        for stamp in (utc(2026, 7, 14, 16) + n * timedelta(minutes=15) for n in range(13))
        for form in ("csv", "xml")
    ]
    moment = utc(2026, 7, 14, 19, 2, 10)
    ask = Ask(feed.publication.window(moment))
    first, second = keyless(feed, ask)

    assert (first.listing, second.listing) == (True, True)
    assert ids(followed(feed, ask, first, document_list(*documents))) == ["1900", "1845"]


@pytest.mark.parametrize("late", [0, 30, 59])
def test_poll_of_the_look_ahead_asks_the_newest_run_alone(late: int) -> None:
    feed = feed_named("ercot/indicative-prices")
    runs = [utc(2026, 7, 14, 18) + n * timedelta(minutes=5) for n in range(13)]
    body = document_list(
        *(
            (f"{run:%H%M}", f"RTDLMPRNLZHUBNP6970_{run:%Y%m%d_%H%M}_{form}", (run + timedelta(seconds=13)).isoformat())
            for run in runs
            for form in ("csv", "xml")
        )
    )
    moment = feed.publication.next_after(utc(2026, 7, 14, 18, 58))
    assert moment == utc(2026, 7, 14, 19, 1)
    ask = Ask(feed.publication.window(moment + timedelta(seconds=late)))
    (request,) = feed.requests(ask)
    assert request.url.endswith("reportTypeId=13073")
    assert ids(followed(feed, ask, request, body)) == ["1900"]
    hours = Interval(utc(2026, 7, 14, 18), utc(2026, 7, 14, 20))
    assert ids(followed(feed, Ask(hours), request, body)) == [f"{run:%H%M}" for run in runs], "the newest comes last"


def test_real_time_capacity_prices_are_asked_each_quarter_hour() -> None:
    feed = feed_named("ercot/real-time-ancillary-services")
    stamps = [utc(2026, 7, 14, 18) + n * timedelta(minutes=15) for n in range(5)]
    documents = [(f"{end:%H%M}", f"NP_{end:%H%M}_csv", (end + timedelta(minutes=2)).isoformat()) for end in stamps]
    moment = feed.publication.next_after(utc(2026, 7, 14, 18, 50))
    ask = Ask(feed.publication.window(moment))
    (request,) = feed.requests(ask)
    assert request.url.endswith("reportTypeId=24898")
    assert ids(followed(feed, ask, request, document_list(*documents)))[0] == "1900"


def test_day_ahead_document_of_the_day_before_is_the_one_that_covers_a_day() -> None:
    feed = feed_named("ercot/day-ahead-prices")
    documents = [(str(day), "DAMSPNP4190_csv", f"2026-03-{day:02}T12:41:14-05:00") for day in range(9, 20)]
    ask = Ask(local_day(datetime(2026, 3, 15, tzinfo=UTC).date(), CHICAGO))
    (request,) = keyless(feed, ask)

    assert ids(followed(feed, ask, request, document_list(*documents))) == ["14"]


def test_days_older_than_the_list_come_from_the_yearly_files() -> None:
    feed = feed_named("ercot/day-ahead-prices")
    ask = Ask(Interval(utc(2021, 12, 30), utc(2022, 1, 3)))
    (request,) = feed.requests(ask)
    (years,) = followed(feed, ask, request, document_list(("1", "DAMSPNP4190_csv", "2026-03-09T12:41:14-05:00")))

    assert years.listing
    listed = document_list(
        *((f"y{year}", f"DAMLZHBSPP_{year}", f"{year + 1}-01-01T08:00:00-06:00") for year in range(2019, 2024))
    )
    assert ids(followed(feed, ask, years, listed)) == ["y2022", "y2021"]
    assert followed(feed, ask, followed(feed, ask, years, listed)[0], listed) == []


def test_measured_load_of_a_day_is_asked_the_morning_after() -> None:
    feed = feed_named("ercot/load")
    moment = utc(2026, 7, 14, 12, 0, 30)
    ask = Ask(feed.publication.window(moment))
    request = next(iter(feed.requests(ask)))
    documents = [(str(day), "ACTUALSYSLOADWZNP6345_csv", f"2026-07-{day:02}T05:50:00-05:00") for day in range(8, 15)]

    assert ids(followed(feed, ask, request, document_list(*documents)))[0] == "14"


def test_empty_list_asks_nothing_and_a_page_for_it_is_corrupt() -> None:
    feed = feed_named("ercot/wind-generation")
    ask = Ask(Interval(utc(2026, 7, 14), utc(2026, 7, 15)))
    request = next(iter(feed.requests(ask)))

    assert followed(feed, ask, request, document_list()) == []
    with pytest.raises(Corrupt):
        followed(feed, ask, request, b"<html>403</html>")
    with pytest.raises(SchemaChanged):
        followed(feed, ask, request, b'{"ListDocsByRptTypeRes": {}}')
    with pytest.raises(SchemaChanged, match="PublishDate"):
        followed(feed, ask, request, document_list(("1", "WPP_csv", "today")))


def test_public_api_is_asked_in_central_time_for_each_node() -> None:
    ask = Ask(Interval(utc(2026, 7, 14, 5), utc(2026, 7, 15, 5)), nodes=("HB_NORTH", "LZ_WEST"))
    prices = list(_api.requests("NP6-905-CD", ask))
    runs = next(iter(_api.requests("NP6-788-CD", Ask(ask.window))))

    assert [parse_qs(urlsplit(request.url).query)["settlementPoint"] for request in prices] == [
        ["HB_NORTH"],
        ["LZ_WEST"],
    ]
    assert "/np6-905-cd/spp_node_zone_hub?deliveryDateFrom=2026-07-14&deliveryDateTo=2026-07-15&" in prices[0].url
    assert "SCEDTimestampFrom=2026-07-14T00:00:00&SCEDTimestampTo=2026-07-15T00:00:00&" in runs.url


def test_public_api_is_paged_to_its_last_page() -> None:
    request = next(iter(_api.requests("NP6-905-CD", Ask(Interval(utc(2026, 7, 14), utc(2026, 7, 15))))))
    (second,) = _api.next_page(request, Payload(reply("a", [1], page=1, pages=2)))
    assert (second.needs_key, second.service) == (request.needs_key, request.service)

    assert parse_qs(urlsplit(second.url).query)["page"] == ["2"]
    assert list(_api.next_page(second, Payload(reply("a", [1], page=2, pages=2)))) == []


def test_list_of_the_archive_leads_to_its_zips() -> None:
    body = real("ercot/archive_np3_911_er/20241018_np3-911-er_archive_list.json").read_bytes()
    (request,) = _api.archive_downloads(Payload(body))

    assert request.url == "https://api.ercot.com/api/public-reports/archive/np3-911-er?download=1045038225"
    with pytest.raises(SchemaChanged):
        list(_api.archive_downloads(Payload(reply("a"))))
