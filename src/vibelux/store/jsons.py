"""Values as JSONB: what PostgreSQL's JSON cannot hold (NaN, NUL characters) is left out."""

import re
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def dumps(value: object) -> bytes:
    """JSON text; times in ISO 8601, NaN as null, whatever else JSON does not know as text."""
    return _NUL.sub(rb"\1", msgspec.json.encode(value, enc_hook=str))


def jsonb(value: Any) -> Jsonb:
    """A parameter for a JSONB column."""
    return Jsonb(value, dumps=dumps)
