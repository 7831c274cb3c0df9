"""Which requests of an ask are made: what lacks a key or gives nothing usable gives way to its fallback."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from ingest.fakes import NOON, PRICES, MemoryKeeper, hour_before, metrics, upstream_to
from ingest.stand_in import Answer, Asked, StandIn
from vibelux.feeds import Ask, Feed, Request, Service
from vibelux.ingest.collector import Collector
from vibelux.ingest.credentials import Credentials
from vibelux.ingest.events import PROVIDER_ERROR, Events
from vibelux.ingest.journal import Journal
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import FeedError

WINDOW = PRICES.publication.window(NOON)
LAST = Request("https://third.test/last", service=Service("third.test"))
MIDDLE = Request("https://second.test/middle", service=Service("second.test"), fallback=(LAST,))
FIRST = Request("https://prices.test/first", fallback=(MIDDLE,))
GOOD = Answer(body=hour_before(NOON))


def asking(*requests: Request) -> Feed:
    return replace(PRICES, requests=lambda _: requests)


class World:
    """A collector, a stand-in that answers by path, and what was asked and reported."""

    def __init__(self, tmp_path, answers: dict[str, Answer], keys: Iterable[str] = ()) -> None:
        self.clock = FrozenClock(NOON)
        self.there = StandIn(self.clock, self._answer)
        self._answers = answers
        self._keys = Credentials(dict.fromkeys(keys, "a-key-of-a-test"))
        self._folder = tmp_path
        self.keeper = MemoryKeeper()
        self.failures: list[str] = []

    def _answer(self, asked: Asked) -> Answer:
        return self._answers.get(asked.path, GOOD)

    async def poll(self, feed: Feed) -> tuple[str, ...]:
        """The paths that were asked, in order."""
        events = Events()
        events.on(PROVIDER_ERROR, lambda failed: self.failures.append(failed.error.outcome))
        async with self.there, upstream_to(self.there.url, self.clock, credentials=self._keys) as upstream:
            collector = Collector(
                self.clock, upstream, self.keeper, events, Journal(self._folder), metrics=metrics(self.clock)
            )
            try:
                await collector.poll(feed, Ask(WINDOW))
            finally:
                self.paths = tuple(asked.path for asked in self.there.asked)
        return self.paths


async def test_a_good_answer_needs_no_fallback(tmp_path) -> None:
    assert await World(tmp_path, {}).poll(asking(FIRST)) == ("/first",)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(Answer(403), "denied"), (Answer(body=b"<html>maintenance</html>"), "corrupt"), (Answer(400), "upstream_error")],
)
async def test_a_refusal_and_a_page_nobody_can_read_both_lead_to_the_fallback(tmp_path, answer, outcome) -> None:
    world = World(tmp_path, {"/first": answer})
    assert await world.poll(asking(FIRST)) == ("/first", "/middle")
    assert world.failures == [outcome], "it is told although others filled in"
    assert len(world.keeper.rows) == 12


async def test_the_last_fallback_is_the_last_word(tmp_path) -> None:
    world = World(tmp_path, {path: Answer(403) for path in ("/first", "/middle", "/last")})
    with pytest.raises(FeedError, match=r"third\.test"):
        await world.poll(asking(FIRST))
    assert world.paths == ("/first", "/middle", "/last")


async def test_without_its_key_a_request_is_not_sent_and_its_fallback_is_asked_at_once(tmp_path) -> None:
    keyed = replace(FIRST, needs_key=("EIA_API_KEY",))
    (folder := tmp_path / "without").mkdir()
    world = World(folder, {})
    assert await world.poll(asking(keyed)) == ("/middle",)
    assert world.failures == []
    (folder := tmp_path / "with").mkdir()
    assert await World(folder, {}, keys=["EIA_API_KEY"]).poll(asking(keyed)) == ("/first",)


async def test_a_fallback_that_several_share_is_asked_once(tmp_path) -> None:
    keyed = [replace(FIRST, url=f"https://prices.test/{name}", needs_key=("EIA_API_KEY",)) for name in "abc"]
    assert await World(tmp_path, {}).poll(asking(*keyed)) == ("/middle",)


async def test_a_service_that_wants_rest_is_left_alone_and_the_others_are_asked(tmp_path) -> None:
    other = replace(FIRST, url="https://prices.test/other", fallback=())
    answers = {"/first": Answer(429, headers={"Retry-After": "600"})}
    assert await World(tmp_path, answers).poll(asking(FIRST, other)) == ("/first", "/middle")
