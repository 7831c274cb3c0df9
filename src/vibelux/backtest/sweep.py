"""What if: the same backtest with one number of the facility, or the price of gas or carbon, taking several values."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vibelux.backtest.gas import GasIndex
from vibelux.backtest.window import Window
from vibelux.dispatch.changes import change
from vibelux.dispatch.facility import Facility
from vibelux.market.errors import UsageError

_FORM = re.compile(r"(?P<path>[^=]+)=(?P<low>-?\d+(?:\.\d+)?)\.\.(?P<high>-?\d+(?:\.\d+)?)(?::(?P<count>\d+))?")
_OWN = ("plant.", "facility.")
_USUAL_COUNT, _MOST = 5, 50
GAS, CARBON = "gas", "carbon"


@dataclass(frozen=True)
class Sweep:
    """A path and the values that it takes."""

    path: str
    values: tuple[float, ...]

    @classmethod
    def read(cls, text: str) -> "Sweep":
        """`plant.chp.rated_kw=500..2000`, with `:n` for the number of values.

        Raises:
            UsageError: it is no such text.
        """
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise UsageError(f"--sweep {text}: write PATH=LOW..HIGH or PATH=LOW..HIGH:COUNT")
        low, high = float(match["low"]), float(match["high"])
        count = int(match["count"] or _USUAL_COUNT)
        if not 2 <= count <= _MOST:
            raise UsageError(f"--sweep {text}: from 2 to {_MOST} values, not {count}")
        path = match["path"].strip()
        for prefix in _OWN:
            path = path.removeprefix(prefix)
        return cls(path, tuple(float(value) for value in np.linspace(low, high, count)))

    def windows(self, window: Window) -> Iterator[tuple[float, Window]]:
        """The window under each value.

        Raises:
            UsageError: the path is no field of the facility, or a value not allowed.
        """
        for value in self.values:
            if self.path == GAS:
                first = min(window.local_days())
                flat = GasIndex(tuple(window.gas.days) or (first,), (value,) * max(len(window.gas.days), 1))
                yield value, self._checked(replace(window, gas=flat))
            elif self.path == CARBON:
                yield value, self._checked(replace(window, carbon_usd_per_t=value))
            else:
                yield value, self._checked(replace(window, facility=changed(window.facility, self.path, value)))

    def _checked(self, window: Window) -> Window:
        window.check()
        return window


def changed(facility: Facility, path: str, value: float) -> Facility:
    """The facility with one number changed; where there is one engine (boiler, group), `chp.rated_kw` is its.

    Raises:
        UsageError: the path is no field, or the value not allowed.
    """
    body = facility.as_dict()
    name, dot, rest = path.partition(".")
    group: Any = body.get(name)
    if dot and isinstance(group, list) and len(group) == 1 and not rest.startswith(str(group[0].get("id"))):
        path = f"{name}[0].{rest}"
    change(body, f"{path}={value:g}")
    return Facility.from_dict(body, folder=Path("/"))
