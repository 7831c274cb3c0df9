"""The main page in a real Chromium, against a desk in memory."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from browser.chromium import CHROMIUM, fits, launched, playwright_api
from browser.desk_world import PlannedDesk, desk_world
from serve.fakes import NOW, answer, price
from serve.served import listening, until

MINUS = "\N{MINUS SIGN}"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Any]:
    async with launched() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def browser(chromium: Any) -> AsyncIterator[Any]:
    """The one Chromium, which forgets what a test has opened."""
    yield chromium
    for context in chromium.contexts:
        await context.close()


class Watched:
    """A page, and everything that it complained of."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("response", lambda told: told.status >= 400 and self.complaints.append(f"{told.status} {told.url}"))


async def opened(
    browser: Any, port: int, width: int = 1440, height: int = 900, *, at: str = "", **options: Any
) -> Watched:
    context = await browser.new_context(viewport={"width": width, "height": height}, **options)
    watched = Watched(await context.new_page())
    watched.page.on(
        "request",
        lambda request: not request.url.startswith(f"http://127.0.0.1:{port}/") and watched.foreign.append(request.url),
    )
    await watched.page.goto(f"http://127.0.0.1:{port}/{at}")
    return watched


async def says(page: Any, selector: str, text: str) -> None:
    await playwright_api.expect(page.locator(selector)).to_contain_text(text)


@pytest.mark.parametrize(("width", "height", "scheme"), [(1440, 900, "light"), (390, 844, "dark")])
async def test_the_page_shows_the_decision_and_follows_it_live(
    browser: Any, tmp_path: Path, width: int, height: int, scheme: str
) -> None:
    world = desk_world()
    async with listening(world) as port:
        watched = await opened(browser, port, width, height, color_scheme=scheme)
        page = watched.page
        await says(page, "#headline", "RUN at 1.00 MW")
        await says(page, "#sentence", "Price 61.20, break-even 43.70 USD/MWh. Worth 31.24 USD an hour;")
        await says(page, "#sentence", "117.04 USD saved today. Data 38 s old. Holds until 13:05.")
        await says(page, "#provenance", "Not live. Electricity and gas: SYNTHETIC")
        await says(page, "#connection", "live")
        await says(page, "#reasons", "All of the engine's heat (1,117 kW) is used.")
        await says(page, "#tiles", "3.18 USD/MMBtu")
        await says(page, "#tiles", "117.04 USDagainst heat-led")
        await says(page, "#money", "All of today's 24.0 hours are counted.")
        await says(page, "#money", "Year since Mon 2 Mar")
        await says(page, "#lights", "caiso/real-time-pricing")
        await playwright_api.expect(page.locator("#timeline path.correction")).to_have_count(1)
        await page.screenshot(path=tmp_path / f"run-{width}-{scheme}.png", full_page=True)

        world.desk.answers["salinas-1"] = answer(0.0312, "stop", at=NOW + timedelta(minutes=5))
        newest = price(NOW.replace(second=0) + timedelta(minutes=5), 0.0312)
        world.desk.publish("salinas-1", "market-price-update", {"data": newest})
        decision = world.desk.answers["salinas-1"]["decision"]
        world.desk.publish("salinas-1", "chp-decision-update", {"decision": decision})
        await says(page, "#headline", "STOP")
        await says(page, "#sentence", "Price 31.20")
        await says(page, "#announce", "STOP. The grid price of 31.20 USD/MWh is below")
        await says(page, "#readout", "31.20 USD/MWh, 12.50 below break-even 43.70")
        await page.screenshot(path=tmp_path / f"stop-{width}-{scheme}.png", full_page=True)
        assert await fits(page)
        if height == 900:
            assert await page.evaluate("document.documentElement.scrollHeight") <= height
        assert watched.complaints == []
        assert watched.foreign == []


