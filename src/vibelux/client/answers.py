"""The service's answers as typed values. Members that the service adds later are passed over."""

from datetime import datetime
from typing import Any, Literal

import msgspec

Quality = Literal["good", "estimated", "stale", "missing"]
Origin = Literal["live", "recorded", "rebuilt", "synthetic"]


class _Answer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Members are `camelCase` on the wire."""


class Unit(_Answer, frozen=True):
    """An engine's set-point; powers in kW, fuel by its higher heating value."""

    id: str
    on: bool
    power_kw: float
    heat_kw: float
    fuel_kw_hhv: float


class Decision(_Answer, frozen=True):
    """What to do now, and why. Flows are None where nothing could be decided."""

    action: Literal["run", "stop", "hold", "unavailable"]
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    units: tuple[Unit, ...] = ()
    grid_import_kw: float | None = None
    grid_export_kw: float | None = None
    boiler_kw: float | None = None
    lighting_kw: float | None = None
    storage_kwh: float | None = None
    net_benefit_usd_per_hour: float | None = None
    break_even_grid_price: float | None = None
    """USD/kWh as a market price, at which the action would change."""
    confidence: float | None = None
    """0 to 100."""
    reasons: tuple[str, ...] = ()


class Qualities(_Answer, frozen=True):
    """How far each input can be trusted."""

    electricity: Quality
    gas: Quality
    carbon: Quality


class Origins(_Answer, frozen=True):
    """Where each input came from; None where there is none."""

    electricity: Origin | None = None
    gas: Origin | None = None
    carbon: Origin | None = None


class Ages(_Answer, frozen=True):
    """Seconds since the newest data by the service's clock; None where there are none."""

    electricity: float | None = None
    gas: float | None = None
    carbon: float | None = None


class MarketConditions(_Answer, frozen=True):
    """The market's prices: USD/kWh, USD/MMBtu (HHV), USD per metric ton."""

    grid_price: float | None
    gas_price: float | None
    co2_price: float | None = msgspec.field(name="co2Price")
    timestamp: datetime
    region: str | None
    data_quality: Qualities
    origin: Origins


class Answer(_Answer, frozen=True):
    """A decision, what it rests on, and how old that was."""

    decision: Decision
    market_conditions: MarketConditions
    data_freshness: Ages
    timestamp: datetime


class Message(msgspec.Struct, frozen=True):
    """A message of the live stream; `body` is all of it as it came."""

    type: str
    seq: int
    timestamp: datetime
    body: dict[str, Any]

    @property
    def decision(self) -> Decision | None:
        """The decision of a snapshot or an update; None in messages about other things."""
        found = self.body.get("decision") or (self.body.get("data") or {}).get("decision")
        return None if found is None else msgspec.convert(found, Decision)


def message_of(text: str | bytes) -> Message:
    """A frame of the WebSocket."""
    body = msgspec.json.decode(text)
    return msgspec.convert({**body, "body": body}, Message)
