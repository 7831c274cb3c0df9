"""ERCOT prices in all their wrappings, on the days that clocks change, and what is no price."""

import io
import struct
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from feeds.ercot.payloads import (
    DAM_HEADER,
    FORBIDDEN,
    LMP_HEADER,
    SPP_HEADER,
    gzipped,
    reply,
    table,
    workbook,
    zipped,
)
from payloads.shelf import good
from vibelux.feeds import Payload, feed_named, read
from vibelux.market.errors import AccessDenied, Corrupt, SchemaChanged, Throttled, UpstreamError, UsageError

REAL_TIME, DAY_AHEAD, CAPACITY = (
    feed_named(f"ercot/{name}") for name in ("settlement-point-prices", "day-ahead-prices", "ancillary-services")
)
AHEAD = feed_named("ercot/indicative-prices")
API_FIELDS = (
    "deliveryDate deliveryHour deliveryInterval settlementPoint settlementPointType settlementPointPrice DSTFlag"
)
YEAR_HEADER: list[str | float] = ["Delivery Date", "Hour Ending", "Repeated Hour Flag", "Settlement Point"]
YEAR_HEADER += ["Settlement Point Price"]


def prices(feed, body: bytes, **more) -> list[dict]:
    return read(feed, Payload(body, **more)).frames["electricity-price"].to_dicts()


def starts(rows: list[dict]) -> list[datetime]:
    return [row["market_interval_start"] for row in rows]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_quarter_hours_of_the_repeated_hour_are_told_apart_by_the_flag() -> None:
    rows = prices(
        REAL_TIME,
        table(SPP_HEADER, "11/02/2025,2,4,HB_NORTH,HU,20.5,N", "11/02/2025,2,4,HB_NORTH,HU,-3,Y"),
    )

    assert starts(rows) == [utc(2025, 11, 2, 6, 45), utc(2025, 11, 2, 7, 45)]
    assert [row["price_per_kwh"] for row in rows] == [0.0205, -0.003]
    assert [(row["market_interval_end"] - row["market_interval_start"]).seconds for row in rows] == [900, 900]


def test_hour_24_ends_the_same_day() -> None:
    (row,) = prices(REAL_TIME, table(SPP_HEADER, "07/14/2026,24,4,HB_NORTH,HU,20.5,N"))

    assert row["market_interval_end"] == utc(2026, 7, 15, 5, 0)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("03/08/2026,3,1,HB_NORTH,HU,20.5,N", "does not exist"),
        ("07/14/2026,2,1,HB_NORTH,HU,20.5,Y", "marked as a repeated hour"),
        ("11/01/2026,2,1,HB_NORTH,HU,20.5,", "occurs twice"),
        ("11/01/2026,2,1,HB_NORTH,HU,20.5,X", "flag of the repeated hour"),
        ("07/14/2026,25,1,HB_NORTH,HU,20.5,N", "not an hour ending"),
        ("07/14/2026,0,1,HB_NORTH,HU,20.5,N", "not an hour ending"),
        ("07/14/2026,2,5,HB_NORTH,HU,20.5,N", "none of 1 to 4"),
        ("07/44/2026,2,1,HB_NORTH,HU,20.5,N", "not a date"),
        ("14.07.2026,2,1,HB_NORTH,HU,20.5,N", "not a date"),
        ("07/14/2026,2,1,HB_NORTH,HU,high,N", "price is not a number"),
        ("07/14/2026,2,1,HB_NORTH,HU,,N", "not a number"),
        ("07/14/2026,2,1,HB_NORTH,HU,50000,N", "plausible range"),
        ("07/14/2026", "not an hour ending"),
    ],
)
def test_row_that_cannot_be_known_is_set_aside_and_the_others_are_read(line: str, reason: str) -> None:
    parsed = read(REAL_TIME, Payload(table(SPP_HEADER, "07/14/2026,2,2,HB_SOUTH,HU,20.5,N", line)))

    assert [row["pricing_node"] for row in parsed.frames["electricity-price"].to_dicts()] == ["HB_SOUTH"]
    (refused,) = parsed.quarantined
    assert reason in refused.reason


