"""`vibelux feeds`: the catalogue on paper, and the trial of each feed."""

import doctest
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import structlog

from vibelux.cli import feeds_command
from vibelux.cli.main import main
from vibelux.feeds import all_feeds
from vibelux.market.quality import Origin
from vibelux.replay.synth import synth_tape
from vibelux.replay.tape import Entry, write_tape

PAGE = Path(__file__).parents[2] / "docs" / "feeds.md"
NODE = "TH_NP15_GEN-APND"
LAST = datetime(2026, 7, 14, 18, 0, tzinfo=UTC)
PAL = "http://mis.nyiso.com/public/csv/pal/20260714pal.csv"
GOOD = b'"Time Stamp","Time Zone","Name","PTID","Load"\r\n"07/14/2026 13:55:00","EDT","N.Y.C.",61761,6543.2\r\n'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    structlog.reset_defaults()  # a command sets up logs for its process, which is ours here


def tape(folder: Path, body: bytes, status: int = 200) -> str:
    entry = Entry(LAST, "nyiso/load", PAL, status, {"content-type": "text/csv"}, Origin.RECORDED, lambda: body)
    write_tape(folder, [entry], origin=Origin.RECORDED)
    return str(folder)


def checked(capsys, *arguments: str) -> tuple[int, list[dict]]:
    code = main(["feeds", "check", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_page_of_feeds_is_what_the_declarations_say():
    assert PAGE.read_text() == feeds_command.markdown(), "write it again: vibelux feeds --markdown > docs/feeds.md"


def test_the_page_names_each_feed_with_its_keys_and_what_caiso_does_not_publish():
    page = feeds_command.markdown()
    rows = {line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| `")}
    assert {f"`{feed.data_type}`" for feed in all_feeds()} == rows
    assert "CAISO publishes neither frequency nor voltage" in page
    assert "(`ERCOT_API_KEY` and `ERCOT_USERNAME` and `ERCOT_PASSWORD`)" in page
    assert "`PJM_API_KEY` or `PJM_USERNAME`" in page
    assert doctest.testmod(feeds_command).failed == 0


def test_the_listing_stays_what_feeds_without_a_verb_prints(capsys):
    assert main(["feeds", "--json"]) == 0
    assert {row["feed"] for row in json.loads(capsys.readouterr().out)} == {feed.name for feed in all_feeds()}


def test_a_tape_is_tried_at_its_end_and_each_feed_says_what_it_gave(tmp_path, capsys):
    synth_tape(tmp_path / "tape", date(2026, 7, 14), (NODE,))
    code, rows = checked(capsys, "--tape", str(tmp_path / "tape"))
    assert code == 0
    assert {row["outcome"] for row in rows} == {"ok"}
    real_time = next(row for row in rows if row["feed"] == "caiso/real-time-pricing")
    assert (real_time["rows"], real_time["newest"], real_time["wrong"]) == (12, "2026-07-15T07:00:00Z", None)
    assert real_time["bytes"] > 1_000


def test_the_table_has_a_line_a_feed(tmp_path, capsys):
    assert main(["feeds", "check", "--tape", tape(tmp_path / "tape", GOOD)]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split() == ["feed", "outcome", "rows", "newest", "bytes", "milliseconds", "wrong"]
    assert line.split()[:4] == ["nyiso/load", "ok", "1", "2026-07-14T17:55:00Z"]


@pytest.mark.parametrize(
    ("body", "status", "outcome", "code"),
    [
        (b"<html><body>Scheduled maintenance</body></html>", 200, "corrupt", 1),
        (b'"Time Stamp","Load"\r\n"07/14/2026 13:55:00",1\r\n', 200, "schema_changed", 1),
        (b"forbidden", 403, "denied", 1),
        (b"not there yet", 404, "not_yet_published", 0),
    ],
)
def test_what_went_wrong_is_said_and_only_a_failure_is_exit_1(tmp_path, capsys, body, status, outcome, code):
    found, (row,) = checked(capsys, "nyiso/load", "--tape", tape(tmp_path / "tape", body, status))
    assert (found, row["outcome"], row["rows"]) == (code, outcome, 0)
    assert row["wrong"]


def test_a_feed_whose_files_are_handed_in_is_not_asked_and_no_failure(tmp_path, capsys):
    code, (row,) = checked(capsys, "offsets/voluntary-prices", "--tape", tape(tmp_path / "tape", GOOD))
    assert (code, row["outcome"]) == (0, "not_asked")


@pytest.mark.parametrize("arguments", [["nyiso/lode"], ["nyiso/load", "--tape", "nowhere"]])
def test_an_unknown_feed_and_a_missing_tape_are_wrong_usage(arguments, capsys):
    assert main(["feeds", "check", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
