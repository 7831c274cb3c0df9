"""What a site reports of itself, from recorded messages of its broker, a JSON document a line.

`mosquitto_sub -F %j` and `-F %J` write them so (`topic`, `payload`, `tst`). The live service gets the same over MQTT,
Modbus TCP and REST; there is nothing to ask.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling, Service
from vibelux.feeds._json import parse_json
from vibelux.feeds._text import excerpt, refuse_html, without_bom
from vibelux.market.errors import Corrupt, FeedError, SchemaChanged, TimeRefused, UsageError
from vibelux.market.intervals import parse_utc
from vibelux.market.operations import Report, records_of
from vibelux.market.picture import Picture
from vibelux.market.records import Parsed, Quarantined
from vibelux.market.site_messages import reports_of, value_of
from vibelux.market.targets import Target

_STAMPS = ("tst", "received_at", "timestamp", "at")
_WHOLE = ("operations", "telemetry")
"""Last levels of topics whose messages are whole reports; the level before is the facility."""
_UNIT_VALUE = re.compile(r"(?:.*/)?([^/]+)/units/([^/]+)/([^/]+)")
_VALUE = re.compile(r"(?:.*/)?([^/]+)/readings/([^/]+)")
_HOLD = timedelta(seconds=60)
_SOURCE = "recorded MQTT"


def requests(ask: Ask) -> Iterator[Request]:
    """Nothing: it comes by itself."""
    del ask
    return iter(())


def parse(payload: Payload) -> Parsed:
    """Reports as `operations`, their frequency and voltage as `series`.

    A single value makes a report with those that came in the minute before it.

    Raises:
        Corrupt, TooLarge: no JSON lines.
        SchemaChanged: no line is a message of a broker.
    """
    refuse_html(payload.body, payload.name, "JSON lines")
    lines = [line for line in without_bom(payload.body).splitlines() if line.strip()]
    if not lines:
        raise Corrupt(f"{payload.name or 'payload'}: empty where JSON lines were promised")
    read = _Reading(payload)
    for number, line in enumerate(lines, start=1):
        read.line(f"line {number}", line)
    if not read.messages:
        raise SchemaChanged(
            f"{payload.name or 'payload'}: no line is a message with topic and payload: {excerpt(payload.body)}",
            missing=("topic", "payload"),
        )
    return read.result()


class _Reading:
    """What the lines so far have told."""

    def __init__(self, payload: Payload) -> None:
        self._payload = payload
        self._reports: dict[tuple[str, datetime], Report] = {}
        self._pictures: dict[str, Picture] = {}
        self._aside: list[Quarantined] = []
        self.messages = 0

    def line(self, place: str, line: bytes) -> None:
        """Takes in a line; one that says nothing usable is set aside."""
        try:
            self._message(parse_json(line, self._payload.name))
        except (FeedError, UsageError, TimeRefused) as error:
            self._aside.append(Quarantined(str(error), place, line[:1000].decode(errors="replace")))

    def result(self) -> Parsed:
        """All that was told."""
        import polars as pl

        found: dict[str, list[pl.DataFrame]] = {}
        by_facility: dict[str, list[Report]] = {}
        for (facility, _), report in self._reports.items():
            by_facility.setdefault(facility, []).append(report)
        for facility, reports in by_facility.items():
            for kind, frame in records_of(facility, reports, _SOURCE).items():
                found.setdefault(kind, []).append(frame)
        return Parsed({kind: pl.concat(frames) for kind, frames in found.items()}, self._aside)

    def _message(self, message: Any) -> None:
        if not isinstance(message, dict) or not isinstance(message.get("topic"), str) or "payload" not in message:
            raise SchemaChanged("not a message: topic and payload are missing")
        self.messages += 1
        at = _stamp(message) or self._payload.received_at
        levels = message["topic"].split("/")
        if levels[-1] in _WHOLE and len(levels) > 1:
            document = message["payload"]
            if isinstance(document, str):
                document = parse_json(document.encode())
            self._report(levels[-2], document, at)
        elif at is None:
            raise UsageError(f"no stamp: one of {', '.join(_STAMPS)} says when the message came")
        elif message.get("retain"):
            raise UsageError("a retained message: how old its value is, nobody knows")
        else:
            self._value(message["topic"], message["payload"], at)

    def _report(self, facility: str, document: Any, at: datetime | None) -> None:
        for report in reports_of(document, at):
            place = (facility, report.timestamp)
            before = self._reports.get(place)
            if before is not None and before != report:
                self._aside.append(Quarantined("a later report of the same moment", facility, str(before.as_json())))
            self._reports[place] = report

    def _value(self, topic: str, payload: Any, at: datetime) -> None:
        if found := _UNIT_VALUE.fullmatch(topic):
            facility, target = found[1], Target.named(f"units.{found[2]}.{found[3]}")
        elif found := _VALUE.fullmatch(topic):
            facility, target = found[1], Target.named(found[2])
        else:
            raise UsageError(f"{topic!r} names no facility")
        value = target.ranged(value_of(str(payload).encode(), target))
        picture = self._pictures.setdefault(facility, Picture(_HOLD))
        picture.put(target, value, at, _SOURCE)
        report = picture.report()
        if report is not None:
            self._reports[facility, report.timestamp] = report


def _stamp(message: dict[str, Any]) -> datetime | None:
    text = next((message[name] for name in _STAMPS if isinstance(message.get(name), str)), None)
    # mosquitto_sub 2.0 writes both Z and the offset.
    return None if text is None else parse_utc(re.sub(r"Z(?=[+-])", "", text))


FEED = Feed(
    provider="site",
    data_type="telemetry",
    region="site",
    kind="series",
    reports=("mqtt",),
    service=Service("site"),
    url="",
    publication=Rolling(step=timedelta(minutes=1), lag=timedelta(0)),
    stale_after_seconds=900,
    timezone="UTC",
    unit="as the record says",
    plausible=(0.0, 1e6),
    columns=("topic", "payload"),
    requests=requests,
    parse=parse,
    source="mosquitto_sub -F %j and %J of version 2.0; live: MQTT, Modbus TCP, REST (docs/telemetry.md)",
)
