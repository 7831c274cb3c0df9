"""Prices in the forms of Data Miner that no recording has: five-minute, day-ahead, JSON, corrections, buses."""

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from feeds.pjm.payloads import envelope, parse, price, price_csv
from vibelux.market.errors import SchemaChanged

FIVE = ["2026-07-14T04:00:00", "2026-07-14T04:05:00", "2026-07-14T04:10:00.0000000"]


def unverified(utc: str, **cells: object) -> dict[str, object]:
    row = price(utc, **cells)
    for column in ("system_energy_price_rt", "row_is_current", "version_nbr", "voltage", "equipment", "zone"):
        del row[column]
    return row


def test_unverified_prices_get_the_energy_that_the_other_components_leave():
    result = parse("real-time-lmp", envelope([unverified(utc) for utc in FIVE], "rt_unverified_fivemin_lmps"))
    frame = result.frames["electricity-price"]
    assert frame["energy_component"].to_list() == [0.02] * 3
    record = frame.row(2, named=True)
    assert record["market_interval_start"] == datetime(2026, 7, 14, 4, 10, tzinfo=UTC)
    assert record["market_interval_end"] == datetime(2026, 7, 14, 4, 15, tzinfo=UTC)
    assert record == record | {
        "iso_region": "PJM",
        "region": "PJM",
        "pricing_node": "WESTERN HUB",
        "market": "real-time-5min",
        "price_type": "LMP",
        "node_type": "HUB",
        "price_per_kwh": 0.0175,
        "congestion_component": -0.003,
        "loss_component": 0.0005,
        "ghg_component": None,
        "currency": "USD",
        "data_source": "PJM Data Miner 2 rt_unverified_fivemin_lmps",
        "confidence_level": 90.0,
    }


def test_verified_prices_come_under_the_same_key_with_full_confidence():
    frame = parse("real-time-lmp", [price(utc) for utc in FIVE]).frames["electricity-price"]
    assert set(frame["data_source"]) == {"PJM Data Miner 2 rt_fivemin_hrl_lmps"}
    assert set(frame["market"]) == {"real-time-5min"}
    assert set(frame["confidence_level"]) == {100.0}


@pytest.mark.parametrize("flag", ["True", "TRUE", "true", "1"])
def test_day_ahead_csv_of_the_interface_is_read_whatever_the_case_of_its_booleans(flag: str):
    body = price_csv(
        f"7/14/2026 4:00:00 AM,7/14/2026 12:00:00 AM,51288,WESTERN HUB,,,HUB,,20.0,17.5,-3.0,0.5,{flag},1",
        f"7/14/2026 5:00:00 PM,7/14/2026 1:00:00 PM,51288,WESTERN HUB,,,HUB,,20.0,-17.5,-38.0,0.5,{flag},1",
        run="da",
    )
    frame = parse("day-ahead-lmp", b"\xef\xbb\xbf" + body.encode()).frames["electricity-price"]
    assert frame["market_interval_start"].to_list() == [datetime(2026, 7, 14, hour, tzinfo=UTC) for hour in (4, 17)]
    assert frame["price_per_kwh"].to_list() == [0.0175, -0.0175]
    assert set(frame["market"]) == {"day-ahead-hourly"}


def test_an_hour_replaced_by_a_later_version_is_superseded():
    rows = [
        price("2026-07-14T04:00:00", total_lmp_rt=17.0, row_is_current=False),
        price("2026-07-14T04:00:00", total_lmp_rt=18.0, version_nbr=2),
    ]
    result = parse("real-time-hourly-lmp", rows)
    assert result.frames["electricity-price"]["price_per_kwh"].to_list() == [0.018]
    assert result.superseded["electricity-price"]["price_per_kwh"].to_list() == [0.017]


def test_without_the_flag_the_highest_version_of_an_hour_holds():
    rows = [
        price("2026-07-14T04:00:00", total_lmp_rt=18.0, version_nbr=2, row_is_current=None),
        price("2026-07-14T04:00:00", total_lmp_rt=17.0, row_is_current=None),
        price("2026-07-14T05:00:00", total_lmp_rt=16.0, row_is_current=None),
    ]
    result = parse("real-time-hourly-lmp", rows)
    assert result.frames["electricity-price"]["price_per_kwh"].to_list() == [0.018, 0.016]
    assert result.superseded["electricity-price"]["price_per_kwh"].to_list() == [0.017]


