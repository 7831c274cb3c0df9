"""Devices at a site: a real pymodbus server at the other end of the line."""

import asyncio
import socket
import struct
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from vibelux.config_telemetry import ModbusDevice
from vibelux.market.clock import Clock, FrozenClock, LiveClock
from vibelux.market.errors import Unreachable
from vibelux.realtime.modbus import Device
from vibelux.realtime.pictures import Pictures
from vibelux.realtime.registers import RegisterMap
from vibelux.realtime.telemetry import Telemetry
from vibelux.realtime.telemetry_metrics import TelemetryMetrics
from vibelux.store import reader
from vibelux.store.operations import latest_operations

NOW = datetime(2026, 7, 14, 19, 2, tzinfo=UTC)
SITE = "salinas-1"
ENGINE = [
    {"field": "units.engine-1.on", "address": 100, "type": "uint16", "bit": 2},
    {"field": "units.engine-1.powerKw", "address": 101, "type": "int32", "unit": "W"},
    {"field": "units.engine-1.heatKw", "address": 103, "type": "float32", "word_order": "little"},
    {"field": "frequencyHz", "address": 5, "table": "input", "type": "uint16", "scale": 0.01},
    {"field": "voltageV", "address": 105, "type": "uint16", "scale": 0.1},
    {"field": "storageKwh", "address": 106, "type": "int16", "high": 3000.0},
]


def words(form: str, value: float) -> list[int]:
    packed = struct.pack(f">{form}", value)
    return list(struct.unpack(f">{len(packed) // 2}H", packed))


