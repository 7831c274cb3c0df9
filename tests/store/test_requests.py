"""What requests leave behind: facilities of a file and of others, the audit log, kept replies."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from store.samples import NOON, at
from vibelux.store import audit, facilities, keys, replies
from vibelux.store.audit import Deed
from vibelux.store.database import Database
from vibelux.store.facilities import LeftFile, take_file
from vibelux.store.replies import Claim, Reply

FILE = "/etc/vibelux.toml"


def body(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, **more}


async def held(db: Database) -> dict[str, Any]:
    return {row["id"]: row["body"] for row in await facilities.all_facilities(db)}


# Facilities of a file


async def test_a_facility_that_has_left_its_file_goes_and_others_stay(database: Database) -> None:
    await facilities.put_facility(database, "by-rest", body("by-rest"), "rest")
    await facilities.put_facility(database, "by-command", body("by-command"), "cli")
    await take_file(database, "/other.toml", {"elsewhere": body("elsewhere")})
    await take_file(database, FILE, {"a": body("a"), "b": body("b")})
    assert await take_file(database, FILE, {"b": body("b")}) == LeftFile(removed=("a",))
    assert set(await held(database)) == {"b", "by-rest", "by-command", "elsewhere"}
    assert await take_file(database, FILE, {}) == LeftFile(removed=("b",))


async def test_without_a_file_nothing_is_removed(database: Database) -> None:
    await take_file(database, FILE, {"a": body("a")})
    assert await take_file(database, None, {}) == LeftFile()
    assert await take_file(database, None, {"b": body("b")}) == LeftFile()
    assert set(await held(database)) == {"a", "b"}


async def test_what_was_changed_elsewhere_stays_until_the_file_changes(database: Database) -> None:
    await take_file(database, FILE, {"a": body("a", power=1)})
    assert await facilities.replace_facility(database, "a", body("a", power=2))
    await take_file(database, FILE, {"a": body("a", power=1)})
    assert await held(database) == {"a": body("a", power=2)}
    await take_file(database, FILE, {"a": body("a", power=3)})
    assert await held(database) == {"a": body("a", power=3)}


async def test_what_was_changed_elsewhere_outlives_its_place_in_the_file(database: Database) -> None:
    await take_file(database, FILE, {"a": body("a", power=1)})
    await facilities.replace_facility(database, "a", body("a", power=2))
    assert await take_file(database, FILE, {}) == LeftFile(kept=("a",))
    assert await take_file(database, FILE, {}) == LeftFile()
    assert await held(database) == {"a": body("a", power=2)}


async def test_a_facility_of_a_file_before_files_were_noted_goes_with_the_first_file_that_lacks_it(
    database: Database,
) -> None:
    await facilities.put_facility(database, "old", body("old"), "file")
    async with database.connection() as connection:  # as the migration leaves it
        await connection.execute("UPDATE facilities SET file_body = body WHERE source = 'file'")
    assert await take_file(database, FILE, {"new": body("new")}) == LeftFile(removed=("old",))


async def test_a_facility_says_whether_a_file_would_bring_it_back(database: Database) -> None:
    await take_file(database, FILE, {"a": body("a")})
    await facilities.put_facility(database, "b", body("b"), "rest")
    found = [await facilities.one_facility(database, name) for name in ("a", "b", "c")]
    assert [one and one["in_file"] for one in found] == [True, False, None]


async def test_a_facility_is_added_once_and_replaced_only_where_it_is(database: Database) -> None:
    added = await asyncio.gather(*(facilities.add_facility(database, "a", body("a", n=n), "rest") for n in range(5)))
    assert sorted(added) == [False] * 4 + [True]
    assert not await facilities.replace_facility(database, "b", body("b"))
    assert await facilities.one_facility(database, "b") is None


# The audit log


def deed(minutes: float, facility_id: str | None = None, **more: Any) -> Deed:
    plain = {
        "caller_id": "k",
        "caller": "desk",
        "origin": "192.0.2.1",
        "action": "PUT",
        "target": "/",
        "outcome": "200",
    }
    return Deed(at=at(minutes), facility_id=facility_id, **plain | more)


async def test_deeds_are_read_newest_first_in_pages_and_by_facility(database: Database) -> None:
    for minutes, one in enumerate(("a", "b", None, "a")):
        await audit.note_deed(database, deed(minutes, one, target=str(minutes)))

    async def read(**asked: Any) -> list[str]:
        found = await audit.deeds(database, start=NOON, end=at(60), **{"limit": 10} | asked)
        return [row["target"] for row in found]

    assert await read() == ["3", "2", "1", "0"]
    assert await read(facilities=["a"]) == ["3", "0"]
    assert await read(limit=2) == ["3", "2"]
    newest = await audit.deeds(database, start=NOON, end=at(60), limit=2)
    assert await read(before=newest[-1]["id"]) == ["1", "0"]
    assert await audit.deeds(database, start=at(3.5), end=at(60), limit=9) == []


async def test_making_and_ending_a_key_leaves_a_line_without_the_key(database: Database) -> None:
    made = await keys.create_key(database, NOON, "desk", ["admin"], by="ann on desk-1")
    await keys.revoke_key(database, made.id, at(1), by="ben on desk-1")
    await keys.revoke_key(database, made.id, at(2), by="ben on desk-1")
    lines = await audit.deeds(database, start=NOON, end=at(60), limit=9)
    assert [(line["action"], line["origin"], line["outcome"]) for line in lines] == [
        ("revoke key", "ben on desk-1", "done"),
        ("create key", "ann on desk-1", "done"),
    ]
    assert made.id in lines[0]["target"]
    assert made.key not in str(lines)


async def test_old_lines_are_forgotten(database: Database) -> None:
    for days in (-500, -1):
        await audit.note_deed(database, deed(days * 1440))
    assert await audit.forget_deeds(database, NOON) == 1
    assert len(await audit.deeds(database, start=at(-1e6), end=at(60), limit=9)) == 1


# Kept replies


async def claim(db: Database, request: bytes = b"one", minutes: float = 0, caller: str = "k") -> Claim | Reply:
    return await replies.claim(db, caller, "key-1", request, at(minutes))


async def test_of_many_that_claim_a_key_at_once_one_does_the_work(database: Database) -> None:
    found = await asyncio.gather(*(claim(database) for _ in range(8)))
    assert sorted(one.value for one in found if isinstance(one, Claim)) == ["at work"] * 7 + ["ours"]


async def test_a_kept_reply_is_given_again_for_a_day(database: Database) -> None:
    reply = Reply(201, b'{"id":"a"}', {"location": "/api/facilities/a"})
    assert await claim(database) is Claim.OURS
    await replies.keep_reply(database, "k", "key-1", reply)
    assert await claim(database, minutes=24 * 60 - 1) == reply
    assert await claim(database, b"another") is Claim.ANOTHER
    assert await claim(database, caller="somebody else") is Claim.OURS
    assert await claim(database, b"another", minutes=24 * 60) is Claim.OURS


async def test_a_claim_that_is_given_up_or_was_left_by_the_dead_is_free_again(database: Database) -> None:
    await claim(database)
    await replies.give_up(database, "k", "key-1")
    assert await claim(database, b"mended") is Claim.OURS
    assert await claim(database, b"mended", minutes=1) is Claim.AT_WORK
    assert await claim(database, b"mended", minutes=3) is Claim.OURS


async def test_giving_up_late_does_not_throw_a_reply_away(database: Database) -> None:
    await claim(database)
    await replies.keep_reply(database, "k", "key-1", Reply(204, b""))
    await replies.give_up(database, "k", "key-1")
    assert await claim(database, minutes=1) == Reply(204, b"")


@pytest.mark.parametrize(("hours", "gone"), [(23, 0), (24, 1)])
async def test_replies_are_forgotten_after_their_day(database: Database, hours: int, gone: int) -> None:
    await claim(database)
    assert await replies.forget_replies(database, NOON + timedelta(hours=hours)) == gone
