"""What each fault leaves of a good payload, and what our readers make of it."""

from datetime import UTC, date, datetime

import pytest

from vibelux.feeds import Payload, feed_named, read
from vibelux.market.errors import Corrupt, FeedError, SchemaChanged, Throttled, UpstreamError
from vibelux.replay._http import Answer
from vibelux.replay.faults import WORDS, Fault, spoilt
from vibelux.replay.synth import FEEDS, synthesise

NOON = datetime(2026, 7, 14, 19, tzinfo=UTC)
GOOD = {entry.feed: entry for entry in synthesise(date(2026, 7, 14), ("TH_NP15_GEN-APND",))}
RTD = "caiso/real-time-pricing"


def body(fault: Fault, feed: str = RTD) -> bytes:
    return spoilt(Answer(200, {}, GOOD[feed].load()), fault, NOON).body


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.HTML, Corrupt),
        (Fault.ERROR_DOCUMENT, UpstreamError),
        (Fault.TRUNCATED, Corrupt),
        (Fault.THROTTLED, Throttled),
        (Fault.EMPTY, Corrupt),
        (Fault.SHIFTED, SchemaChanged),
    ],
)
def test_a_spoilt_payload_is_read_as_the_error_that_it_is(fault: Fault, error: type[FeedError]) -> None:
    with pytest.raises(error):
        read(feed_named(RTD), Payload(body(fault)))


@pytest.mark.parametrize("feed", FEEDS)
def test_a_price_a_thousand_times_too_high_is_set_aside(feed: str) -> None:
    good = read(feed_named(feed), Payload(GOOD[feed].load(), received_at=NOON))
    found = read(feed_named(feed), Payload(body(Fault.JUMP, feed), received_at=NOON))
    assert good.rows > 0
    assert good.quarantined == []
    assert found.rows < good.rows / 10, "but for an hour in which power costs next to nothing"
    assert len(found.quarantined) == good.rows - found.rows
    assert all("outside the plausible range" in row.reason for row in found.quarantined)


def test_a_price_five_times_too_high_is_stored_as_any_other() -> None:
    good = read(feed_named(RTD), Payload(GOOD[RTD].load(), received_at=NOON))
    found = read(feed_named(RTD), Payload(body(Fault.SURPRISE), received_at=NOON))
    assert found.quarantined == []
    was, now = (one.frames["electricity-price"]["price_per_kwh"] for one in (good, found))
    assert now.to_list() == pytest.approx((5 * was).to_list(), abs=1e-7)


def test_plain_csv_is_spoilt_too_and_what_is_no_table_stays_as_it_is() -> None:
    plain = Answer(200, {}, b'"Time Stamp","Name","LBMP ($/MWHr)"\n"07/14/2026 00:05:00","CAPITL",41.5\n')
    assert spoilt(plain, Fault.JUMP, NOON).body.endswith(b',"CAPITL",41500.00000')
    assert spoilt(plain, Fault.SHIFTED, NOON).body.splitlines()[1].startswith(b'"CAPITL",41.5,')
    for fault in (Fault.JUMP, Fault.SHIFTED):
        assert spoilt(Answer(304), fault, NOON) == Answer(304)


def test_every_fault_is_told_in_words_and_those_of_the_server_leave_the_payload_alone() -> None:
    assert set(WORDS) == set(Fault)
    good = Answer(200, {}, b"x")
    assert {fault for fault in Fault if spoilt(good, fault, NOON) is good} == {Fault.STALE, Fault.TIMEOUT}
    assert spoilt(good, Fault.UNAVAILABLE, NOON).status == 503
