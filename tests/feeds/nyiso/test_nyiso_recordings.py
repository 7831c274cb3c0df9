"""NYISO's recordings, checked against numbers computed from the same bytes with the standard library alone."""

import csv
import io
import math
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from shared_files import real
from vibelux.feeds import Payload, feed_named, read

BEHIND = {"EST": timedelta(hours=5), "EDT": timedelta(hours=4)}


def tables(body: bytes) -> dict[str, list[dict[str, str]]]:
    """The rows of each member, with csv and zipfile."""
    if not body.startswith(b"PK"):
        return {"": list(csv.DictReader(io.StringIO(body.decode().lstrip())))}
    archive = zipfile.ZipFile(io.BytesIO(body))
    return {name: list(csv.DictReader(io.StringIO(archive.read(name).decode()))) for name in archive.namelist()}


def wall(text: str) -> datetime:
    form = "%m/%d/%Y %H:%M:%S" if text.count(":") == 2 else "%m/%d/%Y %H:%M"
    return datetime.strptime(text, form)  # noqa: DTZ007 (wall clock)


def parsed(feed: str, path: str):
    file = real(f"nyiso/{path}")
    body = file.read_bytes()
    result = read(feed_named(f"nyiso/{feed}"), Payload(body, name=file.name))
    assert result.quarantined == []
    return tables(body), result.frames


