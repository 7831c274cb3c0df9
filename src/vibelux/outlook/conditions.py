"""The market as one facility meets it now: three prices, each with its quality, its age and its place on the ladder.

For electricity the ladder is, best first (the first that is there decides):

1. `live`: the newest real-time price, no older than its limit (900 s for 5-minute markets, 2,700 s for ERCOT's);
2. `same-hour`: what a 15-minute, advisory or day-ahead market says of this very moment, the shortest interval first;
3. `last`: the last real-time price, over its limit by less than an hour: prices drift, they seldom jump;
4. `recent-days`: the median of this local hour on recent days, with a band;
5. `shown-only`: an older last price is shown as `stale`, and no decision rests on it;
6. `none`: nothing is known. A missing price is never 0 and never invented.

`dataQuality` describes the number beside it (so a day-ahead price that stands in is `estimated`), while
`dataFreshness` always tells the age of the facility's own real-time market.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from vibelux.market.intervals import iso_z, local_date
from vibelux.market.quality import Origin, Quality, age_seconds
from vibelux.market.regions import region_of
from vibelux.market.units import per_mwh
from vibelux.outlook.carbon import facility_cost
from vibelux.outlook.carbon_intensity import CarbonIntensity
from vibelux.outlook.quotes import MISSING, Quote, Row, Rung, daily_quote, usual_price
from vibelux.outlook.site import Site

_LAST_PRICE_SECONDS = 3600.0
_GAS_USABLE_DAYS = 30.0
_CARBON_USABLE_DAYS = 400.0
"""Auctions are quarterly and their price is carried with its age; over a year old it is no price."""

_CONFIDENCE = {Rung.LIVE: 95, Rung.SAME_HOUR: 75, Rung.LAST: 60, Rung.RECENT_DAYS: 45}
_DAY_AHEAD_CONFIDENCE = 65
_STALE_GAS_COSTS = 15
_STALE_CARBON_COSTS = 5


@dataclass(frozen=True, slots=True)
class MarketRows:
    """The records that conditions are made of, as the store's reader gives them; whatever is missing is left out."""

    real_time: Row | None = None
    """The newest record of the facility's own real-time market that has begun."""
    same_hour: Sequence[Row] = ()
    """Records of its other markets (15-minute, look-ahead, day-ahead) whose interval holds the moment."""
    history: Sequence[Row] = ()
    """Real-time records of recent days, for the time when nothing else is left."""
    gas: Row | None = None
    carbon: Row | None = None
    intensity: CarbonIntensity | None = None
    """CO2 of the grid's power, where it was asked for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Ages in seconds over which data are stale: `stale_data_threshold`, and the feeds' own limits."""

    electricity: float = 900.0
    gas: float = 96 * 3600.0
    carbon: float = 96 * 3600.0
    slower: Mapping[str, float] = field(default_factory=dict)
    """By market, the limit of electricity prices that come less often than each five minutes."""

    daily: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """By kind of record and provider, the feed's own limit; an auction price lasts a quarter."""

    def of_daily(self, kind: str, row: Row | None, otherwise: float) -> float:
        """The limit of a daily price, by the provider that its source names first.

        >>> Limits(daily={("carbon-price", "carb"): 9504000.0}).of_daily("carbon-price", {"data_source": "CARB x"}, 1.0)
        9504000.0
        """
        provider = str((row or {}).get("data_source") or "").partition(" ")[0].lower()
        return self.daily.get((kind, provider), otherwise)

    def real_time(self, iso_region: str) -> float:
        """The limit of a grid's real-time price.

        >>> Limits(slower={"real-time-15min": 2700.0}).real_time("ERCOT")
        2700.0
        """
        return self.slower.get(region_of(iso_region).real_time_market, self.electricity)