def test_file_with_a_header_only_is_a_valid_empty_answer() -> None:
    assert read(REAL_TIME, Payload(table(SPP_HEADER))).rows == 0


def test_blank_flag_matters_in_the_repeated_hour_only() -> None:
    (row,) = prices(REAL_TIME, table(SPP_HEADER, "07/14/2026,2,1,HB_NORTH,HU,20.5,"))

    assert row["market_interval_start"] == utc(2026, 7, 14, 6, 0)


def test_cells_and_names_padded_with_blanks_are_stripped() -> None:
    rows = prices(
        REAL_TIME,
        table(
            "SCEDTimestamp,RepeatedHourFlag , SettlementPoint,LMP  ",
            "11/02/2025 01:55:14, N,HB_NORTH ,       24.39",
            "11/02/2025 01:55:14,Y ,HB_NORTH,      -24.39",
        ),
    )

    assert [(row["pricing_node"], row["price_per_kwh"]) for row in rows] == [
        ("HB_NORTH", 0.02439),
        ("HB_NORTH", -0.02439),
    ]
    assert starts(rows) == [utc(2025, 11, 2, 6, 55, 14), utc(2025, 11, 2, 7, 55, 14)]
    assert {(row["market"], row["price_type"], row["node_type"]) for row in rows} == {("real-time-5min", "LMP", None)}


def test_one_payload_reads_the_same_in_every_wrapping() -> None:
    body = table(SPP_HEADER, "07/14/2026,14,3,LZ_WEST,LZ,20.5,N")
    spring = ["2026-07-14", 14, 3, "LZ_WEST", "LZ", 20.5, False]
    name = "cdr.00012301.0000000000000000.20260714.134701.SPPHLZNP6905_20260714_1345.csv"
    expected = prices(REAL_TIME, body)

    assert starts(expected) == [utc(2026, 7, 14, 18, 30)]
    assert prices(REAL_TIME, zipped((name, body))) == expected
    assert prices(REAL_TIME, gzipped(body)) == expected
    assert prices(REAL_TIME, zipped((f"{name}.zip", zipped((name, body))))) == expected
    assert prices(REAL_TIME, b"\xef\xbb\xbf" + body.replace(b"\n", b"\r\n")) == expected
    assert prices(REAL_TIME, reply(API_FIELDS, spring)) == expected


def test_archive_of_many_files_gives_all_their_rows() -> None:
    members = [
        (f"{hour}.zip", zipped((f"{hour}.csv", table(SPP_HEADER, f"07/14/2026,{hour},1,HB_NORTH,HU,{hour},N"))))
        for hour in range(1, 25)
    ]

    rows = prices(REAL_TIME, zipped(*members))
    assert [row["price_per_kwh"] for row in rows] == [hour / 1000 for hour in range(1, 25)]


def test_public_api_flags_are_booleans() -> None:
    body = reply(
        API_FIELDS,
        ["2025-11-02", 2, 1, "HB_NORTH", "HU", 1, False],
        ["2025-11-02", 2, 1, "HB_NORTH", "HU", 2, True],
    )

    assert starts(prices(REAL_TIME, body)) == [utc(2025, 11, 2, 6, 0), utc(2025, 11, 2, 7, 0)]


def test_public_api_without_rows_is_a_valid_empty_answer() -> None:
    parsed = read(REAL_TIME, Payload(reply(API_FIELDS)))

    assert (parsed.rows, parsed.quarantined) == (0, [])
    assert read(REAL_TIME, Payload(reply(""))).rows == 0


def test_public_api_prices_of_a_dispatch_run_are_read() -> None:
    body = reply(
        "SCEDTimestamp repeatHourFlag settlementPoint LMP",
        ["2026-07-14T13:05:13", False, "HB_NORTH", 31.25],
    )

    (row,) = prices(REAL_TIME, body)
    assert (row["market_interval_start"], row["price_per_kwh"]) == (utc(2026, 7, 14, 18, 5, 13), 0.03125)


