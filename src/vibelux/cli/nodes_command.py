"""Finds pricing nodes, hubs and zones: by a part of the name, or by a place. Works without a database too."""

import argparse
from typing import TYPE_CHECKING, Any

from vibelux.cli import _database, _output
from vibelux.market.errors import StoreUnavailable

if TYPE_CHECKING:
    from vibelux.config import Settings

_COLUMNS = ("iso_region", "pricing_node", "node_type", "place", "last_seen", "match")
_APPROXIMATE = "approximate: the nearest of a few towns that stand for each zone; the utility's bill tells for sure"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verbs."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    find = verbs.add_parser("find", help="by any part of the name or place")
    find.add_argument("text", metavar="TEXT")
    find.add_argument("--limit", type=int, default=20, metavar="N", help="default: 20")
    _database.arguments(find)
    near = verbs.add_parser("near", help="the zones and hubs around a place (approximate)")
    near.add_argument("latitude", metavar="LAT", type=float)
    near.add_argument("longitude", metavar="LON", type=float, help="west is negative")
    for verb in (find, near):
        verb.add_argument("--grid", metavar="GRID", help="CAISO, PJM, ERCOT or NYISO")
        verb.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace) -> int:
    """Prints what is found; nothing found is done too."""
    from vibelux.market.regions import region_of

    grid = region_of(args.grid).iso_region if args.grid else None
    if args.verb == "near":
        return _near(args, grid)
    rows = _database.run_async(_find(args, grid))
    _output.table_or_json(rows, _COLUMNS, as_json=args.json)
    if any(row["match"] == "alike" for row in rows):
        _output.note(f"no name holds {args.text!r}; these look like it")
    return 0


def _near(args: argparse.Namespace, grid: str | None) -> int:
    from vibelux.market.nodes import nearest_to
    from vibelux.market.regions import REGIONS

    place = (args.latitude, args.longitude)
    found = [pair for one in REGIONS if grid in {None, one.iso_region} for pair in nearest_to(place, one.iso_region)]
    rows = [
        {
            "iso_region": node.iso_region,
            "pricing_node": node.pricing_node,
            "node_type": node.node_type,
            "place": node.place,
            "km": round(km),
        }
        for node, km in sorted(found, key=lambda pair: pair[1])[:5]
    ]
    _output.table_or_json(rows, ("iso_region", "pricing_node", "node_type", "place", "km"), as_json=args.json)
    _output.note(_APPROXIMATE)
    return 0


async def _find(args: argparse.Namespace, grid: str | None) -> list[dict[str, Any]]:
    from vibelux.store.nodes import find_nodes, searched

    settings = _database.settings_of(args)
    try:
        if _has_database(settings):
            async with _database.open_database(settings) as db:
                return await find_nodes(db, args.text, grid, args.limit)
        _output.note(f"no database in {settings.data_dir}: hubs and zones only, not the nodes seen")
    except StoreUnavailable as error:
        _output.note(f"{error}: hubs and zones only, not the nodes seen")
    return searched(args.text, [], grid, args.limit)


def _has_database(settings: "Settings") -> bool:
    """A search must not make a data folder where there is none."""
    return settings.database_url is not None or settings.data_dir.is_dir()
