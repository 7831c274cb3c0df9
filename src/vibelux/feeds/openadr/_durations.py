"""ISO 8601 durations as OpenADR writes them."""

import re
from datetime import timedelta

from vibelux.market.errors import TimeRefused

_FORM = re.compile(
    r"(?P<sign>[+-]?)P(?=\d|T\d)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_FOR_EVER_YEARS = 100
_LONGEST = timedelta(days=36_500)


def duration(text: str) -> timedelta | None:
    """A duration; None for one without end (`P9999Y`).

    Raises:
        TimeRefused: none, a negative one, or one of months or years, whose length depends on the calendar.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise TimeRefused(f"{text[:60]!r} is not a duration of ISO 8601")
    parts = match.groupdict(default="0")
    if len(parts["years"]) > 2 and int(parts["years"][:9]) >= _FOR_EVER_YEARS:
        return None
    if parts["years"].strip("0") or parts["months"].strip("0"):
        raise TimeRefused(f"{text!r} is as long as the calendar says; only P9999Y is understood (without end)")
    try:
        found = timedelta(**{name: float(parts[name]) for name in ("weeks", "days", "hours", "minutes", "seconds")})
    except OverflowError as error:
        raise TimeRefused(f"{text[:60]!r} is too long") from error
    if found > _LONGEST or (parts["sign"] == "-" and found):
        raise TimeRefused(f"{text[:60]!r} is too long, or runs backwards")
    return found
