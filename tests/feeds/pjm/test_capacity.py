"""Results of capacity auctions: PJM's workbooks as others describe them, and CSV. There is no recording."""

import io
import zipfile
from datetime import UTC, date, datetime

import pytest

from feeds.pjm.payloads import parse
from vibelux.feeds import Ask, feed_named
from vibelux.market.errors import Corrupt, NotYetPublished, SchemaChanged
from vibelux.market.intervals import Interval

TITLE = ["2025/2026 RPM Base Residual Auction Resource Clearing Price Results"]
HEADER = ["LDA", "System Marginal Price", "Locational Price Adder", "Resource Clearing Price ($/MW-day)"]
PRICES = [
    ["RTO", "269.92", "0", "269.92"],
    ["BGE", "269.92", "196.43", "466.35"],
    ["DOM*", "269.92", "174.34", "444.26"],
]
AFTER = [
    ["*System Marginal Price is the price of the last offer"],
    ["Cleared & Make-Whole MWs"],
    ["RTO", "1", "2", "135684"],
]


def workbook(**sheets: list[list[str]]) -> bytes:
    """A workbook of inline texts and numbers, as small as the form allows."""
    names = list(sheets)
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    packages = "http://schemas.openxmlformats.org/package/2006"
    office = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{packages}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="{office}.worksheet+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{office}.sheet.main+xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{packages}/relationships"><Relationship Id="rId1" '
            f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        listed = "".join(
            f'<sheet name="{name.replace("_", " ")}" sheetId="{at}" r:id="rId{at}"/>'
            for at, name in enumerate(names, 1)
        )
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>{listed}</sheets></workbook>'
        )
        targets = "".join(
            f'<Relationship Id="rId{at}" Type="{relations}/worksheet" Target="worksheets/sheet{at}.xml"/>'
            for at in range(1, len(names) + 1)
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{packages}/relationships">{targets}</Relationships>'
        )
        for at, name in enumerate(names, 1):
            archive.writestr(f"xl/worksheets/sheet{at}.xml", _sheet(sheets[name], main))
    return buffer.getvalue()


