"""Everything by which sites report and are spoken to: telemetry, the broker where one is set, the devices that are."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry

from vibelux.config import Settings
from vibelux.dispatch.facility import Facility
from vibelux.market.clock import Clock
from vibelux.realtime.desk import Desk
from vibelux.realtime.modbus import Device
from vibelux.realtime.mqtt import Broker
from vibelux.realtime.pictures import Pictures
from vibelux.realtime.registers import read_map
from vibelux.realtime.telemetry import Telemetry
from vibelux.realtime.telemetry_metrics import TelemetryMetrics
from vibelux.realtime.voice import Voice
from vibelux.store.database import Database
from vibelux.store.decisions import decisions


class Sites:
    """The lines to all sites.

    Args:
        db: the store.
        desk: who decides for them.
        clock: the service's.
        settings: `MQTT_URL` and `[telemetry]`; what they do not name is not there.
        registry: of metrics.
        stale_seconds: of a facility, the age over which its price no longer counts.

    Raises:
        ConfigError: a register map is wrong or not there.
    """

    def __init__(
        self,
        db: Database,
        desk: Desk,
        clock: Clock,
        settings: Settings,
        registry: CollectorRegistry,
        stale_seconds: Callable[[Facility], float],
    ) -> None:
        self._desk = desk
        metrics = self._metrics = TelemetryMetrics(clock, registry)
        self.telemetry = Telemetry(db, clock, metrics=metrics, find=self._ratings, reported=desk.on_operations)
        telemetry = settings.telemetry
        self._pictures = Pictures(
            self.telemetry, clock, report_seconds=telemetry.report_seconds, hold_seconds=telemetry.hold_seconds
        )
        shared: dict[str, Any] = {
            "telemetry": self.telemetry,
            "pictures": self._pictures,
            "clock": clock,
            "metrics": metrics,
        }
        self._lines: list[Broker | Device] = [
            Device(device, read_map(device.map), **shared) for device in telemetry.modbus
        ]
        if settings.mqtt_url is not None:

            async def history(facility_id: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
                return [row["decision"] for row in await decisions(db, facility_id, start, end)]

            voice = Voice(desk, clock, telemetry.mqtt, stale_seconds=stale_seconds, history=history)
            self._lines.append(Broker(settings.mqtt_url, telemetry.mqtt, voice=voice, **shared))

    @property
    def silent(self) -> list[str]:
        """The broker and the devices that do not answer now."""
        (family,) = self._metrics.connected.collect()
        return [sample.labels["source"] for sample in family.samples if not sample.value]

    async def start(self) -> None:
        """Takes up what the desk's facilities last reported.

        Raises:
            StoreUnavailable: the database is away.
        """
        await self.telemetry.start([facility.id for facility in self._desk.facilities])

    async def run(self) -> None:
        """Hears and speaks until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.telemetry.run(), name="store reports")
            if self._lines:
                group.create_task(self._pictures.run(), name="make reports")
            for line in self._lines:
                group.create_task(line.run())

    def _ratings(self, facility_id: str) -> dict[str, float] | None:
        facility = self._desk.facility(facility_id)
        return None if facility is None else {engine.id: engine.rated_kw for engine in facility.chp}
