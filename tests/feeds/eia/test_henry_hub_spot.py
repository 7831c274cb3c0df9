"""Henry Hub spot: the recordings against the standard library, the API in its recorded envelope, and what is refused.

No reply of the API with RNGWHHD and no daily file of FRED was recorded: payloads in those forms are our own.
"""

import csv
import io
import json
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from feeds.eia.workbooks import series
from shared_files import real
from vibelux.feeds import Ask, Parsed, Payload, feed_named, read
from vibelux.market.errors import AccessDenied, Corrupt, FeedError, SchemaChanged, Throttled, UpstreamError
from vibelux.market.intervals import Interval

FEED = feed_named("eia/henry-hub-spot")


def parse(body: bytes | str, name: str = "") -> Parsed:
    return read(FEED, Payload(body if isinstance(body, bytes) else body.encode(), name))


def prices(parsed: Parsed) -> dict[date, float]:
    frame = parsed.frames["gas-price"]
    assert frame["trading_date"].n_unique() == frame.height
    return dict(frame.select("trading_date", "price_per_mmbtu").rows())


def recorded(path: str) -> Parsed:
    file = real(f"gas/{path}")
    return parse(file.read_bytes(), file.name)


def row(period: str, value: object, **more: object) -> dict[str, object]:
    fixed = {"duoarea": "RGC", "area-name": "NA", "product": "EPG0", "process": "PS0", "series": "RNGWHHD"}
    return {"period": period, **fixed, "value": value, "units": "$/MMBTU"} | more


def reply(*rows: dict[str, object], frequency: str = "daily", key: str = "MOCK_API_KEY") -> str:
    """The envelope of the recording of RNGC4, with daily rows of the spot price."""
    response = {"total": str(len(rows)), "dateFormat": "YYYY-MM-DD", "frequency": frequency, "data": list(rows)}
    asked = {"command": "/v2/natural-gas/pri/fut/data/", "params": {"api_key": key, "frequency": frequency}}
    return json.dumps({"response": response, "request": asked, "apiVersion": "2.1.13"})


def test_the_recorded_workbook_gives_every_number_of_its_bytes():
    parsed = recorded("eia-henry-hub/natural-gas-daily.xls")
    expected = series(real("gas/eia-henry-hub/natural-gas-daily.xls").read_bytes())
    assert prices(parsed) == pytest.approx(expected)
    assert parsed.quarantined == []
    assert prices(parsed)[date(2026, 8, 18)] == 2.82
    assert set(parsed.frames["gas-price"]["data_source"]) == {"EIA workbook RNGWHHD, released 2026-08-19"}


@pytest.mark.parametrize(
    ("path", "heading", "form"),
    [
        ("eia-henry-hub/daily.csv", 1, "%Y-%m-%d"),
        ("eia_rngwhhd/Henry_Hub_Natural_Gas_Spot_Price.csv", 5, "%m/%d/%Y"),
    ],
)
def test_recorded_csvs_give_every_number_of_their_lines(path: str, heading: int, form: str):
    lines = list(csv.reader(io.StringIO(real(f"gas/{path}").read_text())))[heading:]
    expected = {datetime.strptime(day, form).date(): float(price) for day, price in lines if price}  # noqa: DTZ007
    parsed = recorded(path)
    assert prices(parsed) == expected
    assert parsed.quarantined == []


def test_workbook_and_csv_of_one_series_agree_on_every_day():
    assert prices(recorded("eia-henry-hub/natural-gas-daily.xls")) == prices(recorded("eia-henry-hub/daily.csv"))


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("fred/DHHNGSP.csv", "31 days apart"),
        ("eia-henry-hub/monthly.csv", "a monthly series"),
        ("eia-v2/pri_fut_RNGC4_weekly.json", "a weekly series"),
        ("eia-v2/electricity_rto_with_nulls.json", "a hourly series"),
        ("eia-v2/pri_rescom_N3010DC3_monthly.json", "a monthly series"),
        ("eia-futures/RNGC1d.xls", "RNGC1 where RNGWHHD"),
    ],
)
def test_a_series_that_is_another_or_not_daily_is_refused(path: str, why: str):
    with pytest.raises(SchemaChanged, match=why):
        recorded(path)


def test_strings_of_the_api_are_numbers_and_its_numbers_too():
    parsed = parse(reply(row("2026-08-18", "2.82"), row("2026-08-17", 2.77)))
    assert prices(parsed) == {date(2026, 8, 18): 2.82, date(2026, 8, 17): 2.77}
    first = parsed.frames["gas-price"].row(0, named=True)
    assert first | {"price_per_mmbtu": 0} == {
        "hub_name": "Henry Hub", "region": "Louisiana", "price_per_mmbtu": 0, "basis_differential": 0.0,
        "currency": "USD", "trading_date": date(2026, 8, 18), "delivery_date": None, "contract_type": "spot",
        "contract": None, "data_source": "EIA API v2 RNGWHHD",
    }  # fmt: skip


def test_a_null_value_is_set_aside_and_the_others_kept():
    parsed = parse(reply(row("2026-08-18", None), row("2026-08-17", "2.77"), row("soon", "2.7")))
    assert prices(parsed) == {date(2026, 8, 17): 2.77}
    assert [one.place for one in parsed.quarantined] == ["2026-08-18", "soon"]


def test_a_reply_without_rows_says_that_the_series_is_gone():
    with pytest.raises(SchemaChanged, match="RNGWHHD"):
        parse(reply())


