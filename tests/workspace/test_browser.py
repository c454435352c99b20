"""The real pages in Chromium: by keyboard from sign-in to a stopped timer, in two tabs, on a phone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page, async_playwright, expect
from starlette.types import ASGIApp

from caretide.runtime.tx import Database
from caretide.time_log import actions as time_log
from caretide.ui.assets import is_current
from tests.billing.months import Recorded, record_month
from tests.cast import Cast
from tests.client import COOKIE, open_session
from tests.database import HandClock
from tests.identity.accounts import PASSWORD, code_at, give_password
from tests.ui.test_browser import FLAGS, SIZES

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not is_current(), reason="no front-end files: python -m caretide.ui.assets"),
]


@dataclass
class Visit:
    """A browser at the served application, and everything that its console complained of."""

    context: BrowserContext
    faults: list[str] = field(default_factory=list[str])

    async def tab(self, path: str) -> Page:
        """Open a page in a tab of its own."""
        page = await self.context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        await page.goto(path)
        return page

    def _note(self, message: Any) -> None:
        # A refused form answers 422, which the browser reports as a failed request; that is as meant.
        if message.type in {"error", "warning"} and "422" not in message.text:
            self.faults.append(message.text)


@asynccontextmanager
async def serving(application: ASGIApp) -> AsyncIterator[str]:
    """Serve the application on a loopback port."""
    config = uvicorn.Config(application, port=0, lifespan="off", ws="none", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn tells it in no other way
        await asyncio.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def visiting(application: ASGIApp, secret: str = "", width: int = 1440, **options: Any) -> AsyncIterator[Visit]:
    async with serving(application) as address, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS.split())
        viewport: Any = {"width": width, "height": SIZES[width]}
        context = await browser.new_context(
            viewport=viewport, base_url=address, reduced_motion="reduce", has_touch=width < 500, **options
        )
        if secret:
            await context.add_cookies([{"name": COOKIE, "value": secret, "url": address}])
        visit = Visit(context)
        yield visit
        await browser.close()
        assert visit.faults == []


async def tab_to(page: Page, reached: Callable[[str], bool]) -> None:
    """Press the tabulator until the focused element's words are the ones."""
    for _ in range(80):
        await page.keyboard.press("Tab")
        words = "(e => (e.labels?.[0] ?? e).textContent.trim())(document.activeElement)"
        if reached(await page.evaluate(words)):
            return
    pytest.fail("the keyboard does not get there")


@pytest.fixture
async def recorded(database: Database, cast: Cast) -> Recorded:
    return await record_month(database, cast)


async def test_keyboard_leads_from_sign_in_to_a_stopped_timer(
    application: ASGIApp, database: Database, cast: Cast, clock: HandClock, recorded: Recorded
) -> None:
    address = await give_password(database, cast.coordinator)
    async with visiting(application) as visit:
        page = await visit.tab("/sign-in")
        await page.get_by_label("Email").focus()
        await page.keyboard.type(address)
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/sign-in/second**")
        await tab_to(page, "Code".__eq__)
        await page.keyboard.type(code_at(clock.now))
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/my-day")
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/patients/{recorded.patient_id}")
        await tab_to(page, "Start".__eq__)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("The timer is running.")).to_be_visible()
        clock.advance(seconds=90)
        await tab_to(page, "Note".__eq__)
        await page.keyboard.type("Called about the new tablets.")
        await tab_to(page, "Stop & log".__eq__)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("The time was recorded.")).to_be_visible()
        await expect(page.get_by_text("Called about the new tablets.")).to_be_visible()
        await expect(page.locator(".month-figure")).to_have_text("0:01:30 in October 2026")
        await expect(page.locator("#running-slot .running")).to_have_count(0)


async def test_second_tab_follows_the_first(
    application: ASGIApp, database: Database, cast: Cast, recorded: Recorded
) -> None:
    secret = await open_session(database, cast.coordinator)
    async with visiting(application, secret) as visit:
        first, second = [await visit.tab(f"/patients/{recorded.patient_id}") for _ in range(2)]
        await first.get_by_role("button", name="Start").click()
        await expect(second.get_by_text("Recording")).to_be_visible()
        await second.locator("#timer").get_by_label("Note").fill("Written in the second tab")
        await second.get_by_role("button", name="Stop & log").click()
        await expect(first.get_by_text("Not running")).to_be_visible()