class Plc:
    """A device with holding registers 100 to 119, input register 5 and a coil; it can be written to and ended."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        blocks = [
            [SimData(0, values=[True, False], datatype=DataType.BITS)],
            [SimData(0, values=[False, True], datatype=DataType.BITS)],
            [SimData(100, count=20, values=0, datatype=DataType.REGISTERS)],
            [SimData(5, values=[5998], datatype=DataType.REGISTERS)],
        ]
        self._server = ModbusTcpServer(SimDevice(id=1, simdata=tuple(blocks)), address=("127.0.0.1", self.port))
        self._task = asyncio.create_task(self._server.serve_forever())
        self.client = AsyncModbusTcpClient("127.0.0.1", port=self.port, retries=0, reconnect_delay=0.0)
        async with asyncio.timeout(10):
            while not await self.client.connect():
                await asyncio.sleep(0.02)
        await self.set(100, [0b100])
        await self.set(101, words("i", 870_500))
        await self.set(103, words("f", 1010.0)[::-1])
        await self.set(105, [4805])
        await self.set(106, [1200])

    async def set(self, address: int, values: list[int]) -> None:
        assert not (await self.client.write_registers(address, values, device_id=1)).isError()

    async def stop(self) -> None:
        if self._task is not None:
            self.client.close()
            await self._server.shutdown()
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None


@pytest.fixture
async def plc():
    one = Plc()
    await one.start()
    yield one
    await one.stop()


class Site:
    """What a device is polled for."""

    def __init__(self, database, clock: Clock | None = None) -> None:
        self.clock, self.registry = clock or FrozenClock(NOW), CollectorRegistry()
        self.metrics = TelemetryMetrics(self.clock, self.registry)
        self.telemetry = Telemetry(
            database, self.clock, metrics=self.metrics, reported=lambda _: None,
            find=lambda name: {"engine-1": 1000.0} if name == SITE else None,
        )  # fmt: skip
        self.pictures = Pictures(self.telemetry, self.clock, report_seconds=10, hold_seconds=60)
        self._database = database

    def device(self, port: int, registers: list[dict[str, Any]], **more: Any) -> Device:
        settings = ModbusDevice(
            **{"name": "plc", "facility": SITE, "host": "127.0.0.1", "port": port, "map": Path("x")} | more
        )
        return Device(
            settings, RegisterMap.model_validate({"registers": registers}), telemetry=self.telemetry,
            pictures=self.pictures, clock=self.clock, metrics=self.metrics,
        )  # fmt: skip

    async def report(self) -> dict[str, Any] | None:
        """What the polls so far have told, as it is stored."""
        self.pictures.report()
        await self.telemetry.store_waiting()
        return await latest_operations(self._database, SITE, self.clock.now())

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@asynccontextmanager
async def polled(database, plc: Plc, registers: list[dict[str, Any]], **more: Any):
    site = Site(database)
    device = site.device(plc.port, registers, **more)
    try:
        yield site, device
    finally:
        device.close()


async def test_a_poll_by_the_register_map_is_a_report_in_the_contracts_units(database, plc):
    async with polled(database, plc, ENGINE) as (site, device):
        assert await device.poll() == 6
        found = await site.report()
        assert found["units"] == [
            {"id": "engine-1", "on": True, "powerKw": 870.5, "heatKw": 1010.0, "fuelKwHhv": None, "since": None}
        ]
        assert (found["frequencyHz"], found["voltageV"], found["storageKwh"]) == (59.98, 480.5, 1200.0)
        assert site.metric("vibelux_telemetry_connected", source="modbus plc") == 1
        kept = await reader.records(database, "operations", start=NOW, end=NOW.replace(hour=20))
        assert kept["data_source"].to_list() == ["modbus plc"]
        await plc.set(100, [0])
        await plc.set(101, [0, 0])
        site.clock.move(10)
        await device.poll()
        found = await site.report()
        assert (found["units"][0]["on"], found["units"][0]["since"]) == (False, "2026-07-14T19:02:10Z")


async def test_coils_say_whether_an_engine_runs(database, plc):
    coils = [{"field": "units.engine-1.on", "address": 0, "table": "coil"}]
    async with polled(database, plc, coils) as (site, device):
        assert await device.poll() == 1
        assert (await site.report())["units"][0]["on"] is True


async def test_bad_values_are_refused_by_name_and_all_others_are_read(database, plc):
    await plc.set(103, words("f", float("nan"))[::-1])
    await plc.set(106, [3001])
    await plc.set(105, [0xFFFF])
    wrong = [*ENGINE, {"field": "gridImportKw", "address": 700}]
    async with polled(database, plc, wrong) as (site, device):
        assert await device.poll() == 3
        found = await site.report()
        assert (found["units"][0]["powerKw"], found["frequencyHz"]) == (870.5, 59.98)
        assert (found["units"][0]["heatKw"], found["storageKwh"], found["voltageV"]) == (None, None, None)
        refused = {
            error: site.metric("vibelux_telemetry_refused_total", source="modbus plc", error=error)
            for error in ("corrupt", "upstream_error")
        }
        assert refused == {"corrupt": 2, "upstream_error": 1}
        async with database.connection() as connection:
            rows = await (await connection.execute("SELECT place, reason, raw FROM quarantined_rows")).fetchall()
        reasons = {place.removeprefix("modbus plc "): (reason, raw) for place, reason, raw in rows}
        assert reasons["units.engine-1.heatKw"] == (
            "units.engine-1.heatKw: nan at holding 103 is not a number", "0000 7fc0"
        )  # fmt: skip
        assert reasons["storageKwh"][0] == "storageKwh: 3001 at holding 106 is outside None to 3000.0"
        assert reasons["gridImportKw"][0] == "gridImportKw: the device refuses holding 700: illegal address"


async def test_watts_taken_for_kilowatts_are_refused(database, plc):
    await plc.set(101, words("i", 870_500))
    wrong = [{"field": "units.engine-1.powerKw", "address": 101, "type": "int32"}]
    async with polled(database, plc, wrong) as (site, device):
        assert await device.poll() == 0
        assert await site.report() is None
        assert site.metric("vibelux_telemetry_refused_total", source="modbus plc", error="refused") == 1


async def test_a_device_that_is_away_is_said_to_be_and_is_read_again_when_it_is_back(database, plc):
    async with polled(database, plc, ENGINE, timeout_seconds=1.0) as (site, device):
        await device.poll()
        await plc.stop()
        for _ in range(2):
            with pytest.raises(Unreachable):
                await device.poll()
        assert site.metric("vibelux_telemetry_connected", source="modbus plc") == 0
        assert site.metric("vibelux_telemetry_refused_total", source="modbus plc", error="unreachable") == 2
        await plc.start()
        assert await device.poll() == 6
        assert site.metric("vibelux_telemetry_connected", source="modbus plc") == 1


async def test_one_device_that_is_away_does_not_stop_another(database, plc):
    site = Site(database, LiveClock())
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = free.getsockname()[1]
    ports = {"away": nobody, "plc": plc.port}
    devices = [site.device(port, ENGINE, name=name, poll_seconds=0.05) for name, port in ports.items()]
    tasks = [asyncio.create_task(device.run()) for device in devices]
    try:
        async with asyncio.timeout(10):
            while not ((found := await site.report()) and found["units"] and found["storageKwh"]):
                await asyncio.sleep(0.01)
        assert found["units"][0]["powerKw"] == 870.5
        assert site.metric("vibelux_telemetry_refused_total", source="modbus away", error="unreachable") >= 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_values_that_grew_old_are_not_known_any_more(database, plc):
    async with polled(database, plc, ENGINE) as (site, device):
        await device.poll()
        assert (await site.report())["storageKwh"] == 1200.0
        meter = site.device(plc.port, [{"field": "voltageV", "address": 105, "type": "uint16", "scale": 0.1}])
        site.clock.move(61)
        await meter.poll()
        meter.close()
        found = await site.report()
        assert (found["voltageV"], found["storageKwh"], found["units"]) == (480.5, None, [])
