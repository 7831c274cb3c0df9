"""Polls a site's Modbus TCP device by its register map. One register that fails stops no other, one device neither."""

import asyncio
import logging

import structlog
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from vibelux.config_telemetry import ModbusDevice
from vibelux.market.clock import Clock
from vibelux.market.errors import Corrupt, FeedError, Unreachable, UpstreamError, UsageError
from vibelux.realtime.pictures import Pictures
from vibelux.realtime.registers import Register, RegisterMap
from vibelux.realtime.telemetry import Telemetry
from vibelux.realtime.telemetry_metrics import TelemetryMetrics

log = structlog.get_logger(__name__)

_LONGEST_RETRY_SECONDS = 300.0

# What the library has to say of lost connections is said here, in our own words.
logging.getLogger("pymodbus").addHandler(logging.NullHandler())
logging.getLogger("pymodbus").propagate = False


class Device:
    """The line to one device.

    Args:
        settings: where it is and how often it is asked.
        registers: its map.
        telemetry: is told of what cannot be used.
        pictures: take the readings.
        clock: the service's.
        metrics: counters.
    """

    def __init__(
        self,
        settings: ModbusDevice,
        registers: RegisterMap,
        *,
        telemetry: Telemetry,
        pictures: Pictures,
        clock: Clock,
        metrics: TelemetryMetrics,
    ) -> None:
        self._settings = settings
        self._registers = registers.registers
        self._telemetry = telemetry
        self._pictures = pictures
        self._clock = clock
        self._source = f"modbus {settings.name}"
        self._connected = metrics.connected.labels(self._source)
        self._client: AsyncModbusTcpClient | None = None

    async def run(self) -> None:
        """Polls until cancelled; a device that does not answer is asked less and less often."""
        wait, task = self._settings.poll_seconds, asyncio.current_task()
        try:
            # pymodbus makes an error of its own out of a cancellation amid a request.
            while task is None or not task.cancelling():
                try:
                    await self.poll()
                    wait = self._settings.poll_seconds
                except Unreachable:
                    wait = min(wait * 2, max(_LONGEST_RETRY_SECONDS, self._settings.poll_seconds))
                except Exception:  # a fault of ours with this device must not end the others
                    log.exception("a poll failed", device=self._settings.name)
                await self._clock.sleep(wait)
        finally:
            self.close()

    async def poll(self) -> int:
        """Reads every register once; how many gave a reading.

        Raises:
            Unreachable: the device does not answer; that was told.
        """
        good = 0
        try:
            client = await self._connection()
            for register in self._registers:
                good += await self._read(client, register)
        except Unreachable as error:
            self.close()
            self._telemetry.refuse(self._source, "connection", error)
            raise
        self._connected.set(1)
        self._telemetry.good(self._source, "connection")
        return good

    def close(self) -> None:
        """Lets go of the connection."""
        self._connected.set(0)
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _connection(self) -> AsyncModbusTcpClient:
        if self._client is None or not self._client.connected:
            one = self._settings
            self._client = AsyncModbusTcpClient(
                one.host, port=one.port, timeout=one.timeout_seconds, retries=0, reconnect_delay=0.0
            )
            if not await self._client.connect():
                raise Unreachable(f"no connection to {one.host} port {one.port}")
        return self._client

    async def _read(self, client: AsyncModbusTcpClient, register: Register) -> bool:
        """Whether the register gave a reading."""
        raw: list[int] = []
        try:
            raw = await self._raw(client, register)
            value = register.value(raw)
            if value is not None:
                self._pictures.put(self._settings.facility, register.target, value, self._source)
        except Unreachable:
            raise
        except (FeedError, UsageError) as error:
            self._telemetry.refuse(self._source, register.field, error, " ".join(f"{word:04x}" for word in raw))
            return False
        self._telemetry.good(self._source, register.field)
        return value is not None

    async def _raw(self, client: AsyncModbusTcpClient, register: Register) -> list[int]:
        read = {
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
        }[register.table]
        place = f"{register.table} {register.address}"
        try:
            reply: ModbusPDU = await read(register.address, count=register.count, device_id=self._settings.device_id)
        except (ModbusException, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise Unreachable(f"no answer for {place}: {error}") from error
        if reply.isError():
            raise UpstreamError(f"{register.field}: the device refuses {place}: {_name(reply)}", code=_name(reply))
        raw = [int(bit) for bit in reply.bits[:1]] if register.is_bit else list(reply.registers)
        if len(raw) != register.count:
            raise Corrupt(f"{register.field}: {len(raw)} registers at {place}, {register.count} were asked for")
        return raw


def _name(reply: ModbusPDU) -> str:
    """The device's word for what is wrong: `illegal address`."""
    known = {code.value: code.name.lower().replace("_", " ") for code in ExcCodes}
    return known.get(reply.exception_code, f"exception {reply.exception_code}")
