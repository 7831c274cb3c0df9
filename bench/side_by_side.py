"""What the parse benchmarks share: our parse, a floor, and a peer's own path, timed on the same bytes in one run."""

import io
import json
import os
import statistics
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vibelux.feeds import Payload, feed_named, read

SHARED = Path(os.environ.get("VIBELUX_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def timed(action: Callable[[], object], runs: int = 5) -> float:
    """The median seconds of some runs, after one that is not counted."""
    action()
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def decompress(body: bytes) -> int:
    """What anybody must do: unpack with the standard library, a workbook within a zip too."""
    archive = zipfile.ZipFile(io.BytesIO(body))
    contents = [archive.read(name) for name in archive.namelist()]
    return sum(decompress(content) if content.startswith(b"PK") else len(content) for content in contents)


def ours(
    label: str, feed_name: str, body: bytes, floor: Callable[[], object] | None = None, *, value: str, scale: float
) -> dict[str, Any]:
    """Our parse against the floor (decompressing alone by default); `value` times `scale` is summed for the peer."""
    feed = feed_named(feed_name)
    frame = read(feed, Payload(body)).frames[feed.kind]
    seconds, alone = timed(lambda: read(feed, Payload(body))), timed(floor or (lambda: decompress(body)))
    return {
        "file": label,
        "bytes": len(body),
        "rows": frame.height,
        "sum": float(frame[value].sum()) * scale,
        "ours_seconds": round(seconds, 3),
        "floor_seconds": round(alone, 3),
        "ours_over_floor": round(seconds / alone, 2),
    }


def beside_gridstatus(result: dict[str, Any], body: bytes, script: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The result with gridstatus' seconds, rows and sum.

    gridstatus is not a dependency: GRIDSTATUS_PYTHON names the Python of an environment that has it; without it
    that ratio is left out and said to be. `script` reads the file in argv[1] and prints seconds, rows and sum.
    """
    python = os.environ.get("GRIDSTATUS_PYTHON")
    if python is None:
        return result | {"gridstatus": "not measured: set GRIDSTATUS_PYTHON"}
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(body)
        file.flush()
        command = [python, "-c", script, file.name, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return result | {"gridstatus": f"failed: {done.stderr.strip().splitlines()[-1]}"}
    theirs = json.loads(done.stdout.strip().splitlines()[-1])
    seconds = statistics.median(theirs["seconds"])
    return result | {
        "gridstatus_seconds": round(seconds, 3),
        "gridstatus_over_ours": round(seconds / result["ours_seconds"], 2),
        "gridstatus_rows": theirs["rows"],
        "difference_of_sums": abs(theirs["sum"] - result["sum"]),
    }


def say(result: dict[str, Any]) -> None:
    """One JSON line."""
    print(json.dumps(result), flush=True)
