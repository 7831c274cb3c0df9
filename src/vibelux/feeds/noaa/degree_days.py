"""Degree days a region and day, weighted by where people live: NOAA's Climate Prediction Center.

They say how much heating or cooling a whole region needs, and so its gas and power; one site's own are computed
from its temperature (`outlook.weather.degree_days`). Upstream prints whole Fahrenheit degrees below or above 65 °F,
a column a date, two days late; here they are in Celsius (5/9 of it). The dates have no zone and are kept as
days of UTC. The forecast for seven days has the time of its issue in the first line.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import product

from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request, Service
from vibelux.feeds._text import excerpt, refuse_html, without_bom
from vibelux.feeds._weather import COOLING_DEGREE_DAYS, HEATING_DEGREE_DAYS, Readings, within_reach
from vibelux.feeds._zip import unpack
from vibelux.market.errors import SchemaChanged, TimeRefused
from vibelux.market.records import Parsed

_URL = "https://ftp.cpc.ncep.noaa.gov/htdocs/degree_days/weighted"
_OBSERVED, _FORECAST = "daily_data", "daily_forecasts_7day"
_QUANTITIES = {"Heating": HEATING_DEGREE_DAYS, "Cooling": COOLING_DEGREE_DAYS}
_REGIONS = ("StatesCONUS", "Population")
_TITLE = re.compile(r"Product:\s*Daily (Heating|Cooling) Degree Days(?:.*Issued (\d{2})(\d{2})UTC (\d{8}))?", re.DOTALL)
_MISSING = {"M", "NA", ""}
_DAY = timedelta(days=1)


def requests(ask: Ask) -> Iterator[Request]:
    """The files of each year of the window, and the newest forecast: states, and census divisions."""
    folders = [f"{_OBSERVED}/{year}" for year in range(ask.window.start.year, ask.window.end.year + 1)]
    for folder, regions, kind in product([*folders, f"{_FORECAST}/latest"], _REGIONS, _QUANTITIES):
        yield Request(f"{_URL}/{folder}/{regions}.{kind}.txt")


def parse(payload: Payload) -> Parsed:
    """Each region and day that has a number; `M` is missing, and the column of totals is no day.

    The category is the weight that upstream prints (`Population`, `UtilityGas`), where it prints one.

    Raises:
        Corrupt: HTML (a year that is not there yet).
        SchemaChanged: not daily degree days, or a header that is no dates.
    """
    readings = Readings("noaa", "")
    for member in unpack(payload.body, payload.name):
        refuse_html(member.body, member.name, "degree days")
        _read(without_bom(member.body).decode("utf-8", "replace"), member.name, readings)
    return readings.parsed()


def _read(text: str, name: str, readings: Readings) -> None:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    header = next((at for at, line in enumerate(lines) if line.startswith("Region|")), None)
    title = _TITLE.match(lines[0]) if lines else None
    if header is None or title is None:
        raise SchemaChanged(
            f"{name or 'payload'}: not CPC's daily degree days: {excerpt(text.encode())!r}",
            missing=("Product", "Region"),
        )
    kind, hour, minute, issue = title.groups()
    issued = _day(issue, name) + timedelta(hours=int(hour), minutes=int(minute)) if issue else None
    readings.source = f"NOAA CPC {_FORECAST if issued else _OBSERVED}"
    weights = next((line.partition(":")[2].strip() for line in lines[:header] if line.startswith("Weights:")), None)
    dates = [_day(cell, name) for cell in lines[header].split("|")[1:] if cell != "Total"]
    for line in lines[header + 1 :]:
        region, *cells = (cell.strip() for cell in line.split("|"))
        if not region or len(cells) - len(dates) not in {0, 1}:  # a total may follow
            reason = f"{len(cells)} numbers for {len(dates)} days" if region else "numbers of no region"
            readings.refuse(reason, region, line)
            continue
        for start, cell in zip(dates, cells, strict=False):
            if cell not in _MISSING:
                readings.add(
                    _QUANTITIES[kind], cell, "degF.day", start, start + _DAY,
                    location=region, issued_at=issued, category=weights,
                )  # fmt: skip


def _day(cell: str, name: str) -> datetime:
    try:
        return within_reach(datetime.strptime(cell.strip(), "%Y%m%d").replace(tzinfo=UTC))
    except (ValueError, TimeRefused) as error:
        raise SchemaChanged(f"{name or 'payload'}: {cell!r} is no day of daily degree days", extra=(cell,)) from error


FEED = Feed(
    provider="noaa",
    data_type="degree-days",
    region="United States",
    kind="series",
    reports=(_OBSERVED, _FORECAST),
    service=Service("ftp.cpc.ncep.noaa.gov", seconds_between=2.0),
    url=_URL,
    publication=Daily(at=time(15, 0), timezone="UTC", days_ahead=-2),
    stale_after_seconds=5 * 86_400,
    timezone="UTC",
    unit="°F.day, base 65 °F",
    plausible=(0.0, 100.0),
    columns=("Region",),
    requests=requests,
    parse=parse,
    source="proven on excerpts of 2026 of both files",
)
