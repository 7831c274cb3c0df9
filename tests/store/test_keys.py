"""API keys."""

from datetime import UTC, datetime, timedelta

import pytest

from vibelux.market.errors import UsageError
from vibelux.store.database import Database
from vibelux.store.keys import create_key, list_keys, principal_of, revoke_key, verify

NOW = datetime(2026, 7, 14, 12, tzinfo=UTC)


async def test_a_key_opens_what_it_was_made_for_and_nothing_else(database: Database) -> None:
    created = await create_key(database, NOW, "desk", ["operate"], ["salinas-1"])
    principal = await verify(database, created.key, NOW)
    assert principal is not None
    assert [principal.may(scope) for scope in ("read", "operate", "admin")] == [True, True, False]
    assert principal.owns("salinas-1")
    assert not principal.owns("salinas-2")


async def test_a_key_without_facilities_is_for_all(database: Database) -> None:
    created = await create_key(database, NOW, "admin", ["admin"])
    principal = await verify(database, created.key, NOW)
    assert principal is not None
    assert principal.owns("any")
    assert principal.may("read")


async def test_the_key_itself_is_nowhere_in_the_database(database: Database) -> None:
    created = await create_key(database, NOW, "desk", ["read"])
    assert created.key.startswith("vlx_")
    assert len(created.key) >= 4 + 22
    (listed,) = await list_keys(database)
    assert created.key not in str(listed)
    assert created.key.startswith(listed["prefix"])
    assert listed["id"] == created.id


@pytest.mark.parametrize("key", ["", "vlx_", "vlx_" + "A" * 43])
async def test_an_unknown_key_is_nobody(database: Database, key: str) -> None:
    assert await verify(database, key, NOW) is None


async def test_a_key_ends_at_its_expiry_and_when_revoked(database: Database) -> None:
    created = await create_key(database, NOW, "short", ["read"], expires=NOW + timedelta(hours=1))
    assert await verify(database, created.key, NOW + timedelta(minutes=59)) is not None
    assert await verify(database, created.key, NOW + timedelta(hours=1)) is None
    assert await revoke_key(database, created.id, NOW)
    assert await verify(database, created.key, NOW) is None
    assert not await revoke_key(database, created.id, NOW)
    assert not await revoke_key(database, "no-uuid", NOW)


async def test_its_last_use_is_noted_once_a_minute(database: Database) -> None:
    created = await create_key(database, NOW, "desk", ["read"])
    noted = []
    for seconds in (0, 59, 60):
        await verify(database, created.key, NOW + timedelta(seconds=seconds))
        noted.append((await list_keys(database))[0]["last_used_at"])
    assert noted == [NOW, NOW, NOW + timedelta(seconds=60)]


@pytest.mark.parametrize(("scopes", "expires"), [(["root"], None), ([], None), (["read"], NOW)])
async def test_a_key_that_makes_no_sense_is_refused(
    database: Database, scopes: list[str], expires: datetime | None
) -> None:
    with pytest.raises(UsageError):
        await create_key(database, NOW, "bad", scopes, expires=expires)


async def test_a_session_ends_with_the_key_that_opened_it(database: Database) -> None:
    created = await create_key(database, NOW, "desk", ["read"], ["salinas-1"])
    assert await principal_of(database, created.id, NOW) == await verify(database, created.key, NOW)
    await revoke_key(database, created.id, NOW)
    assert await principal_of(database, created.id, NOW) is None
    assert await principal_of(database, "no-uuid", NOW) is None
