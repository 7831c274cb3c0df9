"""Voluntary offsets: the operator's own file, and registries' files, which hold no price."""

from datetime import UTC, date, datetime

import pytest

from shared_files import real
from vibelux.feeds import Ask, Parsed, Payload, feed_named, read
from vibelux.market.errors import Corrupt, SchemaChanged
from vibelux.market.intervals import Interval

FEED = feed_named("offsets/voluntary-prices")
HEADER = "date,price_usd_per_metric_ton,vintage_year,market_name,source"


def parse(text: str | bytes, name: str = "") -> Parsed:
    return read(FEED, Payload(text if isinstance(text, bytes) else text.encode(), name))


def test_an_entered_price_keeps_its_day_its_vintage_and_where_it_was_seen():
    parsed = parse(
        f"\ufeff{HEADER}\n2026-06-30,7.25,2023,CORSIA Phase 1,broker quote of 30 June\n2026-05-01,4.1,,N-GEO,report\n"
    )
    assert parsed.quarantined == []
    first, second = parsed.frames["carbon-price"].rows(named=True)
    assert first == {
        "market_name": "CORSIA Phase 1", "region": "Global", "price_per_metric_ton": 7.25, "currency": "USD",
        "vintage_year": 2023, "market_type": "voluntary", "trading_date": date(2026, 6, 30),
        "data_source": "operator entered: broker quote of 30 June",
    }  # fmt: skip
    assert second["vintage_year"] is None


@pytest.mark.parametrize(
    "line",
    [
        "2026-06-30,seven,2023,N-GEO,quote",
        "30.06.2026,7.25,2023,N-GEO,quote",
        "2026-06-30,7.25,young,N-GEO,quote",
        "2026-06-30,7.25,2023,,quote",
        "2026-06-30,7.25,2023,N-GEO,",
        "2026-06-30,-1,2023,N-GEO,quote",
        "2026-06-30,nan,2023,N-GEO,quote",
    ],
)
def test_a_line_without_day_price_market_or_source_is_set_aside(line: str):
    parsed = parse(f"{HEADER}\n{line}\n2026-06-30,7.25,2023,CORSIA,quote\n")
    assert parsed.frames["carbon-price"]["market_name"].to_list() == ["CORSIA"]
    assert len(parsed.quarantined) == 1


@pytest.mark.parametrize("file", ["arb_issuance.csv", "climate-action-reserve_issuances.csv", "verra_transactions.csv"])
def test_recorded_files_of_registries_are_refused_as_they_hold_no_price(file: str):
    with pytest.raises(SchemaChanged, match="no prices"):
        parse(real(f"carbon/offsets-db/{file}").read_bytes(), file)


def test_a_missing_column_is_named_and_a_page_is_corrupt():
    with pytest.raises(SchemaChanged, match="source") as caught:
        parse("date,price_usd_per_metric_ton,vintage_year,market_name\n2026-06-30,7.25,2023,N-GEO\n")
    assert caught.value.missing == ("source",)
    for body in ("", "<html><body>login</body></html>"):
        with pytest.raises(Corrupt):
            parse(body)


def test_nothing_is_asked_for():
    window = Interval(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
    assert list(FEED.requests(Ask(window))) == []
