"""What is asked of Data Miner: Eastern windows with inclusive ends, nodes by id, pages, and no year crossed."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from vibelux.feeds import Ask, Feed, Payload, Request, all_feeds, feed_named
from vibelux.market.intervals import Interval

PJM = [feed for feed in all_feeds() if feed.provider == "pjm"]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def ask(start: datetime, end: datetime, *nodes: str) -> Ask:
    return Ask(Interval(start, end), nodes)


def asked(name: str, question: Ask) -> list[tuple[str, dict[str, str]]]:
    found = []
    for request in feed_named(f"pjm/{name}").requests(question):
        parts = urlsplit(request.url)
        found.append((parts.path.rsplit("/", 1)[1], {key: values[0] for key, values in parse_qs(parts.query).items()}))
    return found


HOUR = ask(utc(2026, 7, 14, 16), utc(2026, 7, 14, 17))


def test_a_poll_asks_for_unverified_prices_with_the_end_less_a_minute():
    assert asked("real-time-lmp", HOUR) == [
        (
            "rt_unverified_fivemin_lmps",
            {"rowCount": "50000", "startRow": "1", "datetime_beginning_ept": "07/14/2026 12:00to07/14/2026 12:59"},
        )
    ]


def test_a_window_is_written_as_pjm_reads_it():
    (request,) = feed_named("pjm/real-time-lmp").requests(HOUR)
    assert "datetime_beginning_ept=07/14/2026%2012:00to07/14/2026%2012:59" in request.url


def test_a_longer_window_asks_for_verified_prices_too():
    reports = [report for report, _ in asked("real-time-lmp", ask(utc(2026, 7, 1, 4), utc(2026, 7, 2, 4)))]
    assert reports == ["rt_unverified_fivemin_lmps", "rt_fivemin_hrl_lmps"]


def test_hubs_and_zones_are_asked_for_by_id_and_unknown_names_by_name():
    question = ask(HOUR.window.start, HOUR.window.end, "WESTERN HUB", "DOM", "123456", "SOMEBUS 230 KV  T-1", "DOM")
    filters = [query for _, query in asked("day-ahead-lmp", question)]
    assert [query.get("pnode_id") for query in filters] == ["51288;34964545;123456", None]
    assert [query.get("pnode_name") for query in filters] == [None, "SOMEBUS 230 KV  T-1"]


def test_many_nodes_are_asked_for_fifty_at_a_time():
    question = ask(HOUR.window.start, HOUR.window.end, *(str(node) for node in range(1, 121)))
    sizes = [len(query["pnode_id"].split(";")) for _, query in asked("real-time-lmp", question)]
    assert sizes == [50, 50, 20]


def test_a_request_never_crosses_a_year_and_has_no_filter_but_the_date():
    spans = asked("real-time-hourly-lmp", ask(utc(2023, 12, 31, 5), utc(2025, 1, 2, 5)))
    assert [query["datetime_beginning_ept"] for _, query in spans] == [
        "12/31/2023 00:00to12/31/2023 23:59",
        "01/01/2024 00:00to12/31/2024 23:59",
        "01/01/2025 00:00to01/01/2025 23:59",
    ]
    assert all(set(query) == {"rowCount", "startRow", "datetime_beginning_ept"} for _, query in spans)


def test_a_window_over_the_repeated_hour_is_widened_to_all_of_it():
    ((_, query),) = asked("real-time-lmp", ask(utc(2026, 11, 1, 5, 30), utc(2026, 11, 1, 6, 30)))
    assert query["datetime_beginning_ept"] == "11/01/2026 01:00to11/01/2026 01:59"


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [
        (utc(2026, 3, 8, 5), utc(2026, 3, 9, 4), "03/08/2026 00:00to03/08/2026 23:59"),
        (utc(2026, 11, 1, 4), utc(2026, 11, 2, 5), "11/01/2026 00:00to11/01/2026 23:59"),
    ],
)
def test_days_of_clock_changes_are_asked_for_whole(start: datetime, end: datetime, span: str):
    ((_, query),) = asked("day-ahead-lmp", ask(start, end))
    assert query["datetime_beginning_ept"] == span


def test_forecasts_are_asked_for_by_the_time_they_were_given_out():
    by_report = dict(asked("wind-solar", HOUR))
    assert list(by_report) == ["hourly_wind_power_forecast", "hourly_solar_power_forecast", "wind_gen", "solar_gen"]
    assert by_report["hourly_wind_power_forecast"]["evaluated_at_ept"] == "07/14/2026 12:00to07/14/2026 12:59"
    assert by_report["wind_gen"]["datetime_beginning_ept"] == "07/14/2026 12:00to07/14/2026 12:59"


def test_the_seven_day_forecast_is_asked_for_whole():
    assert asked("load-forecast", HOUR) == [("load_frcstd_7_day", {"rowCount": "50000", "startRow": "1"})]


def test_day_ahead_constraints_are_asked_for_as_far_as_they_can_be_out():
    by_report = dict(asked("congestion", HOUR))
    assert by_report["da_marginal_value"]["datetime_beginning_ept"] == "07/14/2026 12:00to07/16/2026 00:59"


def follow(feed: Feed, request: Request, document: object) -> list[Request]:
    assert feed.follow is not None
    return list(feed.follow(HOUR, request, Payload(json.dumps(document).encode())))


PRICES = feed_named("pjm/day-ahead-lmp")


def test_pages_are_followed_until_all_rows_are_there():
    (request,) = PRICES.requests(HOUR)
    seen = []
    for _ in range(5):
        seen.append(parse_qs(urlsplit(request.url).query)["startRow"][0])
        following = follow(PRICES, request, {"items": [{}, {}], "totalRows": 5, "links": []})
        if not following:
            break
        (request,) = following
    assert seen == ["1", "3", "5"]
    assert "datetime_beginning_ept=07/14/2026%2012:00to07/14/2026%2012:59" in request.url


@pytest.mark.parametrize(
    ("document", "more"),
    [
        ({"items": [{}], "totalRows": 1, "links": [{"rel": "next", "href": "https://elsewhere.example/"}]}, 0),
        ({"items": [{}], "links": [{"rel": "next", "href": "https://elsewhere.example/"}]}, 1),
        ({"items": [], "totalRows": 50_001}, 0),
        ([{}, {}], 0),
        ({"errors": ["no"]}, 0),
        ("<html>", 0),
    ],
)
def test_a_next_page_is_asked_for_at_our_own_address_and_only_when_there_is_one(document: object, more: int):
    (request,) = PRICES.requests(HOUR)
    following = follow(PRICES, request, document)
    assert len(following) == more
    assert all(next_.url.startswith("https://api.pjm.com/api/v1/da_hrl_lmps?") for next_ in following)


def test_a_short_window_too_old_for_unverified_prices_is_asked_of_the_verified_ones():
    feed = feed_named("pjm/real-time-lmp")
    (request,) = feed.requests(HOUR)
    (second,) = follow(feed, request, {"items": [], "totalRows": 0, "links": []})
    assert second.url == request.url.replace("rt_unverified_fivemin_lmps", "rt_fivemin_hrl_lmps")
    assert follow(feed, second, {"items": [], "totalRows": 0, "links": []}) == []


@pytest.mark.parametrize("feed", PJM, ids=lambda feed: feed.data_type)
def test_what_each_feed_declares_holds_together(feed: Feed):
    moment = utc(2026, 7, 14, 16, 2)
    window = feed.publication.window(moment)
    requests = list(feed.requests(Ask(window)))
    assert requests
    assert feed.publication.next_after(moment) > moment
    if feed.auth:
        assert feed.needs_key == ("PJM_API_KEY|PJM_USERNAME",)
        assert (feed.service.name, feed.service.seconds_between) == ("api.pjm.com", 10.0)
        assert {urlsplit(request.url).path.rsplit("/", 1)[1] for request in requests} <= set(feed.reports)
    assert all(request.url.startswith(("https://api.pjm.com/api/v1/", "https://www.pjm.com/")) for request in requests)
    assert window.end - window.start <= timedelta(days=4)
