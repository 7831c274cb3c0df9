"""A part of the local day, as files give it: `{ start = "06:00", end = "22:00" }`."""

import re
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from vibelux.outlook.past import DAY, Minutes
from vibelux.outlook.site import Block


def _clock(text: str) -> str:
    if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", text) is None:
        raise ValueError("should be a local time such as 06:30")
    return text


LocalTime = Annotated[str, AfterValidator(_clock)]


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


class DayPart(Block):
    """A part of the local day; one that ends before it starts goes over midnight, one that ends where it starts is all.

    >>> DayPart(start="22:00", end="06:30").minutes
    510
    """

    start: LocalTime
    end: LocalTime

    @property
    def first_minute(self) -> int:
        """The minute of the day at which it starts."""
        return _minute(self.start)

    @property
    def minutes(self) -> int:
        """How long it is."""
        return (_minute(self.end) - _minute(self.start) - 1) % DAY + 1

    def holds_over(self, wall: Minutes) -> NDArray[np.bool_]:
        """Whether it holds at local wall-clock minutes since 1970 (`wall_minutes`), any shape."""
        return np.asarray((wall - _minute(self.start)) % DAY < self.minutes)
