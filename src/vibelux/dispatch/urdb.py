"""Reads a rate of OpenEI's Utility Rate Database (URDB) as a tariff, and tells what of it could not be carried over.

A reply of the API (`{"items": [...]}`, versions 3 to 8), a rate of the bulk download (the same fields, some in camel
case) or a bare rate. Hours are local clock hours, hour h from h:00, weekends Saturday and Sunday; a price is
`rate + adj`.

Source: https://openei.org/services/doc/rest/util_rates/?version=8 and recorded replies.
"""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from vibelux.dispatch.document import Field
from vibelux.dispatch.tariff import Tariff
from vibelux.dispatch.urdb_left_out import left_out, short
from vibelux.dispatch.urdb_schedule import period_numbers, row, schedules, windows
from vibelux.market.errors import ConfigError

_KW_PER_HP = 0.745699872
_PER_KW = {"kw": 1.0, "kva": 1.0, "hp": 1 / _KW_PER_HP}
_FAR = 2e11
"""Seconds from 1970 that are still a date."""
_DIGITS = 9
"""Of prices: below that lies the noise of adding `rate` and `adj`."""


@dataclass(frozen=True)
class Imported:
    """A rate as a tariff."""

    tariff: Tariff
    title: str
    """Utility, name, label and validity, in one line."""
    notes: tuple[str, ...]
    """What was not carried over, in sentences."""


def read_urdb(body: bytes, *, label: str | None = None) -> Imported:
    """Reads a rate.

    Args:
        body: the JSON as URDB serves it.
        label: which of several rates.

    Raises:
        ConfigError: no JSON, no rate or several, or a wrong field; the text names its path.
    """
    item = _item(body, label)
    notes: list[str] = []
    interval = item.number("demandwindow", 0.0, low=0) / 60
    tariff = Tariff.model_validate(
        {
            **_energy(item, notes),
            "demand_charges": [
                charge | ({"interval_h": interval} if interval else {})
                for charge in (*_flat_demand(item, notes), *_demand_by_time(item, notes))
            ],
        }
    )
    if tariff.demand_charges and not interval:
        notes.append("demandwindow is missing: give interval_h (most utilities meter 0.25 or 0.5 h).")
    notes += left_out(item.value)
    return Imported(tariff, _title(item), tuple(notes))


def _item(body: bytes, label: str | None) -> Field:
    try:
        document = msgspec.json.decode(body.removeprefix(codecs.BOM_UTF8))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not JSON: {error}") from error
    place = ""
    if isinstance(document, dict) and "items" in document:
        document, place = document["items"], "items"
    elif isinstance(document, dict) and (told := document.get("error") or document.get("errors")):
        raise ConfigError(f"no rate but an error of the upstream: {short(told)}")
    if isinstance(document, list):
        document, place = _one_of(document, place, label)
    if not isinstance(document, dict):
        raise Field(document, place or "the rate").wrong("should be an object")
    item = Field({key.lower(): value for key, value in document.items()}, place)
    if not any(item.value.get(name) for name in ("energyratestructure", "flatdemandstructure", "demandratestructure")):
        raise ConfigError(f"{place or 'the rate'}: holds neither energyratestructure nor a demand structure")
    return item


def _one_of(items: list[Any], place: str, label: str | None) -> tuple[Any, str]:
    rates = {f"{place}[{at}]": one for at, one in enumerate(items) if isinstance(one, dict)}
    found = {at: one for at, one in rates.items() if label is None or one.get("label") == label}
    if len(found) == 1:
        return next((one, at) for at, one in found.items())
    named = [f"{one.get('label')} ({one.get('name')})" for one in (found or rates).values()]
    what = f"holds {len(found)} rates" if label is None else f"holds {len(found)} rates of the label {label}"
    raise ConfigError(
        f"{place or 'the list'}: {what}, should be one" + (f" of {short(', '.join(named))}" if named else "")
    )


@dataclass(frozen=True)
class _Period:
    price: float
    """Of its first tier, USD."""
    limit: str
    """Up to where the first tier goes and what comes after, empty where there is but one."""
    sell: float | None


def _periods(item: Field, name: str) -> list[_Period]:
    return [_period(period, name) for period in item.blocks(name)]


def _period(period: Field, name: str) -> _Period:
    tiers = list(period)
    if not tiers:
        raise period.wrong("should hold at least one tier")
    prices = [round(tier.number("rate", 0.0) + tier.number("adj", 0.0), _DIGITS) for tier in tiers]
    limit = ""
    if len(tiers) > 1:
        unit = tiers[0].text("unit", "kWh" if name.startswith("energy") else "kW")
        after = ", ".join(f"{price:g}" for price in prices[1:])
        limit = f"{prices[0]:g} up to {tiers[0].number('max', 0.0):g} {unit}, then {after}"
    sells = [sell for tier in tiers if (sell := tier.optional_number("sell")) is not None]
    return _Period(prices[0], limit, sells[0] if sells else None)


def _tiers(name: str, periods: Sequence[_Period]) -> Iterator[str]:
    told = [f"period {at}: {period.limit}" for at, period in enumerate(periods) if period.limit]
    if told:
        yield (
            f"{name}: the first tier alone is taken ({'; '.join(told)} USD). Where the site is always beyond it, "
            "put in the price of the tier it is in."
        )


