"""CAISO prices in OASIS's forms: CSV and XML, one member or one a component, good and bad."""

from datetime import UTC, date, datetime

import pytest

from feeds.caiso.payloads import error_document, lmp_csv, lmp_row, lmp_xml, quarter, zipped
from vibelux.feeds import Ask, Payload, feed_named, read
from vibelux.market.errors import Corrupt, NotYetPublished, SchemaChanged, TooLarge, UpstreamError, UsageError
from vibelux.market.intervals import Interval, local_day

REAL_TIME, FIFTEEN, DAY_AHEAD = (
    feed_named(f"caiso/{name}") for name in ("real-time-pricing", "fifteen-minute-pricing", "day-ahead-pricing")
)
NODE = "TH_NP15_GEN-APND"
COMPONENTS = {"LMP": "61.2", "MCE": "58.5", "MCC": "1.5", "MCL": "1.2", "MGHG": "0"}


def rows(minute: int = 0, node: str = NODE, components: dict[str, str] = COMPONENTS, run: str = "RTM") -> list[str]:
    start, end = quarter(minute)
    return [lmp_row(start, end, node, kind, value, run) for kind, value in components.items()]


def read_rows(*lines: str, value: str = "MW", feed=REAL_TIME):
    return read(feed, Payload(zipped(PRC_INTVL_LMP__csv=lmp_csv(list(lines), value)), name="reply.zip"))


def prices(parsed):
    return parsed.frames["electricity-price"]


def test_a_single_member_reply_becomes_one_record_an_interval():
    row = prices(read_rows(*rows(0), *rows(5))).row(0, named=True)
    assert row == {
        "iso_region": "CAISO", "region": "California", "pricing_node": NODE, "market": "real-time-5min",
        "price_type": "LMP", "node_type": None, "price_per_kwh": 0.0612, "energy_component": 0.0585,
        "congestion_component": 0.0015, "loss_component": 0.0012, "ghg_component": 0.0, "currency": "USD",
        "market_interval_start": datetime(2026, 7, 14, 7, tzinfo=UTC),
        "market_interval_end": datetime(2026, 7, 14, 7, 5, tzinfo=UTC),
        "data_source": "CAISO OASIS PRC_INTVL_LMP", "confidence_level": 100.0,
    }  # fmt: skip


HOUR_AHEAD = feed_named("caiso/hour-ahead-pricing")


def test_each_run_is_a_market_of_its_own_and_no_feed_takes_anothers():
    """RTPD settles, HASP looks ahead, RTD is the dispatch: a price under the wrong name would be believed."""
    markets = {
        (REAL_TIME, "RTM"): "real-time-5min",
        (REAL_TIME, "RTD"): "real-time-5min",
        (FIFTEEN, "RTPD"): "real-time-15min",
        (FIFTEEN, "HASP"): "hasp-15min",
        (HOUR_AHEAD, "HASP"): "hasp-15min",
        (DAY_AHEAD, "DAM"): "day-ahead-hourly",
    }
    for feed in (REAL_TIME, FIFTEEN, HOUR_AHEAD, DAY_AHEAD):
        for run in ("RTM", "RTD", "RTPD", "HASP", "DAM", "RTPD_ADVISORY", "RTD_ADVISORY"):
            if (feed, run) in markets:
                found = prices(read_rows(*rows(run=run), feed=feed))
                assert found["market"].to_list() == [markets[feed, run]]
            else:
                with pytest.raises(SchemaChanged, match=f"market run {run}"):
                    read_rows(*rows(run=run), feed=feed)


def test_the_hour_ahead_look_is_asked_for_the_hour_that_comes():
    moment = HOUR_AHEAD.publication.next_after(datetime(2026, 7, 14, 18, 59, tzinfo=UTC))
    assert moment == datetime(2026, 7, 14, 19, 20, tzinfo=UTC)
    (request,) = HOUR_AHEAD.requests(Ask(HOUR_AHEAD.publication.window(moment), (NODE,)))
    for part in ("queryname=PRC_HASP_LMP", "market_run_id=HASP", "startdatetime=20260714T20:00-0000", "T21:00-0000"):
        assert part in request.url


@pytest.mark.parametrize("value", ["MW", "VALUE", "PRC"])
def test_the_value_column_is_read_under_each_of_its_names(value):
    assert prices(read_rows(*rows(), value=value))["price_per_kwh"].to_list() == [0.0612]


