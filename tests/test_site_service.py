"""The whole service with its sites: a real broker and a real device at one end, REST and metrics at the other."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx2

from mosquitto import heard, mosquitto
from realtime.test_modbus import Plc
from vibelux.config import Settings
from vibelux.dispatch.facility import load_facilities
from vibelux.market.clock import LiveClock
from vibelux.market.intervals import iso_z
from vibelux.service import Plan, run
from vibelux.store.keys import create_key

EXAMPLES = Path(__file__).parents[1] / "examples"


@asynccontextmanager
async def service(database_url: str, config: Path, folder: Path):
    settings = Settings.load(config, env={}, data_dir=folder, database_url=database_url, history_days=0)
    stop, told = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def announce(db, url):
        told.set_result((db, url))

    facilities = load_facilities(EXAMPLES / "caiso.toml")
    plan = Plan(settings=settings, facilities=facilities, port=0, only=frozenset(), announce=announce)
    task = asyncio.create_task(run(plan, stop))
    try:
        await asyncio.wait([task, told], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        db, url = told.result()
        made = await create_key(db, LiveClock().now(), "test", ["operate"], [], None)
        async with httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {made.key}"}) as http:
            yield http
    finally:
        stop.set()
        async with asyncio.timeout(5):
            await task


async def until(http: httpx2.AsyncClient, wanted) -> dict:
    async with asyncio.timeout(30):
        while True:
            answer = (await http.get("/api/chp/decision", params={"facilityId": "salinas-1"})).json()
            if answer["operations"] and wanted(answer["operations"]):
                return answer["operations"]
            await asyncio.sleep(0.05)


async def test_reports_by_broker_device_and_rest_meet_in_the_decision(database_url, tmp_path):
    plc = Plc()
    await plc.start()
    (tmp_path / "engine.toml").write_text((EXAMPLES / "telemetry" / "engine.toml").read_text())
    config = tmp_path / "vibelux.toml"
    async with mosquitto(tmp_path) as broker:
        config.write_text(
            f'mqtt_url = "{broker.url}"\n[telemetry]\nreport_seconds = 0.1\n[[telemetry.modbus]]\nname = "plc"\n'
            f'facility = "salinas-1"\nhost = "127.0.0.1"\nport = {plc.port}\nmap = "engine.toml"\npoll_seconds = 0.1\n'
        )
        async with service(database_url, config, tmp_path / "data") as http, broker.client() as site:
            by_device = await until(http, lambda one: one["units"])
            assert by_device["units"][0]["powerKw"] == 870.5
            await site.publish("site/salinas-1/readings/gridImportKw", "-650", qos=1)
            both = await until(http, lambda one: one["gridImportKw"] == -650.0)
            assert both["units"][0]["powerKw"] == 870.5, "values of broker and device are one picture"
            ahead = {"timestamp": iso_z(LiveClock().now() + timedelta(hours=1)), "storageKwh": 1.0}
            refused = await http.post("/api/facilities/salinas-1/operations", json=ahead)
            assert (refused.status_code, "clocks disagree" in refused.json()["detail"]) == (400, True)
            now = {"timestamp": iso_z(LiveClock().now()), "storageKwh": 12.5}
            assert (await http.post("/api/facilities/salinas-1/operations", json=now)).status_code == 202
            metrics = (await http.get("/metrics")).text
            assert 'vibelux_telemetry_age_seconds{facility="salinas-1"}' in metrics
            assert 'vibelux_telemetry_connected{source="mqtt"} 1.0' in metrics
            await site.subscribe("homeassistant/#")
            found = json.loads((await heard(site, "homeassistant/device/vibelux-salinas-1/config")).payload)
            assert found["device"]["name"] == "Salinas glasshouse 1"
    await plc.stop()