async def test_refused_form_stays_where_it_is_and_takes_the_focus(
    application: ASGIApp, database: Database, cast: Cast, recorded: Recorded
) -> None:
    secret = await open_session(database, cast.coordinator)
    async with visiting(application, secret) as visit:
        page = await visit.tab(f"/patients/{recorded.patient_id}#fact-care-plan")
        form = page.locator("#fact-care-plan")
        await form.get_by_label("Plan", exact=True).select_option("disease_specific")
        await form.get_by_label("In effect since").fill("2026-10-02")
        await form.get_by_label("Copy to the patient").select_option("portal")
        await form.get_by_role("button", name="Record").click()
        await expect(form.get_by_role("alert")).to_be_focused()
        await expect(form.get_by_label("Plan", exact=True)).to_have_value("disease_specific")
        await expect(form.get_by_label("In effect since")).to_have_value("2026-10-02")
        await form.get_by_label("Copy given on").fill("2026-10-03")
        await form.get_by_role("button", name="Record").click()
        await expect(page.get_by_text("Recorded.", exact=True)).to_be_visible()
        await expect(form).to_contain_text("copy through the portal on Oct 3, 2026")


async def test_attempt_in_the_future_is_refused_beside_its_field_with_nothing_odd_in_the_console(
    application: ASGIApp, database: Database, cast: Cast, recorded: Recorded
) -> None:
    secret = await open_session(database, cast.coordinator)
    async with visiting(application, secret) as visit:
        said: list[str] = []
        page = await visit.tab(f"/patients/{recorded.patient_id}#record-attempt")
        page.on("console", lambda message: said.append(message.text))
        form = page.locator("#attempts")
        await form.get_by_text("Busy").click()
        await form.get_by_text("Note, or an earlier time").click()
        await form.get_by_label("When it was").fill("2026-10-09")
        await form.locator("#attempt-made_time").fill("10:00")
        await form.get_by_role("button", name="Record the attempt").click()
        await expect(form.get_by_role("alert")).to_be_focused()
        await expect(form.locator("#attempt-made_on-fault")).to_have_text("This has not happened yet")
        await expect(form.get_by_label("When it was")).to_have_value("2026-10-09")
        assert page.url.split("#")[0].endswith(f"/patients/{recorded.patient_id}")
        assert [text for text in said if "[object" in text] == []


async def test_search_narrows_the_list_without_an_address(
    application: ASGIApp, database: Database, cast: Cast, recorded: Recorded
) -> None:
    secret = await open_session(database, cast.coordinator)
    async with visiting(application, secret) as visit:
        page = await visit.tab("/my-day")
        await page.keyboard.press("/")
        await page.keyboard.type("whit")
        await expect(page.get_by_role("heading", name="Found")).to_be_visible()
        await page.locator("#search").fill("nobody")
        await expect(page.get_by_text("Nobody by that name or number")).to_be_visible()
        assert page.url.endswith("/my-day")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
async def test_pages_are_clean_at_both_sizes(
    application: ASGIApp, database: Database, cast: Cast, recorded: Recorded, width: int, scheme: str
) -> None:
    secret = await open_session(database, cast.manager)
    async with visiting(application, secret, width, color_scheme=scheme) as visit:
        for path in ("/my-day", f"/patients/{recorded.patient_id}", f"/patients/{recorded.patient_id}?month=2026-09"):
            page = await visit.tab(path)
            await page.evaluate("document.querySelectorAll('main details').forEach((one) => (one.open = true))")
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            result = await Axe().run(page)
            assert [f"{found['id']}: {found['nodes'][0]['html']}" for found in result.response["violations"]] == []


async def test_a_timer_asks_whoever_is_gone_and_goes_on_when_they_say_so(
    application: ASGIApp, database: Database, cast: Cast, recorded: Recorded
) -> None:
    async with database.tx(cast.coordinator) as tx:
        await time_log.start_timer(tx, recorded.patient_id, recorded.enrollment_id, "care_plan")
    secret = await open_session(database, cast.coordinator)
    async with visiting(application, secret) as visit:
        page = await visit.context.new_page()
        await page.clock.install()
        await page.goto("/my-day")
        dialog = page.locator("#still-dialog")
        await page.clock.run_for(4 * 60 * 1000)
        await expect(dialog).to_be_hidden()
        await page.clock.run_for(61 * 1000)
        await expect(dialog).to_be_visible()
        await expect(dialog.get_by_role("button", name="Still working")).to_be_focused()
        await expect(dialog).to_contain_text("Nothing was done here since")
        assert (await Axe().run(page)).violations_count == 0
        await page.keyboard.press("Enter")
        await expect(dialog).to_be_hidden()
        assert page.url.endswith("/my-day")
        await page.clock.run_for(5 * 60 * 1000 + 1000)
        await expect(dialog).to_be_visible()
        await dialog.get_by_role("button", name="Stop where I left").click()
        await expect(page.get_by_text("The timer was stopped where you left")).to_be_visible()
        await expect(page.locator(".running")).to_be_hidden()
