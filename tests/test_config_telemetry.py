"""`[telemetry]` of a configuration: what it may say, where its register maps lie, and what a wrong one gets."""

from pathlib import Path

import pytest

from vibelux.config import Settings
from vibelux.market.errors import ConfigError
from vibelux.realtime.registers import read_map

EXAMPLES = Path(__file__).parents[1] / "examples" / "telemetry"


def test_the_example_is_valid_and_its_register_map_lies_beside_it():
    settings = Settings.load(EXAMPLES / "vibelux.toml", env={})
    (device,) = settings.telemetry.modbus
    assert device.map == EXAMPLES / "engine.toml"
    assert {one.field for one in read_map(device.map).registers} >= {"units.engine-1.on", "units.engine-1.powerKw"}
    assert settings.telemetry.mqtt.values[0].topic == "greenhouse/chp/power"
    assert settings.telemetry.mqtt.set_points == ()


def test_without_a_word_of_it_nothing_is_connected_to_and_a_broker_alone_has_its_topics():
    settings = Settings.load(None, env={})
    assert (settings.mqtt_url, settings.telemetry.modbus, settings.stale_operations_threshold) == (None, (), 900.0)
    told = Settings.load(None, env={"MQTT_URL": "mqtt://u:hidden@host", "STALE_OPERATIONS_THRESHOLD": "60"})
    assert (told.mqtt_url.get_secret_value(), told.stale_operations_threshold) == ("mqtt://u:hidden@host", 60.0)
    assert "hidden" not in repr(told)
    assert [one.topic for one in told.telemetry.mqtt.operations] == ["site/{facility}/operations"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[telemetry]\nreport_second = 3\n', r"line 2: telemetry.report_second: unknown key; did"),
        ('[telemetry.mqtt]\n[[telemetry.mqtt.values]]\ntopic = "a"\nfacility = "f"\nfield = "x"\n', r"line 5: .*'x'"),
        ('[[telemetry.modbus]]\nname = "a"\nfacility = "f"\nhost = "h"\nport = 99999\nmap = "m"\n', r"line 5: .*port"),
        ("telemetry = 3\n", r"line 1: telemetry: should be a table"),
        ('mqtt_url = "http://host"\n', r"line 1: mqtt_url: .*mqtt or mqtts URL"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_line_and_key(tmp_path, text, said):
    path = tmp_path / "vibelux.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        Settings.load(path, env={})