@dataclass(frozen=True, slots=True)
class FacilityPrices:
    """What this facility pays and gets; None where the market price behind it cannot decide."""

    import_usd_per_kwh: float | None
    export_usd_per_kwh: float | None
    gas_usd_per_mmbtu: float | None
    carbon_usd_per_t: float | None
    """For each metric ton emitted on site. A site that does not pay for carbon itself has a true 0 here."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Market conditions of one facility at one moment."""

    at: datetime
    iso_region: str
    pricing_node: str
    electricity: Quote
    gas: Quote
    carbon: Quote
    prices: FacilityPrices
    confidence: int
    """0-100: how far these prices can be trusted; 0 when they do not suffice to compare costs."""
    notes: tuple[str, ...]
    """What a reader must know of these prices, in sentences: what is missing, old, estimated or not live."""
    missing_keys: Mapping[str, str] = field(default_factory=dict)
    """Commodities whose feed lacks a key, and the setting to set."""
    intensity: CarbonIntensity | None = None
    """CO2 of the grid's power. No price of the facility rests on it."""

    @property
    def complete(self) -> bool:
        """Whether costs can be compared: every price that the facility pays is known."""
        prices = self.prices
        return None not in {prices.import_usd_per_kwh, prices.gas_usd_per_mmbtu, prices.carbon_usd_per_t}

    @property
    def _quotes(self) -> dict[str, Quote]:
        return {"electricity": self.electricity, "gas": self.gas, "carbon": self.carbon}

    def market_conditions(self) -> dict[str, Any]:
        """The contract's `marketConditions`."""
        return {
            "gridPrice": self.electricity.value,
            "gasPrice": self.gas.value,
            "co2Price": self.carbon.value,
            "timestamp": iso_z(self.at),
            "region": region_of(self.iso_region).region,
            "isoRegion": self.iso_region,
            "pricingNode": self.pricing_node,
            "dataQuality": {name: quote.quality.value for name, quote in self._quotes.items()},
            "origin": {name: quote.origin for name, quote in self._quotes.items()},
            "rung": {name: quote.rung.value for name, quote in self._quotes.items()},
            "source": {name: quote.source or None for name, quote in self._quotes.items()},
            "facilityPrices": self.facility_prices(),
            "carbonIntensity": None if self.intensity is None else self.intensity.as_json(),
        }

    def facility_prices(self) -> dict[str, float | None]:
        """The contract's `facilityPrices`."""
        return {
            "importPrice": self.prices.import_usd_per_kwh,
            "exportPrice": self.prices.export_usd_per_kwh,
            "gasPrice": self.prices.gas_usd_per_mmbtu,
            "carbonPrice": self.prices.carbon_usd_per_t,
        }

    def data_freshness(self) -> dict[str, float | None]:
        """The contract's `dataFreshness`: seconds, null where there is nothing."""
        return {name: quote.age_seconds for name, quote in self._quotes.items()}

    def basis(self) -> dict[str, Any]:
        """What was known, for the decision's `basis`."""
        return {name: quote.basis() for name, quote in self._quotes.items()}


def conditions(
    site: Site,
    now: datetime,
    rows: MarketRows,
    limits: Limits | None = None,
    missing_keys: Mapping[str, str] | None = None,
) -> Conditions:
    """What the facility's markets look like at a moment.

    Args:
        site: the facility.
        now: the moment, UTC.
        rows: what the store knows.
        limits: ages over which data are stale.
        missing_keys: by commodity (`electricity`, `gas`, `carbon`) the setting without which its feed stays off.
    """
    limits = limits or Limits()
    missing_keys = missing_keys or {}
    electricity = _electricity(site, now, rows, limits.real_time(site.iso_region))
    gas = daily_quote(
        rows.gas,
        value="price_per_mmbtu",
        source="hub_name",
        zone_name=site.zone_name,
        now=now,
        limit_seconds=limits.of_daily("gas-price", rows.gas, limits.gas),
        usable_days=_GAS_USABLE_DAYS,
    )
    carbon = daily_quote(
        rows.carbon,
        value="price_per_metric_ton",
        source="market_name",
        zone_name=site.zone_name,
        now=now,
        limit_seconds=limits.of_daily("carbon-price", rows.carbon, limits.carbon),
        usable_days=_CARBON_USABLE_DAYS,
    )
    prices = _facility_prices(site, now, electricity, gas, carbon)
    return Conditions(
        at=now,
        iso_region=site.iso_region,
        pricing_node=site.pricing_node,
        electricity=electricity,
        gas=gas,
        carbon=carbon,
        prices=prices,
        confidence=_confidence(site, electricity, gas, carbon, prices),
        notes=tuple(_notes(site, local_date(now, site.zone_name), electricity, gas, carbon, missing_keys)),
        missing_keys=missing_keys,
        intensity=rows.intensity,
    )


def _electricity(site: Site, now: datetime, rows: MarketRows, limit: float) -> Quote:
    """The first rung of the ladder that is there."""
    last = rows.real_time
    age = age_seconds(now, last["market_interval_end"]) if last is not None else None
    if last is not None and age is not None and age <= limit:
        return _interval_quote(last, Quality.GOOD, Rung.LIVE, age)
    holding = [row for row in rows.same_hour if row["market_interval_start"] <= now < row["market_interval_end"]]
    if holding:
        nearest = min(holding, key=lambda row: row["market_interval_end"] - row["market_interval_start"])
        return _interval_quote(nearest, Quality.ESTIMATED, Rung.SAME_HOUR, age)
    if last is not None and age is not None and age <= limit + _LAST_PRICE_SECONDS:
        return _interval_quote(last, Quality.STALE, Rung.LAST, age)
    usual = usual_price(list(rows.history), site.zone_name, now)
    if usual is not None:
        middle, band, days = usual
        newest = max(rows.history, key=lambda row: row["market_interval_start"])
        return Quote(
            value=middle,
            quality=Quality.ESTIMATED,
            rung=Rung.RECENT_DAYS,
            source=f"{newest['market']}, this hour on {days} days",
            origin=newest.get("origin", Origin.LIVE.value),
            age_seconds=age,
            band=band,
        )
    return _interval_quote(last, Quality.STALE, Rung.SHOWN_ONLY, age) if last is not None else MISSING


