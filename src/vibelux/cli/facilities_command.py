"""Lists, adds, checks and removes facilities, and turns a URDB rate into a tariff.

`check` and `import-tariff` need no database.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vibelux.cli import _database, _output
from vibelux.market.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from vibelux.dispatch.facility import Facility


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verbs."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="all facilities")
    check = verbs.add_parser("check", help="validate a facility file")
    add = verbs.add_parser("add", help="put the facilities of a file into the database, replacing those of the same id")
    remove = verbs.add_parser("remove", help="take a facility out")
    tariff = verbs.add_parser(
        "import-tariff", help="write a rate of OpenEI's URDB as a facility file's [facilities.tariff]"
    )
    tariff.add_argument(
        "file", metavar="URDB.json", help="a reply of the API, a rate of the bulk download, or a bare rate"
    )
    tariff.add_argument("-o", dest="out", metavar="FILE", help="write there instead of printing")
    tariff.add_argument("--label", metavar="L", help="which rate, where the file holds several")
    for verb in (check, add):
        verb.add_argument("file", metavar="FILE", help="vibelux.toml or a file of its own")
    remove.add_argument("id", metavar="F")
    for verb in (listing, add, remove):
        _database.arguments(verb)
    for verb in (listing, check, add, remove):
        verb.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace) -> int:
    """Does what the verb says."""
    if args.verb == "check":
        return _check(args)
    if args.verb == "import-tariff":
        return _import_tariff(args)
    return _database.run_async({"list": _list, "add": _add, "remove": _remove}[args.verb](args))


def _existing(file: str) -> Path:
    path = Path(file)
    if not path.is_file():
        raise UsageError(f"{file}: no such file")
    return path


def _check(args: argparse.Namespace) -> int:
    from vibelux.dispatch.facility import load_facilities

    found = load_facilities(_existing(args.file), _output.note)
    warnings = {one.id: [warning] if (warning := _node_warning(one)) else [] for one in found}
    rows = [
        {"id": one.id, "name": one.name, "iso_region": one.iso_region, "valid": True, "warnings": warnings[one.id]}
        for one in found
    ]
    _output.table_or_json(rows, ("id", "name", "iso_region", "valid"), as_json=args.json)
    for name, told in warnings.items():
        for warning in told:
            _output.note(f"{name}: {warning}")
    return 0


def _import_tariff(args: argparse.Namespace) -> int:
    from vibelux.dispatch.tariff_file import as_toml
    from vibelux.dispatch.urdb import read_urdb

    try:
        imported = read_urdb(_existing(args.file).read_bytes(), label=args.label)
    except ConfigError as error:
        raise ConfigError(f"{args.file}: {error}") from error
    text = as_toml(imported.tariff, imported.title)
    if args.out is None:
        print(text, end="")
    else:
        try:
            Path(args.out).write_text(text, "utf-8")
        except OSError as error:
            raise UsageError(f"{args.out}: {error.strerror}") from error
    _output.note(imported.title)
    for note in imported.notes:
        _output.note(note)
    return 0


def _node_warning(facility: "Facility") -> str | None:
    """What to look at again in a facility's pricing node: a name that is no hub or zone may be a node, or a typo."""
    from vibelux.market.nodes import alike, catalogue, nearest_to

    names = [node.pricing_node for node in catalogue(facility.iso_region)]
    if facility.pricing_node in names:
        return None
    near = alike(facility.pricing_node, names, limit=3)
    hint = f"; near that name: {', '.join(near)}" if near else ""
    if facility.latitude is not None and facility.longitude is not None:
        around = nearest_to((facility.latitude, facility.longitude), facility.iso_region, limit=2)
        hint += f"; near its place (approximate): {', '.join(node.pricing_node for node, _ in around)}"
    return f"{facility.pricing_node!r} is no hub or zone of {facility.iso_region} that is known here{hint}"


async def _list(args: argparse.Namespace) -> int:
    from vibelux.store.facilities import all_facilities

    async with _database.open_database(_database.settings_of(args)) as db:
        rows = [row["body"] for row in await all_facilities(db)]
    if args.json:
        _output.as_json_document({"facilities": rows})
    else:
        _output.table_or_json(rows, ("id", "name", "iso_region", "pricing_node"), as_json=False)
    return 0


async def _add(args: argparse.Namespace) -> int:
    from vibelux.dispatch.facility import load_facilities
    from vibelux.store.facilities import put_facility
    from vibelux.store.nodes import is_seen

    found = load_facilities(_existing(args.file), _output.note)
    async with _database.open_database(_database.settings_of(args)) as db:
        for one in found:
            await put_facility(db, one.id, one.as_dict(), "cli")
            warning = _node_warning(one)
            if warning and not await is_seen(db, one.iso_region, one.pricing_node):
                _output.note(f"{one.id}: {warning}, and no price of it is stored")
    _output.table_or_json([{"id": one.id, "added": True} for one in found], ("id", "added"), as_json=args.json)
    return 0


async def _remove(args: argparse.Namespace) -> int:
    from vibelux.store.facilities import remove_facility

    async with _database.open_database(_database.settings_of(args)) as db:
        if not await remove_facility(db, args.id):
            raise UsageError(f"no facility is called {args.id!r}; `vibelux facilities list` shows them")
    _output.table_or_json([{"id": args.id, "removed": True}], ("id", "removed"), as_json=args.json)
    return 0
