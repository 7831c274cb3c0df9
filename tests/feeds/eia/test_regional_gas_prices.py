"""Regional gas: EIA's prose and API against the recordings, the daily page and the weekly table in our own copies.

Neither Daily Prices nor a whole Weekly Update was recorded; their tables here follow what readers of them describe.
"""

import json
import re
from datetime import UTC, date, datetime

import pytest

from payloads.shelf import good
from shared_files import real
from vibelux.feeds import Ask, Parsed, Payload, feed_named, read
from vibelux.market.errors import AccessDenied, Corrupt, SchemaChanged
from vibelux.market.intervals import Interval

FEED = feed_named("eia/regional-gas-prices")
HEAD = (
    "<tr><td colspan='6'><b>Select Spot Prices for Delivery Today</b></td></tr>"
    "<tr><td></td><td colspan='2'>Natural Gas</td><td colspan='2'>Electricity</td><td>Spark Spread</td></tr>"
    "<tr><td>Region</td><td>Price<br>($/million Btu)</td><td>Percent<br>Change*</td><td>Price<br>($/MWh)</td>"
    "<td>Percent<br>Change*</td><td>Price<br>($/MWh)</td></tr>"
)
REGIONS = (
    ("New England", "24.47", "+116.3"), ("New York City", "9.90", "+40.0"), ("Mid-Atlantic", "9.58", "+36.4"),
    ("Midwest", "3.94", "-12.7"), ("Louisiana", "3.11", "-2.0"), ("Houston", "2.80", "+1.1"),
    ("Southwest", "4.30", "-14.9"), ("Southern CA", "4.19", "+3.0"), ("Northern CA", "2.18", "0.0"),
    ("Northwest", "1.72", "-4.6"),
)  # fmt: skip


def parse(body: bytes | str, name: str = "") -> Parsed:
    return read(FEED, Payload(body if isinstance(body, bytes) else body.encode(), name))


def line(region: str, gas: str, change: str) -> str:
    cells = "".join(f"<td class='d1'>{cell}</td>" for cell in (gas, change, "89.28", "+56.3", "22.24"))
    return f"<tr><td class='s1'>{region}</td>{cells}</tr>"


def page(lines: str, head: str = HEAD, day: str = "January 12, 2026") -> str:
    petroleum = "<table summary='Spot Petroleum Prices'><tr><td class='s1'>Crude Oil</td><td>WTI</td></tr></table>"
    prices = f"<table summary='Spot Natural Gas and Electric Power Prices'>{head}{lines}</table>"
    return f"<html><body><span class='date'>{day}</span><h1>Daily Prices</h1>{petroleum}{prices}</body></html>"


def hubs(parsed: Parsed) -> dict[str, float]:
    return dict(parsed.frames["gas-price"].select("hub_name", "price_per_mmbtu").rows())


def test_the_daily_page_gives_a_price_a_region_under_the_point_that_it_stands_for():
    parsed = parse(page("".join(line(*one) for one in REGIONS)))
    assert parsed.quarantined == []
    assert hubs(parsed) == {
        "Algonquin Citygate": 24.47, "Transco Zone 6 NY": 9.9, "TETCO-M3": 9.58, "Chicago Citygate": 3.94,
        "Henry Hub": 3.11, "Houston Ship Channel": 2.8, "El Paso San Juan": 4.3, "SoCal Border": 4.19,
        "PG&E Citygate": 2.18, "Northwest Sumas": 1.72,
    }  # fmt: skip
    rows = {row["hub_name"]: row for row in parsed.frames["gas-price"].iter_rows(named=True)}
    assert rows["PG&E Citygate"]["basis_differential"] == pytest.approx(2.18 - 3.11)
    assert rows["PG&E Citygate"]["region"] == "California"
    assert rows["TETCO-M3"]["region"] == "PJM"
    assert {row["contract_type"] for row in rows.values()} == {"next-day"}


def test_gas_for_a_monday_was_traded_on_the_friday_before():
    rows = parse(page(line("Louisiana", "3.11", "0"))).frames["gas-price"]
    assert rows.select("trading_date", "delivery_date").row(0) == (date(2026, 1, 9), date(2026, 1, 12))
    after_king_day = parse(page(line("Louisiana", "3.11", "0"), day="January 20, 2026")).frames["gas-price"]
    assert after_king_day["trading_date"].item() == date(2026, 1, 16)


