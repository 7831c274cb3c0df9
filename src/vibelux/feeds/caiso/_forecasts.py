"""What OASIS's two forecast reports have in common: many runs of one quantity, told apart by their data item.

OASIS prints no issue time of a forecast. The time at which it made the reply stands in the XML's header and in
the name of the zip, in Pacific time there; else the fetch says it.
"""

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Payload, Rolling
from vibelux.feeds._text import looks_like_markup
from vibelux.feeds._xml import parse_xml
from vibelux.feeds.caiso import _oasis
from vibelux.market.errors import TimeRefused
from vibelux.market.intervals import parse_utc, to_utc
from vibelux.market.records import SERIES

if TYPE_CHECKING:
    import polars as pl

PUBLICATION = Rolling(step=timedelta(hours=1), lag=timedelta(hours=-36), reread=timedelta(hours=48))
"""Each hour the day before and what lies ahead: tomorrow's day-ahead run is out in the morning."""
_MADE_AT = re.compile(r"_(20\d{6}_\d{2}_\d{2}_\d{2})_v\d+\.")


def actual() -> "pl.Expr":
    """Whether a row is of what happened: `SYS_FCST_ACT_MW`, `RENEW_FCST_ACT_MW`."""
    import polars as pl

    return pl.col("item").str.contains("_ACT_", literal=True)


def series(frame: "pl.DataFrame", report: str, made_at: datetime | None) -> "pl.DataFrame":
    """Records of rows that have `variable`; actuals get neither category nor issue time."""
    import polars as pl

    forecast = ~actual()
    return shaped(
        SERIES,
        frame.select(
            provider=pl.lit("caiso"),
            category=pl.when(forecast).then("item"),
            variable="variable",
            location="what",
            unit=pl.lit("MW"),
            value="value",
            valid_start="start",
            valid_end="end",
            issued_at=pl.when(forecast).then(pl.lit(made_at, pl.Datetime("us", "UTC"))),
            data_source=pl.lit(f"CAISO OASIS {report}"),
        ),
    )


def made_at(payload: Payload) -> datetime | None:
    """When OASIS made the reply, UTC; None where neither reply, name nor fetch says it."""
    for name, body in _oasis.documents(payload):
        try:
            if looks_like_markup(body):
                return parse_utc(parse_xml(body, name).findtext(".//{*}MessageHeader/{*}TimeDate") or "")
            match = _MADE_AT.search(payload.name) or _MADE_AT.search(name)
            if match is not None:
                return to_utc(datetime.strptime(match[1], "%Y%m%d_%H_%M_%S"), _oasis.ZONE)  # noqa: DTZ007 (wall clock)
        except (TimeRefused, ValueError):
            continue
    return payload.received_at