async def test_the_page_reconnects_and_resumes_where_it_was(browser: Any) -> None:
    world = desk_world()
    async with listening(world) as port:
        watched = await opened(browser, port)
        page = watched.page
        await says(page, "#connection", "live")
        sockets: list[str] = []
        page.on("websocket", lambda socket: sockets.append(socket.url))
        await says(page, "#headline", "RUN")
        world.desk.answers["salinas-1"] = answer(0.05)
        world.desk.publish("salinas-1", "market-price-update", {"data": price(NOW, 0.05)})
        await until(lambda: world.desk.outbox["salinas-1"])
        await says(page, "#sentence", "Price 50.00")
    await says(page, "#connection", "reconnecting")
    await says(page, "#connection", "not live since")
    world.desk.answers["salinas-1"] = answer(0.0777, at=NOW + timedelta(minutes=5))
    world.desk.publish("salinas-1", "market-price-update", {"data": price(NOW + timedelta(minutes=5), 0.0777)})
    async with listening(world, port):
        await playwright_api.expect(page.locator("#connection")).to_have_text("live")
        await says(page, "#sentence", "Price 77.70")
    assert sockets[-1].endswith("since=1")


async def test_a_page_that_finds_no_service_begins_when_it_is_there(browser: Any) -> None:
    world = desk_world()
    async with listening(world) as port:
        page = (await opened(browser, port)).page
        await says(page, "#headline", "RUN")
        await page.route("**/api/chp/decision*", lambda route: route.abort())
        await page.reload()
        await says(page, "#notice", "The service does not answer; this page tries again.")
        await page.unroute("**/api/chp/decision*")
        await says(page, "#headline", "RUN at 1.00 MW")


async def test_a_moment_of_the_past_is_shown_as_it_was_known_and_decided(browser: Any) -> None:
    world = desk_world()
    world.store.plans[datetime(2026, 7, 14, 19, 20, tzinfo=UTC)] = await PlannedDesk().schedule("salinas-1")
    async with listening(world) as port:
        watched = await opened(browser, port, at="#/now/salinas-1/2026-07-14T19:20:00Z")
        page = watched.page
        await says(page, "#past", f"PAST Tue 14 Jul, 12:20 {MINUS}07:00: what was known and decided then.")
        await says(page, "#headline", "STOP")
        await says(page, "#sentence", "Price 30.00")
        await says(page, "#reasons", "below the break-even of 43.70")
        await says(page, "#why", "chp engine-1 min_load: one more would be worth 14.50 USD/MWh.")
        await says(page, "#why", "The price on its way: published to fetched 2.50 s, to decided 0.31 s.")
        assert world.state.outlooks.asked[-1].isoformat() == "2026-07-14T19:20:00+00:00"  # type: ignore[union-attr]
        planned = playwright_api.expect(page.locator("#timeline path.bar.engine"))
        await planned.to_have_attribute("d", re.compile("^M[^M]+$"))  # the evening of the plan of then
        came = playwright_api.expect(page.locator("#timeline path.came").first)
        await came.to_have_attribute("d", re.compile("^M"))  # and over it that it ran sooner

        await playwright_api.expect(page.locator("#cursor")).to_be_enabled()
        await page.focus("#cursor")
        for _ in range(3):
            await page.keyboard.press("ArrowRight")
        await says(page, "#past", "12:35")
        await says(page, "#headline", "RUN at 1.00 MW")
        await says(page, "#changed", "STOP became RUN 1.00 MW; price +20.00 to 50.00 USD/MWh.")
        assert page.url.endswith("2026-07-14T19:35:00.000Z")

        await page.fill("#goto", "2026-07-12T10:00")
        await says(page, "#past", "Sun 12 Jul")
        await says(page, "#sentence", "No decision of that moment is kept")

        await page.locator("#goto").blur()
        await page.keyboard.press("n")
        await playwright_api.expect(page.locator("#past")).to_be_hidden()
        await says(page, "#sentence", "Price 61.20")
        assert page.url.endswith("#/now/salinas-1")
        assert watched.complaints == []


async def test_the_cursor_ahead_of_now_tells_the_plan(browser: Any) -> None:
    async with listening(desk_world()) as port:
        page = (await opened(browser, port)).page
        await says(page, "#headline", "RUN")
        await page.fill("#goto", "2026-07-14T18:00")
        await says(page, "#why-title", f"Planned, Tue 14 Jul 18:00 {MINUS}07:00")
        await says(page, "#reasons", "The plan runs engine-1 at 800 kW.")
        await says(page, "#reasons", "Expected price 55.00 USD/MWh, likely between 40.00 and 80.00: forecast.")
        await says(page, "#headline", "RUN at 1.00 MW")
        await says(page, "#readout", "plan: run 800 kW")