def test_a_region_without_a_price_is_set_aside():
    parsed = parse(page(line("Louisiana", "3.11", "0") + line("Houston", "NA", "NA") + line("Midwest", "3,94", "0")))
    assert hubs(parsed) == {"Henry Hub": 3.11}
    assert [one.reason for one in parsed.quarantined][:1] == ["no price"]
    assert len(parsed.quarantined) == 2, "3,94 would be 394 USD: outside what is plausible"


def test_a_moved_column_is_followed_by_its_heading_and_refused_without():
    moved = HEAD.replace("<td>Region</td><td>Price<br>($/million Btu)</td><td>Percent<br>Change*</td>",
                         "<td>Region</td><td>Percent<br>Change*</td><td>Price<br>($/million Btu)</td>")  # fmt: skip
    assert hubs(parse(page(line("Louisiana", "-2.0", "3.11"), moved))) == {"Henry Hub": 3.11}
    with pytest.raises(SchemaChanged, match="million Btu"):
        parse(page(line("Louisiana", "3.11", "0"), HEAD.replace("($/million Btu)", "")))


def test_a_page_that_refuses_is_denied_and_another_page_is_corrupt():
    with pytest.raises(AccessDenied, match="Access Denied"):
        parse("<html><head><title>Access Denied</title></head><body>Reference #18</body></html>")
    with pytest.raises(Corrupt, match="neither Daily Prices nor a Weekly Update"):
        parse("<html><body><h1>Today in Energy</h1></body></html>")
    for day in ("", "Januawy 12, 2026", "January 32, 2026"):
        with pytest.raises(SchemaChanged, match="without their date"):
            parse(page(line("Louisiana", "3.11", "0"), day=day))
    for body in ("", "hello", "%PDF-1.7"):
        with pytest.raises(Corrupt):
            parse(body)


WEEKS = {
    "2024-04-11": (date(2024, 4, 10), ("Henry Hub", "Algonquin Citygate", "Transco Zone 6 NY")),
    "2025-04-10": (date(2025, 4, 9), ("Henry Hub", "Algonquin Citygate", "Transco Zone 6 NY")),
    "2026-01-08": (date(2026, 1, 7), ("Henry Hub", "Algonquin Citygate")),
}


@pytest.mark.parametrize("issue", WEEKS)
def test_the_recorded_prose_gives_each_place_on_two_wednesdays(issue: str):
    text = real(f"gas/eia-ngwu/ngwu_{issue}_excerpt.txt").read_text()
    week, places = WEEKS[issue]
    spoken = [sentence for sentence in re.split(r"\.\s", text) if "yesterday" in sentence and "NYMEX" not in sentence]
    told = [
        tuple(float(price) for price in re.findall(r"(?:from|to) \$([\d.]+)", sentence)[:2])
        for sentence in spoken
        if " from $" in sentence
    ]
    assert len(told) == len(places)
    rows = parse(text).frames["gas-price"].select("hub_name", "trading_date", "price_per_mmbtu").rows()
    before = date.fromordinal(week.toordinal() - 7)
    expected = {
        (place, day, price)
        for place, pair in zip(places, told, strict=True)
        for day, price in zip((before, week), pair, strict=True)
    }
    assert set(rows) == expected
    assert len(rows) == len(expected)


def test_prose_about_futures_and_unknown_places_gives_no_spot_price():
    text = (
        "(For the week ending Wednesday, December 3, 2025) The price of the January 2026 NYMEX contract increased 44 "
        "cents, from $4.558/MMBtu last Wednesday to $4.995/MMBtu yesterday. The Henry Hub spot price rose 28 cents "
        "from $4.59 per million British thermal units (MMBtu) last Wednesday to $4.87/MMBtu yesterday. The price at "
        "the Waha Hub in West Texas fell 98 cents this report week, from -$1.52/MMBtu last Wednesday to -$2.50/MMBtu "
        "yesterday. It rose from $8.08/MMBtu last Wednesday to $25.00/MMBtu yesterday."
    )
    parsed = parse(text)
    newest = parsed.frames["gas-price"].filter(parsed.frames["gas-price"]["trading_date"] == date(2025, 12, 3))
    assert dict(newest.select("hub_name", "price_per_mmbtu").rows()) == {"Henry Hub": 4.87, "Waha": -2.5}
    assert [one.reason for one in parsed.quarantined] == ["a price without a place that is known"]
    assert "$25.00" in parsed.quarantined[0].raw


