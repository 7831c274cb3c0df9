"""Answers as bytes: JSON with UTC times and plain numbers, and the frames of the WebSocket."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import HTTPConnection
from starlette.responses import Response

from vibelux.market.intervals import iso_z

_encode = msgspec.json.Encoder(decimal_format="number").encode


def json_bytes(value: object) -> bytes:
    """JSON of plain values; times end in `Z`, decimals are numbers."""
    return _encode(value)


def json_response(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer that no cache keeps."""
    return Response(
        _encode(value), status, {"Cache-Control": "no-store", **(headers or {})}, media_type="application/json"
    )


def tagged(request: HTTPConnection, body: bytes, *, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON body that its reader may keep and ask for again by its tag: 304 without it while nothing has changed."""
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    kept = {"Cache-Control": "private, no-cache", "ETag": tag, **(headers or {})}
    known = request.headers.get("if-none-match", "")
    if known == "*" or tag in (one.strip() for one in known.split(",")):
        return Response(status_code=304, headers=kept)
    return Response(body, headers=kept, media_type="application/json")


def frame(kind: str, seq: int, at: datetime, body: Mapping[str, Any]) -> str:
    """A WebSocket message: `type`, `seq`, the body's own members laid flat, `timestamp`."""
    return _encode({"type": kind, "seq": seq, **body, "timestamp": iso_z(at)}).decode()


def outbox_frame(message: Mapping[str, Any]) -> str:
    """The frame of an outbox message as the store keeps it."""
    return frame(message["type"], message["seq"], message["created_at"], message["body"])


def unavailable(now: datetime) -> dict[str, Any]:
    """The answer of `/api/chp/decision` before the desk has decided anything for a facility."""
    none = {"electricity": None, "gas": None, "carbon": None}
    missing = dict.fromkeys(none, "missing")
    return {
        "decision": {
            "action": "unavailable",
            "validFrom": None,
            "validUntil": None,
            "units": [],
            "gridImportKw": None,
            "gridExportKw": None,
            "boilerKw": None,
            "lightingKw": None,
            "storageKwh": None,
            "breakEvenGridPrice": None,
            "netBenefitUsdPerHour": None,
            "confidence": 0,
            "reasons": ["No decision has been made for this facility yet: the desk waits for its first prices."],
            "basis": {},
            "solve": None,
        },
        "marketConditions": {
            "gridPrice": None,
            "gasPrice": None,
            "co2Price": None,
            "timestamp": iso_z(now),
            "region": None,
            "dataQuality": missing,
            "origin": none,
        },
        "operations": None,
        "dataFreshness": none,
        "timestamp": iso_z(now),
    }
