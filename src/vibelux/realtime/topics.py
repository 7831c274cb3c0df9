"""What a message of the sites' broker is, by its topic: a whole report, or a value of a facility."""

import re
from dataclasses import dataclass
from datetime import datetime

from vibelux.config_telemetry import MqttSettings, ValueTopic
from vibelux.market.errors import UsageError
from vibelux.market.operations import Report
from vibelux.market.site_messages import json_of, reports_of, value_of
from vibelux.market.targets import Target


@dataclass(frozen=True, slots=True)
class Told:
    """A message understood."""

    facility_id: str
    reports: tuple[Report, ...] = ()
    values: tuple[tuple[Target, float], ...] = ()


def topic_filter(template: str) -> str:
    """What is subscribed to.

    >>> topic_filter("site/{facility}/units/{unit}/{member}")
    'site/+/units/+/+'
    """
    return re.sub(r"\{\w+\}", "+", template)


def _matching(template: str) -> re.Pattern[str]:
    levels = []
    for level in template.split("/"):
        if level.startswith("{"):
            levels.append(f"(?P<{level[1:-1]}>[^/]+)")
        else:
            levels.append({"+": "[^/]+", "#": ".*"}.get(level) or re.escape(level))
    return re.compile("/".join(levels))


class Topics:
    """The topic map of a broker."""

    def __init__(self, settings: MqttSettings) -> None:
        self._operations = [(_matching(one.topic), one.facility) for one in settings.operations]
        self._values = [(_matching(one.topic), one) for one in settings.values]
        templates = [one.topic for one in settings.operations] + [one.topic for one in settings.values]
        self.subscriptions = tuple(dict.fromkeys(map(topic_filter, templates)))

    def read(self, topic: str, payload: bytes, arrived: datetime, *, retained: bool = False) -> Told:
        """Understands a message; the first of the map's entries that fits its topic counts.

        Args:
            topic: where it was published.
            payload: its bytes.
            arrived: by the service's clock, UTC.
            retained: whether the broker kept it: a report says itself of which moment it is, a single value does not.

        Raises:
            UsageError: it says nothing usable.
        """
        for pattern, facility_id in self._operations:
            if match := pattern.fullmatch(topic):
                reports = reports_of(json_of(payload), None if retained else arrived)
                return Told(facility_id or match["facility"], reports=tuple(reports))
        for pattern, one in self._values:
            if match := pattern.fullmatch(topic):
                if retained:
                    raise UsageError("a retained message: how old its value is, nobody knows")
                return Told(one.facility or match["facility"], values=_values(one, _target(one, match), payload))
        raise UsageError("no entry of the topic map fits this topic")


def _target(one: ValueTopic, match: re.Match[str]) -> Target:
    if one.field is not None:
        return Target.named(one.field)
    places = match.groupdict()
    return Target.named(f"units.{places['unit']}.{places['member']}" if "unit" in places else places["member"])


def _values(one: ValueTopic, target: Target, payload: bytes) -> tuple[tuple[Target, float], ...]:
    value = value_of(payload, target, one.path) * one.scale * target.factor(one.unit)
    if one.on_above is None or target.member != "powerKw":
        return ((target, value),)
    return ((target, value), (Target(target.unit_id, "on"), float(value > one.on_above)))
