"""The sun against pvlib 0.16.1 (values computed once, quoted here) and against recorded weather years."""

import csv
import doctest
import gzip
import io
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import numpy as np
import pytest

from shared_files import real
from vibelux.outlook import sun as module
from vibelux.outlook.sun import clear_sky, clear_steps, clouded, sun, under_clouds

PVLIB = [
    ("2026-06-21T19:00:00Z", 36.67, -121.65, 19.8078, 127.1485, 1318.00, 970.24),
    ("2026-12-21T20:00:00Z", 36.67, -121.65, 60.1204, 178.7224, 1406.49, 485.91),
    ("2026-03-20T14:30:00Z", 42.9, -73.8, 54.8318, 130.9135, 1372.29, 570.85),
    ("2026-09-23T23:45:00Z", 29.76, -95.37, 83.9737, 266.0927, 1352.17, 65.71),
    ("2026-01-15T09:00:00Z", 52.52, 13.42, 79.3095, 148.0073, 1406.58, 148.19),
    ("2026-07-04T03:00:00Z", 65.0, 25.0, 77.7490, 61.5965, 1316.93, 176.43),
    ("2024-02-29T00:00:00Z", -33.9, 151.2, 39.2727, 55.8424, 1387.10, 787.63),
    ("2030-10-10T12:00:00Z", 0.0, 0.0, 7.5056, 205.5847, 1364.93, 1025.70),
]


"""Moment and place; then pvlib's zenith and azimuth (`nrel_numpy`), irradiance outside the atmosphere (method `nrel`,
solar constant 1361.1) and `haurwitz` of that zenith."""


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_the_worked_numbers_are_right():
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(("moment", "latitude", "longitude", "zenith", "azimuth", "outside", "haurwitz"), PVLIB)
def test_the_sun_stands_where_pvlib_has_it(moment, latitude, longitude, zenith, azimuth, outside, haurwitz):
    found = sun(seconds(moment), latitude, longitude)
    assert np.degrees(np.arccos(found.cos_zenith)) == pytest.approx(zenith, abs=0.02)
    assert found.azimuth == pytest.approx(azimuth, abs=0.1)
    assert found.extraterrestrial_w_m2 == pytest.approx(outside, abs=0.3)
    assert clear_sky(found.cos_zenith) == pytest.approx(haurwitz, abs=0.5)


def test_by_night_nothing_comes_from_the_sky():
    found = sun(seconds("2026-01-05T08:00:00Z"), 36.67, -121.65)
    assert found.cos_zenith < 0
    assert clear_sky(found.cos_zenith) == 0.0
    sky = clouded(0.0, found.cos_zenith, 0.5)
    assert (sky.total_w_m2, sky.diffuse_w_m2, sky.direct_normal_w_m2) == (0.0, 0.0, 0.0)


def test_a_full_cover_leaves_a_quarter_all_of_it_diffuse_and_the_parts_add_up():
    covered = clouded(800.0, 0.8, 1.0)
    assert covered.total_w_m2 == pytest.approx(200.0)
    assert (covered.diffuse_w_m2, covered.direct_normal_w_m2) == (pytest.approx(200.0), pytest.approx(0.0))
    half = clouded(800.0, 0.8, 0.4)
    assert half.total_w_m2 == pytest.approx(half.diffuse_w_m2 + 0.8 * half.direct_normal_w_m2)
    assert np.isnan(under_clouds(800.0, np.nan))


def test_a_steps_mean_is_that_of_its_minutes_also_at_sunrise():
    begin = seconds("2026-01-05T15:00:00Z")
    edges = np.array([begin, begin + 3600.0, begin + 4500.0])
    found = clear_steps(edges, 36.67, -121.65)
    for step, (start, end) in enumerate(pairwise(edges)):
        minutes = sun(np.arange(start, end, 60.0) + 30.0, 36.67, -121.65).cos_zenith
        assert found.total_w_m2[step] == pytest.approx(clear_sky(minutes).mean(), abs=4.0)
        assert found.daylight[step] == pytest.approx((minutes > 0).mean(), abs=0.13)
    assert 0 < found.daylight[0] < 1


def test_many_sites_are_computed_at_once_and_alike():
    edges = seconds("2026-06-21T12:00:00Z") + 3600.0 * np.arange(25)
    latitude, longitude = np.array([[36.67], [52.52]]), np.array([[-121.65], [13.42]])
    together = clear_steps(edges, latitude, longitude)
    assert together.total_w_m2.shape == (2, 24)
    for site in (0, 1):
        alone = clear_steps(edges, latitude[site, 0], longitude[site, 0])
        assert together.total_w_m2[site] == pytest.approx(alone.total_w_m2)


def test_the_sun_stands_where_a_recorded_year_of_nsrdb_has_it_and_its_clear_sky_agrees():
    file = real("weather/nsrdb/psm4_tmy-2023.csv")
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    zone = timezone(timedelta(hours=-7))
    at = [
        datetime(*(int(row[part]) for part in ("Year", "Month", "Day", "Hour", "Minute")), tzinfo=zone) for row in rows
    ]
    found = sun(np.array([moment.timestamp() for moment in at]), 40.5137, -108.5449)
    zenith = np.array([float(row["Solar Zenith Angle"]) for row in rows])
    apart = np.abs(np.degrees(np.arccos(found.cos_zenith)) - zenith)
    assert np.median(apart) < 0.02
    assert apart.max() < 0.6  # refraction at the horizon, which theirs has
    theirs = sum(float(row["Clearsky GHI"]) for row in rows)
    assert clear_sky(found.cos_zenith).sum() / theirs == pytest.approx(1.0, abs=0.08)  # 2,000 m high: clearer than ours


def test_a_recorded_year_of_cloud_cover_gives_its_irradiance_within_a_twentieth():
    file = real("weather/tmy3/723170TYA.CSV.gz")
    site, header, *rows = csv.reader(io.StringIO(gzip.decompress(file.read_bytes()).decode()))
    offset, latitude, longitude = (float(cell) for cell in site[3:6])
    columns = [next(at for at, name in enumerate(header) if name.startswith(start)) for start in ("GHI (", "TotCld (")]
    modelled, given = [], []
    for month in range(1, 13):
        part = [row for row in rows if int(row[0][:2]) == month]
        year, day = int(part[0][0][6:]), timedelta(hours=-offset)
        begin = (datetime(year, month, 1, tzinfo=UTC) + day).timestamp()
        clear = clear_steps(begin + 3600.0 * np.arange(len(part) + 1), latitude, longitude).total_w_m2
        ghi, tenths = (np.array([float(row[column]) for row in part]) for column in columns)
        modelled.append(under_clouds(clear, tenths / 10.0))
        given.append(ghi)
    ours, theirs = np.concatenate(modelled), np.concatenate(given)
    assert len(ours) == 8760
    assert ours.sum() / theirs.sum() == pytest.approx(1.0, abs=0.05)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.95
    daily = (ours - theirs).reshape(-1, 24).sum(axis=1) / 1000
    assert np.sqrt(np.mean(daily**2)) < 0.8  # kWh/m² a day, of 4.3
