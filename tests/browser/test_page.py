"""The page in a real Chromium, against a desk in memory."""

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from serve.fakes import NOW, World, answer, price
from serve.served import listening, until

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    async with playwright_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


class Watched:
    """A page, and everything that it complained of."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))


async def opened(browser: Any, port: int, width: int = 1440, height: int = 900, **options: Any) -> Watched:
    context = await browser.new_context(viewport={"width": width, "height": height}, **options)
    watched = Watched(await context.new_page())
    watched.page.on(
        "request",
        lambda request: not request.url.startswith(f"http://127.0.0.1:{port}/") and watched.foreign.append(request.url),
    )
    await watched.page.goto(f"http://127.0.0.1:{port}/")
    return watched


async def says(page: Any, selector: str, text: str) -> None:
    await playwright_api.expect(page.locator(selector)).to_contain_text(text)


async def fits(page: Any) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_shows_the_decision_and_follows_it_live(
    browser: Any, tmp_path: Path, width: int, height: int, scheme: str
) -> None:
    world = World()
    async with listening(world) as port:
        watched = await opened(browser, port, width, height, color_scheme=scheme)
        page = watched.page
        await says(page, "#headline", "RUN at 1.00 MW")
        await says(page, "#sentence", "Price 61.20, break-even 43.70 USD/MWh. Worth 31.24 USD an hour. Data 38 s old.")
        await says(page, "#sentence", "Holds until 13:05 \N{MINUS SIGN}07:00")
        await says(page, "#provenance", "Not live. Electricity and gas: SYNTHETIC")
        await says(page, "#connection", "live")
        await says(page, "#reasons", "All of the engine's heat (1,117 kW) is used.")
        await says(page, "#tiles", "3.18 USD/MMBtu")
        await playwright_api.expect(page.locator("#decision-rows tr")).to_have_count(2)
        await playwright_api.expect(page.locator("#chart path.price")).to_have_count(1)
        await page.screenshot(path=tmp_path / f"run-{width}-{scheme}.png", full_page=True)

        world.desk.answers["salinas-1"] = answer(0.0312, "stop", at=NOW + timedelta(minutes=5))
        newest = price(NOW.replace(second=0) + timedelta(minutes=5), 0.0312)
        world.desk.publish("salinas-1", "market-price-update", {"data": newest})
        decision = world.desk.answers["salinas-1"]["decision"]
        world.desk.publish("salinas-1", "chp-decision-update", {"decision": decision})
        await says(page, "#headline", "STOP")
        await says(page, "#sentence", "Price 31.20")
        await says(page, "#decision-rows tr.switched", "STOP")
        await says(page, "#announce", "STOP. The grid price of 31.20 USD/MWh is below")
        await says(page, "#readout", "31.20 USD/MWh, 12.50 below break-even")
        await page.screenshot(path=tmp_path / f"stop-{width}-{scheme}.png", full_page=True)
        assert await fits(page)
        if height == 900:
            assert await page.evaluate("document.documentElement.scrollHeight") <= height
        assert watched.complaints == []
        assert watched.foreign == []


async def test_the_page_reconnects_and_resumes_where_it_was(browser: Any) -> None:
    world = World()
    async with listening(world) as port:
        watched = await opened(browser, port)
        page = watched.page
        await says(page, "#connection", "live")
        sockets: list[str] = []
        page.on("websocket", lambda socket: sockets.append(socket.url))
        world.desk.publish("salinas-1", "market-price-update", {"data": price(NOW, 0.05)})
        await until(lambda: world.desk.outbox["salinas-1"])
        await says(page, "#sentence", "Price 50.00")
    await says(page, "#connection", "reconnecting")
    await playwright_api.expect(page.locator("#connection")).to_contain_text("not live since", timeout=15_000)
    world.desk.publish("salinas-1", "market-price-update", {"data": price(NOW + timedelta(minutes=5), 0.0777)})
    async with listening(world, port):
        await playwright_api.expect(page.locator("#connection")).to_have_text("live", timeout=15_000)
        await says(page, "#sentence", "Price 77.70")
    assert sockets[-1].endswith("since=1")


async def test_many_reasons_and_decisions_scroll_inside_their_cards(browser: Any, tmp_path: Path) -> None:
    world = World()
    world.desk.answers["salinas-1"]["decision"]["reasons"] = ["A reason that is rather long. " * 4] * 8
    world.store.history = [answer(0.05 + i / 1000, at=NOW - timedelta(minutes=5 * i)) for i in range(40, 0, -1)]
    async with listening(world) as port:
        page = (await opened(browser, port)).page
        await playwright_api.expect(page.locator("#decision-rows tr")).to_have_count(12)
        await page.screenshot(path=tmp_path / "full.png")
        assert await page.evaluate("document.documentElement.scrollHeight") <= 900


async def test_text_from_upstream_is_shown_as_text(browser: Any) -> None:
    world = World()
    hostile = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    world.desk.answers["salinas-1"]["decision"]["reasons"] = [hostile]
    async with listening(world) as port:
        watched = await opened(browser, port)
        await says(watched.page, "#reasons", hostile)
        assert await watched.page.locator("#reasons img").count() == 0
        assert "owned" not in await watched.page.title()


async def test_where_no_cookie_is_given_the_page_asks_for_a_key_and_works_with_it(browser: Any) -> None:
    async with listening(World(allow_loopback_page=False)) as port:
        page = (await opened(browser, port)).page
        await says(page, "#signin", "This desk asks for an API key")
        await page.fill("#key", "vlx_wrong")
        await page.keyboard.press("Enter")
        await says(page, "#signin-error", "not known")
        await page.fill("#key", "vlx_delta")
        await page.keyboard.press("Enter")
        await says(page, "#headline", "STOP")
        await says(page, "#connection", "live")
        assert await page.evaluate("document.cookie") == ""


async def test_a_keyboard_and_a_screen_reader_find_everything(browser: Any) -> None:
    async with listening(World()) as port:
        page = (await opened(browser, port)).page
        await says(page, "#headline", "RUN")
        await playwright_api.expect(page.locator("#cursor")).to_be_enabled()
        await page.focus("#cursor")
        await page.keyboard.press("Home")
        await says(page, "#readout", "10:00 \N{MINUS SIGN}07:00: 30.00 USD/MWh, 13.70 below break-even")
        assert "30.00 USD/MWh" in (await page.get_attribute("#cursor", "aria-valuetext") or "")
        await page.focus("#price-table summary")
        await page.keyboard.press("Enter")
        await playwright_api.expect(page.locator("#price-rows tr")).to_have_count(37)
        assert "Price from 30.00 to 70.00 USD/MWh" in (await page.locator("#chart svg title").text_content() or "")
