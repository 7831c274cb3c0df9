"""Whatever the bytes: rows that hold what rows promise, or an error of the tree, soon. Never another exception.

Changes that an upstream makes in silence, one at a time, are in `test_silent_changes`.
`VIBELUX_SOAK=1` tries over 100,000 payloads, each time others; the ordinary run over 2,000, each time the same.
"""

import random
import resource
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payloads.mutants import CELLS, mangled
from payloads.outcomes import (
    MANY,
    RECEIVED,
    SOAK,
    Seed,
    every_feed,
    everything,
    known,
    nothing_new,
    outcome,
    own,
    payload_of,
    recorded,
    tables,
)
from payloads.shelf import good
from vibelux.feeds import Feed, Parsed, Payload, all_feeds

PAYLOADS = 100_000 if SOAK else 1_000
SHARE = PAYLOADS // (2 * len(all_feeds())) + 1
"""Of each feed, of own and of recorded payloads each."""
AT_MOST_KIB = 256 * 1024


@st.composite
def payloads(draw: st.DrawFn, seeds: tuple[Seed, ...]) -> Payload:
    """A good payload after one to three accidents."""
    seed = draw(st.sampled_from(seeds))
    body = seed.body
    for _ in range(draw(st.integers(1, 3))):
        body = mangled(body, lambda limit: draw(st.integers(0, max(limit - 1, 0))), everything())
    name = draw(st.sampled_from((seed.name, seed.name, seed.name, "", "x.csv", "20261101.zip")))
    return Payload(body, name, received_at=draw(st.sampled_from((RECEIVED, RECEIVED, None))))


def fuzz(feed: Feed, seeds: tuple[Seed, ...]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @settings(
        max_examples=SHARE,
        database=None,
        deadline=None,
        derandomize=not SOAK,
        suppress_health_check=list(HealthCheck),
    )
    @given(payloads(seeds))
    def never_fails(payload: Payload) -> None:
        outcome(feed, payload)

    never_fails()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < AT_MOST_KIB, f"{feed.name}: {grown} KiB more"


@every_feed
def test_every_feed_has_payloads_of_our_own_that_it_reads_whole(feed: Feed) -> None:
    assert good(feed.name), "a new feed brings a good payload: tests/payloads/good"
    for name, body in good(feed.name).items():
        found = outcome(feed, payload_of(body, name))
        assert isinstance(found, Parsed), name
        assert found.rows > 0
        assert found.quarantined == []


@pytest.mark.timeout(3_600 if SOAK else 120)
@every_feed
def test_own_payloads_after_accidents_are_rows_or_a_named_error(feed: Feed) -> None:
    fuzz(feed, own(feed))


@pytest.mark.timeout(3_600 if SOAK else 120)
@every_feed
def test_recorded_payloads_after_accidents_are_rows_or_a_named_error(feed: Feed) -> None:
    seeds = recorded(feed)
    if not seeds:
        pytest.skip("no recording that this feed reads")
    fuzz(feed, seeds)


@every_feed
def test_the_payload_of_any_other_feed_is_rows_or_a_named_error(feed: Feed) -> None:
    for body in random.Random(feed.name).sample(everything(), 5 * MANY):
        outcome(feed, Payload(body))


@every_feed
def test_every_length_of_a_cut_off_payload_is_rows_of_the_whole_or_a_named_error(feed: Feed) -> None:
    for name, body in good(feed.name).items():
        ends = body.startswith((b"PK", b"{", b"[", b"<?xml", b"<O", b"<A"))  # a table or a page says not where it ends
        whole = known(feed, Seed(name, body))
        for length in range(0, len(body), max(1, len(body) // MANY)):
            found = outcome(feed, payload_of(body[:length], name))
            if ends and isinstance(found, Parsed):
                nothing_new(found, whole)


@every_feed
def test_any_trouble_in_any_cell_is_rows_or_a_named_error(feed: Feed) -> None:
    for seed in tables(feed):
        table = seed.table
        for column in range(len(table.header)):
            for trouble in CELLS if SOAK else random.Random(column).sample(CELLS, 1):
                other = table.copied()
                other.rows[zlib.crc32(trouble.encode()) % len(table.rows)][column] = trouble
                outcome(feed, payload_of(other.body(), seed.name))
