"""How alerts are laid out: the row that is kept, the message to a facility, the post to the webhook."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vibelux.market.alert_kinds import LASTING, AlertKind
from vibelux.market.intervals import iso_z
from vibelux.realtime.states import Matter
from vibelux.store.alerts import Told


@dataclass(frozen=True, slots=True)
class News:
    """What one facility is to be told."""

    facility_id: str
    matter: Matter
    at: datetime
    resolves: bool = False
    quiet: bool = False
    """Whether it came in quiet hours: it is kept and shown, and disturbs nobody."""


def told_of(news: News) -> Told:
    """The row of it, and its message."""
    matter = news.matter
    return Told(
        facility_id=news.facility_id,
        kind=matter.kind,
        subject=matter.subject,
        text=matter.text,
        about=matter.about,
        at=news.at,
        lasts=matter.kind in LASTING,
        resolves=news.resolves,
        message=_body(news, [news.facility_id]),
    )


def posts_of(news: Iterable[News]) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """One post for all facilities that are told the same."""
    same: dict[tuple[AlertKind, str, str, bool], list[News]] = defaultdict(list)
    for one in news:
        same[one.matter.kind, one.matter.subject, one.matter.text, one.resolves].append(one)
    for group in same.values():
        facilities = [one.facility_id for one in group]
        yield (facilities[0] if len(facilities) == 1 else None), _body(group[0], facilities)


def _body(news: News, facilities: list[str]) -> dict[str, Any]:
    """What is sent, to listeners and to the webhook alike."""
    matter, alone = news.matter, len(facilities) == 1
    state = "resolved" if news.resolves else "open" if matter.kind in LASTING else "happened"
    whom = facilities[0] if alone else f"{len(facilities)} facilities"
    return {
        "kind": matter.kind.value,
        "state": state,
        "text": f"{whom}: {'Over: ' if news.resolves else ''}{matter.text}",
        "facility": facilities[0] if alone else None,
        **({} if alone else {"facilities": facilities}),
        "at": iso_z(news.at),
        "subject": matter.subject,
        "about": dict(matter.about),
        **({"quiet": True} if news.quiet else {}),
    }
