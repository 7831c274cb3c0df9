"""Alerts: sends a test alert by each configured way and says what came back."""

import argparse
from typing import TYPE_CHECKING, Any

from vibelux.cli import _output, _running
from vibelux.cli._settings import load_settings

if TYPE_CHECKING:
    from vibelux.config import Settings

_SECONDS = 10.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    test = actions.add_parser("test", help="send a test alert by webhook and broker", description=__doc__)
    test.add_argument("--config", metavar="FILE", help="vibelux.toml (default: the one in this folder, if any)")
    test.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace) -> int:
    """Prints a line a way; exit code 1 when one failed, or where none is configured."""
    import asyncio

    _running.set_up_logs("warning")
    sent = asyncio.run(_all(load_settings(args.config)))
    _output.table_or_json(sent, ("way", "ok", "what"), as_json=args.json)
    if not sent:
        _output.note("no way is configured: set ALERT_WEBHOOK_URL or MQTT_URL")
    return 0 if sent and all(one["ok"] for one in sent) else 1


async def _all(settings: "Settings") -> list[dict[str, Any]]:
    from vibelux.market.clock import LiveClock
    from vibelux.market.intervals import iso_z

    body: dict[str, Any] = {
        "kind": "test",
        "state": "happened",
        "text": "This is a test of Vibelux's alerts: nothing is the matter.",
        "facility": None,
        "at": iso_z(LiveClock().now()),
        "subject": "test",
        "about": {},
    }
    ways = []
    if settings.alert_webhook_url is not None:
        ways.append(await _by_webhook(settings, body))
    if settings.mqtt_url is not None:
        ways.append(await _by_broker(settings, body))
    return ways


async def _by_webhook(settings: "Settings", body: dict[str, Any]) -> dict[str, Any]:
    from vibelux.market.clock import LiveClock
    from vibelux.market.errors import ConfigError, Throttled, Unreachable
    from vibelux.realtime.webhook import Webhook

    assert settings.alert_webhook_url is not None  # noqa: S101 (asked for before)
    webhook = Webhook(
        settings.alert_webhook_url,
        settings.alert_webhook_secret,
        allow_private=settings.alert_allow_private,
        wall=LiveClock(),
    )
    signed = "signed" if settings.alert_webhook_secret is not None else "not signed: ALERT_WEBHOOK_SECRET is not set"
    try:
        await webhook.post(body)
    except (ConfigError, Throttled, Unreachable) as error:
        return {"way": "webhook", "ok": False, "what": str(error)}
    return {"way": "webhook", "ok": True, "what": f"taken; {signed}"}


async def _by_broker(settings: "Settings", body: dict[str, Any]) -> dict[str, Any]:
    import asyncio

    import aiomqtt
    import msgspec

    from vibelux.realtime.mqtt import client_of
    from vibelux.realtime.voice import alert_topic

    assert settings.mqtt_url is not None  # noqa: S101 (asked for before)
    mqtt = settings.telemetry.mqtt
    topic = alert_topic(mqtt, "test")
    try:
        async with asyncio.timeout(_SECONDS):
            async with client_of(settings.mqtt_url, mqtt, identifier=f"{mqtt.client_id}-test") as client:
                await client.publish(topic, msgspec.json.encode(body), qos=1)
    except (aiomqtt.MqttError, TimeoutError) as error:
        return {"way": "mqtt", "ok": False, "what": f"not published: {str(error) or 'no answer in time'}"}
    return {"way": "mqtt", "ok": True, "what": f"the broker has it, at {topic}"}