def test_two_current_prices_of_one_hour_are_quarantined_and_not_chosen_from():
    rows = [price("2026-07-14T04:00:00", total_lmp_rt=18.0), price("2026-07-14T04:00:00")]
    result = parse("real-time-hourly-lmp", rows)
    assert result.rows == 0
    assert len(result.quarantined) == 2


def test_buses_of_one_substation_get_the_names_of_the_pnode_list():
    rows = [
        price("2026-07-14T04:00:00", "ALDENE", voltage="230 KV", equipment="T-10", type="LOAD"),
        price("2026-07-14T04:00:00", "ALDENE", voltage="230 KV", equipment="T-20", type="LOAD"),
        price("2026-07-14T04:00:00", "ATHENIA 26 KV   AB GRP", voltage="26 KV", equipment="AB GRP", type="LOAD"),
    ]
    frame = parse("real-time-hourly-lmp", rows).frames["electricity-price"]
    assert frame["pricing_node"].to_list() == ["ALDENE  230 KV  T-10", "ALDENE  230 KV  T-20", "ATHENIA 26 KV   AB GRP"]


def test_a_csv_that_is_really_a_zip_is_read():
    buffer = io.BytesIO()
    row = "7/14/2026 4:00:00 AM,,51288,WESTERN HUB,,,HUB,,20.0,17.5,-3.0,0.5,True,1"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("rt_hrl_lmps.csv", price_csv(row))
    assert parse("real-time-hourly-lmp", buffer.getvalue(), "rt_hrl_lmps.csv").rows == 1


def test_a_number_written_as_a_word_sets_only_its_row_aside():
    rows = [price(utc, total_lmp_rt=total) for utc, total in zip(FIVE, (17.5, "n/a", "18.5"), strict=True)]
    result = parse("real-time-lmp", rows)
    assert result.frames["electricity-price"]["price_per_kwh"].to_list() == [0.0175, 0.0185]
    assert [row.reason for row in result.quarantined] == ["total_lmp_rt is not a number"]


@pytest.mark.parametrize("stamp", ["7/14/26 4:00", "14/7/2026 4:00", "yesterday", None])
def test_a_stamp_that_is_none_sets_its_row_aside(stamp: str | None):
    good, bad = price("2026-07-14T04:00:00"), price("2026-07-14T05:00:00") | {"datetime_beginning_utc": stamp}
    result = parse("real-time-hourly-lmp", [good, bad])
    assert result.rows == 1
    assert [row.reason for row in result.quarantined] == ["the time cannot be read without guessing"]


def test_a_missing_price_is_quarantined_and_never_zero():
    result = parse("real-time-hourly-lmp", [price("2026-07-14T04:00:00", total_lmp_rt=None)])
    assert result.rows == 0
    assert "price_per_kwh is not a number" in result.quarantined[0].reason


def test_a_row_without_a_node_is_quarantined():
    result = parse("real-time-hourly-lmp", [price("2026-07-14T04:00:00", None)])  # type: ignore[arg-type]
    assert [row.reason for row in result.quarantined] == ["pnode_name is missing"]


def test_a_renamed_price_column_is_refused_with_its_name():
    row = price("2026-07-14T04:00:00")
    row["total_price_rt"] = row.pop("total_lmp_rt")
    with pytest.raises(SchemaChanged) as caught:
        parse("real-time-hourly-lmp", envelope([row], "rt_hrl_lmps"))
    assert caught.value.missing == ("total_lmp_rt",)
    assert "total_price_rt" in caught.value.extra


def test_prices_of_another_report_are_refused_by_the_link():
    with pytest.raises(SchemaChanged, match="rt_hrl_lmps"):
        parse("real-time-lmp", envelope([price("2026-07-14T04:00:00")], "rt_hrl_lmps"))


def test_five_minute_stamps_are_refused_as_hours():
    with pytest.raises(SchemaChanged, match="rt_hrl_lmps"):
        parse("real-time-hourly-lmp", [price(utc) for utc in FIVE])


