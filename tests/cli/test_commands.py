"""The command line as its user meets it: what it prints, where, and with which exit code."""

import json

import pytest

from feeds.caiso.payloads import error_document, lmp_csv, lmp_row, quarter, zipped
from vibelux.cli.main import COMMANDS, main

NODE = "TH_NP15_GEN-APND"
FEED = "caiso/real-time-pricing"


def reply(*prices: str) -> bytes:
    rows = [lmp_row(*quarter(5 * n), NODE, "LMP", price) for n, price in enumerate(prices)]
    return zipped(PRC_INTVL_LMP__csv=lmp_csv(rows))


@pytest.fixture
def payload(tmp_path):
    path = tmp_path / "reply.zip"
    path.write_bytes(reply("61.2", "-4.5", "NaN"))
    return path


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """No command of a test finds a configuration or leaves anything in the checkout."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: vibelux {command}" in capsys.readouterr().out


def test_parse_prints_records_and_reports_the_quarantined_row(payload, capsys):
    assert main(["parse", FEED, str(payload)]) == 0
    out, err = capsys.readouterr()
    rows = lines(out)
    assert [row["kind"] for row in rows] == ["electricity-price", "electricity-price", "quarantined"]
    assert rows[0]["price_per_kwh"] == 0.0612
    assert rows[0]["market_interval_start"] == "2026-07-14T07:00:00Z"
    assert rows[2]["reason"]
    assert "1 rows quarantined" in err


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_parse_writes_the_format_that_the_ending_says(payload, tmp_path, capsys, ending):
    import polars as pl

    out = tmp_path / f"prices.{ending}"
    assert main(["parse", FEED, str(payload), "-o", str(out)]) == 0
    assert capsys.readouterr().out == ""
    read = {"parquet": pl.read_parquet, "csv": pl.read_csv, "jsonl": pl.read_ndjson}[ending]
    frame = read(out).filter(pl.col("kind") == "electricity-price")
    assert frame["price_per_kwh"].to_list() == [0.0612, -0.0045]


def test_an_unreadable_file_is_exit_1_and_the_others_are_still_printed(payload, tmp_path, capsys):
    broken = tmp_path / "broken.zip"
    broken.write_bytes(zipped(INVALID_REQUEST__xml=error_document("1001", "Invalid Parameters")))
    assert main(["parse", FEED, str(broken), str(payload)]) == 1
    out, err = capsys.readouterr()
    assert len(lines(out)) == 3
    assert "broken.zip: OASIS error 1001: Invalid Parameters" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["parse", "caiso/real-time-prices", "x.zip"], "did you mean caiso/real-time-pricing?"),
        (["parse", "nobody/nothing", "x.zip"], "`vibelux feeds` lists them"),
        (["parse", FEED, "nowhere.zip"], "nowhere.zip: no such file"),
        (["parse", FEED, "nowhere.zip", "--report", "PRC_LMP"], "reads PRC_INTVL_LMP"),
        (["parse", FEED, "nowhere.zip", "--date", "soon"], "'soon' is not a day"),
        (["parse", FEED, "nowhere.zip", "-o", "x.txt"], ".parquet, .csv, .jsonl"),
        (["fetch", FEED, "--from", "2026-07-15", "--to", "2026-07-14"], "is not before"),
        (["facilities", "check", "nowhere.toml"], "no such file"),
        (["keys", "create", "--name", "x", "--scopes", "fly"], "read, operate, admin"),
        (["serve", "--config", "nowhere.toml"], "no such configuration file"),
        (["tape", "synth", "--day", "never"], "'never' is not a day"),
        (["replay", "nowhere"], "nowhere"),
    ],
)
def test_wrong_usage_is_exit_2_and_one_line_that_says_what_was_expected(arguments, told, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert len(err.strip().splitlines()) == 1


def test_an_unknown_command_or_option_is_exit_2(capsys):
    for arguments in (["fly"], ["parse", FEED, "x", "--nonsense"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
    capsys.readouterr()


def test_a_wrong_configuration_is_exit_2_and_names_line_and_key(tmp_path, capsys):
    config = tmp_path / "vibelux.toml"
    config.write_text("price_change_threshold = 0.05\nstale_data_treshold = 900\n")
    assert main(["feeds"]) == 2
    err = capsys.readouterr().err
    assert "line 2" in err
    assert "stale_data_treshold" in err
    assert "stale_data_threshold" in err


def test_feeds_lists_each_feed_with_the_contracts_columns(capsys):
    assert main(["feeds", "--json"]) == 0
    rows = {row["feed"]: row for row in json.loads(capsys.readouterr().out)}
    row = rows[FEED]
    assert {"provider", "data_type", "region", "cadence_seconds", "needs_key", "enabled", "url"} <= set(row)
    assert (row["cadence_seconds"], row["enabled"]) == (300, True)


def test_keys_facilities_and_import_work_on_one_data_folder(payload, tmp_path, capsys):
    here = ["--data-dir", str(tmp_path / "data")]
    assert main(["import", FEED, str(payload), "--json", *here]) == 0
    assert json.loads(capsys.readouterr().out) == {"new": 2, "corrected": 0, "unchanged": 0, "quarantined": 1}
    corrected = tmp_path / "later.zip"
    corrected.write_bytes(reply("61.2", "-5.5"))
    assert main(["import", FEED, str(corrected), "--json", *here]) == 0
    assert json.loads(capsys.readouterr().out) == {"new": 0, "corrected": 1, "unchanged": 1, "quarantined": 0}

    assert main(["keys", "create", "--name", "me", "--scopes", "operate", "--json", *here]) == 0
    made = json.loads(capsys.readouterr().out)
    assert set(made) == {"id", "key", "scopes", "facilities"}
    assert made["key"].startswith("vlx_")
    assert main(["keys", "list", "--json", *here]) == 0
    out = capsys.readouterr().out
    assert made["id"] in out
    assert made["key"] not in out
    assert main(["keys", "revoke", made["id"], *here]) == 0
    assert main(["keys", "revoke", "nobody", *here]) == 2
    capsys.readouterr()


def test_tape_synth_writes_a_tape_that_says_what_it_is(tmp_path, capsys):
    folder = tmp_path / "tape"
    assert main(["tape", "synth", "--day", "2026-07-14", "-o", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["origin"] == "synthetic"
    first = json.loads((folder / "tape.jsonl").read_text().splitlines()[0])
    assert {"received_at", "feed", "url", "status", "headers", "file"} <= set(first)
    assert (folder / first["file"]).is_file()
