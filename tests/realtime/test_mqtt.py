"""Sites and their broker: a real Mosquitto between them and the service."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiomqtt
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from mosquitto import heard, mosquitto
from realtime.test_desk import facility as facility_body
from realtime.test_desk import until
from vibelux.config_telemetry import MqttSettings
from vibelux.dispatch.facility import Facility
from vibelux.market.clock import LiveClock
from vibelux.market.intervals import iso_z
from vibelux.realtime.mqtt import Broker, _newest_first_kept
from vibelux.realtime.pictures import Pictures
from vibelux.realtime.subscriptions import Subscription, Subscriptions
from vibelux.realtime.telemetry import Telemetry
from vibelux.realtime.telemetry_metrics import TelemetryMetrics
from vibelux.realtime.voice import Voice
from vibelux.store import reader
from vibelux.store.operations import latest_operations

SITE = "salinas-1"
CLOCK = LiveClock()


def answer(
    power: float = 870.0, price: float | None = 0.0612, quality: str = "good", **decision: Any
) -> dict[str, Any]:
    now = CLOCK.now()
    unit = {"id": "engine-1", "on": power > 0, "powerKw": power, "heatKw": 0.0, "fuelKwHhv": 0.0}
    return {
        "decision": {
            "action": "run" if power else "stop",
            "validFrom": iso_z(now), "validUntil": iso_z(now + timedelta(minutes=5)),
            "units": [unit], "breakEvenGridPrice": 0.0437, "netBenefitUsdPerHour": 12.0,
            "reasons": ["The engine runs: é" + "x" * 300, "More."],
            "nextChange": {"at": iso_z(now + timedelta(hours=2))},
        } | decision,
        "marketConditions": {"gridPrice": price, "dataQuality": {"electricity": quality}},
        "operations": None,
        "dataFreshness": {"electricity": 38.0},
        "timestamp": iso_z(now),
    }  # fmt: skip


class FakeDesk:
    """Answers what a test lays down."""

    def __init__(self) -> None:
        self.facilities: tuple[Facility, ...] = (Facility.from_dict(facility_body()),)
        self.answers: dict[str, dict[str, Any]] = {SITE: answer()}
        self._subscriptions = Subscriptions()

    async def subscribe(self, facility_id: str) -> Subscription:
        return self._subscriptions.join(facility_id)

    async def latest(self, facility_id: str) -> dict[str, Any] | None:
        return self.answers.get(facility_id)

    def alert(self, body: dict[str, Any]) -> None:
        self._subscriptions.publish(SITE, [{"seq": 1, "type": "alert", "body": body, "created_at": None}])

    def decide(self, new: dict[str, Any]) -> None:
        self.answers[SITE] = new
        self._subscriptions.publish(SITE, [{"seq": 1, "type": "chp-decision-update", "body": {}, "created_at": None}])


class Running:
    """A service's line to the broker, and its desk."""

    def __init__(self, database, url: str, **settings: Any) -> None:
        self.desk, self.registry = FakeDesk(), CollectorRegistry()
        metrics = TelemetryMetrics(CLOCK, self.registry)
        self.reported: list[str] = []
        self.telemetry = Telemetry(
            database, CLOCK, metrics=metrics, reported=self.reported.append,
            find=lambda name: {"engine-1": 1000.0} if name == SITE else None,
        )  # fmt: skip
        self.pictures = Pictures(self.telemetry, CLOCK, report_seconds=0.05, hold_seconds=60)
        mqtt = MqttSettings.model_validate(settings)

        async def history(*_: object) -> list[dict[str, Any]]:
            return []

        voice = Voice(self.desk, CLOCK, mqtt, stale_seconds=lambda _: 900.0, history=history)
        self.broker = Broker(
            SecretStr(url), mqtt, telemetry=self.telemetry, pictures=self.pictures, voice=voice, clock=CLOCK,
            metrics=metrics, first_retry_seconds=0.05, longest_retry_seconds=0.2,
        )  # fmt: skip

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    async def connected(self, wanted: float = 1.0) -> None:
        async def look() -> bool:
            return self.metric("vibelux_telemetry_connected", source="mqtt") == wanted

        await until(look)


