"""The pictures in docs/: the page of a demo that is run fast for a while, a command in a terminal, and a report.

Chromium draws all of them. The backtest has six weeks of the demo's own prices, and its files' names say so.
"""

import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from html import escape
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from vibelux.cli.demo_command import FACILITY
from vibelux.market.intervals import Interval
from vibelux.market.units import MWH_PER_KWH
from vibelux.replay.curve import Market, fuel_prices, node_prices

DOCS = Path(__file__).parent.parent / "docs"
SPEED = 720
SECONDS = 110
"""At that speed most of a day: the evening's peak, the night, the morning."""
PICTURES = {"page.png": (1440, 900, "light"), "page-phone.png": (390, 844, "dark")}

NODE = "TH_NP15_GEN-APND"
HISTORY = Interval(datetime(2026, 6, 2, 7, tzinfo=UTC), datetime(2026, 7, 14, 7, tzinfo=UTC))
BACKTEST = (
    "vibelux backtest --facility demo.toml --id soledad-2 --prices synthetic.csv --gas synthetic-gas.csv"
    " --from 2026-07-07T07:00:00Z --to 2026-07-14T07:00:00Z --no-causes --html report.html"
)
TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 14px 18px; background: #12181b; width: max-content }}
pre {{ margin: 0; font: 14px/1.5 "DejaVu Sans Mono", monospace; color: #d7e0dc }} b {{ color: #7fd48f }}
</style><pre>{lines}</pre>"""


def main() -> int:
    """Takes all pictures."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("there is no Chromium on this machine", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        backtest(browser, Path(name))
        demo(browser, name)
        browser.close()
    return 0


def backtest(browser: Browser, folder: Path) -> None:
    """What a backtest prints, and the top of the report that it writes."""
    shutil.copy(FACILITY, folder)
    (folder / "synthetic.csv").write_text("\n".join(prices()))
    (folder / "synthetic-gas.csv").write_text("\n".join(gas_prices()))
    words = [sys.executable, "-m", *shlex.split(BACKTEST)]
    printed = subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout
    command = "<b>$</b> " + escape(BACKTEST).replace(" --from", " \\\n    --from") + "\n"
    (folder / "terminal.html").write_text(TERMINAL.format(lines=command + escape(printed)))
    page = browser.new_page(viewport={"width": 1000, "height": 100})
    page.goto(f"file://{folder}/terminal.html")
    page.locator("body").screenshot(path=DOCS / "terminal.png")
    page.set_viewport_size({"width": 1000, "height": 1010})
    page.goto(f"file://{folder}/report.html")
    page.screenshot(path=DOCS / "report.png")
    page.close()


def prices() -> list[str]:
    """The demo's prices of a node as a table: real time in means of an hour, and the day ahead."""
    fine = [price.parts["LMP"] for price in node_prices(NODE, Market.REAL_TIME, HISTORY)]
    hourly = [sum(fine[at : at + 12]) / 12 for at in range(0, len(fine), 12)]
    ahead = [price.parts["LMP"] for price in node_prices(NODE, Market.DAY_AHEAD, HISTORY)]
    return ["time,node,market,price_per_kwh"] + [
        f"{HISTORY.start + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ},{NODE},{market},{value * MWH_PER_KWH:.6f}"
        for market, values in (("real-time-hourly", hourly), ("day-ahead-hourly", ahead))
        for hour, value in enumerate(values)
    ]


def gas_prices() -> list[str]:
    """The demo's gas prices as a table."""
    first = HISTORY.start.date()
    days: list[date] = [first + timedelta(days=day) for day in range((HISTORY.end - HISTORY.start).days + 1)]
    return ["date,price_per_mmbtu"] + [f"{day},{fuel_prices(day)['FRPGE1']}" for day in days]


def demo(browser: Browser, folder: str) -> None:
    """The page, in the sizes of a desk and of a phone."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "vibelux", "demo", "--headless", "--port", str(port), "--speed", str(SPEED),
               "--data-dir", folder, "--log-level", "error"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        time.sleep(SECONDS)
        for name, (width, height, scheme) in PICTURES.items():
            take(browser, f"http://127.0.0.1:{port}/", DOCS / name, (width, height), scheme)
    finally:
        process.terminate()
        process.wait(30)


def take(browser: Browser, url: str, path: Path, size: tuple[int, int], scheme: str) -> None:
    """One picture, once prices, decision and savings are there."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, device_scale_factor=1)
    page.goto(url)
    page.wait_for_selector("#money table", timeout=60_000)
    page.wait_for_selector('#timeline svg path.price[d^="M"]', timeout=60_000)
    page.wait_for_selector("#lights li", timeout=60_000)
    page.wait_for_timeout(1000)
    page.screenshot(path=path)
    page.close()


if __name__ == "__main__":
    raise SystemExit(main())
