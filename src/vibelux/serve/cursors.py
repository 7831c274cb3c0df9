"""Places in a list as texts that clients hand back: where a page ended, the next one goes on."""

import base64
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from vibelux.market.errors import UsageError
from vibelux.market.records import KINDS, Field, Type
from vibelux.store.reader import order_of

_TYPES: dict[Type, Any] = {Type.TEXT: str, Type.TIME: datetime, Type.DATE: date, Type.INTEGER: int}

DECISION_PLACE = (datetime, datetime, UUID)
LINE_PLACE = (int,)


def sealed(place: Sequence[Any]) -> str:
    """The cursor of a place: the values by which a list is ordered, of its last row."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def opened(cursor: str, types: Sequence[Any]) -> tuple[Any, ...]:
    """The values of a cursor.

    Raises:
        UsageError: it was not given out for such a list.
    """
    refused = UsageError("`after` is not a cursor that was given out; take `next` as it is")
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        values = msgspec.json.decode(text, type=list[Any])
        place = tuple(msgspec.convert(value, wanted) for wanted, value in zip(types, values, strict=True))
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise refused from error
    if b"\\u0000" in text or any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in place):
        raise refused  # nothing that PostgreSQL could hold
    return place


def record_place(kind: str) -> tuple[Any, ...]:
    """The types of a place among records of a kind."""
    fields = {field.name: field for field in KINDS[kind].fields}
    return tuple(_type_of(fields[name]) for name in order_of(kind))


def _type_of(field: Field) -> Any:
    return _TYPES[field.type] | None if field.nullable else _TYPES[field.type]