@asynccontextmanager
async def running(database, url: str, **settings: Any):
    one = Running(database, url, **settings)
    tasks = [asyncio.create_task(run()) for run in (one.telemetry.run, one.pictures.run, one.broker.run)]
    try:
        await one.connected()
        yield one
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def broker(tmp_path):
    async with mosquitto(tmp_path) as one:
        yield one


async def newest(database, wanted=lambda found: True):
    async def look():
        found = await latest_operations(database, SITE, CLOCK.now())
        return found if found and wanted(found) else None

    return await until(look)


async def test_reports_of_sites_are_stored_and_told(database, broker):
    async with running(database, broker.url) as service, broker.client() as site:
        stamp = iso_z(CLOCK.now() - timedelta(seconds=3))
        unit = {"id": "engine-1", "on": True, "powerKw": 870.0}
        body = {"timestamp": stamp, "units": [unit], "frequencyHz": 59.98, "voltageV": 480.0}
        await site.publish("site/salinas-1/operations", json.dumps(body), qos=1)
        found = await newest(database)
        assert (found["timestamp"], found["units"][0]["powerKw"]) == (stamp, 870.0)
        assert service.reported == [SITE]
        span = {"start": CLOCK.now() - timedelta(1), "end": CLOCK.now()}
        series = await reader.records(database, "series", **span, filters={"location": SITE})
        assert sorted(series["variable"]) == ["grid-frequency", "grid-voltage"]
        kept = await reader.records(database, "operations", **span)
        assert kept["data_source"].to_list() == ["mqtt site/salinas-1/operations"]


async def test_single_values_become_reports_by_the_topic_map(database, broker):
    values = [
        {"topic": "plant/chp/power", "facility": SITE, "field": "units.engine-1.powerKw", "unit": "W", "on_above": 20},
        {"topic": "plant/buffer", "facility": SITE, "field": "storageKwh", "path": "state.energy", "unit": "MWh"},
        {"topic": "plant/{facility}/meter/{member}"},
    ]
    async with running(database, broker.url, values=values), broker.client() as site:
        await site.publish("plant/chp/power", "870500", qos=1)
        await site.publish("plant/buffer", '{"state": {"energy": 1.25}}', qos=1)
        await site.publish("plant/salinas-1/meter/gridImportKw", "-650.5", qos=1)
        found = await newest(database, lambda one: one["gridImportKw"] is not None)
        assert found["units"][0] | {"since": None} == {
            "id": "engine-1", "on": True, "powerKw": 870.5, "heatKw": None, "fuelKwHhv": None, "since": None
        }  # fmt: skip
        assert (found["storageKwh"], found["gridImportKw"], found["frequencyHz"]) == (1250.0, -650.5, None)
        await site.publish("plant/chp/power", "0", qos=1)
        stopped = await newest(database, lambda one: not one["units"][0]["on"])
        assert stopped["units"][0]["since"] == stopped["timestamp"]


async def test_messages_that_say_nothing_usable_are_counted_set_aside_and_stop_nothing(database, broker):
    async with running(database, broker.url) as service, broker.client() as site:
        future = {"timestamp": iso_z(CLOCK.now() + timedelta(hours=1)), "storageKwh": 1.0}
        wrong = {
            "site/salinas-1/operations": json.dumps(future),
            "site/nobody/operations": '{"storageKwh": 1}',
            "site/salinas-1/readings/frequencyHz": "NaN",
            "site/salinas-1/readings/voltageV": "much",
            "site/salinas-1/units/engine-1/powerKw": "870000",
            "site/salinas-1/units/engine-2/on": "ON",
            "site/salinas-1/readings/colour": "green",
        }
        for topic, payload in wrong.items():
            await site.publish(topic, payload, qos=1)
        await site.publish("site/salinas-1/readings/gridImportKw", b"\xff\xfe", qos=1)
        await site.publish("site/salinas-1/readings/storageKwh", "12.5", qos=1)
        found = await newest(database)
        assert found["storageKwh"] == 12.5
        assert (found["units"], found["frequencyHz"], found["voltageV"], found["gridImportKw"]) == (
            [],
            None,
            None,
            None,
        )
        assert service.metric("vibelux_telemetry_refused_total", source="mqtt", error="refused") == len(wrong) + 1

        async def aside():
            async with database.connection() as connection:
                rows = await (await connection.execute("SELECT place, reason FROM quarantined_rows")).fetchall()
            return dict(rows) if len(rows) == len(wrong) + 1 else None

        reasons = await until(aside)
        assert "clocks disagree" in reasons["mqtt site/salinas-1/operations"]
        assert reasons["mqtt site/nobody/operations"] == "there is no facility 'nobody'"
        assert reasons["mqtt site/salinas-1/readings/frequencyHz"] == "frequencyHz: NaN is not a number"


