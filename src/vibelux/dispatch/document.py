"""Reading a JSON document whose faults are told by the path of the wrong field: `chp[0].rated_kw: …`.

A `Field` is a value together with its path. Each question that a reader asks of it is remembered, so that a
change of a field that nobody reads can be refused afterwards.
"""

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from vibelux.market.errors import ConfigError

Array = npt.NDArray[np.float64]
Steps = npt.NDArray[np.intp]


LARGEST = 1e15
"""No quantity of a plant is larger; beyond it the solver's arithmetic has no digits left for a kilowatt."""


class Field:
    """A value in a document and where it stands."""

    def __init__(self, value: Any, path: str = "", asked: set[str] | None = None) -> None:
        self.value = value
        self.path = path
        self.asked: set[str] = set() if asked is None else asked

    def wrong(self, expected: str) -> ConfigError:
        """The error that names this field and what should stand there."""
        shown = json.dumps(self.value, default=str)
        return ConfigError(
            f"{self.path or 'the case'}: {expected}, got {shown if len(shown) <= 60 else shown[:57] + '…'}"
        )

    def _at(self, name: str) -> "Field | None":
        """The field of that name, None where it is missing or null."""
        path = f"{self.path}.{name}".removeprefix(".")
        self.asked.add(path)
        if not isinstance(self.value, Mapping):
            raise self.wrong("should be an object")
        value = self.value.get(name)
        return None if value is None else Field(value, path, self.asked)

    def _needed(self, name: str) -> "Field":
        field = self._at(name)
        if field is None:
            raise ConfigError(f"{self.path}.{name}".removeprefix(".") + ": is missing")
        return field

    def __iter__(self) -> "Iterator[Field]":
        if not isinstance(self.value, list):
            raise self.wrong("should be a list")
        return (Field(value, f"{self.path}[{at}]", self.asked) for at, value in enumerate(self.value))

    def block(self, name: str) -> "Field":
        """An object that has to be there."""
        field = self._needed(name)
        if not isinstance(field.value, Mapping):
            raise field.wrong("should be an object")
        return field

    def optional_block(self, name: str) -> "Field | None":
        """An object, or None where it is absent."""
        return None if self._at(name) is None else self.block(name)

    def blocks(self, name: str) -> "Iterator[Field]":
        """The entries of a list; none where it is absent."""
        field = self._at(name)
        return iter(()) if field is None else iter(field)

    def text(self, name: str, default: str | None = None) -> str:
        """A string.

        Raises:
            ConfigError: it is missing without a default, or no string.
        """
        field = self._needed(name) if default is None else self._at(name)
        if field is None:
            return default or ""
        if not isinstance(field.value, str):
            raise field.wrong("should be text")
        return field.value

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false."""
        field = self._at(name)
        if field is None:
            return default
        if not isinstance(field.value, bool):
            raise field.wrong("should be true or false")
        return field.value

    def number(
        self,
        name: str,
        default: float | None = None,
        *,
        low: float = -math.inf,
        above: float | None = None,
        high: float = math.inf,
    ) -> float:
        """A finite number in `low … high`, or above `above`.

        Raises:
            ConfigError: it is missing without a default, no number, or outside.
        """
        field = self._needed(name) if default is None else self._at(name)
        if field is None:
            return float(default or 0.0)
        if not _is_number(field.value):
            raise field.wrong("should be a number")
        if (above is not None and field.value <= above) or not low <= field.value <= high:
            raise field.wrong(f"should be {_range(low, above, high)}")
        return float(field.value)

    def optional_number(self, name: str, *, low: float = -math.inf) -> float | None:
        """A number, or None where it is absent."""
        return None if self._at(name) is None else self.number(name, low=low)

    def count(self, name: str) -> int | None:
        """A whole number from 0, or None where it is absent."""
        field = self._at(name)
        if field is None:
            return None
        if not _is_number(field.value) or field.value < 0 or field.value != int(field.value):
            raise field.wrong("should be a whole number from 0")
        return int(field.value)

    def series(
        self,
        name: str,
        length: int,
        default: float | None = None,
        *,
        low: float = -math.inf,
        high: float = math.inf,
    ) -> Array:
        """A number for every step, or a list of exactly `length` numbers.

        Returns:
            shape (length,).
        """
        field = self._needed(name) if default is None else self._at(name)
        if field is None:
            return np.full(length, default)
        if not isinstance(field.value, list):
            if not _is_number(field.value):
                raise field.wrong(f"should be a number or a list of {length} numbers")
            return np.full(length, self.number(name, low=low, high=high))
        if len(field.value) != length:
            raise ConfigError(f"{field.path}: should have {length} numbers, one a step, has {len(field.value)}")
        return field.numbers(low=low, high=high)

    def list_of_numbers(self, name: str, *, above: float) -> Array:
        """A list of at least one number, each above `above`."""
        field = self._needed(name)
        if not isinstance(field.value, list) or not field.value:
            raise field.wrong("should be a list of numbers")
        return field.numbers(above=above)

    def numbers(self, *, low: float = -math.inf, above: float | None = None, high: float = math.inf) -> Array:
        """This list as numbers, each in the range.

        Raises:
            ConfigError: naming the first entry that is none.
        """
        for entry in self:
            if not _is_number(entry.value):
                raise entry.wrong("should be a number")
        values = np.array(self.value, dtype=np.float64)
        outside = ~((values >= low) & (values <= high)) if above is None else ~((values > above) & (values <= high))
        if outside.any():
            at = int(outside.argmax())
            raise Field(self.value[at], f"{self.path}[{at}]").wrong(f"should be {_range(low, above, high)}")
        return values

    def steps(self, name: str, length: int, *, default_all: bool) -> Steps:
        """Numbers of steps, from 0, in the order given; `"all"` means every step."""
        field = self._at(name) if default_all else self._needed(name)
        if field is None or field.value == "all":
            return np.arange(length)
        if not isinstance(field.value, list):
            raise field.wrong('should be "all" or a list of step numbers')
        seen: set[int] = set()
        for entry in field:
            if not _is_number(entry.value) or entry.value != int(entry.value) or not 0 <= entry.value < length:
                raise entry.wrong(f"should be a step number from 0 to {length - 1}")
            if int(entry.value) in seen:
                raise entry.wrong("should name each step once")
            seen.add(int(entry.value))
        return np.array(field.value, dtype=np.intp)

    def step(self, name: str, last: int) -> int:
        """A step number from 0 to `last`."""
        number = self.number(name, low=0, high=last)
        if number != int(number):
            raise self._needed(name).wrong("should be a whole number")
        return int(number)

    def refuse_unread(self, path: str) -> None:
        """Refuses a path that no reader asked for; an entry of a list that is read is read.

        Raises:
            ConfigError: naming the nearest path that is read.
        """
        if path not in self.asked and re.sub(r"\[\d+\]$", "", path) not in self.asked:
            near = difflib.get_close_matches(path, sorted(self.asked), n=1)
            raise ConfigError(f"{path}: no such field" + (f"; did you mean {near[0]}?" if near else ""))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _range(low: float, above: float | None, high: float) -> str:
    if above is not None:
        return f"above {above:g}" + ("" if math.isinf(high) else f" and at most {high:g}")
    if math.isinf(low) and math.isinf(high):
        return "a number"
    if math.isinf(high):
        return f"at least {low:g}"
    return f"from {low:g} to {high:g}"
