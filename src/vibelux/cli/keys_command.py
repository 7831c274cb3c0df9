"""Creates, lists and revokes API keys; works beside a running service. A key is shown once, when it is made."""

import argparse
from typing import Any

from vibelux.cli import _database, _output
from vibelux.market.errors import UsageError

SCOPES = ("read", "operate", "admin")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the three verbs."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    create = verbs.add_parser("create", help="make a key and show it")
    create.add_argument("--name", required=True, help="whom it is for")
    create.add_argument("--facility", action="append", default=[], metavar="F", help="only for this one; repeatable")
    create.add_argument("--scopes", default="read", help="of read, operate, admin, with commas (default: read)")
    create.add_argument("--expires", metavar="T", help="when it ends, e.g. 2027-01-01")
    listing = verbs.add_parser("list", help="all keys, without their secret part")
    revoke = verbs.add_parser("revoke", help="end a key at once")
    revoke.add_argument("id", help="as `keys list` prints it")
    for verb in (create, listing, revoke):
        _database.arguments(verb)
        verb.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace) -> int:
    """Does what the verb says."""
    return _database.run_async({"create": _create, "list": _list, "revoke": _revoke}[args.verb](args))


def _somebody() -> str:
    """Who is at the command line, for the audit log."""
    import getpass
    import platform

    try:
        return f"{getpass.getuser()} on {platform.node()}"
    except (OSError, KeyError):  # a user id without a name
        return platform.node()


async def _create(args: argparse.Namespace) -> int:
    from vibelux.market.clock import LiveClock
    from vibelux.market.intervals import moment_argument
    from vibelux.store.keys import create_key

    scopes = [scope.strip() for scope in args.scopes.split(",") if scope.strip()]
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise UsageError(f"--scopes: {args.scopes!r}; known are {', '.join(SCOPES)}")
    now = LiveClock().now()
    expires = moment_argument(args.expires) if args.expires else None
    if expires is not None and expires <= now:
        raise UsageError(f"--expires: {args.expires} is past")
    async with _database.open_database(_database.settings_of(args)) as db:
        made = await create_key(db, now, args.name, scopes, args.facility, expires, by=_somebody())
    if args.json:
        _output.as_json_document(
            {"id": made.id, "key": made.key, "scopes": list(made.scopes), "facilities": list(made.facilities)}
        )
    else:
        print(made.key)
        _output.note(f"id {made.id}; the key is not shown again")
    return 0


async def _list(args: argparse.Namespace) -> int:
    from vibelux.store.keys import list_keys

    async with _database.open_database(_database.settings_of(args)) as db:
        rows: list[dict[str, Any]] = [_row(key) for key in await list_keys(db)]
    columns = ("id", "name", "prefix", "scopes", "facilities", "created_at", "expires_at", "last_used_at", "revoked_at")
    _output.table_or_json(rows, columns, as_json=args.json)
    return 0


def _row(key: dict[str, Any]) -> dict[str, Any]:
    from vibelux.market.frames import plain

    return {name: plain(value) for name, value in key.items()}


async def _revoke(args: argparse.Namespace) -> int:
    from vibelux.market.clock import LiveClock
    from vibelux.store.keys import revoke_key

    async with _database.open_database(_database.settings_of(args)) as db:
        if not await revoke_key(db, args.id, LiveClock().now(), by=_somebody()):
            raise UsageError(f"no key has the id {args.id!r}; `vibelux keys list` shows them")
    if args.json:
        _output.as_json_document({"id": args.id, "revoked": True})
    return 0
