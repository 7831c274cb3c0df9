"""PRC_FUEL and PRC_GHG_ALLOWANCE in the form that the specification and public clients agree on."""

from datetime import date

from feeds.caiso.payloads import zipped
from vibelux.feeds import Payload, feed_named, read

GAS, CARBON = feed_named("caiso/gas-price-index"), feed_named("caiso/ghg-allowance")


def fuel_csv(prices: dict[str, list[str]]) -> str:
    lines = ["INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,FUEL_REGION_ID,XML_DATA_ITEM,PRC,GROUP"]
    for region, hours in prices.items():
        lines += [
            f"2026-07-14T{7 + n:02d}:00:00-00:00,2026-07-14T{8 + n:02d}:00:00-00:00,2026-07-14,{n + 1},{region},"
            f"FUEL_PRC,{p},1"
            for n, p in enumerate(hours)
        ]
    return "\n".join(lines) + "\n"


def test_the_index_repeated_for_each_hour_is_one_record_a_region_and_date():
    body = zipped(PRC_FUEL__csv=fuel_csv({"FRPGE1": ["3.81"] * 16, "FRPGE1GHG": ["3.32"] * 16}))
    frame = read(GAS, Payload(body)).frames["gas-price"]
    assert frame.select("hub_name", "price_per_mmbtu", "trading_date", "region").rows() == [
        ("FRPGE1", 3.81, date(2026, 7, 14), "California"),
        ("FRPGE1GHG", 3.32, date(2026, 7, 14), "California"),
    ]


def test_two_prices_on_one_trade_date_are_quarantined_and_other_regions_kept():
    body = zipped(PRC_FUEL__csv=fuel_csv({"FRPGE1": ["3.81", "3.90"], "FRSCE1": ["4.1", "4.1"]}))
    parsed = read(GAS, Payload(body))
    assert parsed.frames["gas-price"]["hub_name"].to_list() == ["FRSCE1"]
    assert [row.reason for row in parsed.quarantined] == ["two prices on one trade date"] * 2


def test_an_implausible_gas_price_is_quarantined():
    parsed = read(GAS, Payload(zipped(PRC_FUEL__csv=fuel_csv({"FRPGE1": ["3810"]}))))
    assert parsed.rows == 0
    assert "plausible range" in parsed.quarantined[0].reason


def test_the_allowance_index_is_one_price_a_day():
    text = (
        "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,GHG_PRC_IDX,GROUP\n"
        "2026-07-14T07:00:00-00:00,2026-07-15T07:00:00-00:00,2026-07-14,29.27,1\n"
    )
    row = read(CARBON, Payload(zipped(PRC_GHG_ALLOWANCE__csv=text))).frames["carbon-price"].row(0, named=True)
    assert row == {
        "market_name": "California Cap-and-Trade", "region": "California", "price_per_metric_ton": 29.27,
        "currency": "USD", "vintage_year": None, "market_type": "compliance", "trading_date": date(2026, 7, 14),
        "data_source": "CAISO OASIS PRC_GHG_ALLOWANCE",
    }  # fmt: skip
