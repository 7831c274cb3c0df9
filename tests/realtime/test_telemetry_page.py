"""docs/telemetry.md: what it shows is what the code takes and gives."""

import json
import re
import tomllib
from pathlib import Path

import msgspec

from vibelux.config import Settings
from vibelux.market.operations import Report
from vibelux.realtime.registers import RegisterMap

PAGE = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_report_and_the_tables_of_settings_are_read(tmp_path):
    (report,) = blocks("json")
    assert msgspec.json.decode(report, type=Report).as_json() == json.loads(report)
    for text in blocks("toml"):
        if "registers" in text:
            assert len(RegisterMap.model_validate(tomllib.loads(text)).registers) == 2
        else:
            path = tmp_path / "vibelux.toml"
            path.write_text(text)
            assert Settings.load(path, env={}).telemetry != Settings.load(None, env={}).telemetry


def test_every_metric_that_it_names_is_one_of_telemetrys():
    source = (Path(__file__).parents[2] / "src/vibelux/realtime/telemetry_metrics.py").read_text()
    named = set(re.findall(r"`(vibelux_\w+)\{", PAGE))
    assert named
    assert {name for name in named if f'"{name}"' not in source} == set()
