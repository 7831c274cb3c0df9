"""The futures curve: recordings against the standard library, CME and Yahoo in their own forms, and what is refused.

No reply of CME with rows of natural gas and no chart of it was recorded; ours follow the settlements of another future
(all numbers as text, `-` for none, A and B behind, a Total) and the recorded chart of an S&P contract.
"""

import csv
import io
import json
from datetime import UTC, date, datetime

import pytest

from feeds.eia.workbooks import series
from shared_files import real
from vibelux.feeds import Ask, Parsed, Payload, Request, feed_named, read
from vibelux.market.contracts import front_month, is_business_day
from vibelux.market.errors import AccessDenied, Corrupt, SchemaChanged, UpstreamError
from vibelux.market.intervals import Interval

FEED = feed_named("nymex/gas-futures")


def parse(body: bytes | str | dict[str, object], name: str = "") -> Parsed:
    if isinstance(body, dict):
        body = json.dumps(body)
    return read(FEED, Payload(body if isinstance(body, bytes) else body.encode(), name))


def contracts(parsed: Parsed) -> dict[str, float]:
    return dict(parsed.frames["gas-price"].select("contract", "price_per_mmbtu").rows())


def settlement(month: str, settle: object, change: str = "+.012") -> dict[str, object]:
    return {"month": month, "open": "-", "high": "3.9B", "low": "3.7A", "last": "3.8", "change": change,
            "settle": settle, "volume": "1,234", "openInterest": "10,000"}  # fmt: skip


def settlements(*rows: dict[str, object], day: str = "11/24/2026", **more: object) -> dict[str, object]:
    return {"tradeDate": day, "settlements": [*rows, settlement("Total", "-", "0")], "empty": False} | more


def test_settlements_give_a_price_a_contract_month():
    parsed = parse(
        settlements(
            settlement("DEC 26", "3.812"),
            settlement("JAN 27", "4.105", "UNCH"),
            settlement("JLY 27", "3.950A"),
            settlement("JAN 28", "1,004.5B"),
            settlement("FEB 28", 4.2),
            reportType="Preliminary",
        )
    )
    assert contracts(parsed) == {"NGZ26": 3.812, "NGF27": 4.105, "NGN27": 3.95, "NGG28": 4.2}
    assert "plausible" in parsed.quarantined[0].reason
    row = parsed.frames["gas-price"].row(2, named=True)
    assert row == {
        "hub_name": "Henry Hub", "region": "Louisiana", "price_per_mmbtu": 3.95, "basis_differential": None,
        "currency": "USD", "trading_date": date(2026, 11, 24), "delivery_date": date(2027, 7, 1),
        "contract_type": "futures", "contract": "NGN27", "data_source": "CME settlements, preliminary",
    }  # fmt: skip


@pytest.mark.parametrize("settle", ["UNCH", "-", "", None, "3.8.1", "n/a"])
def test_a_month_without_a_settlement_is_set_aside_and_the_others_kept(settle: object):
    parsed = parse(settlements(settlement("DEC 26", settle), settlement("JAN 27", "4.105")))
    assert contracts(parsed) == {"NGF27": 4.105}
    assert [one.place for one in parsed.quarantined] == ["NGZ26 2026-11-24"]


def test_an_expired_contract_an_odd_month_and_an_odd_row_are_set_aside():
    body = settlements(settlement("DEC 26", "3.8"), settlement("MRZ 27", "3.8"), settlement("JAN 27", "4.1"))
    body["tradeDate"] = "11/27/2026"
    body["settlements"] = ["?", *body["settlements"]]  # type: ignore[misc]
    parsed = parse(body)
    assert contracts(parsed) == {"NGF27": 4.1}
    assert [one.reason for one in parsed.quarantined] == [
        "no row of settlements",
        "expired on 2026-11-25",
        "no contract month",
    ]


def test_the_recorded_weekend_is_a_good_answer_without_rows_so_that_no_fallback_is_asked():
    parsed = parse(real("gas/cme-settlements/empty_weekend.json").read_bytes())
    assert contracts(parsed) == {}
    assert parsed.quarantined == []


def test_settlements_of_another_product_or_without_a_day_are_refused():
    with pytest.raises(SchemaChanged, match="product 133"):
        parse(settlements(settlement("DEC 26", "7423.25"), productId="133"))
    with pytest.raises(SchemaChanged, match="trade date"):
        parse(settlements(settlement("DEC 26", "3.8"), day="2026-11-24"))