async def test_a_retained_value_has_no_age_and_a_retained_report_says_its_own(database, broker):
    async with broker.client() as site:
        await site.publish("site/salinas-1/readings/voltageV", "480", qos=1, retain=True)
        await site.publish("site/salinas-1/operations", '{"storageKwh": 7}', qos=1, retain=True)
        stamped = json.dumps({"timestamp": iso_z(CLOCK.now() - timedelta(minutes=9)), "gridImportKw": 5})
        await site.publish("other/salinas-1", stamped, qos=1, retain=True)
    maps = [{"topic": "site/{facility}/operations"}, {"topic": "other/{facility}"}]
    async with running(database, broker.url, operations=maps) as service:
        found = await newest(database)
        assert (found["gridImportKw"], found["storageKwh"], found["voltageV"]) == (5.0, None, None)
        assert 539 < found["ageSeconds"] < 600

        async def refused():
            return service.metric("vibelux_telemetry_refused_total", source="mqtt", error="refused") >= 2

        await until(refused)


async def test_the_line_is_made_again_when_the_broker_was_away_and_all_is_said_anew(database, broker):
    async with running(database, broker.url) as service:
        broker.stop()
        await service.connected(0.0)
        service.desk.decide(answer(power=0.0))
        await broker.start()
        await service.connected()
        async with broker.client() as site:
            await site.subscribe("vibelux/#")
            assert (await heard(site, "vibelux/status")).payload == b"online"
            assert (await heard(site, "vibelux/salinas-1/action")).payload == b"stop"
            await site.publish("site/salinas-1/readings/storageKwh", "3", qos=1)
            assert (await newest(database))["storageKwh"] == 3.0


async def said(client: aiomqtt.Client, base: str, names: set[str]) -> dict[str, aiomqtt.Message]:
    """The first message of each of these topics below the base."""
    found: dict[str, aiomqtt.Message] = {}
    async with asyncio.timeout(10):
        async for message in client.messages:
            found.setdefault(message.topic.value.removeprefix(base), message)
            if names <= set(found):
                return found
    raise AssertionError(names - set(found))


async def test_an_alert_is_told_and_one_of_quiet_hours_is_not(database, broker):
    async with running(database, broker.url) as service, broker.client() as home:
        await home.subscribe("vibelux/salinas-1/#")
        await said(home, "vibelux/salinas-1/", {"action"})
        service.desk.alert({"kind": "price-change", "quiet": True})
        service.desk.alert({"kind": "stale-data", "state": "open"})
        message = await heard(home, "vibelux/salinas-1/alert")
        assert json.loads(message.payload) == {"kind": "stale-data", "state": "open"}
        assert not message.retain


async def test_each_decision_is_told_with_price_break_even_reason_and_kept_no_longer_than_it_counts(database, broker):
    names = {"price", "break-even", "set-point", "reason", "action", "savings", "next-change", "degraded", "decision"}
    async with running(database, broker.url) as service, broker.client() as home:
        async with broker.client() as before:
            await before.subscribe("vibelux/salinas-1/#")
            await said(before, "vibelux/salinas-1/", names)
        await home.subscribe("vibelux/salinas-1/#")
        first = await said(home, "vibelux/salinas-1/", names)
        texts = {name: message.payload.decode() for name, message in first.items()}
        assert (texts["price"], texts["break-even"], texts["set-point"]) == ("0.0612", "0.0437", "870")
        assert (texts["action"], texts["degraded"]) == ("run", "OFF")
        assert texts["reason"].startswith("The engine runs: é")
        assert len(texts["reason"]) == 255
        assert float(texts["savings"]) == pytest.approx(0, abs=0.1)
        assert json.loads(texts["decision"])["decision"]["breakEvenGridPrice"] == 0.0437
        assert all(message.retain for message in first.values())
        assert first["price"].properties.MessageExpiryInterval <= 900 - 38
        assert first["action"].properties.MessageExpiryInterval <= 900
        service.desk.decide(answer(power=0.0, quality="stale", breakEvenGridPrice=None))
        changed = await said(home, "vibelux/salinas-1/", names)
        texts = {name: message.payload.decode() for name, message in changed.items()}
        assert (texts["price"], texts["break-even"], texts["set-point"]) == ("", "", "0"), "an old price is taken back"
        assert (texts["action"], texts["degraded"]) == ("stop", "ON")