def test_a_reply_with_a_member_a_component_is_the_same_record():
    members = {
        f"PRC_INTVL_LMP_RTM_v3_{kind}__csv": lmp_csv(rows(components={kind: number}), "VALUE")
        for kind, number in COMPONENTS.items()
    }
    split = read(REAL_TIME, Payload(zipped(**members)))
    assert prices(split).equals(prices(read_rows(*rows())))


def test_components_in_another_order_find_their_price():
    shuffled = [*rows(5)[::-1], *rows(0), *rows(10)[1:], *rows(10)[:1]]
    frame = prices(read_rows(*shuffled)).sort("market_interval_start")
    assert frame["congestion_component"].to_list() == [0.0015] * 3
    assert frame["price_per_kwh"].to_list() == [0.0612] * 3


@pytest.mark.parametrize("prefix", ["", "m:"])
def test_xml_under_either_namespace_form_is_the_same_record(prefix):
    start, end = "2026-07-14T07:00:00-00:00", "2026-07-14T08:00:00-00:00"
    xml = lmp_xml([("LMP_PRC", NODE, start, end, "55.5152"), ("LMP_ENE_PRC", NODE, start, end, "55.0")], prefix=prefix)
    row = prices(read(DAY_AHEAD, Payload(zipped(PRC_LMP__xml=xml)))).row(0, named=True)
    assert (row["price_per_kwh"], row["energy_component"], row["loss_component"]) == (0.0555152, 0.055, None)
    assert row["market"] == "day-ahead-hourly"


def test_hasp_and_rtpd_get_market_names_of_their_own():
    frame = prices(read_rows(*rows(0, run="RTPD"), *rows(5, run="HASP"), feed=FIFTEEN))
    assert dict(zip(frame["market"], frame["data_source"], strict=True)) == {
        "real-time-15min": "CAISO OASIS PRC_RTPD_LMP",
        "hasp-15min": "CAISO OASIS PRC_HASP_LMP",
    }


def test_an_interval_without_its_price_row_is_quarantined_and_the_others_are_kept():
    parsed = read_rows(*rows(0)[1:], *rows(5))
    assert prices(parsed).height == 1
    assert {row.reason for row in parsed.quarantined} == {
        "energy_component without a price row",
        "congestion_component without a price row",
        "loss_component without a price row",
        "ghg_component without a price row",
    }


def test_an_interval_twice_with_two_values_is_quarantined_whole():
    parsed = read_rows(*rows(0), *rows(0, components={"LMP": "99.9"}), *rows(5))
    assert [row.reason for row in parsed.quarantined] == ["the same interval occurs with two different values"] * 2
    assert prices(parsed)["market_interval_start"].to_list() == [datetime(2026, 7, 14, 7, 5, tzinfo=UTC)]


def test_an_interval_repeated_with_the_same_values_is_one_row():
    parsed = read_rows(*rows(0), *rows(0))
    assert (prices(parsed).height, parsed.quarantined) == (1, [])


@pytest.mark.parametrize("bad", ["NaN", "", "n/a", "inf", "1e9"])
def test_a_price_that_is_no_number_or_beyond_belief_is_quarantined(bad):
    parsed = read_rows(*rows(0, components={"LMP": bad}), *rows(5))
    assert prices(parsed).height == 1
    assert len(parsed.quarantined) == 1
    assert "2026-07-14" in parsed.quarantined[0].place


def test_a_negative_price_is_ordinary():
    assert prices(read_rows(*rows(components={"LMP": "-132.92"})))["price_per_kwh"].to_list() == [-0.13292]


def test_a_stamp_without_a_known_offset_is_quarantined():
    strange = rows(0)[0].replace("-00:00", " PPT")
    parsed = read_rows(strange, *rows(5))
    assert prices(parsed).height == 1
    assert parsed.quarantined[0].reason == "the time has no offset or is none"


def test_further_columns_are_welcome_and_a_moved_one_is_found_by_name():
    header, *lines = lmp_csv(rows()).splitlines()
    moved = "\n".join([f"NEW,{header}", *(f"x,{line}" for line in lines)])
    assert prices(read(REAL_TIME, Payload(moved.encode())))["price_per_kwh"].to_list() == [0.0612]


def test_a_missing_column_is_named():
    broken = lmp_csv(rows()).replace("LMP_TYPE,XML_DATA_ITEM", "LMP_TYPE,DATA_THING")
    with pytest.raises(SchemaChanged, match="column XML_DATA_ITEM is missing") as caught:
        read(REAL_TIME, Payload(broken.encode()))
    assert caught.value.missing == ("XML_DATA_ITEM",)
    assert "DATA_THING" in caught.value.extra


