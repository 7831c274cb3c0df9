"""CPC's degree days: both recordings against the standard library, and what such a file may hold."""

from datetime import UTC, datetime, timedelta

import pytest

from shared_files import real
from vibelux.feeds import Ask, Payload, feed_named, read
from vibelux.market.errors import Corrupt, SchemaChanged
from vibelux.market.intervals import Interval

FEED = feed_named("noaa/degree-days")
HEAD = "Product: Daily {} Degree Days\nRegions: CPC::Regions::StatesCONUS\nWeights: Population\n"


def table(*lines: str, kind: str = "Cooling") -> bytes:
    return (HEAD.format(kind) + "\n".join(lines) + "\n").encode()


def series(body: bytes, **more):
    return read(FEED, Payload(body, **more))


@pytest.mark.parametrize(
    ("path", "issued"),
    [
        ("Population.Heating_2026_excerpt.txt", None),
        ("forecast_7day_heating_excerpt.txt", datetime(2026, 9, 26, tzinfo=UTC)),
    ],
)
def test_a_recording_gives_every_region_and_day_in_celsius(path, issued):
    body = real(f"weather/cpc-degree-days/{path}").read_bytes()
    lines = [line.split("|") for line in body.decode().splitlines() if "|" in line]
    dates = [cell for cell in lines[0][1:] if cell != "Total"]
    expected = {
        (line[0], datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)): int(cell) * 5 / 9
        for line in lines[1:]
        for day, cell in zip(dates, line[1:], strict=False)
    }
    parsed = series(body)
    frame = parsed.frames["series"]
    assert parsed.quarantined == []
    found = dict(zip(zip(frame["location"], frame["valid_start"], strict=True), frame["value"], strict=True))
    assert found == pytest.approx(expected, abs=1e-6)
    assert set(frame["issued_at"]) == {issued}
    assert (set(frame["variable"]), set(frame["unit"])) == ({"heating-degree-days"}, {"degC.day"})
    assert (frame["valid_end"] - frame["valid_start"]).unique().to_list() == [timedelta(days=1)]


def test_cooling_is_told_from_heating_and_the_weight_is_the_category():
    (row,) = series(table("Region|20260714", "CA|9")).frames["series"].to_dicts()
    assert (row["variable"], row["value"], row["category"], row["location"]) == (
        "cooling-degree-days",
        5.0,
        "Population",
        "CA",
    )
    assert row["data_source"] == "NOAA CPC daily_data"


def test_a_missing_number_is_no_record_and_no_zero():
    parsed = series(table("Region|20260714|20260715|20260716", "CA|M|0|"))
    assert parsed.frames["series"]["value"].to_list() == [0.0]
    assert parsed.quarantined == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("NV|hot|1", "not a number"),
        ("NV|-3|1", "outside"),
        ("NV|1", "numbers for"),
        ("NV|1|1|1|1", "numbers for"),
        ("|1|1", "no region"),
    ],
)
def test_a_row_that_cannot_be_read_is_set_aside_and_the_others_kept(line, reason):
    parsed = series(table("Region|20260714|20260715", "CA|9|18", line))
    assert parsed.frames["series"].filter(parsed.frames["series"]["location"] == "CA")["value"].to_list() == [5.0, 10.0]
    assert [reason in one.reason for one in parsed.quarantined] == [True]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html><title>404 Not Found</title></html>", Corrupt),
        (b"", SchemaChanged),
        (b"Region|20260714\nCA|9\n", SchemaChanged),
        (b"Product: Monthly Heating Degree Days\nRegion|202607\nCA|9\n", SchemaChanged),
        (table("Region|202607|202608", "CA|9|9"), SchemaChanged),
        (table("Region|20260732", "CA|9"), SchemaChanged),
        (table("CA|9"), SchemaChanged),
    ],
)
def test_what_is_no_daily_file_is_a_named_error(body, error):
    with pytest.raises(error):
        series(body)


def test_a_byte_order_mark_and_carriage_returns_are_passed_over():
    body = b"\xef\xbb\xbf" + table("Region|20260714", "CA|9").replace(b"\n", b"\r\n")
    assert series(body).rows == 1


def test_states_and_divisions_are_asked_for_each_year_and_the_newest_forecast():
    window = Interval(datetime(2025, 12, 31, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    urls = [request.url for request in FEED.requests(Ask(window))]
    base = "https://ftp.cpc.ncep.noaa.gov/htdocs/degree_days/weighted"
    assert len(urls) == len(set(urls)) == 12
    assert f"{base}/daily_data/2025/StatesCONUS.Heating.txt" in urls
    assert f"{base}/daily_data/2026/Population.Cooling.txt" in urls
    assert f"{base}/daily_forecasts_7day/latest/StatesCONUS.Cooling.txt" in urls


def test_a_day_two_days_old_is_what_is_due():
    now = datetime(2026, 10, 10, 16, tzinfo=UTC)
    assert FEED.publication.known_until(now) == datetime(2026, 10, 9, tzinfo=UTC)
