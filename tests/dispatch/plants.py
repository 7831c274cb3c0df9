"""Facilities and market rows for tests."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from vibelux.dispatch.facility import Facility
from vibelux.outlook.conditions import Conditions, MarketRows, conditions

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOW = datetime(2026, 7, 14, 20, 2, tzinfo=UTC)
HUB = "FRPGE1"


def engine(**changes: Any) -> dict[str, Any]:
    return {
        "id": "engine-1",
        "rated_kw": 1000,
        "electric_efficiency": {"full": 0.4, "half": 0.4},
        "thermal_efficiency": {"full": 0.4, "half": 0.4},
        "om_usd_per_kwh": 0.01,
    } | changes


def body(**changes: Any) -> dict[str, Any]:
    """A plant to reckon by hand: constant efficiencies of 0.4 and 0.4, a boiler of 0.8."""
    return {
        "id": "site-1",
        "iso_region": "CAISO",
        "pricing_node": "NODE",
        "prices": {"gas_hub": HUB, "import_adder_usd_per_kwh": 0.05, "export_adder_usd_per_kwh": -0.005},
        "grid": {"import_max_kw": 4000, "export_max_kw": 2000},
        "chp": [engine()],
        "boiler": [{"id": "boiler-1", "rated_kw": 3000, "efficiency": 0.8}],
        "demand": {"power_kw": 400, "heat_kw": 800},
    } | changes


def facility(**changes: Any) -> Facility:
    return Facility.from_dict(body(**changes))


def real_time(price: float, *, end: datetime | None = None, **more: Any) -> dict[str, Any]:
    end = end or NOW + timedelta(minutes=3)
    return {
        "market": "real-time-5min",
        "pricing_node": "NODE",
        "price_per_kwh": price,
        "market_interval_start": end - timedelta(minutes=5),
        "market_interval_end": end,
        "known_at": end - timedelta(minutes=4),
        "origin": "live",
        "payload_sha256": "ab",
    } | more


def gas(price: float, **more: Any) -> dict[str, Any]:
    return {
        "hub_name": HUB,
        "price_per_mmbtu": price,
        "trading_date": date(2026, 7, 14),
        "known_at": NOW - timedelta(hours=20),
        "origin": "live",
    } | more


def carbon(price: float, **more: Any) -> dict[str, Any]:
    return {
        "market_name": "California Cap-and-Trade",
        "price_per_metric_ton": price,
        "trading_date": date(2026, 7, 14),
        "known_at": NOW - timedelta(hours=4),
        "origin": "live",
    } | more


GAS_AT_3_CENTS = 0.03 * 293.07107
"""USD/MMBtu: 0.03 USD/kWh of fuel."""


def at_price(site: Facility, price: float, *, gas_price: float = GAS_AT_3_CENTS, now: datetime = NOW) -> Conditions:
    """The market with a live price; gas at 0.03 USD/kWh of fuel unless told."""
    rows = MarketRows(real_time=real_time(price, end=now + timedelta(minutes=3)), gas=gas(gas_price))
    return conditions(site, now, rows)
