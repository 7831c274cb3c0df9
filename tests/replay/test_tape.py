import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from vibelux.market.errors import UsageError
from vibelux.market.quality import Origin
from vibelux.replay.synth import synth_tape, synthesise
from vibelux.replay.tape import Tape, TapeWriter

NODE = "TH_NP15_GEN-APND"
NOON = datetime(2026, 4, 14, 19, 0, tzinfo=UTC)
LINE = {
    "received_at": "2026-04-14T19:00:00Z",
    "feed": "caiso/real-time-pricing",
    "url": "https://oasis.caiso.com/oasisapi/SingleZip?queryname=PRC_INTVL_LMP&node=A,B",
    "status": 200,
    "headers": {"Content-Type": "application/zip"},
    "file": "a.zip",
}


def _tape(folder: Path, *lines: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "a.zip").write_bytes(b"bytes")
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    (folder / "tape.jsonl").write_text(text)
    return folder


def _append(writer: TapeWriter, body: bytes, moment: datetime = NOON) -> None:
    writer.append(
        received_at=moment,
        feed="caiso/day-ahead-pricing",
        url="https://oasis.caiso.com/oasisapi/SingleZip?queryname=PRC_LMP",
        status=200,
        headers={"content-type": "application/x-zip-compressed"},
        body=body,
        origin=Origin.RECORDED,
    )


def test_a_synthetic_day_comes_back_from_disk_as_it_was_written(tmp_path: Path) -> None:
    tape = synth_tape(tmp_path / "tape", date(2026, 4, 14), (NODE,))
    made = sorted(synthesise(date(2026, 4, 14), (NODE,)), key=lambda entry: entry.received_at)
    assert [(e.received_at, e.feed, e.url, e.headers, e.load()) for e in tape] == [
        (e.received_at, e.feed, e.url, e.headers, e.load()) for e in made
    ]
    assert (tape.origin, tape.nodes) == (Origin.SYNTHETIC, (NODE,))
    assert (tape.start, tape.end) == (made[0].received_at, made[-1].received_at)


def test_a_line_as_the_contract_has_it_is_enough(tmp_path: Path) -> None:
    tape = Tape.open(_tape(tmp_path, LINE))
    (entry,) = tape
    assert (entry.received_at, entry.origin, entry.load()) == (NOON, Origin.RECORDED, b"bytes")
    assert entry.headers == {"content-type": "application/zip"}
    assert tape.nodes == ("A", "B")


def test_nodes_are_read_from_a_price_payload_where_nothing_names_them(tmp_path: Path) -> None:
    entry = next(synthesise(date(2026, 4, 14), (NODE,), ("caiso/day-ahead-pricing",)))
    folder = _tape(tmp_path, LINE | {"url": entry.url.replace(f"node={NODE}", "grp_type=ALL"), "feed": entry.feed})
    (folder / "a.zip").write_bytes(entry.load())
    assert Tape.open(folder).nodes == (NODE,)


def test_entries_are_in_order_of_reception(tmp_path: Path) -> None:
    tape = Tape.open(_tape(tmp_path, LINE, LINE | {"received_at": "2026-04-14T18:00:00Z"}))
    assert [entry.received_at.hour for entry in tape] == [18, 19]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"file": "../secret"}, "inside the tape"),
        ({"file": "payloads/../../secret"}, "inside the tape"),
        ({"file": "/etc/passwd"}, "inside the tape"),
        ({"file": "..\\secret"}, "inside the tape"),
        ({"file": ""}, "inside the tape"),
        ({"file": "link"}, "leads out"),
        ({"file": "absent.zip"}, "is not there"),
        ({"received_at": "2026-04-14T19:00:00"}, "offset"),
        ({"received_at": "yesterday"}, "offset"),
        ({"status": 42}, "no HTTP status"),
        ({"status": "200"}, "status"),
        ({"url": "file:///etc/passwd"}, "no http address"),
        ({"origin": "invented"}, "origin"),
        ({"origin": "live"}, "not live"),
        ({"headers": {"x": "a\r\nset-cookie: b"}}, "control characters"),
        ({"headers": ["x"]}, "headers"),
    ],
)
def test_a_wrong_line_is_refused_by_its_number(tmp_path: Path, wrong: dict[str, object], said: str) -> None:
    (tmp_path / "secret").write_bytes(b"not yours")
    folder = _tape(tmp_path / "tape", LINE, LINE | wrong)
    (folder / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(UsageError, match=said) as refused:
        Tape.open(folder)
    assert "tape.jsonl:2" in str(refused.value)


@pytest.mark.parametrize("lines", [[], ["", " "], ["not json"], [{"file": "a.zip"}], ["[" * 100_000]])
def test_a_folder_without_a_readable_tape_is_refused(tmp_path: Path, lines: list[object]) -> None:
    with pytest.raises(UsageError):
        Tape.open(_tape(tmp_path, *lines))


def test_no_tape_at_all_and_a_wrong_tape_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a tape"):
        Tape.open(tmp_path / "absent")
    (_tape(tmp_path, LINE) / "tape.json").write_text('{"origin": "live"}')
    with pytest.raises(UsageError, match=r"tape\.json"):
        Tape.open(tmp_path)


def test_a_line_torn_by_a_kill_is_left_out_and_writing_goes_on_behind_it(tmp_path: Path) -> None:
    with TapeWriter(tmp_path, origin=Origin.RECORDED) as writer:
        _append(writer, b"first")
    with (tmp_path / "tape.jsonl").open("ab") as file:
        file.write(b'{"received_at": "2026-04-')
    assert len(Tape.open(tmp_path)) == 1
    with TapeWriter(tmp_path, origin=Origin.RECORDED, go_on=True) as writer:
        _append(writer, b"second")
    assert [entry.load() for entry in Tape.open(tmp_path)] == [b"first", b"second"]


def test_a_last_line_without_its_line_end_counts(tmp_path: Path) -> None:
    _tape(tmp_path)
    (tmp_path / "tape.jsonl").write_text(json.dumps(LINE))
    assert len(Tape.open(tmp_path)) == 1
    with TapeWriter(tmp_path, origin=Origin.RECORDED, go_on=True) as writer:
        _append(writer, b"second")
    assert len(Tape.open(tmp_path)) == 2


def test_a_payload_is_readable_as_soon_as_it_is_appended(tmp_path: Path) -> None:
    writer = TapeWriter(tmp_path, origin=Origin.RECORDED)
    _append(writer, b"first")
    assert [entry.load() for entry in Tape.open(tmp_path)] == [b"first"]
    writer.close()


def test_equal_bodies_are_kept_once(tmp_path: Path) -> None:
    with TapeWriter(tmp_path, origin=Origin.RECORDED) as writer:
        _append(writer, b"same")
        _append(writer, b"same", NOON.replace(hour=20))
    assert len(Tape.open(tmp_path)) == 2
    assert len(list((tmp_path / "payloads").iterdir())) == 1


def test_a_new_tape_never_overwrites_one(tmp_path: Path) -> None:
    TapeWriter(tmp_path, origin=Origin.RECORDED).close()
    with pytest.raises(UsageError, match="already holds a tape"):
        TapeWriter(tmp_path, origin=Origin.SYNTHETIC)
