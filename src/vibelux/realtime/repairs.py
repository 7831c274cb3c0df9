"""What is wrong with the installation now, each fault with the command that mends it: the same for page and doctor."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from vibelux.feeds import Feed
from vibelux.ingest.lateness import lateness
from vibelux.ingest.quality import DataQuality
from vibelux.market.clock import Clock
from vibelux.market.intervals import iso_z, local_day
from vibelux.store.alerts import undelivered
from vibelux.store.database import Database
from vibelux.store.disagreements import Disagreement, disagreements
from vibelux.store.facilities import all_facilities
from vibelux.store.reader import feed_status

_LOOK_BACK = timedelta(days=2)
_WORTH_FILLING = 0.99
"""A day that is less complete than this has a gap that a person should know of."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Card:
    """One fault."""

    kind: str
    subject: str
    """What it is about in a word: a feed, a grid, a device."""
    words: str
    command: str
    """What mends it, to be typed as it stands but for words in capitals."""
    urgent: bool
    """Whether decisions suffer from it now."""


class Repairs:
    """Finds faults.

    Args:
        db: the store.
        clock: the service's.
        running: the feeds that are asked.
        missing_keys: by grid (`PJM`), the settings without which its prices stay away.
        silent: names of brokers and devices that do not answer now.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        running: Sequence[Feed],
        missing_keys: Mapping[str, str],
        silent: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._db = db
        self._clock = clock
        self._running = running
        self._missing_keys = missing_keys
        self._silent = silent
        self._quality = DataQuality(db, clock, [feed.name for feed in running])

    async def cards(self) -> list[Card]:
        """All of them, the urgent first.

        Raises:
            StoreUnavailable: the database is away.
        """
        now = self._clock.now()
        facilities = await all_facilities(self._db)
        status = {row["feed"]: row for row in await feed_status(self._db)}
        days = await self._quality.rows(now - _LOOK_BACK, now)
        found = [
            *_of_facilities(facilities, self._missing_keys),
            *(card for feed in self._running if (card := _of_feed(feed, status.get(feed.name, {}), now))),
            *(Card("line-down", name, f"{name} does not answer.", "vibelux doctor", True) for name in self._silent()),
            *(card for row in days if (card := _of_day(row))),
            *_of_disagreements(await disagreements(self._db)),
            *_of_posts(await undelivered(self._db)),
        ]
        return sorted(found, key=lambda card: not card.urgent)

    async def rows(self) -> list[dict[str, Any]]:
        """The cards as the API has them."""
        return [asdict(card) for card in await self.cards()]


def _of_facilities(facilities: Sequence[Row], missing_keys: Mapping[str, str]) -> Iterator[Card]:
    if not facilities:
        yield Card("no-facility", "facilities", "No facility is known.", "vibelux facilities add FILE", True)
    for grid in sorted({row["body"]["iso_region"] for row in facilities} & set(missing_keys)):
        names = missing_keys[grid]
        words = f"The prices of {grid} need a key: set {names.replace('|', ' or ')}."
        yield Card("key-missing", grid, words, f"export {names.partition('|')[0].partition(',')[0]}=KEY", True)


def _of_feed(feed: Feed, status: Row, now: datetime) -> Card | None:
    failed_at, came_at = status.get("error_at"), status.get("received_at")
    if failed_at is not None and (came_at is None or failed_at > came_at):
        words = f"{feed.name} fails, last at {iso_z(failed_at.replace(microsecond=0))}: {status['error']}"
        return Card("feed-failing", feed.name, words, f"vibelux feeds check {feed.name}", feed.is_price)
    late = lateness(feed, now, status.get("position"), came_at)
    if late.late_seconds is not None and late.late_seconds > feed.stale_after_seconds:
        words = f"{feed.name} is late: {late.words}."
        return Card("feed-late", feed.name, words, f"vibelux fetch {feed.name}", feed.is_price)
    return None


def _of_day(row: Row) -> Card | None:
    """A day on which the feed was asked from its beginning, and that lacks intervals."""
    if not row["knownBefore"] or row["completeness"] is None or not 0 < row["completeness"] < _WORTH_FILLING:
        return None  # nothing at all is a feed that fails
    missing = row["intervalsExpected"] - row["intervalsStored"]
    words = f"{row['feed']} lacks {missing} of {row['intervalsExpected']} intervals of {row['day']}."
    return Card("intervals-missing", row["feed"], words, _backfill(row["feed"], row["day"], row["timezone"]), False)


def _of_disagreements(doubted: Sequence[Disagreement]) -> Iterator[Card]:
    by_feed: dict[str, list[Disagreement]] = {}
    for one in doubted:
        by_feed.setdefault(one.feed, []).append(one)
    for feed, found in sorted(by_feed.items()):
        words = f"{len(found)} prices of {feed} are said otherwise by another route, the newest {found[0]}."
        start, end = iso_z(min(one.interval_start for one in found)), iso_z(max(one.interval_end for one in found))
        yield Card("prices-disagree", feed, words, f"vibelux backfill {feed} --from {start} --to {end}", False)


def _of_posts(failed: Sequence[Row]) -> Iterator[Card]:
    if failed:
        words = f"{len(failed)} alerts have not reached the webhook, the newest: {failed[0]['error']}."
        yield Card("alert-undelivered", "webhook", words, "vibelux alerts test", True)


def _backfill(feed: str, day: date, timezone: str) -> str:
    whole = local_day(day, timezone)
    return f"vibelux backfill {feed} --from {iso_z(whole.start)} --to {iso_z(whole.end)}"
