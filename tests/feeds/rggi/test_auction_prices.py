"""RGGI's table: the page was not recorded, so ours is written with the numbers of the recorded transcript."""

import csv
from datetime import UTC, date, datetime

import pytest

from shared_files import real
from vibelux.feeds import Ask, Parsed, Payload, feed_named, read
from vibelux.market.errors import AccessDenied, Corrupt, SchemaChanged
from vibelux.market.intervals import Interval

FEED = feed_named("rggi/auction-prices")
COLUMNS = ("Auction", "Date", "Quantity Offered", "CCR Sold", "Quantity Sold", "Clearing Price", "Total Proceeds")
SHORT_TON = 0.90718474
NEWEST = ("Auction 72", "2026-06-03", "15,000,000", "8,000,000", "23,000,000", "$35.00", "$805,000,000.00")


def parse(body: bytes | str, name: str = "") -> Parsed:
    return read(FEED, Payload(body if isinstance(body, bytes) else body.encode(), name))


def page(*rows: tuple[str, ...], columns: tuple[str, ...] = COLUMNS) -> str:
    head = "".join(f"<th>{name}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td> {cell} </td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    title = "<title>Allowance Prices and Volumes | RGGI</title>"
    return f"<!DOCTYPE html><html><head>{title}</head><body>{table}</body></html>"


def prices(parsed: Parsed) -> dict[date, float]:
    return dict(parsed.frames["carbon-price"].select("trading_date", "price_per_metric_ton").rows())


def transcript() -> list[dict[str, str]]:
    return list(csv.DictReader(real("carbon/rggi-auctions/rggi_auction_prices_1-70.csv").read_text().splitlines()))


def expected() -> dict[date, float]:
    return {
        date.fromisoformat(row["auction_date"]): float(row["clearing_price_usd"]) / SHORT_TON for row in transcript()
    }


def test_a_page_of_all_recorded_auctions_gives_a_price_per_metric_ton_each():
    fixed = ("1,000", "--", "1,000")
    rows = [
        (f"Auction {row['auction_num']}", row["auction_date"], *fixed, f"${row['clearing_price_usd']}", "$1.00")
        for row in reversed(transcript())
    ]
    parsed = parse(page(*rows), "prices-volumes")
    assert prices(parsed) == pytest.approx(expected(), abs=1e-6)
    assert (parsed.rows, parsed.quarantined) == (70, [])
    assert prices(parsed)[date(2025, 12, 3)] == pytest.approx(29.46, abs=0.005)


def test_the_recorded_transcript_gives_every_price_per_metric_ton():
    file = real("carbon/rggi-auctions/rggi_auction_prices_1-70.csv")
    parsed = parse(file.read_bytes(), file.name)
    assert prices(parsed) == pytest.approx(expected(), abs=1e-6)
    assert (parsed.rows, parsed.quarantined) == (70, [])


def test_a_record_says_market_unit_and_source():
    row = parse(page(NEWEST)).frames["carbon-price"].row(0, named=True)
    assert row == {
        "market_name": "RGGI", "region": "Northeast", "price_per_metric_ton": pytest.approx(38.58, abs=0.005),
        "currency": "USD", "vintage_year": None, "market_type": "compliance", "trading_date": date(2026, 6, 3),
        "data_source": "RGGI prices and volumes",
    }  # fmt: skip


def test_allowances_of_a_later_period_are_another_market():
    future = ("Auction 3 (Future)", "2009-03-18", "2,175,513", "--", "2,175,513", "$3.05", "$6,635,314.65")
    parsed = parse(
        page(("Auction 3", "2009-03-18", "31,513,765", "--", "31,513,765", "$3.51", "$117,248,629.80"), future)
    )
    assert parsed.frames["carbon-price"]["market_name"].to_list() == ["RGGI", "RGGI (Future)"]
    assert parsed.quarantined == []


def test_moved_columns_are_followed_by_name_and_a_missing_one_is_refused():
    order = (5, 1, 0, 2, 3, 4, 6)
    moved = page(tuple(NEWEST[at] for at in order), columns=tuple(COLUMNS[at] for at in order))
    assert prices(parse(moved)) == prices(parse(page(NEWEST)))
    with pytest.raises(SchemaChanged, match="Clearing Price") as caught:
        parse(page(NEWEST, columns=(*COLUMNS[:5], "Price", COLUMNS[6])))
    assert caught.value.missing == ("Clearing Price",)


@pytest.mark.parametrize(
    "bad",
    [
        ("Auction 73", "TBD", "1", "--", "1", "$35.00", "$1"),
        ("Auction 73", "2026-09-09", "1", "--", "1", "--", "$1"),
        ("Total", "2026-09-09", "1", "--", "1", "$35.00", "$1"),
    ],
)
def test_a_row_without_auction_day_or_price_is_set_aside(bad: tuple[str, ...]):
    parsed = parse(page(NEWEST, bad))
    assert parsed.rows == 1
    assert len(parsed.quarantined) == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", Corrupt),
        ("{}", Corrupt),
        ("<html><head><title>403 Forbidden</title></head></html>", AccessDenied),
        ("<html><body>[[ clearing_price ]]</body></html>", SchemaChanged),
        ("auction_num,auction_date\n1,2008-09-25\n", SchemaChanged),
    ],
)
def test_what_is_no_table_of_auctions_is_refused(body: str, error: type[Exception]):
    with pytest.raises(error):
        parse(body)


def test_the_page_is_asked_for_whatever_the_window():
    window = Interval(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
    (request,) = FEED.requests(Ask(window))
    assert request.url == "https://www.rggi.org/auctions/auction-results/prices-volumes"


def test_it_is_due_on_the_fridays_after_the_two_wednesdays_on_which_an_auction_may_be_held():
    first, second = datetime(2026, 6, 5, 16, tzinfo=UTC), datetime(2026, 6, 12, 16, tzinfo=UTC)
    assert FEED.publication.next_after(datetime(2026, 4, 1, tzinfo=UTC)) == first
    assert FEED.publication.next_after(first) == second
    assert FEED.publication.known_until(second) == datetime(2026, 6, 4, 4, tzinfo=UTC)
    assert FEED.publication.next_after(second) == datetime(2026, 9, 4, 16, tzinfo=UTC)