def test_a_reply_in_another_unit_is_refused():
    with pytest.raises(SchemaChanged, match=r"\$/MCF"):
        parse(reply(row("2026-08-18", "2.82", units="$/MCF")))


@pytest.mark.parametrize("header", ["observation_date,DHHNGSP", "DATE,DHHNGSP", "\ufeffobservation_date,DHHNGSP"])
def test_fred_reads_with_either_header_and_its_holidays_are_no_rows(header: str):
    parsed = parse(f"{header}\n2026-07-01,3.1\n2026-07-02,3.05\n2026-07-03,.\n2026-07-06,\n2026-07-07,2.98\n")
    assert prices(parsed) == {date(2026, 7, 1): 3.1, date(2026, 7, 2): 3.05, date(2026, 7, 7): 2.98}
    assert parsed.quarantined == []
    assert set(parsed.frames["gas-price"]["data_source"]) == {"FRED DHHNGSP"}


def test_fred_with_another_series_is_refused():
    with pytest.raises(SchemaChanged, match="MHHNGSP"):
        parse("observation_date,MHHNGSP\n2026-07-01,3.1\n")


def test_the_recorded_refusal_names_the_key_to_set():
    with pytest.raises(AccessDenied, match="EIA_API_KEY"):
        recorded("eia-v2/error_403_api_key_missing.json")


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"error": {"code": "API_KEY_INVALID", "message": "An invalid api_key was supplied."}}, AccessDenied),
        ({"error": {"code": "OVER_RATE_LIMIT", "message": "You have exceeded your rate limit."}}, Throttled),
        ({"error": "Invalid frequency 'hourly' provided.", "code": 400}, UpstreamError),
        ({"title": "Service Unavailable", "status": 503}, SchemaChanged),
        ([], SchemaChanged),
    ],
)
def test_an_error_of_the_api_keeps_its_kind(document: object, error: type[FeedError]):
    with pytest.raises(error):
        parse(json.dumps(document))


def test_a_refusal_as_a_page_is_denied_and_another_page_is_corrupt():
    with pytest.raises(AccessDenied, match="403 Forbidden"):
        parse("<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>")
    with pytest.raises(Corrupt, match="a page where"):
        parse("<!DOCTYPE html><html><head><title>FRED</title></head><body>Downloads are paused</body></html>")


@pytest.mark.parametrize(
    "bad",
    [
        reply(row("2026-08-18", "2.82"), frequency="weekly", key="SECRETKEY"),
        json.dumps({"request": {"params": {"api_key": "SECRETKEY"}}, "response": None}),
        json.dumps({"error": {"code": "BAD", "message": "see /v2/x?api_key=SECRETKEY&y=1"}}),
        '{"request": {"params": {"api_key": "SECRETKEY"',
    ],
)
def test_an_echoed_key_is_in_no_error(bad: str):
    with pytest.raises(FeedError) as caught:
        parse(bad)
    assert "SECRETKEY" not in str(caught.value)


def test_an_echoed_key_is_in_no_quarantined_row():
    parsed = parse(reply(row("2026-08-18", None), key="SECRETKEY"))
    assert "SECRETKEY" not in str(parsed.quarantined)


def test_a_workbook_that_is_cut_or_damaged_is_corrupt():
    body = real("gas/eia-henry-hub/natural-gas-daily.xls").read_bytes()
    for bad in (body[: len(body) // 2], body[:100], body[:-512] + bytes(100), b"\xd0\xcf\x11\xe0" * 200):
        with pytest.raises(Corrupt):
            parse(bad, "RNGWHHDd.xls")


@pytest.mark.parametrize("body", ["", "   ", "hello", "a,b\n1,2\n", "PK"])
def test_what_is_no_series_is_corrupt(body: str):
    with pytest.raises(Corrupt):
        parse(body)


def test_the_api_is_asked_with_a_key_else_the_workbook_else_fred():
    window = Interval(datetime(2026, 8, 19, 5, tzinfo=UTC), datetime(2026, 8, 20, 5, tzinfo=UTC))
    (api,) = FEED.requests(Ask(window))
    query = parse_qs(urlsplit(api.url).query)
    assert api.needs_key == ("EIA_API_KEY",)
    assert api.url.startswith("https://api.eia.gov/v2/natural-gas/pri/fut/data/?")
    assert "[" not in api.url, "brackets are percent-encoded"
    assert query["facets[series][]"] == ["RNGWHHD"]
    assert query["start"] == ["2026-08-05"]
    (workbook,) = api.fallback
    assert (workbook.url, workbook.needs_key) == ("https://www.eia.gov/dnav/ng/hist_xls/RNGWHHDd.xls", ())
    (fred,) = workbook.fallback
    assert fred.url == "https://fred.stlouisfed.org/graph/fredgraph.csv?id=DHHNGSP&cosd=2026-08-05&coed=2026-08-20"
    services = [one.service.name if one.service else FEED.service.name for one in (api, workbook, fred)]
    assert services == ["api.eia.gov", "www.eia.gov", "fred.stlouisfed.org"]


def test_it_is_due_each_wednesday_with_data_to_the_monday_before():
    thursday = datetime(2026, 8, 20, 12, tzinfo=UTC)
    assert FEED.publication.next_after(thursday) == datetime(2026, 8, 26, 14, 30, tzinfo=UTC)
    assert FEED.publication.known_until(thursday) == datetime(2026, 8, 18, 5, tzinfo=UTC)
