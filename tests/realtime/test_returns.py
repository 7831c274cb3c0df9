"""Costs and return: configured prices, measured use and savings, on one page."""

from datetime import timedelta

import pytest

from dispatch.test_ledger import NOON
from realtime.test_ledger import SITE, clock, ledger, put_prices
from store.samples import parsed, price, receipt
from vibelux.config import Settings
from vibelux.config_costs import CostSettings, DataPlan
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import ConfigError
from vibelux.realtime.ledger import Ledger
from vibelux.realtime.returns import Returns, Saved, cost_rows, measured, yearly
from vibelux.store.database import Database
from vibelux.store.facilities import put_facility
from vibelux.store.usage import ProviderUsage
from vibelux.store.writer import write_payload

__all__ = ["clock", "ledger"]  # fixtures


def saved(**changes: float) -> Saved:
    given = {
        "hours": 8766.0, "decisions_usd": 10_000.0, "decisions_of_usd": 100_000.0, "peak_usd": 3_000.0,
        "peak_of_usd": 20_000.0, "demand_response_usd": 6_000.0, "peak_months": 12,
    }  # fmt: skip
    return Saved("a", **given | changes)


def test_requests_beyond_those_included_cost_more() -> None:
    costs = CostSettings(
        providers={"pjm": DataPlan(usd_per_month=500.0, requests_included=1000, usd_per_1000_requests=10.0)}
    )
    rows = cost_rows(costs, [ProviderUsage("pjm", 1500, 3.0), ProviderUsage("caiso", 10, 1.0)], 0.5)
    assert [(row["what"], row["requestsPerMonth"], row["usdPerMonth"]) for row in rows] == [
        ("caiso", 20, 0.0),
        ("pjm", 3000, 520.0),
    ]


def test_half_a_year_is_told_as_a_whole_one() -> None:
    assert saved(hours=4383.0, peak_months=6).usd_per_year == pytest.approx(38_000.0)


def test_the_peak_of_a_month_counts_once_however_few_of_its_hours_are_known() -> None:
    one = saved(hours=2.0, decisions_usd=0.0, demand_response_usd=0.0, peak_usd=500.0, peak_months=1)
    assert one.usd_per_year == pytest.approx(6_000.0)


def test_what_is_measured_stands_beside_what_was_promised() -> None:
    assert measured([saved()]) == {"decisionsPercent": 10.0, "peakPercent": 15.0, "demandResponseUsdPerYear": 6000.0}
    assert set(measured([]).values()) == {None}


def test_what_never_pays_back_says_so() -> None:
    told = yearly([saved()], usd_per_month=5_000.0, once_usd=1_000.0)
    assert told["netUsdPerYear"] == -41_000.0
    assert told["paybackMonths"] is None


async def test_the_page_holds_savings_of_the_ledger_and_payloads_of_the_store(
    database: Database, ledger: Ledger, clock: FrozenClock
) -> None:
    await put_prices(database, 0.06, NOON)
    await write_payload(database, receipt(NOON, feed="pjm/real-time-lmp"), parsed(price(0.05)))
    costs = CostSettings(once_usd=100.0, providers={"pjm": DataPlan(usd_per_month=10.0)}, infrastructure={"cache": 5.0})
    await put_facility(database, SITE.id, SITE.as_dict(), "file")
    await put_facility(database, "broken", {}, "file")
    told = await Returns(database, clock, costs).told(NOON, NOON + timedelta(hours=2))
    assert told["facilities"][0]["hours"] == 2.0
    assert told["costsUsdPerYear"] == 180.0
    assert {row["what"] for row in told["costs"]} == {"caiso", "pjm", "cache"}
    assert told["databaseMegabytes"] > 1


def test_costs_are_read_from_the_file(tmp_path) -> None:
    file = tmp_path / "vibelux.toml"
    file.write_text("[costs]\nonce_usd = 10.0\n[costs.providers]\npjm = { usd_per_month = 750.0 }\n")
    assert Settings.load(file, {}).costs.providers["pjm"].usd_per_month == 750.0


@pytest.mark.parametrize(
    ("text", "said"),
    [("[costs.providers]\npmj = {}\n", "pjm"), ("[costs]\nonce = 1.0\n", "line 2")],
)
def test_a_wrong_key_is_refused_with_the_nearest_one(tmp_path, text: str, said: str) -> None:
    file = tmp_path / "vibelux.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        Settings.load(file, {})