def chart(symbol: str, bars: dict[datetime, object], newest: datetime, **more: object) -> str:
    """The recorded chart of a future with another symbol and other bars."""
    document = json.loads(real("gas/yahoo-chart/chart_ESH24_1d.json").read_text())
    result = document["chart"]["result"][0]
    result["meta"] |= {"symbol": symbol, "regularMarketTime": int(newest.timestamp())} | more
    result["timestamp"] = [int(stamp.timestamp()) for stamp in bars]
    result["indicators"]["quote"][0]["close"] = list(bars.values())
    return json.dumps(document)


def eastern(day: int, hour: int = 5) -> datetime:
    return datetime(2025, 12, day, hour, tzinfo=UTC)


def test_a_chart_gives_the_closes_of_days_that_are_over():
    bars = {eastern(22): 3.9649999141693115, eastern(23): None, eastern(24): 4.241000175476074, eastern(26, 20): 4.366}
    parsed = parse(chart("NGF26.NYM", bars, eastern(26, 20)))
    rows = parsed.frames["gas-price"].select("trading_date", "contract", "price_per_mmbtu", "data_source").rows()
    source = "Yahoo chart NGF26.NYM"
    assert rows == [(date(2025, 12, 22), "NGF26", 3.965, source), (date(2025, 12, 24), "NGF26", 4.241, source)]
    assert [one.reason for one in parsed.quarantined] == ["no price", "its session still ran: no settlement"]


def test_the_front_month_of_a_chart_is_the_contract_that_was_in_front_that_day():
    bars = {eastern(29): 4.687, eastern(30): 3.972}
    parsed = parse(chart("NG=F", bars, eastern(31)))
    assert contracts(parsed) == {"NGF26": 4.687, "NGG26": 3.972}


def test_bars_after_the_last_trading_day_are_set_aside():
    parsed = parse(chart("NGF26.NYM", {eastern(29): 4.687, eastern(30): 4.687}, eastern(31)))
    assert contracts(parsed) == {"NGF26": 4.687}
    assert [one.reason for one in parsed.quarantined] == ["expired on 2025-12-29"]


def test_the_recorded_chart_of_another_product_is_refused_and_its_number_read_under_ours():
    file = real("gas/yahoo-chart/chart_ESH24_1d.json")
    with pytest.raises(SchemaChanged, match=r"ESH24\.CME"):
        parse(file.read_bytes(), file.name)
    parsed = parse(file.read_bytes().replace(b"ESH24.CME", b"NGH24.NYM"))
    close = json.loads(file.read_text())["chart"]["result"][0]["indicators"]["quote"][0]["close"][0]
    assert parsed.rows == 0
    assert [(one.place, one.raw) for one in parsed.quarantined] == [("NGH24.NYM 2023-12-22", str(close))]


def test_an_expired_contract_is_yahoos_own_error():
    error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
    with pytest.raises(UpstreamError, match="may be delisted") as caught:
        parse({"chart": {"result": None, "error": error}})
    assert caught.value.code == "Not Found"
    with pytest.raises(UpstreamError, match="Too Many Requests"):
        parse({"chart": {"result": None, "error": "Too Many Requests"}})


def test_a_chart_of_another_interval_or_without_bars_is_refused():
    with pytest.raises(SchemaChanged, match="1h"):
        parse(chart("NG=F", {eastern(29): 4.6}, eastern(31), dataGranularity="1h"))
    with pytest.raises(SchemaChanged, match="without its bars"):
        parse({"chart": {"result": [], "error": None}})


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", Corrupt),
        ("Edge: Too Many Requests", Corrupt),
        ("<html><head><title>Access Denied</title></head><body></body></html>", AccessDenied),
        ("<html><head><title>CME Group</title></head><body></body></html>", Corrupt),
        ('{"settlements": [{"month"', Corrupt),
        ("[]", SchemaChanged),
        ('{"finance": {}}', SchemaChanged),
        ("Price,Open\nTicker,NG=F\nDate,\n", SchemaChanged),
    ],
)
def test_what_is_neither_settlements_nor_a_chart_is_refused(body: str, error: type[Exception]):
    with pytest.raises(error):
        parse(body)


