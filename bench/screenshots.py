"""The pictures of the page in docs/: a demo that is run fast for a while, then looked at in Chromium."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

DOCS = Path(__file__).parent.parent / "docs"
SPEED = 720
SECONDS = 110
"""At that speed most of a day: the evening's peak, the night, the morning."""
PICTURES = {"page.png": (1440, 900, "light"), "page-phone.png": (390, 844, "dark")}


def main() -> int:
    """Takes all pictures."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("there is no Chromium on this machine", file=sys.stderr)
        return 1
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "vibelux", "demo", "--headless", "--port", str(port), "--speed", str(SPEED),
                   "--data-dir", folder, "--log-level", "error"]  # fmt: skip
        demo = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            time.sleep(SECONDS)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
                for name, (width, height, scheme) in PICTURES.items():
                    take(browser, f"http://127.0.0.1:{port}/", DOCS / name, (width, height), scheme)
                browser.close()
        finally:
            demo.terminate()
            demo.wait(30)
    return 0


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
