"""The tariff in a facility file: written as TOML, or read from the file of a URDB rate that it names."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vibelux.dispatch.tariff import Tariff
from vibelux.dispatch.urdb import read_urdb
from vibelux.market.errors import ConfigError


def with_urdb_tariff(
    body: dict[str, Any], folder: Path | None, at: str, note: Callable[[str], None] | None
) -> dict[str, Any]:
    """A facility with the tariff itself in place of `prices.urdb_tariff`, so that the file may change or go.

    Args:
        body: the facility file's object, which has that key.
        folder: where the file lies; None refuses it, as REST must.
        at: where the key stands, for errors.
        note: takes what could not be carried over, in sentences.

    Raises:
        ConfigError: the file is not there or no rate, or a tariff stands beside it.
    """
    prices = dict(body["prices"])
    name = prices.pop("urdb_tariff")
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{at}: should be the name of a file, got {name!r}")
    if folder is None:
        raise ConfigError(f"{at}: files are read from facility files only")
    if "tariff" in body:
        raise ConfigError(f"{at}: give urdb_tariff or a tariff, not both")
    try:
        imported = read_urdb((folder / name).read_bytes())
    except OSError as error:
        raise ConfigError(f"{at}: {name} cannot be read: {error.strerror}") from error
    except ConfigError as error:
        raise ConfigError(f"{at}: {name}: {error}") from error
    if note is not None:
        for told in imported.notes:
            note(f"{name}: {told}")
    return body | {"prices": prices, "tariff": imported.tariff.model_dump(mode="json", exclude_unset=True)}


def as_toml(tariff: Tariff, title: str) -> str:
    """The `[facilities.tariff]` table under a line of comment; only keys that were given are written."""
    told = "".join(letter if letter.isprintable() else " " for letter in title)
    return "\n".join([f"# {told}", *_lines(tariff.model_dump(mode="json", exclude_unset=True))]) + "\n"


def _lines(body: dict[str, Any]) -> Iterator[str]:
    yield "[facilities.tariff]"
    for key, value in body.items():
        if not isinstance(value, list):
            yield f"{key} = {_value(value)}"
    for key, tables in body.items():
        if isinstance(tables, list):
            for table in tables:
                yield f"\n[[facilities.tariff.{key}]]"
                yield from (f"{name} = {_value(table[name])}" for name in sorted(table, key=_later))


def _later(name: str) -> bool:
    """What it is and what it costs come before when it holds."""
    return name not in {"id", "usd_per_kwh", "usd_per_kw"}


def _value(value: Any) -> str:
    """A value on one line; JSON's numbers, texts and lists are TOML's too, its objects are not."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_value(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)