def test_rows_of_another_market_are_refused():
    with pytest.raises(SchemaChanged, match="market run DAM"):
        read_rows(*rows(run="DAM"))


def test_html_for_csv_is_corrupt():
    with pytest.raises(Corrupt, match="HTML"):
        read(REAL_TIME, Payload(b"<html><body>Service Unavailable</body></html>"))


@pytest.mark.parametrize("prefix", ["", "m:"])
def test_error_documents_inside_a_good_zip_carry_upstreams_words(prefix):
    body = zipped(INVALID_REQUEST__xml=error_document("1010", "System error", prefix))
    with pytest.raises(UpstreamError, match="1010: System error") as caught:
        read(REAL_TIME, Payload(body))
    assert caught.value.retryable
    with pytest.raises(NotYetPublished, match="1000: No data returned"):
        read(REAL_TIME, Payload(zipped(INVALID_REQUEST__xml=error_document("1000", "No data returned", prefix))))


def test_a_cut_off_zip_is_corrupt_wherever_it_is_cut():
    body = zipped(PRC_INTVL_LMP__csv=lmp_csv(rows()))
    for cut in range(0, len(body), 7):
        with pytest.raises(Corrupt):
            read(REAL_TIME, Payload(body[:cut] if cut else b""))


def test_a_damaged_zip_is_corrupt():
    body = bytearray(zipped(PRC_INTVL_LMP__csv=lmp_csv(rows())))
    body[80] ^= 0xFF
    with pytest.raises(Corrupt):
        read(REAL_TIME, Payload(bytes(body)))


def test_a_zip_bomb_is_refused_unread():
    with pytest.raises(TooLarge, match="200 times"):
        read(REAL_TIME, Payload(zipped(PRC_INTVL_LMP__csv=b"0" * 50_000_000)))


def test_an_archive_inside_an_archive_is_refused():
    with pytest.raises(Corrupt, match="inside an archive"):
        read(REAL_TIME, Payload(zipped(inner__zip=zipped(a__csv="1"))))


def test_xml_with_an_entity_is_refused():
    xml = lmp_xml([]).replace("?>", '?><!DOCTYPE x [<!ENTITY a "aaaa">]>', 1)
    with pytest.raises(Corrupt, match="entities"):
        read(DAY_AHEAD, Payload(zipped(PRC_LMP__xml=xml)))


def test_a_header_without_rows_is_a_valid_reply_without_records():
    assert prices(read_rows()).height == 0


def test_a_report_of_another_feed_is_wrong_usage():
    with pytest.raises(UsageError, match="has no report 'PRC_LMP'"):
        read(REAL_TIME, Payload(b"", report="PRC_LMP"))


def test_requests_name_ten_nodes_at_most_and_ask_in_gmt():
    window = Interval(datetime(2026, 7, 14, 7, tzinfo=UTC), datetime(2026, 7, 14, 8, tzinfo=UTC))
    asked = list(REAL_TIME.requests(Ask(window, tuple(f"N{n}" for n in range(12)))))
    assert len(asked) == 2
    assert asked[0].url == (
        "https://oasis.caiso.com/oasisapi/SingleZip?queryname=PRC_INTVL_LMP&version=3&resultformat=6"
        "&startdatetime=20260714T07:00-0000&enddatetime=20260714T08:00-0000&market_run_id=RTM"
        "&node=N0,N1,N2,N3,N4,N5,N6,N7,N8,N9"
    )


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 7, 14), 24)])
def test_day_ahead_asks_whole_pacific_days_whatever_their_length(day, hours):
    before_publication = local_day(day, DAY_AHEAD.timezone).start
    window = DAY_AHEAD.publication.window(before_publication)
    assert (window.end - window.start).total_seconds() == hours * 3600


def test_the_repeated_autumn_hour_numbered_25_is_told_by_its_gmt_stamp():
    stamps = [("08", "09", "2"), ("09", "10", "25"), ("10", "11", "3")]
    lines = [
        lmp_row(f"2026-11-01T{a}:00:00-00:00", f"2026-11-01T{b}:00:00-00:00", NODE, "LMP", hour, "DAM", "2026-11-01")
        for a, b, hour in stamps
    ]
    frame = prices(read_rows(*lines, feed=DAY_AHEAD)).sort("market_interval_start")
    assert frame["price_per_kwh"].to_list() == [0.002, 0.025, 0.003]
