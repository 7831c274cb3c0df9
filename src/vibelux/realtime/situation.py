"""What a decision for a facility would rest on now, for those who ask what else could be done."""

from dataclasses import dataclass
from datetime import datetime

from vibelux.dispatch.decision import View
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.state import PlantState
from vibelux.outlook.conditions import Conditions


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything but the decision."""

    facility: Facility
    conditions: Conditions
    state: PlantState
    view: View | None
    now: datetime
    seq: int
    """The number of the decision in force, by which it is known whether anything is new."""
