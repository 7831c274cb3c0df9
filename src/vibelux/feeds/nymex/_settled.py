"""One contract month on one trading day, whoever told its price."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Settled:
    """A price of a contract, USD/MMBtu; `delivery` is the first of its month, None where nothing says which it is."""

    day: date
    delivery: date | None
    price: float
    source: str
