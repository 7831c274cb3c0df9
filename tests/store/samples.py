"""Small payloads as feeds would give them, and a database process to hurt."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from vibelux.market.records import KINDS, Parsed, Type
from vibelux.store.journal import Receipt

NOON = datetime(2026, 7, 14, 19, tzinfo=UTC)
"""Noon in California."""
FIVE = timedelta(minutes=5)


def at(minutes: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def receipt(received_at: datetime = NOON, feed: str = "caiso/real-time-pricing", **other: Any) -> Receipt:
    provider, _, data_type = feed.partition("/")
    given: dict[str, Any] = {
        "feed": feed,
        "provider": provider,
        "data_type": data_type,
        "region": "California",
        "url": "https://example.org/SingleZip",
        "status": 200,
        "origin": "synthetic",
        "received_at": received_at,
        "sha256": hashlib.sha256(f"{feed} {received_at}".encode()).hexdigest(),
        "bytes": 17,
    }
    return Receipt(**given | other)


def price(value: float, start: datetime = NOON, node: str = "TH_NP15_GEN-APND", **other: Any) -> dict[str, Any]:
    """A record of a five-minute price."""
    return {
        "iso_region": "CAISO",
        "region": "California",
        "pricing_node": node,
        "market": "real-time-5min",
        "price_type": "LMP",
        "node_type": None,
        "price_per_kwh": value,
        "energy_component": value,
        "congestion_component": 0.0,
        "loss_component": None,
        "ghg_component": None,
        "currency": "USD",
        "market_interval_start": start,
        "market_interval_end": start + FIVE,
        "data_source": "OASIS PRC_INTVL_LMP",
        "confidence_level": 100.0,
    } | other


def gas(value: float, day: datetime = NOON, **other: Any) -> dict[str, Any]:
    return {
        "hub_name": "PG&E Citygate",
        "region": "California",
        "price_per_mmbtu": value,
        "basis_differential": None,
        "currency": "USD",
        "trading_date": day.date(),
        "delivery_date": None,
        "contract_type": "spot",
        "contract": None,
        "data_source": "test",
    } | other


def carbon(value: float, day: datetime = NOON, **other: Any) -> dict[str, Any]:
    return {
        "market_name": "California Cap-and-Trade",
        "region": "California",
        "price_per_metric_ton": value,
        "currency": "USD",
        "vintage_year": 2026,
        "market_type": "compliance",
        "trading_date": day.date(),
        "data_source": "test",
    } | other


def anything(kind: str, **other: Any) -> dict[str, Any]:
    """A record of any kind, nulls where they may be."""
    values = {
        Type.TEXT: "some",
        Type.NUMBER: 1.25,
        Type.INTEGER: 2026,
        Type.TIME: NOON,
        Type.DATE: NOON.date(),
        Type.JSON: [{"level": 1}],
    }
    return {field.name: None if field.nullable else values[field.type] for field in KINDS[kind].fields} | other


def frame(kind: str, *rows: dict[str, Any]) -> pl.DataFrame:
    schema = KINDS[kind].schema()
    return pl.DataFrame([pl.Series(name, [row[name] for row in rows], dtype=dtype) for name, dtype in schema.items()])


def parsed(*rows: dict[str, Any], kind: str = "electricity-price", **other: Any) -> Parsed:
    return Parsed(frames={kind: frame(kind, *rows)}, **other)
