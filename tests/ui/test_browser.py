"""The pages in a browser under the real content policy: axe, widths, keys, tabs, no script at all."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page, Route, async_playwright, expect

from caretide.ui.assets import is_current
from tests.ui.preview import Site, served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not is_current(), reason="no front-end files: python -m caretide.ui.assets"),
]

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
SIZES = {1440: 900, 390: 844}


@asynccontextmanager
async def browsing(width: int = 1440, **options: Any) -> AsyncIterator[tuple[Site, BrowserContext]]:
    """Serve the sample pages and open a browser of one size on them."""
    with served() as site:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS.split())
            context = await browser.new_context(
                viewport={"width": width, "height": SIZES[width]},
                has_touch=width < 500,
                base_url=site.address,
                **options,
            )
            yield site, context
            await browser.close()


async def opened(context: BrowserContext, name: str) -> Page:
    """Return a tab with one sample page."""
    page = await context.new_page()
    await page.goto(f"/{name}")
    return page


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
async def test_no_page_violates_axe_policy_or_width(width: int, scheme: Any) -> None:
    async with browsing(width, color_scheme=scheme, reduced_motion="reduce") as (site, context):
        page = await context.new_page()
        faults: list[str] = []
        page.on(
            "console", lambda message: faults.append(message.text) if message.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        # A slow machine may take longer over a page than the two seconds after which a close is asked about again.
        await page.route("**/progress", lambda route: route.fulfill(status=204))
        # Dark differs in its colors alone.
        rules = {"runOnly": ["color-contrast"]} if scheme == "dark" else None
        for name in site.pages:
            await page.goto(f"/{name}")
            await page.evaluate("document.querySelectorAll('main details').forEach((each) => (each.open = true))")
            if await page.evaluate("document.documentElement.scrollWidth") > width:
                faults.append(f"{name} scrolls sideways")
            result = await Axe().run(page, options=rules)
            faults += [f"{name}: {v['id']}: {v['nodes'][0]['html']}" for v in result.response["violations"]]
        assert faults == []
        assert site.asked == []


async def test_touch_targets_are_forty_pixels_high() -> None:
    small = """() => [...document.querySelectorAll("button, select, summary, .input, .bottombar a, .choice, .tile")]
      .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 39.5 && !e.matches("[data-reveal]"))
      .map((e) => e.outerHTML.slice(0, 90))"""
    async with browsing(390, is_mobile=True) as (site, context):
        page = await context.new_page()
        found: dict[str, list[str]] = {}
        for name in site.pages:
            await page.goto(f"/{name}")
            found |= {name: low} if (low := await page.evaluate(small)) else {}
        assert found == {}


async def test_roster_is_walked_by_keys() -> None:
    async with browsing() as (site, context):
        page = await opened(context, "my-day")
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        for key, name in (("j", "Eleanor Whitfield"), ("j", "Rosa Delgado"), ("k", "Eleanor Whitfield")):
            await page.keyboard.press(key)
            await expect(page.get_by_role("link", name=name, exact=True)).to_be_focused()
        await page.keyboard.press("/")
        await expect(page.locator("#search")).to_be_focused()
        await page.keyboard.type("jk")
        await expect(page.locator("#search")).to_have_value("jk")
        # The search asks after a while; what is asked last is to be the patient.
        await expect(page.get_by_text("Something went wrong (503)")).to_be_visible()
        await page.get_by_role("link", name="Rosa Delgado").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/patients/**")
        assert site.asked[-1].startswith("patients/")


async def test_failed_search_says_so_and_keeps_the_list() -> None:
    async with browsing() as (site, context):
        page = await opened(context, "my-day")
        await page.locator("#search").fill("rosa")
        await expect(page.get_by_text("Something went wrong (503)")).to_be_visible()
        await expect(page.get_by_role("link", name="Rosa Delgado")).to_be_visible()
        assert site.asked == ["POST my-day/search"]


async def test_clock_runs_on_from_the_seconds_of_the_server() -> None:
    async with browsing() as (_, context):
        # The browser's own time stands still but for what the test lets pass: no second is missed by looking late.
        await context.clock.install(time=0)
        await context.clock.pause_at(1)
        page = await opened(context, "patient")
        clock = page.locator("#timer [data-clock]")
        await expect(clock).to_have_text("12:34")
        await context.clock.run_for(1_999)
        await expect(clock).to_have_text("12:35")
        await context.clock.run_for(8 * 60 * 1_000)
        await expect(clock).to_have_text("20:35")


async def test_second_tab_asks_again_when_the_timer_changed_elsewhere() -> None:
    async with browsing() as (site, context):
        await opened(context, "patient-idle")
        assert site.asked == []
        async with context.expect_event("request", lambda request: request.url.endswith("/timer")):
            await opened(context, "patient")


async def test_fix_opens_the_form_that_mends_it() -> None:
    async with browsing() as (_, context):
        page = await opened(context, "patient")
        await page.get_by_role("link", name="Fix").click()
        await expect(page.locator("#fact-other-claims details").first).to_have_attribute("open", "")
        await expect(page.locator("#fact-other-claims-month")).to_be_focused()


async def test_close_asks_first_and_escape_means_no() -> None:
    async with browsing() as (site, context):
        page = await opened(context, "month")
        await page.get_by_role("link", name="Close month").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_be_visible()
        await expect(dialog.get_by_role("button", name="Close October 2026")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        assert site.asked == []


async def test_account_menu_closes_by_escape_and_returns_focus() -> None:
    async with browsing() as (_, context):
        page = await opened(context, "my-day")
        summary = page.locator(".account > summary")
        await summary.click()
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
        await expect(summary).to_be_focused()


async def test_password_can_be_shown() -> None:
    async with browsing() as (_, context):
        page = await opened(context, "sign-in")
        await page.get_by_role("button", name="Show: Password").click()
        await expect(page.locator("#sign-in-password")).to_have_attribute("type", "text")


async def test_pages_work_without_script() -> None:
    async with browsing(java_script_enabled=False) as (site, context):
        page = await opened(context, "month")
        await expect(page.get_by_role("button", name="Show")).to_be_visible()
        await page.get_by_role("link", name="Close month").click()
        assert site.asked == ["months/2026-10/close"]
        await page.goto("/my-day")
        await expect(page.get_by_role("button", name="Search")).to_be_visible()


async def test_browser_keeps_nothing() -> None:
    async with browsing() as (_, context):
        page = await opened(context, "patient")
        assert await page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        assert await page.evaluate("Object.keys(sessionStorage)") == []


async def test_palette_goes_to_a_place_by_keys_alone() -> None:
    async with browsing() as (_, context):
        page = await opened(context, "patient")
        await page.keyboard.press("Control+k")
        await expect(page.locator("#palette-input")).to_be_focused()
        await page.keyboard.press("ArrowDown")
        active = await page.locator("#palette-input").get_attribute("aria-activedescendant")
        await expect(page.locator(f"#{active}")).to_have_attribute("aria-selected", "true")
        await page.keyboard.type("mon")
        await page.keyboard.press("Enter")
        # Where the page comes to rest: waiting for one navigation fails where the browser begins it anew.
        await expect(page).to_have_url(re.compile("/months$"))


async def test_palette_names_patients_and_forgets_them() -> None:
    async with browsing() as (site, context):
        page = await opened(context, "patient")
        await page.keyboard.press("/")
        await page.keyboard.type("ros")
        found = page.get_by_role("option", name="Rosa Delgado")
        await expect(found).to_be_visible()
        assert "ros" not in page.url
        result = await Axe().run(page)
        assert result.response["violations"] == []
        await page.keyboard.press("Escape")
        await expect(page.locator("#palette")).to_be_hidden()
        await page.keyboard.press("Control+k")
        await expect(found).to_be_hidden()
        assert site.asked == []


async def test_help_lists_keys_and_they_work() -> None:
    async with browsing() as (_, context):
        page = await opened(context, "month")
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
        result = await Axe().run(page)
        assert result.response["violations"] == []
        await page.keyboard.press("Escape")
        await page.keyboard.press("g")
        await page.keyboard.press("d")
        await page.wait_for_url("**/my-day")


async def test_queue_stands_beside_the_patient_or_in_a_drawer() -> None:
    async with browsing() as (_, context):
        page = await opened(context, "patient")
        await expect(page.get_by_role("complementary", name="Queue").get_by_text("Rosa Delgado")).to_be_visible()
    async with browsing(390, is_mobile=True) as (_, context):
        page = await opened(context, "patient")
        await page.get_by_role("link", name="Queue", exact=True).click()
        await expect(page.get_by_role("dialog", name="Queue").get_by_text("Rosa Delgado")).to_be_visible()
        await page.get_by_role("button", name="Close").click()
        await expect(page.get_by_role("dialog", name="Queue")).to_be_hidden()


async def test_page_is_busy_only_while_something_is_asked() -> None:
    async with browsing() as (_, context):
        page = await context.new_page()
        held: list[Route] = []
        await page.route("**/my-day/queue", lambda route: held.append(route))  # noqa: PLW0108 - a built-in takes no mark
        await page.goto("/patient")
        await expect(page.locator("html.is-busy")).to_have_count(1)
        await expect(page.locator("#queue")).to_have_attribute("aria-busy", "true")
        await held[0].continue_()
        await expect(page.locator("html.is-busy")).to_have_count(0)
        await expect(page.locator("#queue[aria-busy]")).to_have_count(0)


async def test_toast_stays_while_it_is_read_and_goes_when_dismissed() -> None:
    async with browsing() as (_, context):
        page = await opened(context, "patient")
        toast = page.locator("#toasts .toast")
        await toast.hover()
        await expect(toast).to_contain_text("Consent recorded.")
        await page.get_by_role("button", name="Dismiss").click()
        await expect(toast).to_have_count(0)


async def test_failed_request_can_be_tried_again() -> None:
    async with browsing() as (site, context):
        page = await opened(context, "my-day")
        await page.locator("#search").fill("rosa")
        await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_text("Something went wrong (503)")).to_be_visible()
        assert site.asked == ["POST my-day/search", "POST my-day/search"]