async def test_the_schedule_shows_what_was_decided_what_was_done_and_what_is_planned(browser: Any) -> None:
    async with listening(desk_world()) as port:
        page = (await opened(browser, port)).page
        drawn = playwright_api.expect(page.locator("#timeline path.bar.engine"))
        await drawn.to_have_attribute("d", re.compile("M.+M.+"))  # half an hour behind now, and in the evening
        await playwright_api.expect(page.locator("#timeline path.done")).to_have_attribute("d", re.compile("M.+"))
        await playwright_api.expect(page.locator("#timeline path.bar.store")).to_have_attribute("d", re.compile("M.+"))
        await playwright_api.expect(page.locator("#timeline line.limit")).to_have_count(2)
        await page.keyboard.press("t")
        await says(page, "#table", "2,500 kWh")


async def test_another_facility_is_chosen_by_its_name_and_stays_chosen(browser: Any) -> None:
    async with listening(desk_world()) as port:
        page = (await opened(browser, port)).page
        await says(page, "#headline", "RUN")
        await page.select_option("#facility", "Delta 2")
        await says(page, "#headline", "STOP")
        assert page.url.endswith("#/now/delta-2")
        await page.goto(f"http://127.0.0.1:{port}/")
        await says(page, "#headline", "STOP")
        await page.focus(".skip")
        await page.keyboard.press("Enter")
        await playwright_api.expect(page.locator("main")).to_be_focused()
        await says(page, "#headline", "STOP")


async def test_what_if_decides_once_more_under_another_price(browser: Any) -> None:
    async with listening(desk_world()) as port:
        page = (await opened(browser, port)).page
        await page.click("#what-if summary")
        await page.click("#what-if button")
        await says(page, "#if-answer", "Change at least one of them")
        async with page.expect_request("**/api/chp/what-if") as asked:
            await page.fill("#if-gridPrice", "90")
            await page.keyboard.press("Enter")
        assert (await asked.value).post_data_json == {"facilityId": "salinas-1", "gridPrice": 0.09}
        await says(page, "#if-answer", "It would be RUN at 1.00 MW. Break-even 43.70 USD/MWh. Worth 31.24 USD an hour.")


async def test_money_goes_down_to_hours_and_the_bytes_behind_them(browser: Any) -> None:
    async with listening(desk_world()) as port:
        page = (await opened(browser, port)).page
        await page.click("#by-hour")
        await says(page, "dialog", "Today by hour")
        await page.click("dialog tbody button")
        await says(page, "dialog .steps", "61.20")
        await says(page, "dialog .steps code", "ab12cd34")
        await page.keyboard.press("Escape")
        await playwright_api.expect(page.locator("dialog")).to_be_hidden()


async def test_a_degraded_decision_looks_degraded_and_says_why(browser: Any, tmp_path: Path) -> None:
    world = desk_world()
    told = world.desk.answers["salinas-1"]
    told["marketConditions"] |= {
        "rung": {"electricity": "same-hour"},
        "source": {"electricity": "day-ahead-hourly"},
        "dataQuality": {"electricity": "estimated", "gas": "stale", "carbon": "missing"},
    }
    told["dataFreshness"]["electricity"] = 1020.0
    async with listening(world) as port:
        page = (await opened(browser, port)).page
        await says(page, "#doubt", "Deciding on the day-ahead price: the real-time price is 17 min old.")
        await says(page, "#doubt", "The gas price is stale: 11 h old. No carbon price is known.")
        assert await page.get_attribute("#verdict", "data-degraded") == "true"
        await page.screenshot(path=tmp_path / "degraded.png")