def test_the_weekly_table_gives_each_day_over_new_year_and_its_templates_are_not_read():
    head = "".join(f"<th>{day}</th>" for day in ("Thu,<br>1-Jan", "Fri,<br>2 Jan", "Wed,<br>31-Dec"))
    rows = "".join(
        f"<tr><td><strong>{label}</strong></td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for label, cells in (("Henry Hub", ("N/A", "3.20", "3.96")), ("Cal. Comp. Avg.*", ("N/A", "2.95", "3.10")))
    )
    table = f"<table><tr><th>Spot Prices ($/MMBtu)</th>{head}</tr>{rows}</table>"
    stale = f"<!-- {table.replace('3.20', '9.99')} -->"
    body = f"<html><body><p>for week ending January 7, 2026</p>{stale}{table}</body></html>"
    found = parse(body).frames["gas-price"].select("hub_name", "trading_date", "price_per_mmbtu", "basis_differential")
    assert found.rows() == [
        ("Henry Hub", date(2026, 1, 2), 3.2, 0.0),
        ("Henry Hub", date(2025, 12, 31), 3.96, 0.0),
        ("California Composite", date(2026, 1, 2), 2.95, pytest.approx(-0.25)),
        ("California Composite", date(2025, 12, 31), 3.1, pytest.approx(-0.86)),
    ]


def test_the_recorded_monthly_price_is_per_mmbtu_by_the_heat_content_of_gas():
    file = real("gas/eia-v2/pri_rescom_N3010DC3_monthly.json")
    (cell,) = json.loads(file.read_text())["response"]["data"]
    row = parse(file.read_bytes(), file.name).frames["gas-price"].row(0, named=True)
    assert row["price_per_mmbtu"] == pytest.approx(float(cell["value"]) / 1.036, abs=1e-6)
    assert row["trading_date"] == date(1989, 1, 31)
    assert row["contract_type"] == "monthly-average"
    assert row["hub_name"] == "District of Columbia Price of Natural Gas Delivered to Residential Consumers"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("pri_fut_RNGC4_weekly.json", SchemaChanged),
        ("electricity_rto_with_nulls.json", SchemaChanged),
        ("error_403_api_key_missing.json", AccessDenied),
    ],
)
def test_other_recorded_replies_are_refused(path: str, error: type[Exception]):
    with pytest.raises(error):
        parse(real(f"gas/eia-v2/{path}").read_bytes())


def test_monthly_prices_in_another_unit_are_refused_and_nulls_set_aside():
    def monthly(value: object, units: str) -> str:
        described = "Natural Gas Citygate Price in California (Dollars per Thousand Cubic Feet)"
        row = {"period": "2026-05", "area-name": "USA-CA", "series": "N3050CA3", "value": value, "units": units}
        row["series-description"] = described
        return json.dumps({"response": {"total": "1", "frequency": "monthly", "data": [row]}})

    row = parse(monthly("5.18", "$/MCF")).frames["gas-price"].row(0, named=True)
    assert (row["hub_name"], row["region"], row["price_per_mmbtu"]) == (
        "Natural Gas Citygate Price in California", "California", 5.0,
    )  # fmt: skip
    assert len(parse(monthly(None, "$/MCF")).quarantined) == 1
    with pytest.raises(SchemaChanged, match="MMBTU"):
        parse(monthly("5.18", "$/MMBTU"))


def asked(start: datetime, end: datetime) -> list[str]:
    return [request.url.partition("?")[0] for request in FEED.requests(Ask(Interval(start, end)))]


@pytest.mark.parametrize("field", ["area-name", "period", "series", "series-description"])
def test_a_monthly_price_without_its_name_or_month_is_set_aside_and_no_none_gets_into_a_name(field: str):
    whole = good("eia/regional-gas-prices")["citygate.json"]
    renamed = whole.replace(f'"{field}"'.encode(), f'"new-{field}"'.encode())
    parsed = parse(renamed)
    assert parsed.rows == 0
    assert [row.reason for row in parsed.quarantined] == [f"no {field}"] * 2


def test_the_weekly_update_is_asked_for_on_thursdays_only():
    wednesday, thursday = datetime(2026, 1, 7, 5, tzinfo=UTC), datetime(2026, 1, 8, 5, tzinfo=UTC)
    daily, weekly = "https://www.eia.gov/todayinenergy/prices.php", "https://www.eia.gov/naturalgas/weekly/"
    citygate = "https://api.eia.gov/v2/natural-gas/pri/sum/data/"
    assert asked(wednesday, thursday) == [daily, citygate]
    assert asked(wednesday, datetime(2026, 1, 9, 5, tzinfo=UTC)) == [daily, weekly, citygate]
    *_, api = FEED.requests(Ask(Interval(wednesday, thursday)))
    assert (api.needs_key, api.fallback) == (("EIA_API_KEY",), ())
