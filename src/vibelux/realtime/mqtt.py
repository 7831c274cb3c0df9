"""The line to the sites' broker: one connection, made again whenever it is lost, over which both sides speak."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from pydantic import SecretStr

from vibelux.config_telemetry import MqttSettings
from vibelux.market.clock import Clock
from vibelux.market.errors import UsageError
from vibelux.realtime.pictures import Pictures
from vibelux.realtime.telemetry import Telemetry
from vibelux.realtime.telemetry_metrics import TelemetryMetrics
from vibelux.realtime.topics import Topics
from vibelux.realtime.voice import Voice

log = structlog.get_logger(__name__)

_SOURCE = "mqtt"
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_TIMEOUT_SECONDS = 4.0
_GOODBYE_SECONDS = 1.0
_MOST_WAITING = 10_000
"""Messages that have come and were not looked at yet; beyond that the oldest go."""
_AT_ONCE = 100
"""Messages that are looked at before others in this process have their turn."""

# What the library has to say of lost connections is said here, in our own words.
_client_log = logging.getLogger("vibelux.mqtt")
_client_log.addHandler(logging.NullHandler())
_client_log.propagate = False


class Broker:
    """The connection to a broker.

    Args:
        url: `mqtt://user:password@host:1883`, or `mqtts://` for TLS.
        settings: topics.
        telemetry: takes reports.
        pictures: take single values.
        voice: speaks for the facilities.
        clock: the service's.
        metrics: counters.
        first_retry_seconds: real seconds after the first loss; they double with each further one.
        longest_retry_seconds: and that is the most.
    """

    def __init__(
        self,
        url: SecretStr,
        settings: MqttSettings,
        *,
        telemetry: Telemetry,
        pictures: Pictures,
        voice: Voice,
        clock: Clock,
        metrics: TelemetryMetrics,
        first_retry_seconds: float = 1.0,
        longest_retry_seconds: float = 60.0,
    ) -> None:
        self._address = url
        self._url = urlsplit(url.get_secret_value())
        self._settings = settings
        self._topics = Topics(settings)
        self._telemetry = telemetry
        self._pictures = pictures
        self._voice = voice
        self._clock = clock
        self._metrics = metrics
        self._first_retry = self._retry = first_retry_seconds
        self._longest_retry = longest_retry_seconds
        self._is_version_5 = settings.protocol == "5"

    async def run(self) -> None:
        """Keeps the connection until cancelled; whatever goes wrong with it stops nothing else."""
        connected = self._metrics.connected.labels(_SOURCE)
        while True:
            connected.set(0)
            try:
                await self._session()
            except Exception as error:
                _obey()
                log.warning(
                    "no connection to the broker; it is tried again",
                    broker=self._url.hostname,
                    error=str(error),
                    seconds=self._retry,
                    exc_info=not isinstance(error, aiomqtt.MqttError),
                )
            finally:
                connected.set(0)
            await asyncio.sleep(self._retry)
            self._retry = min(self._retry * 2, self._longest_retry)

    async def _session(self) -> None:
        status = self._voice.status_topic
        async with self._client() as client:
            try:
                await client.subscribe([(topic, 1) for topic in self._topics.subscriptions])
                await client.publish(status, "online", qos=1, retain=True)
                _obey()
                self._metrics.connected.labels(_SOURCE).set(1)
                self._retry = self._first_retry
                log.info("connected to the broker", broker=self._url.hostname)
                publisher = _Publisher(client, self._metrics, self._is_version_5)
                await _first_to_end(self._listen(client), self._voice.speak(publisher))
            except asyncio.CancelledError:
                with suppress(aiomqtt.MqttError, TimeoutError):
                    async with asyncio.timeout(_GOODBYE_SECONDS):
                        await client.publish(status, "offline", qos=1, retain=True)
                raise

    async def _listen(self, client: aiomqtt.Client) -> None:
        seen = 0
        async for message in client.messages:
            self._hear(message)
            seen += 1
            if seen % _AT_ONCE == 0:
                await asyncio.sleep(0)

    def _hear(self, message: aiomqtt.Message) -> None:
        topic = message.topic.value
        payload = bytes(message.payload)
        try:
            told = self._topics.read(topic, payload, self._clock.now(), retained=message.retain)
            if told.reports:
                self._telemetry.offer(told.facility_id, told.reports, f"{_SOURCE} {topic}")
            for target, value in told.values:
                self._pictures.put(told.facility_id, target, value, _SOURCE)
        except UsageError as error:
            self._telemetry.refuse(_SOURCE, topic, error, payload[:1000].decode(errors="replace"))
        else:
            self._telemetry.good(_SOURCE, topic)

    def _client(self) -> aiomqtt.Client:
        """A new client: each connection starts clean, since what a broker has queued has no age."""
        return client_of(
            self._address,
            self._settings,
            identifier=self._settings.client_id,
            will=aiomqtt.Will(self._voice.status_topic, "offline", qos=1, retain=True),
            max_queued_incoming_messages=_MOST_WAITING,
            queue_type=_newest_first_kept(self._metrics.refused.labels(_SOURCE, "dropped").inc),
        )


def client_of(url: SecretStr, settings: MqttSettings, *, identifier: str, **more: Any) -> aiomqtt.Client:
    """A client of the broker, not yet connected; `more` is the library's own."""
    parts = urlsplit(url.get_secret_value())
    return aiomqtt.Client(
        parts.hostname or "",
        parts.port or _PORTS[parts.scheme],
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        identifier=identifier,
        protocol=aiomqtt.ProtocolVersion.V5 if settings.protocol == "5" else aiomqtt.ProtocolVersion.V311,
        tls_params=aiomqtt.TLSParameters() if parts.scheme == "mqtts" else None,
        timeout=_TIMEOUT_SECONDS,
        logger=_client_log,
        **more,
    )


class _Publisher:
    """Publishes over one connection."""

    def __init__(self, client: aiomqtt.Client, metrics: TelemetryMetrics, is_version_5: bool) -> None:
        self._client = client
        self._metrics = metrics
        self._is_version_5 = is_version_5

    async def __call__(self, topic: str, payload: str, what: str, *, retain: bool, expires: float | None) -> None:
        """Before version 5 nothing expires, so that what should is not retained there."""
        properties = None
        if expires is not None and self._is_version_5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = max(1, round(expires))
        kept = retain and (expires is None or self._is_version_5)
        await self._client.publish(topic, payload, qos=1, retain=kept, properties=properties)
        _obey()
        self._metrics.published.labels(what).inc()


async def _first_to_end(*parts: Coroutine[Any, Any, None]) -> None:
    """Runs parts of a connection until one ends, and raises what ended it; the others are ended with it."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _obey() -> None:
    """Ends a task that was told to end while the library waited: `wait_for` of Python 3.11 may forget that.

    Raises:
        CancelledError: it was.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _newest_first_kept(dropped: Callable[[], None]) -> type[asyncio.Queue[aiomqtt.Message]]:
    """A queue that, when it is full, loses the oldest message and says so."""

    class Newest(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, item: aiomqtt.Message) -> None:
            if self.full():
                self.get_nowait()
                dropped()
            super().put_nowait(item)

    return Newest
