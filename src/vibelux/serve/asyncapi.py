"""AsyncAPI 3 of `/ws`: every message of contracts §6, with the shapes that the routes have too."""

from typing import Any

from vibelux.market.records import CARBON_PRICE, ELECTRICITY_PRICE, GAS_PRICE
from vibelux.serve import examples
from vibelux.serve.shapes import DecisionAnswer, record_schema

_TIME = {"type": "string", "format": "date-time"}
_DEFS = "#/components/schemas/"

_TOLD: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "snapshot": (
        "The whole answer of /api/chp/decision, first of all",
        {"data": {"$ref": _DEFS + "DecisionAnswer"}},
        {"data": examples.DECISION},
    ),
    "market-price-update": (
        "A price that is new or was corrected",
        {"data": {"$ref": _DEFS + "PriceRecord"}},
        {"data": examples.RECORDS["electricity-price"]},
    ),
    "chp-decision-update": (
        "A new decision",
        {"decision": {"$ref": _DEFS + "Decision"}},
        {"decision": examples.DECISION["decision"]},
    ),
    "alert": (
        "Something that a person should know",
        {"kind": {"type": "string"}, "state": {"enum": ["open", "resolved", "happened"]}, "text": {"type": "string"}},
        {name: examples.ALERT[name] for name in ("kind", "state", "text", "facility", "at", "subject", "about")},
    ),
    "dr-event": (
        "A demand-response event has come or changed, was answered or called off",
        {},
        {"data": {"event_id": "e-17"}},
    ),
    "heartbeat": ("Every 15 s, with the last `seq` again", {}, {}),
    "resync": (
        "This connection was too slow: messages were dropped, a snapshot follows",
        {"reason": {"type": "string"}},
        {"reason": "this connection was too slow: messages were dropped, the newest state follows"},
    ),
}
"""By type: what it says, its own members, and an example of those."""


def asyncapi(version: str) -> dict[str, Any]:
    """The document."""
    answer = DecisionAnswer.model_json_schema(ref_template=_DEFS + "{model}")
    schemas: dict[str, Any] = answer.pop("$defs") | {"DecisionAnswer": answer}
    records = [record_schema(kind) for kind in (ELECTRICITY_PRICE, GAS_PRICE, CARBON_PRICE)]
    schemas["PriceRecord"] = {"anyOf": [record | {"required": ["kind"]} for record in records]}
    messages = _messages()
    to_client = [f"#/channels/ws/messages/{name}" for name in messages if name != "auth"]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Vibelux",
            "version": version,
            "description": "One facility's prices and decisions as they are committed, in order, each once.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "ws": {
                "address": "/ws",
                "description": (
                    "Give the key in the header, a ticket of POST /api/ws-ticket in the address, or the key in a first"
                    " message within 5 s. Closed with 4401 (not known), 4403 (scope), 4404 (not the key's facility),"
                    " 4429 (too many messages), 1012 (restarts), 1013 (database away)."
                ),
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET", "query": _query()}},
            }
        },
        "operations": {
            "listen": {
                "action": "send",
                "channel": {"$ref": "#/channels/ws"},
                "summary": "What the desk tells",
                "messages": [{"$ref": name} for name in to_client],
            },
            "signIn": {
                "action": "receive",
                "channel": {"$ref": "#/channels/ws"},
                "summary": "The key, where neither header nor ticket holds it",
                "messages": [{"$ref": "#/channels/ws/messages/auth"}],
            },
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def _query() -> dict[str, Any]:
    text = {"type": "string"}
    since = {"type": "integer", "minimum": 0, "description": "the last `seq` that was heard: what was missed follows"}
    return {
        "type": "object",
        "required": ["facilityId"],
        "properties": {"facilityId": text, "ticket": text | {"description": "good once, for a minute"}, "since": since},
    }


def _messages() -> dict[str, Any]:
    key = {"type": {"const": "auth"}, "key": {"type": "string"}}
    auth = {
        "summary": "First message of a client",
        "payload": {"type": "object", "required": ["type", "key"], "properties": key},
        "examples": [{"payload": {"type": "auth", "key": "vlx_..."}}],
    }
    return {name: _message(name, *parts) for name, parts in _TOLD.items()} | {"auth": auth}


def _message(name: str, summary: str, members: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    """A message to the client: `type`, `seq`, its own members laid flat, `timestamp`."""
    properties = {"type": {"const": name}, "seq": {"type": "integer", "minimum": 0}, **members, "timestamp": _TIME}
    required = ["type", "seq", *members, "timestamp"]
    sample = {"type": name, "seq": 41, **example, "timestamp": examples.DECISION["timestamp"]}
    payload = {"type": "object", "required": required, "properties": properties}
    return {"summary": summary, "payload": payload, "examples": [{"payload": sample}]}