def test_day_ahead_file_reads_in_spring_and_autumn() -> None:
    spring = [f"03/08/2026,{hour:02}:00,HB_NORTH,{hour},N" for hour in (1, 2, 4, 24)]
    autumn = ["11/01/2026,02:00,HB_NORTH,2,N", "11/01/2026,02:00,HB_NORTH,3,Y", "11/01/2026,03:00,HB_NORTH,4,N"]

    assert [start.hour for start in starts(prices(DAY_AHEAD, table(DAM_HEADER, *spring)))] == [6, 7, 8, 4]
    assert [start.hour for start in starts(prices(DAY_AHEAD, table(DAM_HEADER, *autumn)))] == [6, 7, 8]


def test_workbook_is_read_whole_though_it_states_a_wrong_dimension() -> None:
    january = [YEAR_HEADER, ["01/31/2026", "24:00", "N", "HB_NORTH", 18.24]]
    march = [YEAR_HEADER, ["03/08/2026", "02:00", "N", "HB_NORTH", -1], ["03/08/2026", "04:00", "N", "HB_NORTH", 2]]
    body = workbook(("Jan_1", january), ("Mar_3", march), ("Empty", []))

    rows = prices(DAY_AHEAD, zipped(("rpt.00013060.0000000000000000.DAMLZHBSPP_2026.xlsx", body)))
    assert rows == prices(DAY_AHEAD, body)
    assert starts(rows) == [utc(2026, 2, 1, 5), utc(2026, 3, 8, 7), utc(2026, 3, 8, 8)]
    assert [row["price_per_kwh"] for row in rows] == [0.01824, -0.001, 0.002]


def test_workbook_of_real_time_prices_has_types_and_quarter_hours() -> None:
    header: list[str | float] = ["Delivery Date", "Delivery Hour", "Delivery Interval", "Repeated Hour Flag"]
    header += ["Settlement Point Name", "Settlement Point Type", "Settlement Point Price"]
    rows: list[list[str | float]] = [header, ["11/01/2026", 2, 3, "Y", "LZ_WEST", "LZEW", 12.5]]

    (row,) = prices(REAL_TIME, workbook(("Nov", rows)))
    assert (row["market_interval_start"], row["node_type"]) == (utc(2026, 11, 1, 7, 30), "LZEW")
    assert (row["price_per_kwh"], row["data_source"]) == (0.0125, "ERCOT NP6-785-ER")


def test_text_in_a_price_column_of_a_workbook_is_not_lost() -> None:
    rows: list[list[str | float]] = [YEAR_HEADER]
    rows += [["07/14/2026", f"{hour:02}:00", "N", "HB_NORTH", hour] for hour in range(1, 24)]
    rows.append(["07/14/2026", "24:00", "N", "HB_NORTH", "n/a"])
    parsed = read(DAY_AHEAD, Payload(workbook(("Jul", rows))))

    assert parsed.rows == 23
    assert [refused.reason for refused in parsed.quarantined] == ["price is not a number"]


def test_capacity_prices_map_products_to_services() -> None:
    products = {
        "REGUP": "regulation-up",
        "REGDN": "regulation-down",
        "RRS": "spinning",
        "NSPIN": "non-spinning",
        "ECRS": "ecrs",
        "DRRS": "drrs",
    }
    header = "DeliveryDate,HourEnding,AncillaryType,MCPC,DSTFlag"
    body = table(header, *(f"11/01/2026,02:00,{product},{n},Y" for n, product in enumerate(products)))
    rows = read(CAPACITY, Payload(body)).frames["ancillary-price"].to_dicts()

    assert {row["product"]: row["service"] for row in rows} == products
    assert [row["price_per_mw_hour"] for row in rows] == [0, 1, 2, 3, 4, 5]
    assert {row["interval_start"] for row in rows} == {utc(2026, 11, 1, 7)}


