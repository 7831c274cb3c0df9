"""Small payloads in Data Miner's own forms, written for the tests; and parsing by feed name."""

import contextlib
import json
from typing import Any

from vibelux.feeds import Parsed, Payload, feed_named, read

PRICE_HEADER = (
    "datetime_beginning_utc,datetime_beginning_ept,pnode_id,pnode_name,voltage,equipment,type,zone,"
    "system_energy_price_{run},total_lmp_{run},congestion_price_{run},marginal_loss_price_{run},"
    "row_is_current,version_nbr"
)


def parse(
    feed: str, body: bytes | str | list[Any] | dict[str, Any], name: str = "", report: str | None = None
) -> Parsed:
    if isinstance(body, (list, dict)):
        body = json.dumps(body)
    return read(
        feed_named(f"pjm/{feed}"), Payload(body if isinstance(body, bytes) else body.encode(), name, report=report)
    )


def envelope(items: list[dict[str, Any]], report: str = "", total: int | None = None, **more: Any) -> dict[str, Any]:
    """Data Miner's JSON with `download=false`."""
    links = [{"rel": "self", "href": f"https://api.pjm.com/api/v1/{report}?RowCount=50000"}] if report else []
    return {
        "links": links,
        "items": items,
        "searchSpecification": {"rowCount": 50000, "startRow": 1},
        "totalRows": len(items) if total is None else total,
        **more,
    }


def price(utc: str, name: str = "WESTERN HUB", *, run: str = "rt", **cells: Any) -> dict[str, Any]:
    """A price row as JSON has it, congestion -3, loss 0.5, and the energy that is left (20 of 17.5)."""
    row = {
        "datetime_beginning_utc": utc,
        "datetime_beginning_ept": "2026-07-14T00:00:00",
        "pnode_id": 51288,
        "pnode_name": name,
        "voltage": None,
        "equipment": None,
        "type": "HUB",
        "zone": None,
        f"system_energy_price_{run}": 20.0,
        f"total_lmp_{run}": 17.5,
        f"congestion_price_{run}": -3.0,
        f"marginal_loss_price_{run}": 0.5,
        "row_is_current": True,
        "version_nbr": 1,
    } | cells
    total, parts = row[f"total_lmp_{run}"], (row[f"congestion_price_{run}"], row[f"marginal_loss_price_{run}"])
    if f"system_energy_price_{run}" not in cells:
        with contextlib.suppress(TypeError, ValueError):
            row[f"system_energy_price_{run}"] = float(total) - sum(parts)
    return row


def price_csv(*rows: str, run: str = "rt") -> str:
    return "\r\n".join([PRICE_HEADER.format(run=run), *rows]) + "\r\n"
