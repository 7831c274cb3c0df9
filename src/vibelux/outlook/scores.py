"""Measures price forecasts against what came, and against two forecasts that cost nothing.

Rolling origin: a model is learnt from what was known on a day, forecasts the days that follow, and is learnt again;
no number that it sees was published after the moment of its forecast. The naive forecasts are the newest known price
of the same hour of the day ("yesterday's"), and the newest one a whole number of weeks ago ("last week's").
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vibelux.market.errors import UsageError
from vibelux.market.units import MWH_PER_KWH
from vibelux.outlook.learn import LEARN_DAYS, History, fit, samples
from vibelux.outlook.past import DAY
from vibelux.outlook.sun import Array

LEADS: dict[str, tuple[int, int]] = {
    "0-2 h": (0, 120),
    "2-12 h": (120, 720),
    "12-24 h": (720, 1440),
    "24-48 h": (1440, 2880),
    "all": (0, 2880),
}
"""Minutes from the moment of the forecast to the start of the step."""
WARM_UP_DAYS = 10
"""The first forecast is made so many days after the first price."""
_RELEARN = 8
"""Learnt again after an eighth of the time so far (at least a day): often while young, seldom when old."""
_LEVELS = np.array([0.1, 0.5, 0.9])


@dataclass(frozen=True, slots=True)
class Score:
    """Errors of one range of leads, USD/MWh."""

    lead: str
    steps: int
    mae: float
    mae_yesterday: float
    mae_last_week: float
    rmse: float
    rmse_yesterday: float
    rmse_last_week: float
    pinball: float
    """Mean over p10, p50 and p90."""
    coverage: float
    """How much of what came lay within p10 to p90; 0.8 is right."""

    @property
    def better_mae(self) -> float:
        """By how much the mean absolute error is below the better naive one's; negative: it is not."""
        return 1.0 - self.mae / min(self.mae_yesterday, self.mae_last_week)

    @property
    def better_rmse(self) -> float:
        """The same of the root mean square."""
        return 1.0 - self.rmse / min(self.rmse_yesterday, self.rmse_last_week)

    def as_json(self) -> dict[str, Any]:
        """A JSON object, numbers with their cents."""
        plain = {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}
        return plain | {"better_mae": round(self.better_mae, 4), "better_rmse": round(self.better_rmse, 4)}


def score(history: History, *, start: int | None = None, end: int | None = None) -> list[Score]:
    """The errors of the forecasts made in a history, a row a range of leads that occurs.

    Args:
        history: of one node.
        start: wall minute before which no forecast is scored (what is older is learnt from).
        end: wall minute from which on none is.

    Raises:
        UsageError: the history is too short for that.
    """
    found = samples(history)
    usable, origins = found.usable, found.origins
    forecast = np.full((*found.came.shape, 3), np.nan)
    now = max(history.prices.first + WARM_UP_DAYS * DAY, start or 0)
    last = min(int(origins[-1]) + 1, end or int(origins[-1]) + 1)
    while now < last:
        lasts = max(DAY, (now - history.prices.first) // _RELEARN // DAY * DAY)
        here = (origins >= now) & (origins < min(now + lasts, last))
        if here.any():
            out = int(found.until[here][0, 0])
            before = usable & (found.ends <= out) & (origins < now)[:, None]
            before &= (origins >= now - LEARN_DAYS * DAY)[:, None]
            model = fit(history.rules.iso_region, history.market, [(found, before)])
            forecast[here] = model.quantiles(found.ahead.part(here), found.starts[here], found.until[here])
        now += lasts
    scored = usable & np.isfinite(forecast[..., 1]) & np.isfinite(found.ahead.week)
    if not scored.any():
        raise UsageError(
            f"nothing to score: {history.prices.days} days of prices; {WARM_UP_DAYS} are learnt from first"
        )
    lead = found.starts - origins[:, None]
    rows = []
    for name, (least, below) in LEADS.items():
        chosen = scored & (lead >= least) & (lead < below)
        if chosen.any():
            naive = found.ahead.newest_day[chosen], found.ahead.week[chosen]
            rows.append(_score(name, found.came[chosen], forecast[chosen], *naive))
    return rows


def _score(lead: str, came: Array, forecast: Array, yesterday: Array, last_week: Array) -> Score:
    off = came[:, None] - np.column_stack((forecast, yesterday, last_week))
    mae, rmse = np.mean(np.abs(off), axis=0) / MWH_PER_KWH, np.sqrt(np.mean(off**2, axis=0)) / MWH_PER_KWH
    quantile = off[:, :3]
    pinball = np.mean(np.maximum(_LEVELS * quantile, (_LEVELS - 1.0) * quantile)) / MWH_PER_KWH
    within: NDArray[np.bool_] = (quantile[:, 0] >= 0.0) & (quantile[:, 2] <= 0.0)
    return Score(
        lead=lead,
        steps=len(came),
        mae=float(mae[1]),
        mae_yesterday=float(mae[3]),
        mae_last_week=float(mae[4]),
        rmse=float(rmse[1]),
        rmse_yesterday=float(rmse[3]),
        rmse_last_week=float(rmse[4]),
        pinball=float(pinball),
        coverage=float(within.mean()),
    )
