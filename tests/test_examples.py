"""Each example that the tests of its room do not use already: it is read as its user would have it read."""

import importlib.util
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from vibelux.cli.main import main
from vibelux.config import Settings
from vibelux.dispatch.facility import Facility, load_facilities
from vibelux.feeds import Feed, Payload, read
from vibelux.market.alert_kinds import AlertKind, Standing
from vibelux.market.records import SERIES
from vibelux.realtime.home_assistant import discovery
from vibelux.serve import examples as answers

EXAMPLES = Path(__file__).parents[1] / "examples"


def loaded(path: Path) -> tuple[Facility, ...]:
    """The facilities of a file."""
    return load_facilities(path, print)


def test_the_rate_of_the_tariff_is_taken_whole_and_the_site_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["facilities", "import-tariff", str(EXAMPLES / "tariff" / "rate.json")]) == 0
    written = capsys.readouterr()
    assert written.err.count("\n") == 1  # the title: nothing is left out
    assert "usd_per_kwh = 0.097" in written.out
    assert "usd_per_kw = 14.2" in written.out
    (site,) = loaded(EXAMPLES / "tariff" / "site.toml")
    assert {one.usd_per_kwh for one in site.tariff.energy_adders} == {0.045, 0.097}
    assert [(one.usd_per_kw, one.interval_h) for one in site.tariff.demand_charges] == [(14.2, 0.25)]


def test_the_rules_of_alerts_hold_as_their_comments_say() -> None:
    settings = Settings.load(EXAMPLES / "alerts.toml", env={})
    here, elsewhere = (settings.alert_standing(AlertKind.PRICE_SPIKE, name) for name in ("salinas-1", "delta-2"))
    assert here == Standing(threshold=0.4, minutes=10, urgent=True)
    assert elsewhere is not None
    assert (elsewhere.threshold, elsewhere.urgent) == (0.25, False)
    assert elsewhere.quiet is not None
    assert settings.alert_standing(AlertKind.PLAN_CHANGED, "salinas-1") is None


def test_the_site_of_openadr_names_its_programme_and_its_vtn_is_asked() -> None:
    path = EXAMPLES / "openadr.toml"
    keys = {"OPENADR_CLIENT_ID": "vibelux", "OPENADR_CLIENT_SECRET": "example"}
    settings = Settings.load(path, env=keys)
    assert settings.provider_enabled("openadr")
    (site,) = loaded(path)
    assert site.dr is not None
    assert site.dr.programs == ("peak-relief",)


def test_the_feed_of_one_s_own_reads_the_repeated_hour_and_sets_aside_what_it_must() -> None:
    spec = importlib.util.spec_from_file_location("site_load", EXAMPLES / "feed" / "site_load.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    feed: Feed = module.FEED
    parsed = read(feed, Payload((EXAMPLES / "feed" / "load.csv").read_bytes(), name="load.csv"))
    found = parsed.frames[SERIES.name].select("valid_start", "value").rows()
    assert found == [
        (datetime(2026, 11, 1, 7, 45, tzinfo=UTC), 1.20),
        (datetime(2026, 11, 1, 8, 0, tzinfo=UTC), 1.22),
        (datetime(2026, 11, 1, 9, 0, tzinfo=UTC), 1.19),
        (datetime(2026, 11, 1, 10, 15, tzinfo=UTC), 1.31),
    ]
    assert len(parsed.quarantined) == 2


class _Secrets(yaml.SafeLoader):
    """YAML as Home Assistant reads it."""


_Secrets.add_constructor("!secret", lambda loader, node: f"Bearer {loader.construct_scalar(node)}")


def test_home_assistant_asks_for_members_and_entities_that_are_there() -> None:
    text = (EXAMPLES / "home-assistant" / "configuration.yaml").read_text()
    asked: dict[str, Any] = yaml.load(text, _Secrets)  # noqa: S506 (a safe loader with one word more)
    sensors = [sensor["value_template"] for rest in asked["rest"] for sensor in rest["sensor"]]
    assert len(sensors) == 5
    for template in sensors:
        (path,) = re.findall(r"value_json\.([\w.]+)", template)
        value: Any = answers.DECISION
        for member in path.split("."):
            value = value[member]
        assert value
    (site, *_) = loaded(EXAMPLES / "caiso.toml")
    device = discovery(site, base="b", status_topic="s", expire_after=60)
    named = re.sub(r"\W+", "_", device["device"]["name"].casefold())
    entities = {f"{one['platform']}.{named}_{key.replace('-', '_')}" for key, one in device["components"].items()}
    used = set(re.findall(r"(?:binary_)?sensor\.\w+", text))
    assert len(used) == 3
    assert used <= entities