def test_product_that_was_not_yet_sold_has_no_price() -> None:
    header = "Delivery Date,Hour Ending,Repeated Hour Flag,REGDN,REGUP ,RRS,NSPIN,ECRS"
    body = table(header, "06/09/2023,24:00,N,1,2,3,4,", "06/10/2023,01:00,N,5,6,7,8,9")
    rows = read(CAPACITY, Payload(body)).frames["ancillary-price"].to_dicts()

    assert len(rows) == 9
    assert [(row["price_per_mw_hour"], row["interval_start"]) for row in rows if row["product"] == "ECRS"] == [
        (9.0, utc(2023, 6, 10, 5))
    ]


def test_real_time_capacity_prices_are_a_market_of_their_own() -> None:
    header = "DeliveryDate,DeliveryHour,DeliveryInterval,RepeatedHourFlag,ASType,MCPC"
    (row,) = read(CAPACITY, Payload(table(header, "09/25/2026,20,1,N,ECRS,0.29"))).frames["ancillary-price"].to_dicts()

    assert (row["market"], row["service"], row["price_per_mw_hour"]) == ("real-time-15min", "ecrs", 0.29)
    assert (row["interval_end"] - row["interval_start"]).seconds == 900


def test_look_ahead_is_a_market_of_its_own_told_by_the_ends_of_its_intervals() -> None:
    """Of a run ten minutes before the clock goes back the second interval ends at one o'clock, in the second pass."""
    ((_, body),) = good("ercot/indicative-prices").items()
    rows = prices(AHEAD, body)

    assert {(row["market"], row["price_type"]) for row in rows} == {("indicative-5min", "LMP")}
    assert [row["market_interval_end"] for row in rows[::3]] == [
        utc(2026, 11, 1, 6, 55),
        utc(2026, 11, 1, 7),
        utc(2026, 11, 1, 7, 5),
    ]
    assert {row["market_interval_end"] - row["market_interval_start"] for row in rows} == {timedelta(minutes=5)}
    assert [(row["node_type"], row["price_per_kwh"]) for row in rows[:3]] == [
        ("HU", 0.0225),
        ("LZ", 0.02425),
        ("RN", -0.0085),
    ]


def test_look_ahead_of_the_public_api_reads_the_same() -> None:
    fields = (
        "RTDTimestamp repeatHourFlag intervalId intervalEnding intervalRepeatHourFlag "
        "settlementPoint settlementPointType LMP"
    )
    row = ["2026-07-14T13:05:02", False, 1, "2026-07-14T13:10:00", False, "HB_NORTH", "HU", 31.5]
    (found,) = prices(AHEAD, reply(fields, row))

    assert (found["pricing_node"], found["price_per_kwh"]) == ("HB_NORTH", 0.0315)
    assert found["market_interval_start"] == utc(2026, 7, 14, 18, 5)


def test_look_ahead_and_settled_prices_are_never_read_for_each_other() -> None:
    ((_, ahead),) = good("ercot/indicative-prices").items()
    for name, body in good("ercot/settlement-point-prices").items():
        with pytest.raises(SchemaChanged, match="no table of NP6-970-CD"):
            read(AHEAD, Payload(body, name=name))
    with pytest.raises(SchemaChanged, match="NP6-788-CD, without scedtimestamp"):
        read(REAL_TIME, Payload(ahead))


def test_polled_capacity_prices_hold_no_day_ahead_ones() -> None:
    feed = feed_named("ercot/real-time-ancillary-services")
    ((name, body),) = good(feed.name).items()
    rows = read(feed, Payload(body, name=name)).frames["ancillary-price"]
    assert set(rows["market"]) == {"real-time-15min"}
    assert rows.equals(read(CAPACITY, Payload(body, name=name)).frames["ancillary-price"])
    for name, body in good(CAPACITY.name).items():
        with pytest.raises(SchemaChanged):
            read(feed, Payload(body, name=name))


