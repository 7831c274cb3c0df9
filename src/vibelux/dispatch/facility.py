"""A facility: where it stands, how market prices become its own, its plant and its demands.

The model is the facility file's object: what `Facility.as_dict` gives, `Facility.from_dict` takes.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import numpy as np
from pydantic import AfterValidator, Field, PrivateAttr, ValidationError, model_validator

from vibelux._toml import Place, TomlFile, dotted, first_fault
from vibelux.dispatch.dr_rules import DemandResponse
from vibelux.dispatch.loads import Demand, Load, Loads, Told, read_loads
from vibelux.dispatch.plant import Boiler, Co2, Engine, Grid, Heat, Lights, Storage
from vibelux.dispatch.tariff import Tariff
from vibelux.dispatch.tariff_file import with_urdb_tariff
from vibelux.market.errors import ConfigError, TimeRefused
from vibelux.market.intervals import iso_z, zone
from vibelux.market.regions import region_of
from vibelux.outlook.demand import Demands, local_days, of_greenhouse, own_targets
from vibelux.outlook.greenhouse import Greenhouse, Temperature
from vibelux.outlook.photovoltaics import Pv
from vibelux.outlook.price import Steps
from vibelux.outlook.site import Block, Name, NotNegative, Prices
from vibelux.outlook.weather import BASE_65_F, Sources
from vibelux.outlook.weather import Steps as Calendar
from vibelux.outlook.weather_ahead import WeatherAhead

MAX_ENGINES = 6
"""The one-step decision looks at every combination of engines; beyond six that is too slow."""

Note = Callable[[str], None]

_CHALLENGED = ("grid", "heat", "chp", "boiler", "heat_storage", "battery", "lights", "co2", "stability")
_LEAST_GAIN_USD = 0.5
_SHARE_OF_STARTS = 0.1

_CARBON_MARKETS = {"CAISO": "California Cap-and-Trade", "PJM": "RGGI", "NYISO": "RGGI"}


def _zone_name(name: str) -> str:
    try:
        zone(name)
    except TimeRefused as error:
        raise ValueError(str(error)) from error
    return name


class Stability(Block):
    """How loth a plan is to change."""

    least_gain_usd: NotNegative | None = None
    """What a new plan has to gain over the one in force before it may switch engines against it.

    None: a tenth of the start costs of those engines, and half a dollar at least."""


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
    weather_station: Annotated[str, Field(pattern=r"^[A-Z0-9]{3,8}$")] | None = None
    """The weather service's station (`KSNS`) whose measurements count; None: the nearest is asked, forecasts count."""
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
    demand: Demand = Demand()
    greenhouse: Greenhouse | None = None
    """In place of constants or a file: heat, light and CO2 from the weather."""
    pv: Pv | None = None
    """The site's own solar panels."""
    degree_day_base_c: Temperature = BASE_65_F
    """What its degree days count from, Celsius."""
    stability: Stability = Stability()
    dr: DemandResponse = DemandResponse()
    challenger: dict[str, Any] | None = None
    """Keys of this object with other values, which decide in shadow beside it: plant and stability, nothing that says
    what is needed or paid."""

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
        strangers = [one for one in self.dr.permitted_engines if all(one != engine.id for engine in self.chp)]
        if strangers:
            raise ValueError(f"dr.permitted_engines: there is no engine {strangers[0]}")
        return self

    @model_validator(mode="after")
    def _one_demand(self) -> "Facility":
        demand = self.demand
        if self.greenhouse is None:
            if demand.ways != 1:
                raise ValueError("demand: give power_kw and heat_kw, or file, or url, or a [greenhouse]")
        elif demand.file is not None or demand.url is not None or demand.heat_kw is not None:
            raise ValueError("demand: a greenhouse tells the heat itself; only power_kw may stand beside it")
        return self

    @model_validator(mode="after")
    def _pv_stands_somewhere(self) -> "Facility":
        if self.pv is not None and self.place is None:
            raise ValueError("pv: its sun needs latitude and longitude")
        return self

    @model_validator(mode="after")
    def _greenhouse_fits(self) -> "Facility":
        house = self.greenhouse
        if house is None:
            return self
        if self.latitude is None or self.longitude is None:
            raise ValueError("greenhouse: its weather needs latitude and longitude")
        if self.lights and not house.model_fields_set.isdisjoint({"lamp_w_per_m2", "photoperiod"}):
            raise ValueError("greenhouse: its lamps stand in [[lights]]; leave lamp_w_per_m2 and photoperiod out")
        if house.target_dli and not self.lights and not house.lamp_w_per_m2:
            raise ValueError("greenhouse: target_dli needs lamps, in [[lights]] or as lamp_w_per_m2")
        if house.co2_g_per_m2_h and (self.co2 is None or self.co2.demand_kg_per_h):
            raise ValueError("greenhouse: co2_g_per_m2_h needs a [co2] block, and no demand_kg_per_h in it")
        return self

    @model_validator(mode="after")
    def _challenger_fits(self) -> "Facility":
        for name in self.challenger or {}:
            if name not in _CHALLENGED:
                raise ValueError(f"challenger: {name} is the same for both; it may hold {', '.join(_CHALLENGED)}")
        if self.challenger:
            try:
                Facility.model_validate(self._with_challenger())
            except ValidationError as error:
                place, what = first_fault(error, Facility, show_values=True)
                raise ValueError(f"challenger: {dotted(place)}: {what}") from error
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
        return _facility(body, folder, None, (), None)

    def as_dict(self) -> dict[str, Any]:
        """The facility file's object, with the keys that were given and no others."""
        return self.model_dump(mode="json", exclude_unset=True)

    def challenged(self) -> "Facility":
        """The facility with its challenger's values."""
        return Facility.model_validate(self._with_challenger(), context=self._loads)

    def _with_challenger(self) -> dict[str, Any]:
        own = self.as_dict()
        return _merged(own, own.pop("challenger", None) or {})

    @property
    def zone_name(self) -> str:
        """Its IANA time zone."""
        return self.timezone or region_of(self.iso_region).timezone

    def energy_adder_at(self, moment: datetime) -> float:
        """What its tariff adds to a kWh imported at a moment (UTC), USD/kWh."""
        return self.tariff.energy_adder_at(moment, self.zone_name)

    @property
    def carbon_market(self) -> str | None:
        """The market whose allowances are its carbon price, None where there is none (Texas)."""
        return self.prices.carbon_market or _CARBON_MARKETS.get(self.iso_region)

    def least_gain_usd(self, switched: frozenset[str]) -> float:
        """What a new plan has to gain before it may switch these engines against the plan in force, USD."""
        if self.stability.least_gain_usd is not None:
            return self.stability.least_gain_usd
        starts = sum(engine.start_cost_usd for engine in self.chp if engine.id in switched)
        return max(_LEAST_GAIN_USD, starts * _SHARE_OF_STARTS)

    @property
    def place(self) -> str | None:
        """`latitude,longitude` as weather is asked for; None where it is not given."""
        if self.latitude is None or self.longitude is None:
            return None
        return f"{self.latitude},{self.longitude}"

    def load_at(self, moment: datetime) -> Load | None:
        """What the site needs at a moment; None where its file does not reach, or only the weather could tell."""
        if self._loads is not None:
            return self._loads.at(moment)
        if self.greenhouse is not None or self.demand.url is not None:
            return None
        return Load(self.demand.power_kw or 0.0, self.demand.heat_kw or 0.0)

    @property
    def wants_weather(self) -> bool:
        """Whether what it needs hangs on the weather."""
        return self.greenhouse is not None or self.pv is not None

    def demands(self, steps: Steps, weather: WeatherAhead | None, told: Told | None = None) -> Demands | None:
        """What the site will need on each step of a horizon.

        Args:
            steps: at most an hour each.
            weather: at its place; only a greenhouse and panels ask for it.
            told: the operator's own forecast, where its demand is an address.

        Returns:
            Fewer steps where the file or the forecast ends earlier; None where not even the first is known.
        """
        need = self._demands(steps, weather, told)
        if need is None or self.pv is None or self.latitude is None or self.longitude is None:
            return need
        calendar = Calendar.over(steps.starts, steps.lengths, self.zone_name)
        sky = weather or WeatherAhead(steps.begin, self.latitude, self.longitude, Sources())
        outside = sky.over(calendar)
        made = self.pv.power_kw(outside, calendar, self.latitude, self.longitude)
        return need.less_pv(made, sky.notes(outside))

    def _demands(self, steps: Steps, weather: WeatherAhead | None, told: Told | None) -> Demands | None:
        co2 = 0.0 if self.co2 is None else self.co2.demand_kg_per_h
        if self.greenhouse is not None:
            if weather is None:
                return None
            power = self.demand.power_kw or 0.0
            return of_greenhouse(
                self.greenhouse, steps, weather, zone_name=self.zone_name, power_kw=power, co2_kg_per_h=co2,
                lamps=self.lights,
            )  # fmt: skip
        light = own_targets(self.lights, local_days(steps, self.zone_name))
        if self.demand.url is not None:
            return None if told is None else told.loads.demands(steps, co2, light, "forecast", told.notes)
        if self._loads is not None:
            return self._loads.demands(steps, co2, light, "file")
        one = np.ones(len(steps.starts))
        return Demands((self.demand.power_kw or 0.0) * one, (self.demand.heat_kw or 0.0) * one, co2 * one, light)

    def no_demand(self, moment: datetime) -> str:
        """Why nothing is known of what it needs at a moment, in a sentence."""
        if self.greenhouse is not None:
            return f"No weather is known for {self.place} at {iso_z(moment)}, so the greenhouse's demand is unknown."
        if self.demand.url is not None:
            return f"No forecast of its demand has come from {urlsplit(self.demand.url).hostname} for {iso_z(moment)}."
        return f"{Path(self.demand.file or '').name} holds no demand for {iso_z(moment)}."

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


