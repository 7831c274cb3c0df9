"""A facility: where it stands, how market prices become its own, its plant and its demands.

The model is the facility file's object: what `Facility.as_dict` gives, `Facility.from_dict` takes.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PrivateAttr, ValidationError, model_validator

from vibelux._toml import Place, TomlFile, dotted, first_fault
from vibelux.dispatch.loads import Load, Loads, read_loads
from vibelux.dispatch.plant import Boiler, Co2, Engine, Grid, Heat, Lights, Storage, Tariff
from vibelux.market.errors import ConfigError, TimeRefused
from vibelux.market.intervals import zone
from vibelux.market.regions import region_of
from vibelux.outlook.site import Block, Name, NotNegative, Prices

MAX_ENGINES = 6
"""The one-step decision looks at every combination of engines; beyond six that is too slow."""

_UNBUILT = {
    "greenhouse": "the greenhouse model is not built yet; give constants or a file in [demand]",
    "urdb_tariff": "URDB tariffs are not read yet; give import_adder_usd_per_kwh",
}
_CARBON_MARKETS = {"CAISO": "California Cap-and-Trade", "PJM": "RGGI", "NYISO": "RGGI"}


def _zone_name(name: str) -> str:
    try:
        zone(name)
    except TimeRefused as error:
        raise ValueError(str(error)) from error
    return name


class Demand(Block):
    """What the site needs: constants, or a CSV file."""

    power_kw: NotNegative | None = None
    heat_kw: NotNegative | None = None
    file: Name | None = None

    @model_validator(mode="after")
    def _one_of(self) -> "Demand":
        constants = self.power_kw is not None or self.heat_kw is not None
        if constants == (self.file is not None):
            raise ValueError("give power_kw and heat_kw, or file")
        return self


class Facility(Block):
    """One site with its plant."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$", max_length=64)]
    name: str = ""
    iso_region: Literal["CAISO", "PJM", "ERCOT", "NYISO"]
    pricing_node: Name
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    timezone: Annotated[str, AfterValidator(_zone_name)] | None = None
    """None: the grid's own."""
    prices: Prices
    grid: Grid
    heat: Heat = Heat()
    chp: Annotated[tuple[Engine, ...], Field(strict=False, max_length=MAX_ENGINES)] = ()
    boiler: Annotated[tuple[Boiler, ...], Field(strict=False)] = ()
    heat_storage: Storage | None = None
    battery: Storage | None = None
    lights: Annotated[tuple[Lights, ...], Field(strict=False)] = ()
    co2: Co2 | None = None
    tariff: Tariff = Tariff()
    demand: Demand

    _loads: Loads | None = PrivateAttr(None)

    def model_post_init(self, context: Any) -> None:
        """Takes the loads that were read beside the object, where its demand is a file."""
        self._loads = context if isinstance(context, Loads) else None

    @model_validator(mode="after")
    def _own_ids(self) -> "Facility":
        ids = [item.id for group in (self.chp, self.boiler, self.lights) for item in group]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"the id {twice[0]} is given twice")
        return self

    @classmethod
    def from_dict(cls, body: dict[str, Any], *, folder: Path | None = None) -> "Facility":
        """The facility that an object describes.

        Args:
            body: the facility file's object.
            folder: where files that it names lie; None refuses them, as REST must.

        Raises:
            ConfigError: an unknown key, a wrong type or range; the text names the path and the nearest key.
        """
        return _facility(body, folder, None, ())

    def as_dict(self) -> dict[str, Any]:
        """The facility file's object, with the keys that were given and no others."""
        return self.model_dump(mode="json", exclude_unset=True)

    @property
    def zone_name(self) -> str:
        """Its IANA time zone."""
        return self.timezone or region_of(self.iso_region).timezone

    @property
    def energy_adder_usd_per_kwh(self) -> float:
        """What its tariff adds to each imported kWh."""
        return self.tariff.energy_adder_usd_per_kwh

    @property
    def carbon_market(self) -> str | None:
        """The market whose allowances are its carbon price, None where there is none (Texas)."""
        return self.prices.carbon_market or _CARBON_MARKETS.get(self.iso_region)

    def load_at(self, moment: datetime) -> Load | None:
        """What the site needs at a moment, None where its file does not reach."""
        if self._loads is not None:
            return self._loads.at(moment)
        return Load(self.demand.power_kw or 0.0, self.demand.heat_kw or 0.0)

    def unused(self) -> list[str]:
        """What the file has and the one-step decision does not use, in words."""
        named = {
            "heat storage": self.heat_storage,
            "battery": self.battery,
            "lights": self.lights,
            "CO2 dosing": self.co2,
            "demand charges": self.tariff.demand_charges,
            "ramp limits": any(e.ramp_up_kw_per_h or e.ramp_down_kw_per_h for e in self.chp),
            "starts a day": any(e.max_starts is not None for e in self.chp),
        }
        return [name for name, given in named.items() if given]


def load_facilities(path: Path) -> tuple[Facility, ...]:
    """The facilities of `vibelux.toml`, or the one of a file of its own.

    Raises:
        ConfigError: the file holds none, or one is wrong; the text names file, line, path and nearest key.
    """
    file = TomlFile.read(path)
    if "facilities" not in file.data:
        if "id" not in file.data:
            raise ConfigError(f"{path} holds no facility: write [[facilities]], or the keys of one (id, ...)")
        return (_facility(file.data, path.parent, file, ()),)
    bodies = file.data["facilities"]
    if not isinstance(bodies, list) or not all(isinstance(body, dict) for body in bodies):
        raise ConfigError(f"{file.where(('facilities',))}: should be tables, written [[facilities]]")
    facilities: dict[str, Facility] = {}
    for index, body in enumerate(bodies):
        facility = _facility(body, path.parent, file, ("facilities", index))
        if facility.id in facilities:
            raise ConfigError(f"{file.where(('facilities', index, 'id'))}: {facility.id} is given twice")
        facilities[facility.id] = facility
    return tuple(facilities.values())


def _facility(body: dict[str, Any], folder: Path | None, file: TomlFile | None, at: Place) -> Facility:
    def told(place: Place) -> str:
        if file is not None:
            return file.where(at + place)
        return f"facility: {dotted(place)}" if place else "facility"

    try:
        facility = Facility.model_validate(body)
    except ValidationError as error:
        place, what = first_fault(error, Facility, show_values=True, unbuilt=_UNBUILT)
        raise ConfigError(f"{told(place)}: {what}") from error
    if facility.demand.file is not None:
        if folder is None:
            raise ConfigError(f"{told(('demand', 'file'))}: files are read from facility files only")
        # Kept whole, so that the object still finds its file when it is read back from the store.
        whole = (folder / facility.demand.file).resolve()
        return Facility.model_validate(body | {"demand": {"file": str(whole)}}, context=read_loads(whole))
    return facility