@pytest.mark.parametrize("path", ["pal/20171122pal.csv", "pal/20190701pal_csv.zip", "pal/20191101pal_csv.zip"])
def test_recorded_load_gives_every_cell_at_its_moment(path):
    members, frames = parsed("load", path)
    rows = [row for member in members.values() for row in member]
    frame = frames["series"]
    assert frame.height == len(rows)
    assert frame["value"].null_count() == sum(row["Load"] == "" for row in rows)
    assert frame["value"].sum() == pytest.approx(math.fsum(float(row["Load"]) for row in rows if row["Load"]))
    assert frame["issued_at"].null_count() == frame.height
    for at in (0, 7, len(rows) // 2, -1):
        row, record = rows[at], frame.row(at, named=True)
        moment = (wall(row["Time Stamp"]) + BEHIND[row["Time Zone"]]).replace(tzinfo=UTC)
        assert (record["location"], record["valid_start"], record["valid_end"]) == (row["Name"], moment, moment)
        assert record["value"] == float(row["Load"])
        assert (record["variable"], record["unit"], record["provider"]) == ("load", "MW", "nyiso")


def test_the_autumn_day_of_load_has_300_instants_a_zone_an_hour_longer_than_others():
    _, frames = parsed("load", "pal/20191101pal_csv.zip")
    begin, end = datetime(2019, 11, 3, 4, tzinfo=UTC), datetime(2019, 11, 4, 5, tzinfo=UTC)
    day = frames["series"].filter((frames["series"]["valid_start"] >= begin) & (frames["series"]["valid_start"] < end))
    assert set(Counter(day["location"]).values()) == {300}
    for zone in day["location"].unique():
        moments = day.filter(day["location"] == zone)["valid_start"]
        assert moments.is_sorted()
        assert moments.n_unique() == 300


@pytest.mark.parametrize(
    ("path", "hours"),
    [("isolf/20171122isolf.csv", 144), ("isolf/20200101isolf_csv.zip", 4464), ("isolf/20200301isolf_csv.zip", 4458)],
)
def test_recorded_forecasts_give_every_zone_and_hour_of_every_issue(path, hours):
    members, frames = parsed("load-forecast", path)
    rows = [row for member in members.values() for row in member]
    frame = frames["series"]
    assert len(rows) == hours
    assert frame.height == hours * 12
    assert frame["issued_at"].n_unique() == len(members)
    for zone in ("NYISO", "N.Y.C.", "Mhk Vl"):
        total = frame.filter(frame["location"] == zone)["value"].sum()
        assert total == pytest.approx(math.fsum(float(row[zone]) for row in rows))
    assert (frame["valid_end"] - frame["valid_start"]).unique().to_list() == [timedelta(hours=1)]


def test_the_spring_day_of_a_forecast_has_23_hours_and_its_issue_is_the_date_of_the_file():
    _, frames = parsed("load-forecast", "isolf/20200301isolf_csv.zip")
    frame = frames["series"]
    issue = datetime(2020, 3, 8, 5, tzinfo=UTC)
    total = frame.filter((frame["issued_at"] == issue) & (frame["location"] == "NYISO")).sort("valid_start")
    begin = [issue + n * timedelta(hours=1) for n in range(143)]
    assert total["valid_start"].to_list() == begin
    monday = datetime(2020, 3, 9, 4, tzinfo=UTC)
    assert total.filter(total["valid_start"] < monday).height == 23


@pytest.mark.parametrize(
    ("path", "column"),
    [("rtfuelmix/20160119rtfuelmix.csv", "Gen MWh"), ("rtfuelmix/20250201rtfuelmix_csv.zip", "Gen MW")],
)
def test_recorded_fuel_mix_gives_every_fuel_and_stamp(path, column):
    members, frames = parsed("fuel-mix", path)
    rows = [row for member in members.values() for row in member]
    frame = frames["series"]
    assert frame.height == len(rows)
    assert Counter(frame["category"]) == Counter(row["Fuel Category"] for row in rows)
    assert frame["value"].sum() == pytest.approx(math.fsum(float(row[column]) for row in rows))
    for at in (0, len(rows) // 3, -1):
        record = frame.row(at, named=True)
        assert record["value"] == float(rows[at][column])
        assert record["valid_start"] == (wall(rows[at]["Time Stamp"]) + timedelta(hours=5)).replace(tzinfo=UTC)
    assert set(frame["variable"]) == {"fuel-mix"}
    assert set(frame["location"]) == {"NYISO"}


def test_the_recorded_day_of_interface_flows_gives_flow_and_both_limits():
    members, frames = parsed("transmission-congestion", "ExternalLimitsFlows/20171122ExternalLimitsFlows.csv")
    (rows,) = members.values()
    frame = frames["series"]
    assert "constraint" not in frames
    for variable, column in {
        "interface-flow": "Flow (MWH)",
        "interface-limit-positive": "Positive Limit (MWH)",
        "interface-limit-negative": "Negative Limit (MWH)",
    }.items():
        part = frame.filter(frame["variable"] == variable)
        assert part.height == len(rows) == 5202
        assert part["value"].sum() == pytest.approx(math.fsum(float(row[column]) for row in rows))
        assert part["value"].to_list()[:3] == [float(row[column]) for row in rows[:3]]
    assert frame["valid_start"].min() == datetime(2017, 11, 22, 5, tzinfo=UTC)


def test_the_recorded_latest_interval_is_a_dispatch_and_the_quarters_looked_ahead_to():
    members, frames = parsed("real-time-pricing", "realtime_zone/lmp.csv")
    (rows,) = members.values()
    frame = frames["electricity-price"]
    assert frame.height == len(rows) == 45
    total = math.fsum(float(row["LBMP ($/MWHr)"]) for row in rows)
    assert frame["price_per_kwh"].sum() * 1000 == pytest.approx(total)
    assert Counter(frame["market"]) == {"real-time-5min": 15, "advisory-15min": 30}
    assert set(frame["price_type"]) == {"zonal"}
    for row, record in zip(rows, frame.iter_rows(named=True), strict=True):
        assert record["pricing_node"] == row["Name"]
        assert record["market_interval_end"] == (wall(row["Time Stamp"]) + timedelta(hours=5)).replace(tzinfo=UTC)
        assert record["loss_component"] == pytest.approx(float(row["Marginal Cost Losses ($/MWHr)"]) / 1000)


def test_the_recorded_generators_of_an_hour_agree_on_the_energy_component_with_our_sign():
    members, frames = parsed("day-ahead-pricing", "oasis_dam_gen_lbmp/20200101_dam_gen_lbmp_excerpt.csv")
    (rows,) = members.values()
    frame = frames["electricity-price"]
    assert frame.height == len(rows) == 21
    assert set(frame["price_type"]) == {"nodal"}
    assert frame["price_per_kwh"].sum() * 1000 == pytest.approx(math.fsum(float(row["DAM Gen LBMP"]) for row in rows))
    first = frame.filter(frame["market_interval_start"] == datetime(2020, 1, 1, 5, tzinfo=UTC))
    assert first.height == 6
    assert all(abs(energy - 0.00658) < 0.00003 for energy in first["energy_component"])
    assert first["congestion_component"].to_list()[0] == pytest.approx(0.01404)
    gap = frame["energy_component"] + frame["congestion_component"] + frame["loss_component"] - frame["price_per_kwh"]
    assert gap.abs().max() < 1e-8
