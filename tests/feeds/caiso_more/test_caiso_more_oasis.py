"""OASIS's reserve prices and forecasts in small."""

from datetime import UTC, datetime

import pytest

from feeds.caiso.payloads import error_document, zipped
from shared_files import real
from vibelux.feeds import Ask, Payload, feed_named, read
from vibelux.market.errors import NotYetPublished, SchemaChanged
from vibelux.market.intervals import Interval

RESERVES, LOAD, RENEWABLE = (
    feed_named(f"caiso/{name}") for name in ("ancillary-services", "load-forecast", "renewable-forecast")
)
AS_HEADER = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,ANC_TYPE,ANC_REGION,MARKET_RUN_ID,XML_DATA_ITEM,MW,GROUP"
)
ITEMS = {"SR": "SP", "NR": "NS"}
START, END = "2026-07-14T07:00:00-00:00", "2026-07-14T08:00:00-00:00"


def utc(hour: int, day: int = 14) -> datetime:
    return datetime(2026, 7, day, hour, tzinfo=UTC)


def reserve(product: str, price: float, region: str = "AS_CAISO", run: str = "DAM", item: str | None = None) -> str:
    item = item or f"{ITEMS.get(product, product)}_CLR_PRC"
    return f"{START},{END},2026-07-14,1,{product},{region},{run},{item},{price},1"


def test_each_product_and_region_is_a_record_with_its_service():
    products = {
        "RU": "regulation-up", "RD": "regulation-down", "RMU": "regulation-mileage-up",
        "RMD": "regulation-mileage-down", "SR": "spinning", "NR": "non-spinning",
    }  # fmt: skip
    rows = [reserve(product, n + 0.5) for n, product in enumerate(products)] + [reserve("SR", 9, "AS_SP26_EXP")]
    body = zipped(PRC_AS__csv="\n".join([AS_HEADER, *rows]))
    frame = read(RESERVES, Payload(body)).frames["ancillary-price"]
    assert frame.select("region", "product", "service", "price_per_mw_hour").rows() == [
        *[("AS_CAISO", product, service, n + 0.5) for n, (product, service) in enumerate(products.items())],
        ("AS_SP26_EXP", "SR", "spinning", 9.0),
    ]
    rest = frame.select("iso_region", "market", "interval_start", "interval_end", "data_source").unique()
    assert rest.rows() == [("CAISO", "day-ahead-hourly", utc(7), utc(8), "CAISO OASIS PRC_AS")]


def test_hasp_reserves_have_a_market_of_their_own():
    quarter = reserve("RU", 1, run="HASP").replace(END, "2026-07-14T07:15:00-00:00")
    body = zipped(PRC_AS__csv="\n".join([AS_HEADER, quarter]))
    assert read(RESERVES, Payload(body)).frames["ancillary-price"]["market"].to_list() == ["hasp-15min"]


@pytest.mark.parametrize("row", [reserve("XX", 1), reserve("RU", 1, run="XXX")])
def test_an_unknown_product_or_run_is_refused_by_name(row):
    with pytest.raises(SchemaChanged, match="XX"):
        read(RESERVES, Payload(zipped(PRC_AS__csv="\n".join([AS_HEADER, row]))))


def test_reserve_prices_that_are_not_out_are_not_yet_published():
    body = zipped(INVALID_REQUEST__xml=error_document("1000", "No data returned"))
    with pytest.raises(NotYetPublished, match="1000"):
        read(RESERVES, Payload(body))


def test_reserve_prices_are_asked_for_a_pacific_day_a_request():
    found = [
        request.url.partition("startdatetime=")[2] for request in RESERVES.requests(Ask(Interval(utc(7), utc(7, 16))))
    ]
    assert [url.partition("&market")[0] for url in found] == [
        "20260714T07:00-0000&enddatetime=20260715T07:00-0000",
        "20260715T07:00-0000&enddatetime=20260716T07:00-0000",
    ]
    assert all("anc_type=ALL&anc_region=ALL" in url for url in found)


LOAD_HEADER = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,LOAD_TYPE,OPR_DT,OPR_HR,OPR_INTERVAL,MARKET_RUN_ID,TAC_AREA_NAME,LABEL,"
    "XML_DATA_ITEM,POS,MW,EXECUTION_TYPE,GROUP"
)


def load(run: str, item: str, area: str = "CA ISO-TAC", value: float = 27000) -> str:
    return f"{START},{END},0,2026-07-14,1,0,{run},{area},x,{item},1,{value},{run},1"


