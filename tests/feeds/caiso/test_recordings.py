"""The real recordings, checked against numbers computed from the same bytes with the standard library alone."""

import csv
import io
import math
import zipfile
from collections import defaultdict

import pytest

from shared_files import real
from vibelux.feeds import Payload, feed_named, read
from vibelux.market.errors import Throttled, UpstreamError

DAY_AHEAD, FIFTEEN = "caiso/day-ahead-pricing", "caiso/fifteen-minute-pricing"
HOUR_AHEAD = "caiso/hour-ahead-pricing"
RECORDINGS = [
    (DAY_AHEAD, "PRC_LMP/20200101_20200101_PRC_LMP_DAM_20200630_22_50_44_v1.zip", "day-ahead-hourly"),
    (DAY_AHEAD, "PRC_LMP/20240311_20240312_PRC_LMP_DAM_20240312_22_14_34_v1.zip", "day-ahead-hourly"),
    (DAY_AHEAD, "PRC_LMP/20240312_20240316_PRC_LMP_DAM_20240313_13_40_38_v1.zip", "day-ahead-hourly"),
    (DAY_AHEAD, "PRC_LMP/20260714_PRC_LMP_DAM_SP15_excerpt.csv", "day-ahead-hourly"),
    (DAY_AHEAD, "PRC_LMP/seed_PRC_LMP_DAM.csv", "day-ahead-hourly"),
    (FIFTEEN, "PRC_HASP_LMP/20240312_20240314_PRC_HASP_LMP_HASP_20240313_12_17_30_v1.zip", "hasp-15min"),
    (HOUR_AHEAD, "PRC_HASP_LMP/20240312_20240314_PRC_HASP_LMP_HASP_20240313_12_17_30_v1.zip", "hasp-15min"),
]
COMPONENTS = {"MCE": "energy_component", "MCC": "congestion_component", "MCL": "loss_component"}


def by_hand(body: bytes) -> dict[tuple[str, str], dict[str, float]]:
    """Each node and interval's components in USD/MWh, read with csv and zipfile."""
    if body.startswith(b"PK"):
        archive = zipfile.ZipFile(io.BytesIO(body))
        texts = [archive.read(name).decode() for name in archive.namelist()]
    else:
        texts = [body.decode()]
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for text in texts:
        for row in csv.DictReader(io.StringIO(text)):
            found[row["NODE"], row["INTERVALSTARTTIME_GMT"]][row["LMP_TYPE"]] = float(row["MW"])
    return found


@pytest.mark.parametrize(("feed", "path", "market"), RECORDINGS)
def test_a_recording_gives_the_numbers_that_are_in_it(feed, path, market):
    file = real(f"caiso/{path}")
    body = file.read_bytes()
    expected = by_hand(body)
    parsed = read(feed_named(feed), Payload(body, name=file.name))
    frame = parsed.frames["electricity-price"]
    assert parsed.quarantined == []
    assert frame.height == sum("LMP" in components for components in expected.values())
    assert frame["market"].unique().to_list() == [market]
    total = math.fsum(components["LMP"] for components in expected.values() if "LMP" in components)
    assert math.isclose(frame["price_per_kwh"].sum() * 1000, total, rel_tol=1e-9)
    for row in (frame.row(0, named=True), frame.row(frame.height // 2, named=True), frame.row(-1, named=True)):
        stamp = row["market_interval_start"].strftime("%Y-%m-%dT%H:%M:%S-00:00")
        components = expected[row["pricing_node"], stamp]
        assert row["price_per_kwh"] == pytest.approx(components["LMP"] / 1000, abs=1e-12)
        for kind, column in COMPONENTS.items():
            wanted = components.get(kind)
            assert row[column] == (None if wanted is None else pytest.approx(wanted / 1000, abs=1e-12))


def test_components_add_up_to_the_price_in_every_row_of_the_2024_day():
    file = real("caiso/PRC_LMP/20240312_20240316_PRC_LMP_DAM_20240313_13_40_38_v1.zip")
    frame = read(feed_named(DAY_AHEAD), Payload(file.read_bytes(), name=file.name)).frames["electricity-price"]
    total = frame.select(
        gap=frame["energy_component"]
        + frame["congestion_component"]
        + frame["loss_component"]
        + frame["ghg_component"]
        - frame["price_per_kwh"]
    )["gap"]
    assert total.abs().max() < 2e-8


def test_the_recorded_throttle_page_and_error_document_are_named_errors():
    page = real("caiso/errors/oasis_429.html")
    with pytest.raises(Throttled, match="one request in 5 seconds"):
        read(feed_named(DAY_AHEAD), Payload(page.read_bytes(), name=page.name))
    document = real("caiso/errors/oasis_error_1001_INVALID_REQUEST.xml")
    with pytest.raises(UpstreamError, match="1001: Invalid Parameters of the given report name") as caught:
        read(feed_named(DAY_AHEAD), Payload(document.read_bytes(), name=document.name))
    assert caught.value.code == "1001"
    assert not caught.value.retryable
