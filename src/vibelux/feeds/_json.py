"""Reads JSON within bounds; HTML, NaN and depth are refused with a name."""

from typing import Any, TypeVar

import msgspec

from vibelux.feeds._text import excerpt, refuse_html, without_bom
from vibelux.market.errors import Corrupt, SchemaChanged, TooLarge

MAX_BYTES = 256 * 1024 * 1024

Shape = TypeVar("Shape")


def parse_json(body: bytes, name: str = "") -> Any:
    """The document as plain objects.

    Raises:
        Corrupt: HTML, empty, cut off, or no JSON.
        TooLarge: over 256 MiB, or nested too deeply to be read.
    """
    return _decode(body, name, Any)


def parse_json_as(body: bytes, shape: type[Shape], name: str = "") -> Shape:
    """The document as a typed struct (`msgspec.Struct`): the fast way for long lists.

    Raises:
        Corrupt, TooLarge: see `parse_json`.
        SchemaChanged: a field is missing or of another type; the text says where.
    """
    result: Shape = _decode(body, name, shape)
    return result


def _decode(body: bytes, name: str, shape: Any) -> Any:
    refuse_html(body, name, "JSON")
    body = without_bom(body)
    if not body or body.isspace():
        raise Corrupt(f"{name or 'payload'}: empty where JSON was promised")
    if len(body) > MAX_BYTES:
        raise TooLarge(f"{name or 'payload'}: {len(body)} bytes of JSON")
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        raise SchemaChanged(f"{name or 'payload'}: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Corrupt(f"{name or 'payload'}: not JSON ({error}): {excerpt(body)}") from error
    except RecursionError as error:
        raise TooLarge(f"{name or 'payload'}: JSON nested too deeply") from error
