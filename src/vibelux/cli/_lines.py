"""Whether the sites' broker and devices and the webhook, where they are configured, can be reached from here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from vibelux.config import Settings

_SECONDS = 4.0
_PORTS = {"mqtt": 1883, "mqtts": 8883, "redis": 6379, "rediss": 6379, "http": 80, "https": 443}


async def lines(settings: "Settings") -> AsyncIterator[dict[str, Any]]:
    """A check each of Redis, broker, devices and webhook; a connection is opened and closed again, nothing is said."""
    for name, url, setting in (
        ("Redis", settings.redis_url, "REDIS_URL"),
        ("broker", settings.mqtt_url, "MQTT_URL"),
        ("webhook", settings.alert_webhook_url, "ALERT_WEBHOOK_URL"),
    ):
        parts = urlsplit(url.get_secret_value()) if url is not None else None
        if parts is not None and parts.hostname:
            port = parts.port or _PORTS[parts.scheme]
            shown = "its address" if name == "webhook" else f"{parts.hostname}:{port}"  # which may itself be a secret
            yield await _reached(name, parts.hostname, port, shown, f"is {setting} right, and does it run?")
    for device in settings.telemetry.modbus:
        do = "look at [[telemetry.modbus]] and at the device"
        shown = f"{device.host}:{device.port}"
        yield await _reached(f"modbus {device.name}", device.host, device.port, shown, do)


async def _reached(name: str, host: str, port: int, shown: str, do: str) -> dict[str, Any]:
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        what = f"{shown} cannot be reached: {type(error).__name__}"
        return {"check": name, "ok": False, "what": what, "do": do}
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return {"check": name, "ok": True, "what": f"{shown} answers", "do": ""}
