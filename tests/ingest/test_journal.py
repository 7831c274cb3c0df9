"""The journal keeps bytes whole, once, and remembers what the store still owes."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.fakes import NOON, PRICES
from vibelux.feeds import Request
from vibelux.ingest.client import Reply
from vibelux.ingest.journal import SMALL_JSON, Journal, Waiting
from vibelux.market.errors import StoreUnavailable


def reply(body: bytes, **more: object) -> Reply:
    whole = Reply(Request("https://prices.test/data"), 200, {"etag": '"1"'}, body, NOON, "synthetic", 0.1)
    return replace(whole, **more)  # type: ignore[arg-type]


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        (b"PK\x03\x04", "zip"),
        (b"\xef\xbb\xbf {}", "json"),
        (b"\n<?xml version='1.0'?><a/>", "xml"),
        (b"<!doctype html><html></html>", "html"),
        (b"a,b\n1,2\n", "csv"),
        (b"%PDF-1.7", "pdf"),
        (b"sorry", "txt"),
        (b"", "txt"),
    ],
)
async def test_a_payload_lies_under_its_hash_with_an_ending_for_people(
    tmp_path: Path, body: bytes, ending: str
) -> None:
    receipt = await Journal(tmp_path).keep(PRICES, reply(body))
    digest = hashlib.sha256(body).hexdigest()
    assert receipt.file == f"caiso/real-time-pricing/2026-07-14/{digest}.{ending}"
    assert [path.read_bytes() for path in files(tmp_path)] == [body]
    assert (receipt.sha256, receipt.bytes, receipt.origin, receipt.etag) == (digest, len(body), "synthetic", '"1"')


async def test_the_same_bytes_are_kept_once_a_day(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for _ in range(3):
        await journal.keep(PRICES, reply(b"a,b\n"))
    assert len(files(tmp_path)) == 1


async def test_small_json_is_given_to_the_table_as_it_is(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert (await journal.keep(PRICES, reply(b'{"a": [1.5, null]}'))).raw_json == {"a": [1.5, None]}
    for body in (b"[" + b"1," * SMALL_JSON + b"1]", b"{broken", b"a,b\n"):
        assert (await journal.keep(PRICES, reply(body))).raw_json is None


async def test_a_disk_that_refuses_is_said(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file where a folder should be")
    with pytest.raises(StoreUnavailable, match="journal"):
        await Journal(tmp_path).keep(PRICES, reply(b"a"))


async def test_what_waits_is_taken_up_in_order_by_the_next_process(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for minutes in (2, 1):
        arrived = reply(b'{"n": %d}' % minutes, received_at=NOON + timedelta(minutes=minutes))
        await journal.postpone(Waiting(await journal.keep(PRICES, arrived), "data.json", 7, NOON))
    after = Journal(tmp_path)
    assert after.has_pending
    taken = [await after.taken_up(entry) for entry in await after.pending()]
    assert [found[1] for found in taken if found] == [b'{"n": 1}', b'{"n": 2}']
    first = taken[0]
    assert first is not None
    assert (first[0].name, first[0].latency_ms, first[0].position) == ("data.json", 7, NOON)
    assert first[0].receipt.raw_json == {"n": 1}
    for entry in await after.pending():
        await after.settle(entry)
    assert not after.has_pending


async def test_an_entry_whose_bytes_are_gone_is_no_entry(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    receipt = await journal.keep(PRICES, reply(b"a,b\n"))
    await journal.postpone(Waiting(receipt, "x", None, None))
    await journal.remove_before((NOON + timedelta(days=1)).date())
    (entry,) = await journal.pending()
    assert await journal.taken_up(entry) is None


async def test_old_days_are_removed_and_younger_stay(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for days in (0, 1, 40):
        await journal.keep(PRICES, reply(b"%d" % days, received_at=NOON - timedelta(days=days)))
    assert await journal.remove_before((NOON - timedelta(days=30)).date()) == 1
    assert sorted(path.read_bytes() for path in files(tmp_path)) == [b"0", b"1"]