async def test_home_assistant_finds_each_facility_and_its_values_expire(database, broker):
    async with running(database, broker.url) as service, broker.client() as home:
        await home.subscribe("homeassistant/#")
        message = await heard(home, "homeassistant/device/vibelux-salinas-1/config")
        assert message.retain
        device = json.loads(message.payload)
        assert device["availability_topic"] == "vibelux/status"
        assert device["device"]["identifiers"] == ["vibelux-salinas-1"]
        assert device["origin"]["name"] == "Vibelux"
        assert {"price", "break-even", "set-point", "reason", "savings"} <= set(device["components"])
        for key, entity in device["components"].items():
            assert entity["platform"] in {"sensor", "binary_sensor"}
            assert entity["unique_id"] == f"vibelux-salinas-1-{key}"
            assert entity["state_topic"] == f"vibelux/salinas-1/{key}"
            assert entity["expire_after"] == 900
        assert device["components"]["price"]["unit_of_measurement"] == "USD/kWh"
        service.desk.facilities = ()
        gone = await heard(home, "homeassistant/device/vibelux-salinas-1/config")
        assert gone.payload == b"", "a facility that is gone is taken out"


async def test_whoever_watches_is_told_that_nobody_speaks_any_more(database, broker):
    async with broker.client() as home:
        await home.subscribe("vibelux/status")
        async with running(database, broker.url):
            assert (await heard(home, "vibelux/status")).payload == b"online"
        assert (await heard(home, "vibelux/status")).payload == b"offline"


async def test_set_points_are_not_published_unless_asked_for_and_are_repeated_where_they_are(database, broker):
    rules = {"facility": SITE, "topic": "plant/{unit}/set", "repeat_seconds": 0.1, "payload": "number"}
    async with broker.client() as controller:
        await controller.subscribe("plant/#")
        async with running(database, broker.url), broker.client() as home:
            await home.subscribe("vibelux/salinas-1/decision")
            await heard(home, "vibelux/salinas-1/decision")
        async with running(database, broker.url, set_points=[rules]) as service:
            first = await heard(controller, "plant/engine-1/set")
            assert (first.payload, first.retain) == (b"870", False)
            assert (await heard(controller, "plant/engine-1/set")).payload == b"870"
            service.desk.decide(answer(power=0.0))
            async with asyncio.timeout(10):
                while (await heard(controller, "plant/engine-1/set")).payload != b"0":
                    pass


async def test_a_queue_that_is_full_loses_its_oldest_and_says_so():
    dropped: list[int] = []
    waiting = _newest_first_kept(lambda: dropped.append(1))(maxsize=3)
    for number in range(10):
        waiting.put_nowait(number)
    assert [waiting.get_nowait() for _ in range(3)] == [7, 8, 9]
    assert len(dropped) == 7


async def test_a_burst_is_one_report_of_the_newest_values(database, broker):
    async with running(database, broker.url) as service, broker.client() as site:
        await asyncio.gather(
            *(site.publish("site/salinas-1/readings/gridImportKw", str(number)) for number in range(300))
        )
        await site.publish("site/salinas-1/readings/storageKwh", "1", qos=1)
        found = await newest(database, lambda one: one["storageKwh"] == 1.0)
        assert found["gridImportKw"] == 299.0
        assert service.metric("vibelux_telemetry_reports_total", source="mqtt", outcome="new") < 100