def test_the_recorded_export_gives_every_close_but_the_one_of_mid_session():
    file = real("gas/yahoo-chart/NG=F_yfinance_2025-09_2026-03.csv")
    lines = list(csv.reader(io.StringIO(file.read_text())))[3:]
    parsed = parse(file.read_bytes(), file.name)
    frame = parsed.frames["gas-price"]
    expected = {date.fromisoformat(line[0]): round(float(line[1]), 3) for line in lines[:-1]}
    assert dict(frame.select("trading_date", "price_per_mmbtu").rows()) == expected
    assert [one.place for one in parsed.quarantined] == ["NG=F 2026-03-06"]


@pytest.mark.parametrize(
    ("day", "contract", "price"),
    [
        (date(2025, 11, 25), "NGZ25", 4.424),
        (date(2025, 11, 26), "NGF26", 4.558),
        (date(2025, 12, 29), "NGF26", 4.687),
        (date(2025, 12, 31), "NGG26", 3.686),
        (date(2026, 1, 7), "NGG26", 3.525),
    ],
)
def test_recorded_front_months_are_the_settlements_that_eia_reported(day: date, contract: str, price: float):
    frame = parse(real("gas/yahoo-chart/NG=F_yfinance_2025-09_2026-03.csv").read_bytes()).frames["gas-price"]
    row = frame.filter(frame["trading_date"] == day).row(0, named=True)
    assert (row["contract"], row["price_per_mmbtu"]) == (contract, price)


def test_the_recorded_workbook_gives_every_settlement_of_its_bytes():
    file = real("gas/eia-futures/RNGC1d.xls")
    parsed = parse(file.read_bytes(), file.name)
    frame = parsed.frames["gas-price"]
    assert dict(frame.select("trading_date", "price_per_mmbtu").rows()) == pytest.approx(series(file.read_bytes()))
    assert parsed.quarantined == []
    deliveries = dict(frame.select("trading_date", "delivery_date").rows())
    assert deliveries[date(2008, 12, 31)] is None, "the calendar is not known so far back"
    assert deliveries[date(2024, 1, 29)] == date(2024, 2, 1)
    assert deliveries[date(2024, 1, 30)] == date(2024, 3, 1)


def test_the_recorded_workbook_of_spot_prices_is_refused():
    with pytest.raises(SchemaChanged, match="RNGWHHD"):
        parse(real("gas/eia-henry-hub/natural-gas-daily.xls").read_bytes())


def asked(start: datetime, end: datetime) -> list[Request]:
    return list(FEED.requests(Ask(Interval(start, end))))


def test_each_business_day_of_a_window_is_asked_for_and_the_newest_has_a_fallback():
    requests = asked(datetime(2026, 11, 25, 6, tzinfo=UTC), datetime(2026, 11, 28, 6, tzinfo=UTC))
    root = "https://www.cmegroup.com/CmeWS/mvc/Settlements/Futures/Settlements/444/FUT?strategy=DEFAULT&tradeDate="
    assert [one.url for one in requests] == [
        f"{root}11/25/2026&pageSize=500&isProtected",
        f"{root}11/27/2026&pageSize=500&isProtected",
    ]
    assert requests[0].fallback == ()
    nearest = requests[1].fallback
    assert [one.url for one in nearest][::12] == [
        "https://query1.finance.yahoo.com/v8/finance/chart/NGF27.NYM?interval=1d&range=5d",
        "https://query1.finance.yahoo.com/v8/finance/chart/NGF28.NYM?interval=1d&range=5d",
    ]
    assert {one.service.name for one in nearest if one.service} == {"query1.finance.yahoo.com"}


def test_a_weekend_asks_for_the_friday_and_is_not_overdue():
    saturday = datetime(2026, 11, 21, 18, tzinfo=UTC)
    window = FEED.publication.window(saturday)
    assert [one.url[-37:] for one in asked(window.start, window.end)] == ["e=11/20/2026&pageSize=500&isProtected"]
    assert FEED.publication.known_until(saturday) == datetime(2026, 11, 21, 6, tzinfo=UTC)
    assert FEED.publication.next_after(saturday) == datetime(2026, 11, 24, 0, 30, tzinfo=UTC)


def test_the_front_month_never_expires_before_its_day():
    days = [date.fromordinal(date(2026, 1, 1).toordinal() + n) for n in range(365)]
    fronts = [front_month(day) for day in days if is_business_day(day)]
    assert fronts == sorted(fronts)
    assert len(set(fronts)) == 13
