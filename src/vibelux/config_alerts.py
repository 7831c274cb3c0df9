"""`[alerts]` of `vibelux.toml`: which rules hold for whom, and when nobody is to be disturbed.

[alerts]
quiet_hours = "22:00-06:00"      # of each facility's own clock; urgent alerts pass

[[alerts.rules]]                 # the first that fits kind and facility counts
kind = "price-spike"
facilities = ["salinas-1"]       # left out: all
threshold = 0.4                  # USD/kWh
minutes = 10                     # told when it has lasted so long
"""

from dataclasses import replace
from datetime import time
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from vibelux.market.alert_kinds import AlertKind, Standing


def _hours(text: str) -> str:
    hours_of(text)
    return text


def hours_of(text: str) -> tuple[time, time] | None:
    """The beginning and the end of quiet hours; None for none.

    >>> hours_of("22:00-06:00")
    (datetime.time(22, 0), datetime.time(6, 0))

    Raises:
        ValueError: it is written otherwise.
    """
    if not text:
        return None
    begin, _, end = text.partition("-")
    try:
        return time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
    except ValueError as error:
        raise ValueError(f"should be hours of a day like 22:00-06:00, or empty for none, got {text!r}") from error


_Hours = Annotated[str, AfterValidator(_hours)]


class AlertRule(BaseModel):
    """What holds for a kind of alert; what is left out is as usual (`market.alert_kinds`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Annotated[AlertKind, Field(strict=False)]
    facilities: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """For whom; empty: for all."""
    enabled: bool = True
    threshold: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """In the kind's own unit."""
    minutes: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """How long a state has to last before it is told."""
    quiet_hours: _Hours | None = None
    """Empty: never quiet."""
    urgent: bool | None = None
    """Whether it passes in quiet hours."""

    def fits(self, kind: AlertKind, facility_id: str) -> bool:
        """Whether it is for such an alert of a facility."""
        return self.kind is kind and (not self.facilities or facility_id in self.facilities)


class AlertSettings(BaseModel):
    """All of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    quiet_hours: _Hours = ""
    rules: Annotated[tuple[AlertRule, ...], Field(strict=False)] = ()

    def standing(self, kind: AlertKind, facility_id: str, usual: Standing) -> Standing | None:
        """What holds for a kind of alert of a facility, where `usual` holds for others; None: it is switched off."""
        rule = next((one for one in self.rules if one.fits(kind, facility_id)), None)
        if rule is not None and not rule.enabled:
            return None
        given = {} if rule is None else rule.model_dump(include={"threshold", "minutes", "urgent"}, exclude_none=True)
        standing = replace(usual, **given)
        hours = self.quiet_hours if rule is None or rule.quiet_hours is None else rule.quiet_hours
        return standing if standing.urgent else replace(standing, quiet=hours_of(hours))
