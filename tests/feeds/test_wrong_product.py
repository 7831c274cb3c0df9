"""A payload that is right but of another report: it is refused, and never read as something that it is not."""

import pytest

from payloads.outcomes import RECEIVED, Seed
from payloads.shelf import good
from shared_files import SHARED
from vibelux.feeds import Feed, Payload, all_feeds, feed_named, read
from vibelux.market.errors import FeedError

SHARED_REPORTS = {
    ("ercot/load", "ercot/fuel-mix"),
    ("ercot/load", "ercot/load-forecast"),
    ("caiso/hour-ahead-pricing", "caiso/fifteen-minute-pricing"),
    ("ercot/real-time-ancillary-services", "ercot/ancillary-services"),
}
"""Feed of the payload, and who else reads the same report, for the same records."""


def seeds(feed: Feed) -> list[Seed]:
    return [Seed(name, body) for name, body in good(feed.name).items()]


def rows(feed: Feed, seed: Seed) -> int:
    try:
        return read(feed, Payload(seed.body, seed.name, received_at=RECEIVED)).rows
    except FeedError:
        return 0


@pytest.mark.parametrize("feed", all_feeds(), ids=lambda feed: feed.name)
def test_a_good_payload_of_one_feed_is_no_data_to_another(feed: Feed) -> None:
    others = [other for other in all_feeds() if other is not feed and (feed.name, other.name) not in SHARED_REPORTS]
    for seed in seeds(feed):
        readers = [other.name for other in others if rows(other, seed)]
        assert readers == [], f"{seed.name} of {feed.name}"


@pytest.mark.parametrize(("one", "other"), sorted(SHARED_REPORTS))
def test_a_report_of_two_feeds_gives_the_same_records_to_both(one: str, other: str) -> None:
    shared = 0
    for seed in seeds(feed_named(one)):
        if rows(feed_named(other), seed):
            first, second = (read(feed_named(name), seed.payload).frames for name in (one, other))
            assert all(first[kind].equals(second[kind]) for kind in first)
            shared += 1
    assert shared


WRONG = {
    "caiso/ENE_LOSS_DAM/20130101_20130102_ENE_LOSS_DAM_20190803_22_02_01_v1.xml": "caiso/ghg-allowance",
    "ercot/np3_560_load_forecast_fzone/load_forecast_specific_reportid.zip": "ercot/load",
    "ercot/np6_346_cd/NP6-346-CD_202411.csv": "ercot/load-forecast",
}
"""Recordings that once were read as what they are not."""


@pytest.mark.parametrize(("recording", "feed"), WRONG.items(), ids=WRONG.values())
def test_a_recording_of_another_report_is_refused_by_name(recording: str, feed: str) -> None:
    path = SHARED / "real" / recording
    if not path.exists():
        pytest.skip(f"no recordings here: {path.name}")
    with pytest.raises(FeedError):
        read(feed_named(feed), Payload(path.read_bytes(), path.name, received_at=RECEIVED))
