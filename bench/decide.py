"""One decision at a new price: the first step again from the two plans that are known, and the whole with its reasons.

The plants of examples/study through a day of five-minute prices that jump about. A step begins with a decision at the
price that was expected; two minutes later the real one comes. Told are milliseconds of the wall from the conditions at
that price to the decision object, and how often the swift answer did what the whole decision then does.
"""

import json
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT / "tests")  # instead of this folder, whose `dispatch` is another

from dispatch.ahead import view
from dispatch.plants import HUB, NOW, at_price
from vibelux.dispatch.again import again
from vibelux.dispatch.decision import Decision, decide
from vibelux.dispatch.facility import Facility, load_facilities
from vibelux.dispatch.keeper import PlanKeeper
from vibelux.dispatch.state import PlantState

STEPS = 288
BY_HOUR = {7: 0.06, 8: 0.07, 18: 0.09, 19: 0.14, 20: 0.1}
OTHERWISE = 0.03
LAMPS_KWH = 14_000.0


def plants() -> list[Facility]:
    """Those of the study, at a node of California."""
    files = sorted((ROOT / "examples" / "study").glob("*.toml"))
    found = [facility.as_dict() for file in files for facility in load_facilities(file)]
    return [
        Facility.from_dict(
            body
            | {"iso_region": "CAISO", "pricing_node": "NODE"}
            | {"prices": body["prices"] | {"gas_hub": HUB}, "stability": {"least_gain_usd": 0.0}}
        )
        for body in found
    ]


def played(site: Facility) -> dict[str, Any]:
    """A day of one plant."""
    keeper, state, rng = PlanKeeper(), PlantState(), np.random.default_rng(7)
    swift_ms, whole_ms, asked, same = [], [], 0, 0

    def whole(price: float, now: datetime) -> Decision:
        ahead = view(site, BY_HOUR, OTHERWISE, now=now, **{group.id: LAMPS_KWH for group in site.lights})
        return decide(
            site, at_price(site, price, now=now), state, now, replace(ahead, planned=keeper.at(now, haste=True))
        )

    for step in range(STEPS):
        begins = NOW.replace(minute=0) + timedelta(minutes=5 * step)
        comes = begins + timedelta(minutes=2)
        price = float(0.04 + 0.03 * rng.normal() + 0.4 * (rng.random() < 0.03))
        expected = whole(OTHERWISE, begins)
        state = PlantState.from_decision(expected.as_json())
        conditions = at_price(site, price, now=comes)
        began = time.perf_counter()
        swift = again(expected, conditions, state, comes)
        swift_ms.append((time.perf_counter() - began) * 1000)
        decided = whole(price, comes)
        whole_ms.append(decided.milliseconds)
        if swift is not None:
            asked += 1
            same += swift.action == decided.action
        state = PlantState.from_decision(decided.as_json())
    return {
        "plant": site.id,
        "prices": STEPS,
        "first_step_ms_p50_p99": quantiles(swift_ms),
        "whole_decision_ms_p50_p99": quantiles(whole_ms),
        "answered_at_once": asked,
        "with_the_action_of_the_whole": same,
    }


def quantiles(values: list[float]) -> list[float]:
    """Median and p99."""
    return [round(float(value), 2) for value in np.percentile(values, [50, 99])]


def main() -> None:
    """A JSON line a plant."""
    for site in plants():
        print(json.dumps(played(site)), flush=True)


if __name__ == "__main__":
    main()