def test_runs_of_the_load_forecast_differ_and_the_actual_load_is_no_forecast():
    rows = [
        load("DAM", "SYS_FCST_DA_MW"),
        load("2DA", "SYS_FCST_2DA_MW"),
        load("ACTUAL", "SYS_FCST_ACT_MW"),
        load("DAM", "SYS_FCST_DA_MW", "PGE-TAC"),
    ]
    body = zipped(SLD_FCST__csv="\n".join([LOAD_HEADER, *rows]))
    frame = read(LOAD, Payload(body, received_at=utc(20))).frames["series"]
    assert frame.select("category", "variable", "location", "issued_at").rows() == [
        ("SYS_FCST_DA_MW", "load-forecast", "CA ISO-TAC", utc(20)),
        ("SYS_FCST_2DA_MW", "load-forecast", "CA ISO-TAC", utc(20)),
        (None, "load", "CA ISO-TAC", None),
        ("SYS_FCST_DA_MW", "load-forecast", "PGE-TAC", utc(20)),
    ]


RENEWABLE_HEADER = (
    "OPR_DT,OPR_HR,OPR_INTERVAL,INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,TRADING_HUB,RENEWABLE_TYPE,LABEL,"
    "XML_DATA_ITEM,MARKET_RUN_ID_POS,RENEW_POS,MW,MARKET_RUN_ID,GROUP"
)


def renewable(run: str, item: str, kind: str = "Solar") -> str:
    return f"2026-07-14,1,0,{START},{END},SP15,{kind},x,{item},1,1,12.5,{run},1"


def renewables(*rows: str, **payload):
    return read(RENEWABLE, Payload(zipped(SLD_REN_FCST__csv="\n".join([RENEWABLE_HEADER, *rows])), **payload))


def test_actual_hour_ahead_and_day_ahead_are_told_apart():
    rows = [
        renewable("ACTUAL", "RENEW_FCST_ACT_MW"),
        renewable("HASP", "RENEW_FCST_HA_MW"),
        renewable("DAM", "RENEW_FCST_DA_MW"),
        renewable("DAM", "RENEW_FCST_DA_MW", "Wind"),
    ]
    frame = renewables(*rows, name="20260714_20260715_SLD_REN_FCST_DAM_20260713_10_15_00_v1.zip").frames["series"]
    issued = datetime(2026, 7, 13, 17, 15, tzinfo=UTC)
    assert frame.select("variable", "category", "location", "issued_at").rows() == [
        ("solar-generation", None, "SP15", None),
        ("solar-forecast", "RENEW_FCST_HA_MW", "SP15", issued),
        ("solar-forecast", "RENEW_FCST_DA_MW", "SP15", issued),
        ("wind-forecast", "RENEW_FCST_DA_MW", "SP15", issued),
    ]


def test_the_issue_is_the_fetch_where_no_name_says_it_or_the_name_says_an_hour_that_came_twice():
    row = renewable("DAM", "RENEW_FCST_DA_MW")
    for name in ("reply.zip", "x_SLD_REN_FCST_DAM_20261101_01_30_00_v1.zip"):
        assert renewables(row, name=name, received_at=utc(9)).frames["series"]["issued_at"].to_list() == [utc(9)]
    assert renewables(row).frames["series"]["issued_at"].to_list() == [None]


def test_the_header_of_xml_says_when_it_was_made_and_an_unreadable_one_says_nothing():
    file = real("caiso/SLD_FCST/sld_forecast.xml").read_bytes()
    assert set(read(LOAD, Payload(file)).frames["series"]["issued_at"]) == {datetime(2014, 5, 9, 17, 50, 6, tzinfo=UTC)}
    spoilt = file.replace(b"2014-05-09T17:50:06-00:00", b"yesterday")
    assert set(read(LOAD, Payload(spoilt, received_at=utc(9))).frames["series"]["issued_at"]) == {utc(9)}


def test_a_resource_that_is_neither_sun_nor_wind_is_set_aside():
    parsed = renewables(renewable("DAM", "RENEW_FCST_DA_MW", "Tidal"), renewable("DAM", "RENEW_FCST_DA_MW"))
    assert parsed.frames["series"].height == 1
    assert [bad.reason for bad in parsed.quarantined] == ["Tidal is neither Solar nor Wind"]


def test_forecasts_are_asked_for_a_run_a_request_from_yesterday_into_tomorrow():
    now = utc(18)
    window = RENEWABLE.publication.window(now)
    assert (window.start, window.end) == (utc(7, 14), utc(7, 16))
    runs = [request.url.rpartition("market_run_id=")[2] for request in RENEWABLE.requests(Ask(window))]
    assert runs == ["DAM", "HASP", "ACTUAL"]