def _sheet(rows: list[list[str]], main: str) -> str:
    lines = []
    for at, row in enumerate(rows, 1):
        cells = []
        for column, cell in enumerate(row):
            place = f"{chr(65 + column)}{at}"
            if cell.replace(".", "").replace("-", "").isdigit():
                cells.append(f'<c r="{place}"><v>{cell}</v></c>')
            elif cell:
                text = cell.replace("&", "&amp;")
                cells.append(f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>')
        lines.append(f'<row r="{at}">{"".join(cells)}</row>')
    return f'<worksheet xmlns="{main}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def records(body: bytes | str, name: str = "") -> list[tuple[object, ...]]:
    frame = parse("capacity-prices", body, name).frames["capacity-price"]
    return frame.select("region", "auction", "delivery_start", "delivery_end", "price_per_mw_day").rows()


YEAR = (date(2025, 6, 1), date(2026, 5, 31))
EXPECTED = [
    ("RTO", "Base Residual Auction", *YEAR, 269.92),
    ("BGE", "Base Residual Auction", *YEAR, 466.35),
    ("DOM", "Base Residual Auction", *YEAR, 444.26),
]


def test_a_workbook_gives_a_price_an_area_and_stops_at_its_footnote():
    body = workbook(Notes=[["Read me"], ["more"]], BRA_Resource_Clearing_Results=[TITLE, [""], HEADER, *PRICES, *AFTER])
    assert records(body, "2025-2026-base-residual-auction-results.xlsx") == EXPECTED


@pytest.mark.parametrize(
    "after",
    [
        AFTER,
        [["LDA", "Offered MW", "Make-whole MW", "Cleared MW"], ["RTO", "1", "2", "135684"]],
        [["Participant Sell Offers Cleared"], ["RTO", "1", "2", "135684"]],
    ],
)
def test_megawatts_in_a_second_table_are_never_prices(after: list[list[str]]):
    lines = [TITLE, HEADER, *PRICES, [], *after]
    assert records("\n".join(",".join(f'"{cell}"' for cell in line) for line in lines)) == EXPECTED


def test_the_delivery_year_and_auction_may_be_in_the_file_name():
    body = "LDA,Resource Clearing Price\nRTO,$329.17\n"
    expected = ("RTO", "Base Residual Auction", date(2026, 6, 1), date(2027, 5, 31), 329.17)
    assert records(body, "2026-2027-bra-results.csv") == [expected]


def test_the_delivery_year_and_auction_may_be_in_columns():
    body = (
        "delivery_year,auction,LDA,clearing_price\n2024/2025,Third Incremental Auction,RTO,58.0\n"
        '2024-25,Third Incremental Auction,EMAAC,"1,053.5"\n'
    )
    years = (date(2024, 6, 1), date(2025, 5, 31))
    assert records(body) == [
        ("RTO", "Third Incremental Auction", *years, 58.0),
        ("EMAAC", "Third Incremental Auction", *years, 1053.5),
    ]


def test_two_products_of_one_auction_are_told_apart():
    body = (
        "2018/2019 RPM Base Residual Auction\nLDA,Capacity Performance Resource Clearing Price,"
        "Base Generation Resource Clearing Price\nRTO,164.77,149.98\n"
    )
    years = (date(2018, 6, 1), date(2019, 5, 31))
    assert records(body) == [
        ("RTO", "Base Residual Auction Capacity Performance", *years, 164.77),
        ("RTO", "Base Residual Auction Base Generation", *years, 149.98),
    ]


def test_a_garbled_price_is_quarantined_and_the_others_kept():
    result = parse(
        "capacity-prices", "2025/2026 BRA\nLDA,Resource Clearing Price\nRTO,269.92\nBGE,466..35\nDOM,444.26\n"
    )
    assert result.rows == 2
    assert [row.place for row in result.quarantined] == ["BGE 2025"]


def test_a_page_instead_of_a_workbook_is_an_auction_that_is_not_out():
    with pytest.raises(NotYetPublished):
        parse("capacity-prices", "<!doctype html><html><body>PJM</body></html>", "2029-2030-bra-results.xlsx")


@pytest.mark.parametrize("body", ["", "LDA,MW\nRTO,1\n", "%PDF-1.7 ..."])
def test_a_file_without_clearing_prices_is_refused(body: str):
    with pytest.raises(SchemaChanged, match="clearing price"):
        parse("capacity-prices", body, "2025-2026-bra-results.csv")


def test_a_file_that_does_not_say_its_delivery_year_is_refused():
    with pytest.raises(SchemaChanged, match="delivery year"):
        parse("capacity-prices", "LDA,Resource Clearing Price\nRTO,269.92\n", "results_20250722.csv")


def test_an_old_or_damaged_workbook_is_corrupt():
    body = workbook(Sheet=[TITLE, HEADER, *PRICES])
    for bad in (body[: len(body) // 2], b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64)):
        with pytest.raises(Corrupt):
            parse("capacity-prices", bad, "2012-2013-base-residual-auction-results-xls.xls")


def test_the_workbook_of_each_delivery_year_in_the_window_is_asked_for():
    window = Interval(datetime(2025, 6, 1, 4, tzinfo=UTC), datetime(2026, 6, 1, 5, tzinfo=UTC))
    urls = [request.url for request in feed_named("pjm/capacity-prices").requests(Ask(window))]
    root = "https://www.pjm.com/-/media/DotCom/markets-ops/rpm/rpm-auction-info"
    assert urls == [
        f"{root}/2025-2026/2025-2026-base-residual-auction-results.xlsx",
        f"{root}/2026-2027/2026-2027-bra-results.xlsx",
    ]
