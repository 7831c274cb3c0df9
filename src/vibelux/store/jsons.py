"""Values as JSONB: what PostgreSQL's JSON cannot hold (NaN, NUL characters) is left out."""

import re
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def dumps(value: object) -> bytes:
    """JSON text; times in ISO 8601, NaN as null, whatever else JSON does not know as text."""
    text = msgspec.json.encode(value, enc_hook=str)
    return _NUL.sub(rb"\1", text) if b"\\u0000" in text else text  # to look for it so costs next to nothing


def jsonb(value: Any) -> Jsonb:
    """A parameter for a JSONB column."""
    return Jsonb(value, dumps=dumps)
