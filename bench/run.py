"""The benchmarks, one after the other, each in a process of its own; docs/performance.md is made from what they say.

    bench/run.py [NAME …] [--without NAME …] [--shared] [--page]

Without a name all run, which takes about an hour; `gaps`, `fleet` and `backtest` take longest. What is left out keeps
its figures and their date (bench/figures.json). Ratios are between things measured in the same run. Peers are not
dependencies: name the Python of an environment that has them (GRIDSTATUS_PYTHON, PYPSA_PYTHON, OEMOF_PYTHON); what is
not named is left out and said to be.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from performance_page import page

HERE = Path(__file__).parent
FIGURES = HERE / "figures.json"
PAGE = HERE.parent / "docs" / "performance.md"
ARGUMENTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "parse_caiso": ((),),
    "parse_pjm": ((),),
    "parse_ercot": ((),),
    "parse_nyiso": ((),),
    "write_prices": ((),),
    "price_to_socket": (("1",), ("1000",)),
    "ws_fanout": (("2000",), ("10000",)),
    "serve_rates": ((),),
    "conditions": ((),),
    "outlook": ((),),
    "outlook_live": ((),),
    "demand": ((),),
    "dispatch": ((),),
    "decide": ((),),
    "gaps": (("150", "--haste", "--search", "5"),),
    "fleet": ((),),
    "backtest": ((),),
}
"""What runs, in this order, and how often with which arguments."""


def main() -> int:
    """Runs what is asked for; exit code 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *ARGUMENTS], help=", ".join(ARGUMENTS))
    parser.add_argument("--without", nargs="+", default=[], metavar="NAME", choices=list(ARGUMENTS))
    parser.add_argument("--shared", action="store_true", help="other work runs on this machine: the page says so")
    parser.add_argument("--page", action="store_true", help="measure nothing, make the page from what is kept")
    asked = parser.parse_args()
    names = [] if asked.page else [name for name in asked.names or ARGUMENTS if name not in asked.without]
    failed = 0
    for name in names:
        print(json.dumps({"benchmark": name}), flush=True)
        lines = measured(name)
        failed += any("failed" in line for line in lines)
        if not all("failed" in line for line in lines):
            keep(name, {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine(asked.shared), "lines": lines})
    PAGE.write_text(page(kept()), "utf-8")
    return 1 if failed else 0


def measured(name: str) -> list[dict[str, Any]]:
    """The lines of JSON that a benchmark prints, shown as they come; `failed` with the arguments with which it did."""
    lines: list[dict[str, Any]] = []
    for arguments in ARGUMENTS[name]:
        command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
            assert process.stdout is not None
            for text in process.stdout:
                print(text, end="", flush=True)
                if text.startswith("{"):
                    lines.append(json.loads(text))
        if process.returncode:
            lines.append({"failed": " ".join(arguments)})
    return lines


def machine(shared: bool) -> str:
    """What has measured."""
    names = {
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        if line.startswith("model name")
    }
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    told = f"{cores} cores of {', '.join(sorted(names)) or platform.machine()}, {memory:.0f} GiB"
    beside = f", other work running beside (load {os.getloadavg()[1]:.0f})" if shared else ""
    return f"{told}, Python {platform.python_version()}{beside}"


def kept() -> dict[str, Any]:
    """The figures that are kept, by benchmark."""
    return dict(json.loads(FIGURES.read_text("utf-8"))) if FIGURES.exists() else {}


def keep(name: str, figures: dict[str, Any]) -> None:
    """Puts a benchmark's figures in the place of its last ones."""
    FIGURES.write_text(json.dumps(kept() | {name: figures}, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