def _merged(own: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Tables are merged, everything else is replaced."""
    merged = dict(own)
    for name, value in changes.items():
        before = own.get(name)
        merged[name] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


def load_facilities(path: Path, note: Note | None = None) -> tuple[Facility, ...]:
    """The facilities of `vibelux.toml`, or the one of a file of its own.

    Args:
        path: the file.
        note: takes what could not be carried over from a file that it names, in sentences.

    Raises:
        ConfigError: the file holds none, or one is wrong; the text names file, line, path and nearest key.
    """
    file = TomlFile.read(path)
    if "facilities" not in file.data:
        if "id" not in file.data:
            raise ConfigError(f"{path} holds no facility: write [[facilities]], or the keys of one (id, ...)")
        return (_facility(file.data, path.parent, file, (), note),)
    bodies = file.data["facilities"]
    if not isinstance(bodies, list) or not all(isinstance(body, dict) for body in bodies):
        raise ConfigError(f"{file.where(('facilities',))}: should be tables, written [[facilities]]")
    facilities: dict[str, Facility] = {}
    for index, body in enumerate(bodies):
        facility = _facility(body, path.parent, file, ("facilities", index), note)
        if facility.id in facilities:
            raise ConfigError(f"{file.where(('facilities', index, 'id'))}: {facility.id} is given twice")
        facilities[facility.id] = facility
    return tuple(facilities.values())


def _facility(
    body: dict[str, Any], folder: Path | None, file: TomlFile | None, at: Place, note: Note | None
) -> Facility:
    def told(place: Place) -> str:
        if file is not None:
            return file.where(at + place)
        return f"facility: {dotted(place)}" if place else "facility"

    if isinstance(body.get("prices"), dict) and "urdb_tariff" in body["prices"]:
        body = with_urdb_tariff(body, folder, told(("prices", "urdb_tariff")), note)
    try:
        facility = Facility.model_validate(body)
    except ValidationError as error:
        place, what = first_fault(error, Facility, show_values=True)
        raise ConfigError(f"{told(place)}: {what}") from error
    if facility.demand.file is not None:
        if folder is None:
            raise ConfigError(f"{told(('demand', 'file'))}: files are read from facility files only")
        # Kept whole, so that the object still finds its file when it is read back from the store.
        whole = (folder / facility.demand.file).resolve()
        return Facility.model_validate(body | {"demand": {"file": str(whole)}}, context=read_loads(whole))
    return facility
