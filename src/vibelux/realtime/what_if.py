"""What if: a decision under other prices, or for a plant that is built otherwise. The live state is only read."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

import msgspec

from vibelux.dispatch.changes import change
from vibelux.dispatch.decision import View
from vibelux.dispatch.facility import Facility
from vibelux.market.errors import ConfigError, UsageError
from vibelux.market.intervals import floor_to, local_date
from vibelux.market.regions import region_of
from vibelux.outlook.conditions import MarketRows
from vibelux.outlook.price import Outlook

ASSUMED = "assumed"
"""The origin of a price that was given with the question."""

_STEP = timedelta(minutes=5)
_FILES = frozenset({"file", "urdb_tariff"})


class Assumed(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What is supposed to be otherwise; whatever is left out stays as it is."""

    grid_price: float | None = None
    """Of this step, USD/kWh."""
    gas_price: float | None = None
    """USD/MMBtu (HHV), of the market."""
    co2_price: float | None = None
    """USD per metric ton."""
    expected_price_factor: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    expected_price_adder: float = 0.0
    """Every expected price becomes factor * price + adder, USD/kWh."""
    set: dict[str, Any] = {}
    """Fields of the facility by their paths: `{"chp.engine-1.rated_kw": 800}`."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """From JSON members.

        Raises:
            UsageError: one is unknown or of the wrong type; the text names it.
        """
        try:
            return msgspec.convert(body, cls)
        except msgspec.ValidationError as error:
            raise UsageError(f"what-if: {error}") from error

    def facility(self, facility: Facility) -> Facility:
        """The facility with its fields changed.

        Raises:
            UsageError: a path leads nowhere, or to a file.
            ConfigError: the facility would be wrong; the text names the field.
        """
        if not self.set:
            return facility
        body = facility.as_dict()
        for path, value in self.set.items():
            if path.rpartition(".")[2] in _FILES:
                raise UsageError(f"{path}: files cannot be named here")
            change(body, f"{path}={msgspec.json.encode(value).decode()}")
        # The folder serves a demand file that the operator's own facility names by its whole path.
        changed = Facility.from_dict(body, folder=Path("/"))
        if changed.id != facility.id:
            raise ConfigError("facility: id: a facility stays who it is")
        return changed

    def rows(self, facility: Facility, rows: MarketRows, now: datetime) -> MarketRows:
        """The market's records with the assumed prices in the place of the newest."""
        day = local_date(now, facility.zone_name)
        daily = {"trading_date": day, "published_at": now, "known_at": now, "origin": ASSUMED}
        if self.grid_price is not None:
            start = floor_to(now, _STEP)
            interval = {"market_interval_start": start, "market_interval_end": start + _STEP, "known_at": now}
            market = {"market": region_of(facility.iso_region).real_time_market, "origin": ASSUMED}
            rows = replace(rows, real_time={"price_per_kwh": self.grid_price, **interval, **market})
        if self.gas_price is not None:
            rows = replace(
                rows, gas={"price_per_mmbtu": self.gas_price, "hub_name": facility.prices.gas_market, **daily}
            )
        if self.co2_price is not None:
            name = facility.carbon_market or ASSUMED
            rows = replace(rows, carbon={"price_per_metric_ton": self.co2_price, "market_name": name, **daily})
        return rows

    def view(self, view: View | None) -> View | None:
        """What lies ahead, with other prices; a plant that was changed owes nothing to the plan in force."""
        if view is None:
            return None
        return replace(view, outlook=self._outlook(view.outlook), in_force=None if self.set else view.in_force)

    def _outlook(self, outlook: Outlook) -> Outlook:
        factor, adder = self.expected_price_factor, self.expected_price_adder
        return replace(outlook, price=factor * outlook.price + adder, quantiles=factor * outlook.quantiles + adder)
