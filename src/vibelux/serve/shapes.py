"""The answers as OpenAPI tells them. Routes send prepared bytes; these models are their documentation."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from vibelux.market.records import Kind, Type


class _Open(BaseModel):
    """Further members may come; clients ignore what they do not know."""

    model_config = ConfigDict(extra="allow")


class Failure(BaseModel):
    """Every error."""

    error: str = Field(examples=["Not found"])
    detail: Any = None


class Unauthorized(BaseModel):
    """No key or a wrong one."""

    model_config = ConfigDict(extra="forbid")
    error: Literal["Unauthorized"]


FAILURES: dict[int | str, dict[str, Any]] = {
    400: {"model": Failure, "description": "The request makes no sense"},
    401: {"model": Unauthorized, "description": "No key, or a wrong, expired or revoked one"},
    403: {"model": Failure, "description": "The key lacks the scope"},
    404: {"model": Failure, "description": "Unknown, or not the key's own"},
    429: {"model": Failure, "description": "Too many requests of this key, or wrong keys from this address"},
    503: {"model": Failure, "description": "The database is away"},
}
WRITES: dict[int | str, dict[str, Any]] = FAILURES | {
    409: {"model": Failure, "description": "It does not fit what there is, or its first request is still at work"},
    413: {"model": Failure, "description": "A body over 1 MiB"},
    422: {"model": Failure, "description": "The Idempotency-Key came with another request"},
}

Quality = Literal["good", "estimated", "stale", "missing"]
Origin = Literal["live", "recorded", "rebuilt", "synthetic"]


class Qualities(_Open):
    """How far each input can be trusted."""

    electricity: Quality
    gas: Quality
    carbon: Quality


class Origins(_Open):
    """Where each input came from."""

    electricity: Origin | None
    gas: Origin | None
    carbon: Origin | None


class Ages(_Open):
    """Seconds since the newest data, by the service's clock; null when there are none."""

    electricity: float | None
    gas: float | None
    carbon: float | None


class MarketConditions(_Open):
    """The market's prices."""

    gridPrice: float | None = Field(description="USD/kWh", examples=[0.0612])  # noqa: N815
    gasPrice: float | None = Field(description="USD/MMBtu (HHV)", examples=[3.18])  # noqa: N815
    co2Price: float | None = Field(description="USD per metric ton", examples=[29.27])  # noqa: N815
    timestamp: datetime
    region: str | None
    dataQuality: Qualities  # noqa: N815
    origin: Origins


class Unit(_Open):
    """An engine's set-point."""

    id: str
    on: bool
    powerKw: float  # noqa: N815
    heatKw: float  # noqa: N815
    fuelKwHhv: float  # noqa: N815


class Decision(_Open):
    """What to do now, and why."""

    action: Literal["run", "stop", "hold", "unavailable"]
    units: list[Unit]
    breakEvenGridPrice: float | None = Field(  # noqa: N815
        description="USD/kWh as a market price, at which the action would change", examples=[0.0437]
    )
    netBenefitUsdPerHour: float | None = None  # noqa: N815
    confidence: float | None = Field(description="0 to 100")
    reasons: list[str]


class DecisionAnswer(_Open):
    """What is decided, and on what."""

    decision: Decision
    marketConditions: MarketConditions  # noqa: N815
    operations: dict[str, Any] | None = None
    dataFreshness: Ages  # noqa: N815
    timestamp: datetime


class DecisionRows(BaseModel):
    """Decisions of a stretch of time, oldest first."""

    rows: list[DecisionAnswer]
    next: str | None


class Rows(BaseModel):
    """A page of a list; `next` is the URL of the next page."""

    rows: list[dict[str, Any]]
    next: str | None


class Facilities(BaseModel):
    """The key's own facilities."""

    facilities: list[dict[str, Any]]


class TicketAnswer(BaseModel):
    """A right to open one socket."""

    ticket: str
    expiresAt: datetime  # noqa: N815


class Health(BaseModel):
    """The process lives."""

    status: Literal["ok"]
    version: str
    time: datetime
    clockSpeed: float = Field(description="seconds of the service's clock a second of the wall")  # noqa: N815
    drill: bool = Field(description="whether a feed can be broken on purpose here")


class Readiness(BaseModel):
    """Whether the service can do its work; `ok`, or what is wrong, by check."""

    ready: bool
    checks: dict[str, str]


def record_schema(kind: Kind) -> dict[str, Any]:
    """A kind of record as JSON schema, from the same declaration as tables and frames."""
    return {
        "type": "object",
        "properties": {
            f.name: _JSON_TYPES[f.type]
            | ({"description": "; ".join(filter(None, (f.unit, f.meaning)))} if f.unit or f.meaning else {})
            for f in kind.fields
        },
    }


def rows_of(kind: Kind, example: dict[str, Any]) -> dict[str, Any]:
    """The answer of a list of records."""
    rows = {"type": "array", "items": record_schema(kind)}
    schema = {"type": "object", "properties": {"rows": rows, "next": {"type": ["string", "null"], "format": "uri"}}}
    found = answered(schema | {"required": ["rows", "next"]}, {"rows": [example], "next": None})
    return {"description": "Records, or a file of them", "content": found["content"] | _FILES}


def answered(shape: type[BaseModel] | dict[str, Any], example: object) -> dict[str, Any]:
    """A good answer: its shape, and one such answer."""
    content: dict[str, Any] = {"example": _packed(example)}
    if isinstance(shape, dict):
        return {"description": "Good", "content": {"application/json": {"schema": shape} | content}}
    return {"model": shape, "description": "Good", "content": {"application/json": content}}


def body_of(example: dict[str, str]) -> dict[str, Any]:
    """A JSON request body of text members, all required."""
    members = {name: {"type": "string"} for name in example}
    return body_like(
        {"type": "object", "required": list(example), "properties": members, "additionalProperties": False}, example
    )


def body_like(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    """A JSON request body."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": _packed(example)}},
        }
    }


def with_examples(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with its examples unpacked."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for place in (operation.get("requestBody", {}), *operation["responses"].values()):
                content = place.get("content", {}).get("application/json", {})
                if isinstance(content.get("example"), str):
                    content["example"] = msgspec.json.decode(content["example"])
    return document


def _packed(example: object) -> str:
    """As text: FastAPI leaves nulls out of a document that it makes."""
    return msgspec.json.encode(example).decode()


_JSON_TYPES: dict[Type, dict[str, Any]] = {
    Type.TEXT: {"type": ["string", "null"]},
    Type.NUMBER: {"type": ["number", "null"]},
    Type.INTEGER: {"type": ["integer", "null"]},
    Type.TIME: {"type": ["string", "null"], "format": "date-time"},
    Type.DATE: {"type": ["string", "null"], "format": "date"},
    Type.JSON: {},
}
_FILES: dict[str, Any] = {
    "text/csv": {"schema": {"type": "string"}},
    "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
    "application/vnd.apache.arrow.file": {"schema": {"type": "string", "format": "binary"}},
}
