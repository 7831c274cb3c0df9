"""TOML files whose faults are told by file, line and key, with the nearest key that exists.

Configuration and facility files are both read here, so that a wrong key looks the same everywhere.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vibelux.market.errors import ConfigError

Place = tuple[str | int, ...]
"""Where a value stands: `("facilities", 0, "chp", 0, "rated_kw")`."""

_HEADER = re.compile(r"\s*(\[.+\])\s*(?:#.*)?")
_KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")


@dataclass(frozen=True)
class TomlFile:
    """A TOML document that remembers on which line each key stands."""

    path: Path
    text: str
    data: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "TomlFile":
        """Reads the file.

        Raises:
            ConfigError: it is not there, not text or not TOML; the text names the line.
        """
        try:
            text = path.read_text("utf-8")
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path} is not UTF-8 text (byte {error.start})") from error
        try:
            return cls(path, text, tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            found = re.fullmatch(r"(.*) \(at (line \d+, column \d+|end of document)\)", str(error))
            what, where = found.groups() if found else (str(error), "line 1")
            raise ConfigError(f"{path} {where}: not TOML: {what}") from error

    @cached_property
    def _lines(self) -> dict[Place, int]:
        lines: dict[Place, int] = {(): 1}
        counts: dict[Place, int] = {}
        table: Place = ()
        for number, line in enumerate(self.text.splitlines(), start=1):
            if header := _HEADER.fullmatch(line):
                names = _names(header[1])
                if names is None:
                    continue
                table = (*_resolve(names[:-1], counts), names[-1])
                if header[1].startswith("[["):
                    counts[table] = counts.get(table, 0) + 1
                    table += (counts[table] - 1,)
                lines.setdefault(table, number)
            elif key := _KEY.match(line):
                names = _names(f"{key[1]} = 0") or []
                for depth in range(1, len(names) + 1):
                    lines.setdefault(table + tuple(names[:depth]), number)
        return lines

    def line_of(self, place: Place) -> int:
        """The line of the key, or of the nearest table that would hold it."""
        return next(self._lines[place[:depth]] for depth in range(len(place), -1, -1) if place[:depth] in self._lines)

    def where(self, place: Place) -> str:
        """`vibelux.toml line 14: facilities[0].chp[0].rated_kw`."""
        return f"{self.path} line {self.line_of(place)}: {dotted(place)}".removesuffix(": ")


def _names(snippet: str) -> list[str] | None:
    """The names in a header or a dotted key, read by the TOML reader itself; None for anything else."""
    try:
        node: Any = tomllib.loads(snippet)
    except tomllib.TOMLDecodeError:
        return None
    names = []
    while isinstance(node, dict) and node:
        name, node = next(iter(node.items()))
        names.append(name)
    return names or None


def _resolve(names: Iterable[str], counts: Mapping[Place, int]) -> Place:
    """A table's place: names through an array of tables mean its newest entry."""
    place: Place = ()
    for name in names:
        place += (name,)
        if place in counts:
            place += (counts[place] - 1,)
    return place


def dotted(place: Place) -> str:
    """A place as people write it.

    >>> dotted(("facilities", 0, "chp", 0, "rated_kw"))
    'facilities[0].chp[0].rated_kw'
    """
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).removeprefix(".")


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean rated_kw?`, or nothing where no known name is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def first_fault(error: ValidationError, model: type[BaseModel], *, show_values: bool) -> tuple[Place, str]:
    """Where a document breaks its model, and what is wrong there: unknown keys first, since a typo explains the rest.

    Args:
        error: what pydantic found.
        model: the model at the root of its places.
        show_values: whether a wrong value may be printed (never for settings: they hold secrets).
    """
    faults = error.errors(include_url=False, include_context=False)
    fault = min(faults, key=lambda one: one["type"] != "extra_forbidden")
    place: Place = fault["loc"]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return place, _sentence(fault, place, model, show_values=show_values) + more


def _sentence(fault: ErrorDetails, place: Place, model: type[BaseModel], *, show_values: bool) -> str:
    if fault["type"] == "missing":
        return "is missing"
    if fault["type"] == "extra_forbidden":
        return f"unknown key{nearest(str(place[-1]), _keys_at(model, place[:-1]))}"
    text = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    given = fault["input"]
    return f"{text}, got {given!r}" if show_values and isinstance(given, str | int | float) else text


def _keys_at(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that the table at a place may have."""
    here: type[BaseModel] | None = model
    for step in place:
        if here is not None and isinstance(step, str) and step in here.model_fields:
            here = _model_in(here.model_fields[step].annotation)
    return list(here.model_fields) if here is not None else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model within `Chp`, `Chp | None`, `tuple[Chp, ...]`, `dict[str, Chp]`."""
    if get_origin(annotation) is None:
        return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)
