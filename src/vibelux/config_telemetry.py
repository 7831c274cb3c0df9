"""`[telemetry]` of `vibelux.toml`: which topics of the broker and which devices a site's reports come from.

docs/telemetry.md has examples. All of it may be left out: with `MQTT_URL` alone the topics below `site/` are read.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from vibelux.market.errors import UsageError
from vibelux.market.targets import Target, target_name

_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_PLACES = {"facility", "unit", "member"}


def _topic(text: str) -> str:
    for level in text.split("/"):
        if ("#" in level or "+" in level or "{" in level) and not re.fullmatch(r"#|\+|\{\w+\}", level):
            raise ValueError(
                f"a level of a topic is a word, + or one of {{facility}} {{unit}} {{member}}, not {level!r}"
            )
    unknown = set(_PLACEHOLDER.findall(text)) - _PLACES
    if unknown or not text or "#" in text[:-1]:
        raise ValueError(f"should be a topic; it may hold {{facility}} {{unit}} {{member}}, got {text!r}")
    return text


_Topic = Annotated[str, AfterValidator(_topic)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class OperationsTopic(_Table):
    """Messages that are whole reports: JSON in the contract's form, one or a list."""

    topic: _Topic
    facility: str | None = None
    """None: the topic says it."""

    @model_validator(mode="after")
    def _whose(self) -> "OperationsTopic":
        if (self.facility is None) == ("{facility}" not in self.topic):
            raise ValueError("give facility, or {facility} in the topic")
        return self


class ValueTopic(_Table):
    """Messages that are one value each: a number, ON and OFF, or JSON with the value in it."""

    topic: _Topic
    facility: str | None = None
    field: Annotated[str, AfterValidator(target_name)] | None = None
    """`units.engine-1.powerKw`, `storageKwh`, ...; None: the topic says it with {member} (and {unit})."""
    path: str | None = None
    """Where the value lies in a JSON payload: `state.power`."""
    unit: str | None = None
    """What it is measured in, where that is not the field's own unit: `W`, `MWh`, `mHz`, `kV`."""
    scale: _Finite = 1.0
    """The value times this is in that unit."""
    on_above: _Finite | None = None
    """Of a `powerKw`: an engine that makes more than this (kW) runs, one that does not stands."""

    @model_validator(mode="after")
    def _whole(self) -> "ValueTopic":
        if (self.facility is None) == ("{facility}" not in self.topic):
            raise ValueError("give facility, or {facility} in the topic")
        if (self.field is None) == ("{member}" not in self.topic):
            raise ValueError("give field, or {member} in the topic")
        if self.field is not None:
            try:
                Target.named(self.field).factor(self.unit)
            except UsageError as error:
                raise ValueError(str(error)) from error
        return self


class SetPoints(_Table):
    """Set-points of a facility's engines, published for a controller that follows them: off unless asked for."""

    facility: str
    topic: _Topic = "vibelux/{facility}/units/{unit}/set-point"
    payload: Literal["json", "number"] = "json"
    """`{"on","powerKw","safe","timestamp"}`, or kW alone."""
    repeat_seconds: _Seconds = 30.0
    """How often the set-point in force is said again."""
    dead_man_seconds: _Seconds = 600.0
    """So long after the last decision has run out the safe set-point is published instead."""
    safe_kw: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """For each engine: 0 is off; anything else is brought into its range."""

    @model_validator(mode="after")
    def _one_topic_an_engine(self) -> "SetPoints":
        if "{unit}" not in self.topic or "#" in self.topic or "+" in self.topic or "{member}" in self.topic:
            raise ValueError("topic: each engine needs its own: write {unit} in it, and no + or #")
        return self


class HomeAssistant(_Table):
    """Discovery messages for Home Assistant."""

    enabled: bool = True
    prefix: str = "homeassistant"


class MqttSettings(_Table):
    """The broker's topics; its address is `MQTT_URL`."""

    client_id: str = "vibelux"
    """One for each service: a broker ends the older of two connections of the same id."""
    protocol: Literal["5", "3.1.1"] = "5"
    publish: str = "vibelux"
    """Below it lies what is published."""
    operations: Annotated[tuple[OperationsTopic, ...], Field(strict=False)] = (
        OperationsTopic(topic="site/{facility}/operations"),
    )
    values: Annotated[tuple[ValueTopic, ...], Field(strict=False)] = (
        ValueTopic(topic="site/{facility}/readings/{member}"),
        ValueTopic(topic="site/{facility}/units/{unit}/{member}"),
    )
    home_assistant: HomeAssistant = HomeAssistant()
    set_points: Annotated[tuple[SetPoints, ...], Field(strict=False)] = ()


class ModbusDevice(_Table):
    """A Modbus TCP server at a site."""

    name: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    facility: str
    host: str
    port: Annotated[int, Field(gt=0, lt=65_536)] = 502
    device_id: Annotated[int, Field(ge=0, le=255)] = 1
    map: Annotated[Path, Field(strict=False)]
    """The register map; a relative path counts from the configuration file."""
    poll_seconds: _Seconds = 10.0
    timeout_seconds: _Seconds = 3.0


class TelemetrySettings(_Table):
    """`[telemetry]`."""

    report_seconds: _Seconds = 10.0
    """How often single values are put together into a report."""
    hold_seconds: _Seconds = 60.0
    """How long a single value speaks for its site."""
    mqtt: MqttSettings = MqttSettings()
    modbus: Annotated[tuple[ModbusDevice, ...], Field(strict=False)] = ()
