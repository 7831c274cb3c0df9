"""The pages behind the main one in a real Chromium: one server and one browser for all of them."""

import json
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import Any

import pytest
import pytest_asyncio
from psycopg import sql

from browser.chromium import CHROMIUM, fits, launched, playwright_api
from browser.page_world import filled_world
from conftest import Server
from serve.served import listening
from serve.stored import StoredWorld
from vibelux.serve.examples import FLEET_ROW
from vibelux.store.database import Database

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.asyncio(loop_scope="module"),
]

PAGES = {
    "fleet": "Salinas glasshouse 1",
    "market": "north of Path 15",
    "quality": "caiso/real-time-pricing",
    "response": "CBP 2026-07-14-1",
    "settings": "Salinas glasshouse 1",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(database_server: Server) -> AsyncIterator[StoredWorld]:
    name = sql.Identifier(fresh := "pages")
    async with await database_server.admin() as connection:
        await connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE migrated").format(name))
    db = await Database.open(database_server.url_of(fresh), pool_size=4)
    yield await filled_world(db)
    await db.close()
    async with await database_server.admin() as connection:
        await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(world: StoredWorld) -> AsyncIterator[str]:
    async with listening(world) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Any]:
    async with launched() as browser:
        yield browser


class Tab:
    """A tab of its own, and everything in it that went wrong."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.wrong: list[str] = []
        page.on("console", lambda one: one.type == "error" and self._complains(one.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("response", lambda one: one.status >= 400 and self.wrong.append(f"{one.status} {one.url}"))
        page.on("request", lambda one: one.url.startswith(url) or self.wrong.append(f"elsewhere: {one.url}"))

    def _complains(self, text: str) -> None:
        if "Failed to load resource" not in text:  # its answer is in the list already
            self.wrong.append(text)

    async def visit(self, name: str) -> Any:
        await self.page.goto(f"{self.url}#/{name}")
        await self.shows("main", PAGES[name])
        return self.page

    async def shows(self, selector: str, text: str) -> None:
        await playwright_api.expect(self.page.locator(selector).first).to_contain_text(text, timeout=30_000)

    async def sign_in(self, key: str) -> None:
        await self.visit("settings")
        await self.page.fill("#other-key", key)
        await self.page.keyboard.press("Enter")
        await self.shows("main", "You are test, with the scope admin for all facilities")


@pytest_asyncio.fixture(loop_scope="module")
async def tab(browser: Any, url: str) -> AsyncIterator[Tab]:
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    yield Tab(await context.new_page(), url)
    await context.close()


async def kept_out(page: Any) -> str:
    """What an accessibility check finds, where its package is installed."""
    if find_spec("axe_playwright_python") is None:
        return ""
    from axe_playwright_python.async_playwright import Axe

    found = await Axe().run(page)
    return found.generate_report() if found.violations_count else ""


def expect(locator: Any) -> Any:
    return playwright_api.expect(locator)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
async def test_a_page_shows_what_there_is_and_fits(browser: Any, url: str, name: str, width: int, scheme: str) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = Tab(await context.new_page(), url)
    page = await tab.visit(name)
    assert await fits(page)
    assert await page.locator("main h1").count() == 1
    assert await page.evaluate("document.title") != "owned"
    assert await kept_out(page) == ""
    assert tab.wrong == []
    await context.close()


async def test_the_fleet_sorts_filters_and_leads_to_a_facility(tab: Tab) -> None:
    page = await tab.visit("fleet")
    names = page.locator("main tbody th a")
    await expect(names).to_have_text(["Delta 2", "Salinas glasshouse 1"])
    await page.get_by_role("button", name="Worth").focus()
    await page.keyboard.press("Enter")
    await expect(names).to_have_text(["Salinas glasshouse 1", "Delta 2"])
    await expect(page.locator("th[aria-sort=descending]")).to_contain_text("Worth")
    await page.get_by_role("button", name="1 with open alerts").click()
    await expect(names).to_have_text(["Delta 2"])
    await tab.shows("main tbody", "electricity stale")
    await names.first.click()
    await page.wait_for_url("**/#/now/delta-2")


async def test_a_thousand_facilities_come_in_pages_and_are_found_by_name(tab: Tab) -> None:
    rows = [{**FLEET_ROW, "facilityId": f"site-{i}", "name": f"Site {i}"} for i in range(1000)]
    await tab.page.route("**/api/fleet", lambda route: route.fulfill(json={"rows": rows, "next": None}))
    await tab.page.goto(f"{tab.url}#/fleet")
    await tab.shows(".pager", "1 to 25 of 1,000")
    await tab.page.get_by_role("button", name="Next", exact=True).click()
    await tab.shows(".pager", "26 to 50 of 1,000")
    await tab.page.get_by_label("Search facilities").fill("site 777")
    await expect(tab.page.locator("main tbody th a")).to_have_text(["Site 777"])


async def test_the_market_has_four_grids_and_says_why_one_is_empty(tab: Tab) -> None:
    page = await tab.visit("market")
    await tab.shows("section[aria-label=CAISO] tbody", "TH_SP15_GEN-APND")
    await tab.shows("section[aria-label=NYISO] tbody", "N.Y.C.")
    await tab.shows("section[aria-label=NYISO] tbody", "stale")
    await tab.shows("section[aria-label=PJM]", "Its feeds are off here.")
    for text in ("Henry Hub", "California Cap-and-Trade", "temperature", "synthetic"):
        await tab.shows("main", text)
    label = await page.locator("section[aria-label=CAISO] svg").first.get_attribute("aria-label")
    assert "last 6 hours: from 10.00 to 90.00 USD/MWh" in (label or "")


async def test_data_quality_has_lights_faults_with_commands_and_days(tab: Tab) -> None:
    page = await tab.visit("quality")
    await tab.shows(".repairs", "vibelux backfill nyiso/real-time-pricing --from 2026-07-14T04:00:00Z")
    days = page.locator("section", has=page.locator("h2", has_text="Day by day")).locator("tbody tr")
    await expect(days).to_have_count(4)
    await page.select_option("#day-feed", "nyiso/real-time-pricing")
    await expect(days).to_have_count(2)
    await expect(days.first).to_contain_text("60 of")


async def test_a_feed_of_a_replay_is_broken_and_mended(tab: Tab, world: StoredWorld) -> None:
    await tab.sign_in(world.key.key)
    page = await tab.visit("quality")
    await page.select_option("#drill-feed", "nyiso/real-time-pricing")
    await page.select_option("#drill-fault", "empty")
    await page.get_by_role("button", name="Break it").click()
    await tab.shows(
        ".broken", "nyiso/real-time-pricing is broken since 12:00 \N{MINUS SIGN}07:00: The payload has no bytes."
    )
    await page.get_by_role("button", name="Mend nyiso/real-time-pricing").click()
    await expect(page.locator(".broken li")).to_have_count(0)
    assert tab.wrong == []


async def test_who_may_only_read_is_told_how_to_answer_an_event(tab: Tab) -> None:
    page = await tab.visit("response")
    await tab.shows("main", "accepting and declining need a key with the scope operate")
    await expect(page.get_by_role("button", name="Accept 2026-07-14-1 for salinas-1")).to_be_disabled()
    await tab.shows("main", "still open")
    await page.check("#only-open")
    await expect(page.locator("main tbody tr", has_text="price change")).to_have_count(0)


async def test_alerts_and_events_do_not_wait_for_what_a_facility_could_give(tab: Tab) -> None:
    await tab.page.route("**/api/dr/opportunities*", lambda route: None)  # is never answered
    page = await tab.visit("response")
    await tab.shows("main", "It is being reckoned.")
    await expect(page.locator(".event")).to_have_count(1)


async def test_an_event_is_accepted_and_then_declined(tab: Tab, world: StoredWorld) -> None:
    await tab.sign_in(world.key.key)
    page = await tab.visit("response")
    await page.get_by_role("button", name="Accept 2026-07-14-1 for salinas-1").click()
    await tab.shows(".event", "accepted by test")
    await page.get_by_role("button", name="Decline 2026-07-14-1 for salinas-1").click()
    await tab.shows(".event", "declined by test")
    assert tab.wrong == []


async def test_what_is_wrong_with_a_facility_is_said_at_its_field(tab: Tab, world: StoredWorld) -> None:
    await tab.sign_in(world.key.key)
    page = tab.page
    await page.get_by_role("button", name="Salinas glasshouse 1").click()
    rated = page.locator("[name='chp[0].rated_kw']")
    await rated.fill("-5")
    await page.get_by_role("button", name="Save").click()
    await tab.shows("#field-chp-0--rated_kw-fault", "greater than 0")
    await expect(rated).to_be_focused()
    await expect(rated).to_have_attribute("aria-invalid", "true")
    assert [text.split()[0] for text in tab.wrong] == ["400"]
    await rated.fill("900")
    await page.get_by_role("button", name="JSON", exact=True).click()
    body = json.loads(await page.input_value("#facility-json"))
    assert body["chp"][0]["rated_kw"] == 900
    await page.fill("#facility-json", "{")
    await page.get_by_role("button", name="Save").click()
    await tab.shows("#facility-fault", "this is no JSON")
    await page.fill("#facility-json", json.dumps(body | {"name": "Salinas glasshouse 1"}))
    await page.get_by_role("button", name="Save").click()
    await tab.shows("main", "Salinas glasshouse 1 is saved.")
    held = await world.store.facility("salinas-1")
    assert held["chp"][0]["rated_kw"] == 900
    assert held["boiler"][0]["efficiency"] == 0.85, "what was not touched is as it was"


async def test_a_facility_is_added_and_taken_out(tab: Tab, world: StoredWorld) -> None:
    await tab.sign_in(world.key.key)
    page = tab.page
    await page.get_by_role("button", name="Add a facility").click()
    await page.get_by_role("button", name="Add the facility").click()
    await tab.shows("#field-id-fault", "is missing")
    await page.fill("[name=id]", "new-3")
    await page.get_by_role("button", name="Add the facility").click()
    await tab.shows("main", "new-3 is added.")
    await page.get_by_role("button", name="new-3").click()
    await page.get_by_role("button", name="Take it out").click()
    await page.get_by_role("button", name="Take new-3 out").click()
    await tab.shows("main", "new-3 is taken out.")
    assert await world.store.facility("new-3") is None
    assert [text.split()[0] for text in tab.wrong] == ["400"]


async def test_a_key_is_shown_once_works_and_is_revoked(tab: Tab, world: StoredWorld) -> None:
    await tab.sign_in(world.key.key)
    page = tab.page
    await page.get_by_role("button", name="Make the key").click()
    await tab.shows("#key-name-fault", "Say whom the key is for.")
    await page.fill("#key-name", "Home Assistant")
    await page.fill("#key-facilities", "nobody")
    await page.get_by_role("button", name="Make the key").click()
    await tab.shows("#key-facilities-fault", "there is no 'nobody'")
    await page.fill("#key-facilities", "salinas-1")
    await page.get_by_role("button", name="Make the key").click()
    key = await page.locator("#new-key").text_content()
    assert await world.store.principal_with_key(key, world.wall.now()) is not None
    row = page.locator("tr", has_text="Home Assistant")
    await row.get_by_role("button", name="Revoke Home Assistant").click()
    await row.get_by_role("button", name="Really revoke Home Assistant").click()
    await expect(row).to_contain_text("revoked")
    assert await world.store.principal_with_key(key, world.wall.now()) is None
    await page.reload()
    await tab.shows("main", "Home Assistant")
    assert key not in (await page.content())
