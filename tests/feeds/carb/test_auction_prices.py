"""CARB's summary: no PDF was recorded, so ours are written with the numbers of the recorded transcripts."""

import calendar
import csv
from datetime import UTC, date, datetime

import pytest

from feeds.carb.summaries import HEADING, pdf
from shared_files import real
from vibelux.feeds import Ask, Parsed, Payload, feed_named, read
from vibelux.market.errors import AccessDenied, Corrupt, SchemaChanged, TooLarge
from vibelux.market.intervals import local_day

FEED = feed_named("carb/auction-prices")
NEWEST = ("February 2026 Joint Auction #46", "54,975,757", "54,975,757", "$27.94", "6,747,250", "6,747,250", "$27.90")


def parse(body: bytes | str, name: str = "") -> Parsed:
    return read(FEED, Payload(body if isinstance(body, bytes) else body.encode(), name))


def prices(parsed: Parsed) -> dict[tuple[date, int], float]:
    frame = parsed.frames["carbon-price"]
    rows = frame.select("trading_date", "vintage_year", "price_per_metric_ton").rows()
    assert len({row[:2] for row in rows}) == frame.height
    return {(day, vintage): price for day, vintage, price in rows}


def third_wednesday(year: int, month: int) -> date:
    weeks = [week[calendar.WEDNESDAY] for week in calendar.monthcalendar(year, month)]
    return date(year, month, [day for day in weeks if day][2])


def month_of(row: dict[str, str]) -> str:
    return calendar.month_name[int(row["auction_date"][5:7])]


def joint() -> list[dict[str, str]]:
    return list(csv.DictReader(real("carbon/carb-auctions/california_joint_1-46.csv").read_text().splitlines()))


def expected(rows: list[dict[str, str]], current: str, advance: str, day: str) -> dict[tuple[date, int], float]:
    found = {}
    for row in rows:
        year, month, _ = (int(part) for part in row[day].split("-"))
        held = third_wednesday(year, month)
        found |= {(held, year): float(row[current]), (held, year + 3): float(row[advance])}
    return found


def test_a_pdf_of_all_recorded_auctions_gives_both_prices_of_each():
    rows = joint()
    lines = [
        (
            f"{month_of(row)} {row['auction_date'][:4]} Joint Auction #{row['auction_number']}",
            f"{int(row['current_offered']):,}",
            f"{int(row['current_sold']):,}",
            f"${float(row['current_settlement_price_usd']):.2f}",
            f"{int(row['advance_offered']):,}",
            f"{int(row['advance_sold']):,}",
            f"${float(row['advance_settlement_price_usd']):.2f}",
        )
        for row in rows
    ]
    parsed = parse(pdf(lines), "results_summary.pdf")
    assert parsed.quarantined == []
    wanted = expected(rows, "current_settlement_price_usd", "advance_settlement_price_usd", "auction_date")
    assert prices(parsed) == wanted
    assert len(wanted) == 92


@pytest.mark.parametrize(
    ("path", "column", "day", "count"),
    [
        ("california_joint_1-46.csv", "settlement", "auction_date", 92),
        ("ca_auction_prices_2012-2025.csv", "auction", "auction_date_approx", 106),
    ],
)
def test_recorded_transcripts_give_every_price(path: str, column: str, day: str, count: int):
    file = real(f"carbon/carb-auctions/{path}")
    parsed = parse(file.read_bytes(), file.name)
    rows = list(csv.DictReader(file.read_text().splitlines()))
    wanted = expected(rows, f"current_{column}_price_usd", f"advance_{column}_price_usd", day)
    assert prices(parsed) == wanted
    assert len(wanted) == count
    assert parsed.quarantined == []


def test_the_two_recorded_transcripts_agree_wherever_both_have_a_price():
    one, other = (
        prices(parse(real(f"carbon/carb-auctions/{path}").read_bytes()))
        for path in ("california_joint_1-46.csv", "ca_auction_prices_2012-2025.csv")
    )
    both = one.keys() & other.keys()
    assert len(both) == 90
    assert all(one[key] == other[key] for key in both)