def _interval_quote(row: Row, quality: Quality, rung: Rung, age: float | None) -> Quote:
    return Quote(
        value=float(row["price_per_kwh"]),
        quality=quality,
        rung=rung,
        source=str(row["market"]),
        origin=row.get("origin", Origin.LIVE.value),
        start=row["market_interval_start"],
        end=row["market_interval_end"],
        age_seconds=age,
        known_at=row.get("known_at"),
        payload_sha256=row.get("payload_sha256"),
    )


def _facility_prices(site: Site, now: datetime, electricity: Quote, gas: Quote, carbon: Quote) -> FacilityPrices:
    """Market prices through the site's contract; carbon is a cost of its own only where the site pays it itself."""
    rules = site.prices
    market = electricity.value if electricity.decides else None
    ton = carbon.value if carbon.decides else None
    paid = facility_cost(rules.carbon, ton, obligated_fraction=rules.carbon_obligated_fraction)
    index = gas.value if gas.decides else None
    return FacilityPrices(
        import_usd_per_kwh=None if market is None else rules.import_price(market, site.energy_adder_at(now)),
        export_usd_per_kwh=None if market is None else rules.export_price(market),
        gas_usd_per_mmbtu=rules.contract.price(index, local_date(now, site.zone_name)),
        carbon_usd_per_t=paid.usd_per_metric_ton,
    )


def _confidence(site: Site, electricity: Quote, gas: Quote, carbon: Quote, prices: FacilityPrices) -> int:
    if None in {prices.import_usd_per_kwh, prices.gas_usd_per_mmbtu, prices.carbon_usd_per_t}:
        return 0
    confidence = _CONFIDENCE[electricity.rung]
    if electricity.rung is Rung.SAME_HOUR and electricity.source.startswith("day-ahead"):
        confidence = _DAY_AHEAD_CONFIDENCE
    if site.prices.contract.kind == "index" and gas.quality is Quality.STALE:
        confidence -= _STALE_GAS_COSTS
    if site.prices.carbon == "direct" and carbon.quality is Quality.STALE:
        confidence -= _STALE_CARBON_COSTS
    return confidence


def _notes(
    site: Site, day: date, electricity: Quote, gas: Quote, carbon: Quote, missing_keys: Mapping[str, str]
) -> list[str]:
    """The sentences that go with these prices; of markets that the facility does not buy in there are none."""
    what = {
        "electricity": f"electricity price of {site.pricing_node} ({site.iso_region})",
        "gas": f"gas price of {site.prices.gas_market}",
        "carbon": "carbon price",
    }
    quotes = {"electricity": electricity}
    contract = site.prices.contract
    if contract.kind == "index":
        quotes["gas"] = gas
    if site.prices.carbon == "direct":
        quotes["carbon"] = carbon
    notes = []
    if contract.kind == "table" and contract.price(None, day) is None:
        notes.append(f"The gas tariff of this facility begins on {contract.table[0].first_day} only: no gas price.")
    for name, quote in quotes.items():
        if quote.value is None and name in missing_keys:
            notes.append(f"No {what[name]}: its source needs a key, set {missing_keys[name].replace('|', ' or ')}.")
        elif quote.value is None:
            notes.append(f"No {what[name]} is known.")
    notes += _electricity_notes(electricity)
    for name, quote in quotes.items():
        if name != "electricity" and quote.quality is Quality.STALE:
            end = "used with its age" if quote.decides else "too old to decide on"
            notes.append(f"The {what[name]} is {_age(quote.age_seconds)} old: {end}.")
    not_live = {quote.origin for quote in quotes.values()} - {None, Origin.LIVE.value}
    for origin in sorted(str(one) for one in not_live):
        names = [name for name, quote in quotes.items() if quote.origin == origin]
        verb = "prices are" if len(names) > 1 else "price is"
        notes.append(f"{' and '.join(names).capitalize()} {verb} {origin}, not live.")
    return notes


def _electricity_notes(quote: Quote) -> list[str]:
    if quote.rung in {Rung.LIVE, Rung.NONE} or quote.value is None:
        return []
    newest = f"the newest real-time price is {_age(quote.age_seconds)} old"
    lost = "There is no real-time price" if quote.age_seconds is None else newest.capitalize()
    if quote.rung is Rung.SAME_HOUR:
        return [f"{lost}: deciding on the {quote.source} price of now, {per_mwh(quote.value)} USD/MWh."]
    if quote.rung is Rung.RECENT_DAYS and quote.band is not None:
        low, high = quote.band
        hour = quote.source.partition(", ")[2]
        price = f"{per_mwh(quote.value)} USD/MWh, the median of {hour} ({per_mwh(low)} to {per_mwh(high)})"
        return [f"{lost}: deciding on {price}."]
    end = "deciding on it for want of another" if quote.decides else "too old to decide on"
    return [f"{lost} ({per_mwh(quote.value)} USD/MWh): {end}."]


def _age(seconds: float | None) -> str:
    """An age in the unit that people would use.

    >>> _age(1320.0)
    '22 min'
    """
    if seconds is None:
        return "unknown"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
