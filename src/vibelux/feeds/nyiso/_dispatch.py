"""What a real-time stamp of NYISO means: the end of a dispatch interval, or of a look ahead in the same file.

Dispatch (RTD) stamps end each five minutes, with extra runs between (14:37:12). An interval starts at the stamp
before it of the same node, but never over five minutes before its end: a missing run leaves a gap and stretches
nothing.

Today's file goes on, after the newest dispatch, with the quarter-hours that commitment (RTC) looks ahead to, and
only the grid tells them: what follows the last stamp off the quarter-hour (or the first of the file) is
look-ahead where it goes on by more than five minutes. A dispatch that ends on the quarter and is followed only by
such rows cannot be told from them. It counts as look-ahead until the next file, or the file of the latest
interval, shows it: a look ahead taken for a settled price is the worse mistake.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_STEP, _LOOK_AHEAD = timedelta(minutes=5), timedelta(minutes=15)


def with_intervals(frame: "pl.DataFrame", node: str, received_at: datetime | None) -> "pl.DataFrame":
    """Turns `moment` into `start` and `end`, and adds `market`: `real-time-5min` or `advisory-15min`."""
    import polars as pl

    stamps = frame["moment"].unique().sort()
    ahead = pl.col("end").is_in(look_ahead(stamps, received_at).implode())
    start = pl.col("end") - _STEP
    frame = frame.rename({"moment": "end"})
    if (stamps.diff() < _STEP).any():
        # Of distinct stamps: a stamp that comes twice has one start, and two prices that contradict each other.
        ends = frame.select(node, "end").unique().sort("end").with_columns(before=pl.col("end").shift(1).over(node))
        frame = frame.join(ends, on=[node, "end"], how="left", maintain_order="left")
        start = pl.max_horizontal(start, "before")
    return frame.with_columns(
        market=pl.when(ahead).then(pl.lit("advisory-15min")).otherwise(pl.lit("real-time-5min")),
        start=pl.when(ahead).then(pl.col("end") - _LOOK_AHEAD).otherwise(start),
    )


def look_ahead(stamps: "pl.Series", received_at: datetime | None) -> "pl.Series":
    """Those of the distinct stamps of a file, in order, that are no dispatch but a look ahead."""
    off_the_quarter = ((stamps.dt.minute() % 15 != 0) | (stamps.dt.second() != 0)).arg_true()
    tail = stamps[(off_the_quarter[-1] if len(off_the_quarter) else 0) + 1 :]
    if tail.is_empty() or len(tail) > 1 or tail[0] - stamps[-2] > _STEP:
        return tail
    return tail.filter(tail > received_at + _STEP) if received_at is not None else tail.clear()