@pytest.mark.parametrize("feed", [REAL_TIME, DAY_AHEAD, CAPACITY, AHEAD])
@pytest.mark.parametrize(
    "body",
    [FORBIDDEN, b"", b"  \n", zipped(("a.csv", FORBIDDEN)), zipped(("a.csv", table(SPP_HEADER)))[:-30], b"<a><b/></a>"],
    ids=["forbidden page", "empty", "blank", "page in a zip", "cut zip", "xml twin"],
)
def test_what_is_no_report_is_corrupt(feed, body: bytes) -> None:
    with pytest.raises(Corrupt):
        read(feed, Payload(body))


def test_cut_workbook_is_corrupt() -> None:
    body = workbook(("Jan", [YEAR_HEADER]))
    with pytest.raises(Corrupt):
        read(DAY_AHEAD, Payload(body[:-40]))
    with pytest.raises(Corrupt):
        read(DAY_AHEAD, Payload(body.replace(b"xl/worksheets/Sheet1.xml", b"xl/worksheets/Sheet9.xml")))


def test_workbook_with_a_flipped_bit_is_corrupt_though_its_xml_still_reads() -> None:
    body = workbook(("Jan", [YEAR_HEADER, ["01/31/2026", "24:00", "N", "HB_NORTH", 18.24]]))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        checksum = archive.getinfo("xl/worksheets/Sheet1.xml").CRC

    with pytest.raises(Corrupt, match="checksum"):
        read(DAY_AHEAD, Payload(body.replace(struct.pack("<I", checksum), struct.pack("<I", checksum ^ 1))))


def test_renamed_column_is_named_with_what_came_instead() -> None:
    body = table(LMP_HEADER.replace("LMP", "CappedLMP,UncappedLMP"), "06/25/2026 00:40:18,N,HB_NORTH,1,1")
    with pytest.raises(SchemaChanged, match="NP6-788-CD, without lmp") as caught:
        read(REAL_TIME, Payload(body))

    assert caught.value.missing == ("lmp",)
    assert caught.value.extra == ("CappedLMP", "UncappedLMP")


def test_forced_report_is_the_only_one_that_is_tried() -> None:
    body = table(SPP_HEADER, "07/14/2026,2,2,HB_SOUTH,HU,20.5,N")

    assert len(prices(REAL_TIME, body, report="NP6-905-CD")) == 1
    with pytest.raises(SchemaChanged, match="no table of NP6-788-CD"):
        read(REAL_TIME, Payload(body, report="NP6-788-CD"))
    with pytest.raises(UsageError, match="has no report"):
        read(REAL_TIME, Payload(body, report="NP4-190-CD"))


@pytest.mark.parametrize(
    ("body", "error", "match"),
    [
        (
            b'{"statusCode": 401, "message": "Access denied due to missing subscription key."}',
            AccessDenied,
            "ERCOT_API_KEY",
        ),
        (b'{"statusCode": 429, "message": "Rate limit is exceeded. Try again in 17 seconds."}', Throttled, "exceeded"),
        (b'{"error_key":"throttled","error_message":"Too Many Requests"}', Throttled, "Too Many"),
        (b'{"statusCode": 500, "message": "Internal server error"}', UpstreamError, "Internal"),
        (b'{"_meta": {}}', SchemaChanged, "fields"),
        (b"[1]", SchemaChanged, "list"),
        (b'{"fields": [{"name": "a"}], "data": [[1, 2]]}', Corrupt, "cells"),
        (b'{"fields": [{"name": "a"}, {"name": "a"}], "data": []}', SchemaChanged, "twice"),
        (b'{"fields": [', Corrupt, "not JSON"),
    ],
)
def test_error_document_of_the_public_api_is_raised_as_what_it_is(
    body: bytes, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        read(REAL_TIME, Payload(body))


def test_throttling_says_how_long() -> None:
    body = b'{"statusCode": 429, "message": "Rate limit is exceeded. Try again in 17 seconds."}'
    with pytest.raises(Throttled) as caught:
        read(REAL_TIME, Payload(body))

    assert caught.value.retry_after_seconds == 17
