"""Finds the recorded upstream payloads that lie beside the checkout; tests that need them skip where they are not."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared"
SHARED = Path(os.environ.get("VIBELUX_SHARED", _BESIDE))


def real(path: str) -> Path:
    """A recording by its path under `real/`."""
    return _existing(SHARED / "real" / path)


def case(name: str) -> Path:
    """A dispatch case by its file name."""
    return _existing(SHARED / "chp-cases" / name)


def _existing(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"no recording at {path.name}: the shared folder is not beside this checkout")
    return path