def _energy(item: Field, notes: list[str]) -> dict[str, Any]:
    name = "energyratestructure"
    periods = _periods(item, name)
    if not periods:
        return {}
    notes += _tiers(name, periods)
    notes += _sell(periods)
    workday, weekend = schedules(item, "energy", len(periods))
    adders = [
        {"id": _numbered(f"energy-{at}", number), "usd_per_kwh": period.price} | window
        for at, period in enumerate(periods)
        if period.price
        for number, window in enumerate(windows(workday, weekend, at))
    ]
    if item.value.get("fueladjustmentsmonthly"):
        adders += _fuel(row(item, "fueladjustmentsmonthly", 12).numbers().tolist())
    if len(adders) == 1 and set(adders[0]) == {"id", "usd_per_kwh"}:
        return {"energy_adder_usd_per_kwh": adders[0]["usd_per_kwh"]}
    return {"energy_adders": adders}


def _fuel(monthly: list[float]) -> list[dict[str, Any]]:
    prices = sorted({price for price in monthly if price})
    return [
        {
            "id": f"fuel-{at}",
            "usd_per_kwh": price,
            "months": [month + 1 for month in range(12) if monthly[month] == price],
        }
        for at, price in enumerate(prices)
    ]


def _sell(periods: Sequence[_Period]) -> Iterator[str]:
    sells = sorted({period.sell for period in periods if period.sell is not None})
    if len(sells) == 1:
        yield (
            f"sell: what the utility pays for export is no part of a tariff: set export_factor = 0.0 and "
            f"export_adder_usd_per_kwh = {sells[0]:g} in [facilities.prices]."
        )
    elif sells:
        yield f"sell: what the utility pays for export, {sells[0]:g} to {sells[-1]:g} USD/kWh by period, is left out."


def _per_kw(item: Field, structure: str, names: Sequence[str], notes: list[str]) -> float | None:
    """What a charge of its unit is in USD/kW; None where it is no charge on the peak of a month."""
    unit = next((str(item.value[name]) for name in names if item.value.get(name)), "kW")
    factor = _PER_KW.get(unit.lower())
    if factor is None:
        notes.append(f"{structure}: charges by {unit} are left out; only a month's peak is modelled.")
    elif unit.lower() == "kva":
        notes.append(f"{structure}: charges by kVA are taken as by kW, a power factor of 1.")
    return factor


def _flat_demand(item: Field, notes: list[str]) -> list[dict[str, Any]]:
    """Charges on the peak of a month, whenever it was: months of one price make one charge."""
    name = "flatdemandstructure"
    periods = _periods(item, name)
    factor = _per_kw(item, name, ("flatdemandunit", "flatdemandunits"), notes) if _costs(periods) else None
    if factor is None:
        return []
    notes += _tiers(name, periods)
    chosen = [0] * 12
    if len(periods) > 1 or item.value.get("flatdemandmonths"):
        chosen = period_numbers(row(item, "flatdemandmonths", 12), len(periods))
    prices = _charged(name, list(dict.fromkeys(periods[at].price for at in chosen)), notes)
    return [
        _charge(_numbered("flat-demand", number), price * factor) | ({} if len(months) == 12 else {"months": months})
        for number, price in enumerate(prices)
        if (months := [month + 1 for month in range(12) if periods[chosen[month]].price == price])
    ]


def _demand_by_time(item: Field, notes: list[str]) -> list[dict[str, Any]]:
    """Charges on the peak within the hours of a period: each period has a peak of its own."""
    name = "demandratestructure"
    periods = _periods(item, name)
    factor = _per_kw(item, name, ("demandrateunit", "demandrateunits"), notes) if _costs(periods) else None
    if factor is None:
        return []
    notes += _tiers(name, periods)
    workday, weekend = schedules(item, "demand", len(periods))
    charged = _charged(name, [period.price for period in periods], notes)
    return [
        _charge(_numbered(f"demand-{at}", number), period.price * factor) | window
        for at, period in enumerate(periods)
        if period.price in charged
        for number, window in enumerate(windows(workday, weekend, at))
    ]


def _costs(periods: Sequence[_Period]) -> bool:
    return any(period.price or period.limit for period in periods)


def _charged(name: str, prices: Sequence[float], notes: list[str]) -> list[float]:
    """The prices above zero."""
    if any(price < 0 for price in prices):
        notes.append(f"{name}: a credit of {-min(prices):g} USD/kW is left out.")
    return [price for price in prices if price > 0]


def _numbered(name: str, number: int) -> str:
    return f"{name}-{number}" if number else name


def _charge(name: str, usd_per_kw: float) -> dict[str, Any]:
    return {"id": name, "usd_per_kw": round(usd_per_kw, _DIGITS)}


def _title(item: Field) -> str:
    given = item.value
    told = ": ".join(str(given[name]) for name in ("utility", "name") if given.get(name)) or "a rate without a name"
    dates = [
        f"{word} {datetime.fromtimestamp(item.number(name, low=-_FAR, high=_FAR), UTC):%Y-%m-%d}"
        for word, name in (("from", "startdate"), ("to", "enddate"))
        if isinstance(given.get(name), int | float)
    ]
    return ", ".join([" ".join(told.split()), *([f"label {given['label']}"] if given.get("label") else []), *dates])
