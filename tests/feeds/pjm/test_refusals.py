"""What PJM answers instead of data, and what is no answer at all: each ends as an error of the right kind."""

import json

import pytest

from feeds.pjm.payloads import PRICE_HEADER, parse
from vibelux.feeds import all_feeds
from vibelux.market.errors import AccessDenied, Corrupt, SchemaChanged, Throttled, UpstreamError, UsageError

DATA_MINER = [feed.data_type for feed in all_feeds() if feed.provider == "pjm" and feed.auth]


@pytest.mark.parametrize("feed", DATA_MINER)
def test_a_missing_key_is_denied_and_the_setting_named(feed: str):
    text = "Access denied due to missing subscription key. Make sure to include subscription key when making requests."
    with pytest.raises(AccessDenied, match="PJM_API_KEY") as caught:
        parse(feed, json.dumps({"statusCode": 401, "message": text}))
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("document", "seconds"),
    [
        ({"statusCode": 429, "message": "Rate limit is exceeded. Try again in 26 seconds."}, 26.0),
        ({"statusCode": 429, "message": "Slow down."}, None),
        ({"statusCode": 403, "message": "Out of call volume quota. Quota will be replenished in 02:12:45."}, 7965.0),
    ],
)
def test_a_rate_limit_is_throttled_with_its_own_patience(document: dict[str, object], seconds: float | None):
    with pytest.raises(Throttled) as caught:
        parse("real-time-lmp", json.dumps(document))
    assert caught.value.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("row", "seconds"),
    [
        ("This report is throttled. Please wait 30 minutes between requests.", 1800.0),
        ('"Request throttled, try again later",,,,,,,,,,,,,', None),
    ],
)
@pytest.mark.parametrize("header", ["", PRICE_HEADER.format(run="rt") + "\n"])
def test_a_throttle_sentence_as_the_only_row_of_a_csv_is_throttled(header: str, row: str, seconds: float | None):
    with pytest.raises(Throttled) as caught:
        parse("real-time-hourly-lmp", f"{header}{row}\n", "rt_hrl_lmps.csv")
    assert caught.value.retry_after_seconds == seconds


@pytest.mark.parametrize(
    "errors", [[{"field": "pnode_id", "message": "not allowed on archived data"}], "not allowed on archived data"]
)
def test_errors_of_data_miner_are_upstream_errors_with_their_text(errors: object):
    with pytest.raises(UpstreamError, match="not allowed on archived data"):
        parse("real-time-lmp", json.dumps({"errors": errors}))


def test_errors_beside_rows_are_not_passed_over():
    with pytest.raises(UpstreamError, match="partial"):
        parse("real-time-lmp", json.dumps({"items": [], "errors": ["partial result"]}))


@pytest.mark.parametrize(("status", "retryable"), [(404, False), (500, True)])
def test_another_status_is_an_upstream_error(status: int, retryable: bool):
    with pytest.raises(UpstreamError) as caught:
        parse("load", json.dumps({"statusCode": status, "message": "Resource not found"}))
    assert (caught.value.code, caught.value.retryable) == (str(status), retryable)


def test_an_object_without_rows_is_refused_with_what_it_has():
    with pytest.raises(SchemaChanged, match="rows: data, meta"):
        parse("load", json.dumps({"data": [], "meta": {}}))


@pytest.mark.parametrize("feed", DATA_MINER)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!DOCTYPE html><html><body>Service unavailable</body></html>",
        b"<Error><Code>Nope</Code></Error>",
        b'{"links":[],"items":[{"datetime_beginning_utc":"2026-07-14T04:',
        b'[{"mw": NaN}]',
    ],
)
def test_what_is_no_data_is_corrupt(feed: str, body: bytes):
    with pytest.raises(Corrupt):
        parse(feed, body)


@pytest.mark.parametrize("feed", DATA_MINER)
@pytest.mark.parametrize("body", [b"[1, 2]", b'{"items": {}}', b'{"items": null}', b"a,b\n1,2\n", b"\x00\x01\x02"])
def test_what_is_other_data_is_refused_by_its_form(feed: str, body: bytes):
    with pytest.raises((SchemaChanged, Corrupt)):
        parse(feed, body)


def test_a_report_of_another_feed_cannot_be_forced():
    with pytest.raises(UsageError, match="rt_hrl_lmps"):
        parse("real-time-lmp", "[]", report="rt_hrl_lmps")
