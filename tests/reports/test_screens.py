"""Administration in Chromium: nothing that axe, the width or the console finds wrong, and a person let out by keys."""

import os
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from starlette.types import ASGIApp

from caretide.runtime.tx import Database
from caretide.ui.assets import is_current
from tests.cast import Cast
from tests.client import open_session
from tests.database import HandClock
from tests.reports.house import furnish
from tests.workspace.test_browser import visiting

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not is_current(), reason="no front-end files: python -m caretide.ui.assets"),
]


async def faults(page: Page) -> list[str]:
    """Return what axe finds, and whether the page is wider than its window."""
    found = [f"{page.url}: {one['id']}" for one in (await Axe().run(page)).response["violations"]]
    wide = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [*found, *([f"{page.url}: wider than its window"] if wide else [])]


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark"), (1440, "dark"), (390, "light")])
async def test_no_page_violates_axe_or_width(
    width: int, scheme: Any, application: ASGIApp, database: Database, cast: Cast, clock: HandClock
) -> None:
    await furnish(database, cast, clock)
    secret = await open_session(database, cast.administrator)
    person = f"/admin/people/{cast.coordinator.member_id}"
    places = ["/admin", "/admin/people", person, f"{person}/suspend", "/clinics", f"/clinics/{cast.clinic_id}"]
    async with visiting(application, secret, width, color_scheme=scheme) as visit:
        page = await visit.tab("/practitioners")
        found = await faults(page)
        for place in places:
            await page.goto(place)
            found += await faults(page)
            if "SHOTS" in os.environ:
                name = f"{place.replace('/', '_').replace(str(cast.coordinator.member_id), 'one')}-{width}-{scheme}.png"
                await page.screenshot(path=Path(os.environ["SHOTS"]) / name, full_page=True)
        assert found == []


async def test_access_is_ended_from_the_dialog(application: ASGIApp, database: Database, cast: Cast) -> None:
    secret = await open_session(database, cast.administrator)
    async with visiting(application, secret) as visit:
        page = await visit.tab(f"/admin/people/{cast.coordinator.member_id}")
        await page.get_by_role("link", name="End access").press("Enter")
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("What they recorded stands")
        await dialog.get_by_role("button", name="End access").press("Enter")
        await expect(page.get_by_text("Access ended").first).to_be_visible()