async def test_long_reasons_scroll_inside_their_card(browser: Any, tmp_path: Path) -> None:
    world = desk_world()
    world.desk.answers["salinas-1"]["decision"]["reasons"] = ["A reason that is rather long. " * 4] * 12
    async with listening(world) as port:
        page = (await opened(browser, port)).page
        await says(page, "#reasons", "rather long")
        await page.screenshot(path=tmp_path / "full.png")
        assert await page.evaluate("document.documentElement.scrollHeight") <= 900


async def test_text_from_upstream_is_shown_as_text(browser: Any) -> None:
    world = desk_world()
    hostile = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    world.desk.answers["salinas-1"]["decision"]["reasons"] = [hostile]
    async with listening(world) as port:
        watched = await opened(browser, port)
        await says(watched.page, "#reasons", hostile)
        assert await watched.page.locator("#reasons img").count() == 0
        assert "owned" not in await watched.page.title()


async def test_where_no_cookie_is_given_the_page_asks_for_a_key_and_works_with_it(browser: Any) -> None:
    async with listening(desk_world(allow_loopback_page=False)) as port:
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


async def test_without_a_facility_the_page_says_how_to_add_one(browser: Any) -> None:
    world = desk_world()

    async def none() -> list[Any]:
        return []

    world.store.facilities = none
    async with listening(world) as port:
        watched = await opened(browser, port)
        await says(watched.page, "main", "vibelux facilities add FILE")
        await says(watched.page, "#connection", "no facility")
        assert watched.complaints == []


async def test_where_no_ledger_is_kept_no_money_is_invented(browser: Any) -> None:
    async with listening(desk_world(ledger=None, outlooks=None)) as port:
        page = (await opened(browser, port)).page
        await says(page, "#money", "Not available yet: no ledger is kept here.")
        await says(page, "#tiles", "not available yet")


async def test_a_keyboard_and_a_screen_reader_find_everything(browser: Any) -> None:
    async with listening(desk_world()) as port:
        page = (await opened(browser, port)).page
        await says(page, "#headline", "RUN")
        await playwright_api.expect(page.locator("#timeline path.price:not(.later)")).to_have_attribute(
            "d", re.compile("M.+")
        )
        await page.focus("#cursor")
        await page.keyboard.press("ArrowLeft")
        await says(page, "#readout", f"12:55 {MINUS}07:00: 30.00 USD/MWh, 13.70 below break-even 43.70")
        assert "30.00 USD/MWh" in (await page.get_attribute("#cursor", "aria-valuetext") or "")
        await page.keyboard.press("Escape")
        assert "Price from 30.00 to 70.00 USD/MWh" in (await page.get_attribute("#timeline svg", "aria-label") or "")
        await page.keyboard.press("t")
        await says(page, "#table tbody tr:first-child", f"Tue 14 Jul 10:00 {MINUS}07:00")
        await says(page, "#table", "55.00")
        await page.keyboard.press("t")
        await playwright_api.expect(page.locator("#timeline")).to_be_visible()
        await page.keyboard.press("+")
        await playwright_api.expect(page.locator("[data-span='36 h']")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_on_the_page_keeps_anybody_out(browser: Any, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.async_playwright", reason="axe is not installed").Axe()
    async with listening(desk_world()) as port:
        page = (await opened(browser, port, color_scheme=scheme)).page
        await says(page, "#money", "heat-led")
        found = await axe.run(page)
        assert found.violations_count == 0, found.generate_report()


async def test_the_hour_that_autumn_repeats_has_two_names_on_the_axis(browser: Any) -> None:
    async with listening(desk_world()) as port:
        page = (await opened(browser, port)).page
        read = """async (moments) => {
            const { hour, momentOf } = await import("/static/words.js");
            const zone = "America/Los_Angeles";
            return [...moments.map((one) => hour(Date.parse(one), zone)), momentOf("2026-11-01T03:00", zone)];
        }"""
        moments = ["2026-11-01T07:00Z", "2026-11-01T08:00Z", "2026-11-01T09:00Z", "2026-11-01T10:00Z"]
        *hours, three = await page.evaluate(read, moments)
        assert hours == ["00:00", "01:00A", "01:00B", "02:00"]
        assert three == datetime(2026, 11, 1, 11, tzinfo=UTC).timestamp() * 1000
