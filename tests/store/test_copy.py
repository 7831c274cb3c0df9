"""The binary encoding: what goes in comes out of PostgreSQL again."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
import polars as pl
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibelux.market.records import Type
from vibelux.store import copy
from vibelux.store.database import Database

MOMENT = datetime(2026, 7, 14, 19, 0, 0, 123456, tzinfo=UTC)


async def through(connection: psycopg.AsyncConnection, values: pl.Series, kind: Type, column: str) -> list[object]:
    """The values after a trip through a table with one column of that type."""
    await connection.execute(f"CREATE TEMP TABLE trip (at int, v {column}) ON COMMIT DROP")
    encoded = copy.encode(
        pl.DataFrame({"at": pl.Series(range(values.len()), dtype=pl.Int32), "v": values}),
        {"at": Type.INTEGER, "v": kind},
        frozenset({"v"}) if column == "float8" else frozenset(),
    )
    async with connection.cursor() as cursor, cursor.copy("COPY trip FROM STDIN (FORMAT binary)") as stream:
        for chunk in copy.sliced(encoded):
            await stream.write(chunk)
    return [row[0] for row in await (await connection.execute("SELECT v FROM trip ORDER BY at")).fetchall()]


NUMBERS = [0.0, -0.0, 0.03404259, -0.15, 1e-9, -1e-9, 1.0, 9999.999999999, 12345.678, -99_999_999.5, None]


@pytest.mark.parametrize(
    ("values", "kind", "column", "expected"),
    [
        (
            pl.Series(NUMBERS, dtype=pl.Float64),
            Type.NUMBER,
            "numeric(18, 9)",
            [None if n is None else round(Decimal(repr(n)), 9) for n in NUMBERS],
        ),
        (pl.Series([0.5, -0.25], dtype=pl.Float64), Type.NUMBER, "numeric(18, 9)", [Decimal("0.5"), Decimal("-0.25")]),
        (pl.Series([100.0, 99.5, None], dtype=pl.Float64), Type.NUMBER, "numeric(5, 2)", [100, Decimal("99.5"), None]),
        (pl.Series([1e300, -0.1, None], dtype=pl.Float64), Type.NUMBER, "float8", [1e300, -0.1, None]),
        (pl.Series(["a", "", "Ünïted", None, "a"]), Type.TEXT, "text", ["a", "", "Ünïted", None, "a"]),
        (pl.Series(["same"] * 3), Type.TEXT, "text", ["same"] * 3),
        (pl.Series([None, None], dtype=pl.String), Type.TEXT, "text", [None, None]),
        (pl.Series(["b", "a", None], dtype=pl.Categorical), Type.TEXT, "text", ["b", "a", None]),
        (pl.Series(["N\0UL"]), Type.TEXT, "text", ["NUL"]),
        (pl.Series([2026, None, -1], dtype=pl.Int32), Type.INTEGER, "int", [2026, None, -1]),
        (
            pl.Series([MOMENT, None, datetime(1999, 1, 1, tzinfo=UTC)], dtype=pl.Datetime("us", "UTC")),
            Type.TIME,
            "timestamptz",
            [MOMENT, None, datetime(1999, 1, 1, tzinfo=UTC)],
        ),
        (pl.Series([date(1970, 1, 1), None]), Type.DATE, "date", [date(1970, 1, 1), None]),
        (
            pl.Series([{"level": 3}, ["SP15"], []], dtype=pl.Object),
            Type.JSON,
            "jsonb",
            [{"level": 3}, ["SP15"], []],
        ),
    ],
)  # fmt: skip
async def test_every_type_comes_back_as_it_went(
    database: Database, values: pl.Series, kind: Type, column: str, expected: list[object]
) -> None:
    async with database.connection() as connection:
        assert await through(connection, values, kind, column) == expected


async def test_more_rows_than_a_chunk_stay_in_their_rows(database: Database) -> None:
    values = pl.Series([f"node {n}" * (n % 5) if n % 7 else None for n in range(copy.CHUNK_ROWS * 2 + 3)])
    async with database.connection() as connection:
        assert await through(connection, values, Type.TEXT, "text") == values.to_list()


@given(st.lists(st.decimals(-99_999_999, 99_999_999, places=9), min_size=1, max_size=20))
def test_a_number_keeps_its_nine_places(numbers: list[Decimal]) -> None:
    values = [float(number) for number in numbers]
    cells = copy.encode(pl.DataFrame({"v": values}), {"v": Type.NUMBER}, frozenset())[0].cells
    for value, cell in zip(values, cells, strict=True):
        words = cell.view(">i2").astype(int)
        groups, weight, sign, places = words[2:6]
        whole = sum(int(digit) * Decimal(10_000) ** int(weight - at) for at, digit in enumerate(words[6:]))
        assert groups == len(words) - 6
        assert places == 9
        assert (
            abs((-whole if sign else whole) - Decimal(value)) <= Decimal("0.5000001e-9") + abs(Decimal(value)) / 2**52
        )


def test_uuids_are_of_version_7_single_and_rise() -> None:
    cells = copy.uuids(5000, MOMENT, np.random.default_rng(3)).cells
    found = [UUID(bytes=bytes(cell[4:])) for cell in cells]
    assert {uuid.version for uuid in found} == {7}
    assert {uuid.variant for uuid in found} == {"specified in RFC 4122"}
    assert found == sorted(set(found))
    assert found[0].int >> 80 == int(MOMENT.timestamp() * 1000)
