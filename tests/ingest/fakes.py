"""What the tests of ingest share: small feeds, payloads, and a store in memory."""

import asyncio
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from prometheus_client import CollectorRegistry

from vibelux.feeds import Ask, Feed, Parsed, Payload, Request, Rolling, Service
from vibelux.feeds._check import shaped
from vibelux.feeds._csv import read_csv
from vibelux.ingest.client import Upstream
from vibelux.ingest.metrics import Metrics
from vibelux.market.clock import Clock, FrozenClock
from vibelux.market.errors import FeedError, StoreUnavailable
from vibelux.market.records import ELECTRICITY_PRICE
from vibelux.store.journal import Receipt
from vibelux.store.writer import Written

NOON = datetime(2026, 7, 14, 19, 0, 30, tzinfo=UTC)
STEP = timedelta(minutes=5)


def _requests(ask: Ask) -> Iterator[Request]:
    yield Request(f"https://prices.test/data?from={ask.window.start:%H%M}&to={ask.window.end:%H%M}")


def _parse(payload: Payload) -> Parsed:
    frame = read_csv(payload.body, ("start", "node", "price"), name=payload.name, numbers=("price",))
    start = pl.col("start").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")
    rows = frame.select(
        iso_region=pl.lit("CAISO"),
        region=pl.lit("California"),
        pricing_node="node",
        market=pl.lit("real-time-5min"),
        price_type=pl.lit("LMP"),
        price_per_kwh=pl.col("price").cast(pl.Float64),
        currency=pl.lit("USD"),
        market_interval_start=start,
        market_interval_end=start + STEP,
        data_source=pl.lit("test"),
        confidence_level=pl.lit(100.0),
    )
    return Parsed({ELECTRICITY_PRICE.name: shaped(ELECTRICITY_PRICE, rows)})


PRICES = Feed(
    provider="caiso",
    data_type="real-time-pricing",
    region="California",
    kind="electricity-price",
    reports=("PRICES",),
    service=Service("prices.test", seconds_between=1.0, timeout_seconds=5.0, max_body_bytes=100_000),
    url="https://prices.test/data",
    publication=Rolling(step=STEP, lag=timedelta(seconds=30)),
    stale_after_seconds=900,
    timezone="America/Los_Angeles",
    unit="USD/kWh",
    plausible=(-2.0, 10.0),
    columns=("start", "node", "price"),
    requests=_requests,
    parse=_parse,
)
OTHER = replace(
    PRICES,
    data_type="other",
    service=replace(PRICES.service, name="other.test"),
    requests=lambda _: [Request("https://other.test/other")],
)


def csv_of(start: datetime, count: int, node: str = "NODE", price: float = 0.05) -> bytes:
    """Five-minute prices, `count` from `start` on."""
    rows = [f"{start + n * STEP:%Y-%m-%dT%H:%M:%SZ},{node},{price + n / 1000}" for n in range(count)]
    return "\n".join(["start,node,price", *rows, ""]).encode()


def hour_before(moment: datetime) -> bytes:
    """The twelve intervals of the hour up to the one that is running."""
    running = moment.replace(minute=moment.minute // 5 * 5, second=0, microsecond=0)
    return csv_of(running - 11 * STEP, 12)


def zipped(name: str, body: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, body)
    return packed.getvalue()


class PatientClock(FrozenClock):
    """A frozen clock that lets sockets do their work before time goes on."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.005)
        await super().sleep(seconds)


class MemoryKeeper:
    """A store in memory that can be away."""

    def __init__(self) -> None:
        self.away = False
        self.rows: dict[tuple[str, datetime], float] = {}
        self.receipts: list[Receipt] = []
        self.failures: list[tuple[Receipt, FeedError]] = []
        self.held: dict[str, datetime] = {}

    def _be_there(self) -> None:
        if self.away:
            raise StoreUnavailable("the store is away for a test")

    async def payload(
        self, receipt: Receipt, parsed: Parsed, *, latency_ms: int | None, position: datetime | None
    ) -> Written:
        del latency_ms
        self._be_there()
        frame = parsed.frames[ELECTRICITY_PRICE.name]
        new, corrected, changed = 0, 0, set()
        for row in frame.iter_rows(named=True):
            key = (row["pricing_node"], row["market_interval_start"])
            if self.rows.get(key) != row["price_per_kwh"]:
                new, corrected = (new, corrected + 1) if key in self.rows else (new + 1, corrected)
                self.rows[key] = row["price_per_kwh"]
                changed.add((ELECTRICITY_PRICE.name, row["pricing_node"]))
        self.receipts.append(receipt)
        if position is not None:
            self.held[receipt.feed] = position
        newest: Any = frame["market_interval_end"].max()
        return Written(
            new=new,
            corrected=corrected,
            unchanged=frame.height - new - corrected,
            quarantined=len(parsed.quarantined),
            newest={ELECTRICITY_PRICE.name: newest},
            changed=frozenset(changed),
        )

    async def failure(self, receipt: Receipt, error: FeedError) -> None:
        self._be_there()
        self.failures.append((receipt, error))

    async def positions(self) -> dict[str, datetime]:
        self._be_there()
        return dict(self.held)

    async def newest_price(self, iso_region: str, market: str, at: datetime) -> dict[str, Any] | None:
        self._be_there()
        del iso_region, market
        known = sorted((start, node) for node, start in self.rows if start <= at)
        if not known:
            return None
        start, node = known[-1]
        return {
            "pricing_node": node,
            "market_interval_start": start,
            "market_interval_end": start + STEP,
            "price_per_kwh": self.rows[node, start],
        }


def metrics(clock: Clock) -> Metrics:
    return Metrics(clock, CollectorRegistry())


def upstream_to(url: str, clock: Clock, **more: Any) -> Upstream:
    """An upstream whose provider `caiso` hangs below a stand-in."""
    return Upstream(clock, base_urls={"caiso": url}, **more)