def test_the_report_can_be_forced():
    frame = parse("real-time-lmp", [price(utc) for utc in FIVE], report="rt_unverified_fivemin_lmps")
    assert set(frame.frames["electricity-price"]["data_source"]) == {"PJM Data Miner 2 rt_unverified_fivemin_lmps"}


@pytest.mark.parametrize("body", [envelope([], "rt_unverified_fivemin_lmps"), []])
def test_an_empty_reply_is_no_rows_and_no_error(body: object):
    result = parse("real-time-lmp", json.dumps(body))
    assert result.frames["electricity-price"].height == 0
    assert not result.quarantined


def eastern_rows(stamps: list[str], node: str = "WESTERN HUB") -> list[dict[str, object]]:
    rows = []
    for at, stamp in enumerate(stamps):
        row = price("", node, total_lmp_rt=10.0 + at) | {"datetime_beginning_ept": stamp}
        del row["datetime_beginning_utc"]
        rows.append(row)
    return rows


AUTUMN = ["2026-11-01T00:00:00", "2026-11-01T01:00:00", "2026-11-01T01:00:00", "2026-11-01T02:00:00"]


def test_without_utc_the_repeated_hour_is_told_by_order_node_by_node():
    first, second = eastern_rows(AUTUMN), eastern_rows(AUTUMN, "DOM")
    interleaved = [row for pair in zip(first, second, strict=True) for row in pair]
    result = parse("real-time-hourly-lmp", interleaved)
    assert not result.quarantined
    for _, part in result.frames["electricity-price"].group_by("pricing_node"):
        assert part["market_interval_start"].to_list() == [
            datetime(2026, 11, 1, 4, tzinfo=UTC) + timedelta(hours=hour) for hour in range(4)
        ]


def test_without_utc_a_repeated_hour_that_is_there_once_is_refused():
    result = parse("real-time-hourly-lmp", eastern_rows([AUTUMN[0], AUTUMN[1], AUTUMN[3]]))
    starts = result.frames["electricity-price"]["market_interval_start"].to_list()
    assert starts == [datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 1, 7, tzinfo=UTC)]
    assert len(result.quarantined) == 1


def test_without_utc_newest_first_is_read_but_for_the_repeated_hour():
    result = parse("real-time-hourly-lmp", eastern_rows(AUTUMN[::-1]))
    assert result.rows == 2
    assert len(result.quarantined) == 2


def test_without_utc_the_skipped_hour_of_spring_is_refused():
    stamps = ["2026-03-08T01:00:00", "2026-03-08T02:00:00", "2026-03-08T03:00:00"]
    result = parse("real-time-hourly-lmp", eastern_rows(stamps))
    starts = result.frames["electricity-price"]["market_interval_start"].to_list()
    assert starts == [datetime(2026, 3, 8, 6, tzinfo=UTC), datetime(2026, 3, 8, 7, tzinfo=UTC)]
    assert len(result.quarantined) == 1


@pytest.mark.parametrize(("first", "count"), [("2026-03-08T05:00:00", 276), ("2026-11-01T04:00:00", 300)])
def test_five_minute_days_of_clock_changes_have_276_and_300_rows(first: str, count: int):
    start = datetime.fromisoformat(first)
    rows = [unverified((start + timedelta(minutes=5 * at)).isoformat()) for at in range(count)]
    frame = parse("real-time-lmp", rows).frames["electricity-price"]
    assert frame["market_interval_start"].n_unique() == count
    assert frame["market_interval_start"].diff().drop_nulls().unique().to_list() == [timedelta(minutes=5)]


def test_components_add_up_whatever_the_signs():
    rows = [
        price(utc, congestion_price_rt=c, total_lmp_rt=20.5 + c)
        for utc, c in zip(FIVE, (-90.0, 0.0, 7.25), strict=True)
    ]
    frame = parse("real-time-lmp", rows).frames["electricity-price"]
    parts = pl.sum_horizontal("energy_component", "congestion_component", "loss_component")
    assert frame.select((pl.col("price_per_kwh") - parts).abs().max()).item() < 1e-9