def test_current_and_advance_are_told_apart_by_vintage():
    rows = parse(pdf([NEWEST])).frames["carbon-price"].rows(named=True)
    assert [(row["vintage_year"], row["price_per_metric_ton"]) for row in rows] == [(2026, 27.94), (2029, 27.9)]
    assert rows[0] | {"price_per_metric_ton": 0} == {
        "market_name": "California Cap-and-Trade", "region": "California", "price_per_metric_ton": 0,
        "currency": "USD", "vintage_year": 2026, "market_type": "compliance", "trading_date": date(2026, 2, 18),
        "data_source": "CARB auction summary",
    }  # fmt: skip


def test_numbers_that_a_pdf_breaks_by_blanks_are_read_whole():
    broken = (
        "February 2026 Joint Auction # 46",
        "54,97 5,757",
        "54,975,757",
        "$27 .94",
        "6,747,2 50",
        "6,747,250",
        "$2 7.90",
    )
    assert list(prices(parse(pdf([broken]))).values()) == [27.94, 27.9]


def test_an_auction_without_an_advance_part_gives_one_price():
    parsed = parse(pdf([(*NEWEST[:4], "N/A", "N/A", "N/A")]))
    assert prices(parsed) == {(date(2026, 2, 18), 2026): 27.94}


def test_a_moved_column_is_refused():
    name, *cells = NEWEST
    moved = (name, cells[2], cells[0], cells[1], *cells[3:])
    with pytest.raises(SchemaChanged, match="offered, sold and price"):
        parse(pdf([moved]))
    lost = (name, *cells[:2], *cells[3:])
    with pytest.raises(SchemaChanged, match="#46"):
        parse(pdf([lost]))


def test_the_advance_auction_before_the_current_one_is_refused():
    with pytest.raises(SchemaChanged, match="current auction before the advance"):
        parse(pdf([NEWEST], (HEADING[0], HEADING[4], "", "", HEADING[1], "", "")))
    with pytest.raises(SchemaChanged, match="heading"):
        parse(pdf([NEWEST], ("",) * 7))


def test_one_row_that_cannot_be_read_is_set_aside():
    garbled = ("May 2026 Joint Auction #47", "51,000,000", "51,000,000", "twenty", "6,000,000", "6,000,000", "$28.00")
    parsed = parse(pdf([NEWEST, garbled]))
    assert len(prices(parsed)) == 2
    assert [one.place for one in parsed.quarantined] == ["May 2026 #47"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", Corrupt),
        (b"%PDF-1.7 and no more", Corrupt),
        (b"Service Unavailable", Corrupt),
        (b"<html><head><title>Just a moment...</title></head><body></body></html>", AccessDenied),
        (b"<!doctype html><html><head><title>Page not found</title></head></html>", Corrupt),
        (b"day,price\n2026-02-18,27.94\n", SchemaChanged),
    ],
)
def test_what_is_no_summary_is_refused(body: bytes, error: type[Exception]):
    with pytest.raises(error):
        parse(body, "results_summary.pdf")


def test_a_pdf_that_is_cut_without_auctions_or_too_long_is_refused():
    whole = pdf([NEWEST] * 30)
    for size in (20, len(whole) // 3, len(whole) // 2):
        with pytest.raises((Corrupt, SchemaChanged)):
            parse(whole[:size])
    with pytest.raises(SchemaChanged, match="no auction"):
        parse(pdf([("Nothing here",)]))
    with pytest.raises(TooLarge, match="70 pages"):
        parse(pdf([("line",)] * 67, rows_on_a_page=1))


def test_the_recorded_futures_are_no_auctions():
    with pytest.raises(SchemaChanged, match="auction_date"):
        parse(real("carbon/cca-secondary/cca_futures_2011-2018.csv").read_bytes())


def test_it_is_due_at_noon_a_week_after_an_auction_and_holds_until_the_next():
    (request,) = FEED.requests(Ask(local_day(date(2026, 2, 25), FEED.timezone)))
    assert request.url == "https://ww2.arb.ca.gov/sites/default/files/2020-08/results_summary.pdf"
    assert request.headers["User-Agent"].startswith("Mozilla/5.0")
    results = datetime(2026, 2, 25, 20, 15, tzinfo=UTC)
    auction = local_day(date(2026, 2, 18), FEED.timezone).end
    assert FEED.publication.next_after(datetime(2026, 1, 1, tzinfo=UTC)) == results
    assert FEED.publication.known_until(results) == auction
    assert FEED.publication.known_until(datetime(2026, 5, 27, 19, tzinfo=UTC)) == auction
    assert FEED.publication.next_after(results) == datetime(2026, 5, 27, 19, 15, tzinfo=UTC)
