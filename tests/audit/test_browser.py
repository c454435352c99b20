"""The audit in a browser: its further filters by keyboard and without script, on a desk and in the hand."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe

from caretide import main
from caretide.kernel.permissions import Role
from caretide.runtime.installation import Installation
from caretide.runtime.tx import Database
from caretide.ui.assets import is_current
from tests.cast import Cast
from tests.client import Visit, open_session
from tests.database import HandClock
from tests.enrollment.panel import enrolled
from tests.screens.house import House, browser, forms, signed_in
from tests.workspace.test_browser import serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not is_current(), reason="no front-end files: python -m caretide.ui.assets"),
]


@pytest.fixture
async def house(installation: Installation, database: Database, cast: Cast, clock: HandClock) -> AsyncIterator[House]:
    async with serving(main.create_app(installation)) as address:
        yield House(address, {Role.AUDITOR: await open_session(database, cast.auditor)})


@pytest.fixture
async def chart(database: Database, cast: Cast, api: Visit) -> str:
    """The address of a chart that two people tried and one saw."""
    patient, enrollment = await enrolled(database, cast)
    stranger = await api(cast.other_coordinator)
    await stranger.get(f"/patients/{patient}")
    await stranger.get(f"/enrollments/{enrollment}/history")
    await (await api(cast.billing)).post(
        f"/enrollments/{enrollment}/end", json={"ended_on": "2026-10-01", "reason": "-"}
    )
    await (await api(cast.coordinator)).get(f"/patients/{patient}")
    return f"/patients/{patient}/audit"


@pytest.mark.req("A-10")
async def test_further_filters_by_keyboard_in_every_form(
    house: House, chart: str, request: pytest.FixtureRequest
) -> None:
    folder = request.config.getoption("--shots")
    wrong: list[str] = []
    async with browser() as opened:
        for width, scheme in forms():
            look = await signed_in(opened, house, Role.AUDITOR, width, scheme)
            page = look.page
            await page.goto("/audit")
            further = page.locator(".audit-further")
            assert await further.get_attribute("open") is None
            await further.locator("summary").focus()
            await page.keyboard.press("Enter")
            await page.get_by_label("What (verb)").fill("patients.patient")
            await page.keyboard.press("Enter")
            await page.get_by_text("More filters (1 set)").wait_for()
            assert await further.get_attribute("open") is not None
            for place in ("/audit?verb=patients.patient", "/audit?rows=many&patient=Ana&since=soon", chart):
                await page.goto(place)
                wrong += [f"{width} {scheme} {one['id']}" for one in (await Axe().run(page)).response["violations"]]
                if await page.evaluate("document.documentElement.scrollWidth") > width:
                    wrong.append(f"{place} scrolls sideways at {width}")
                if folder:
                    name = f"audit-{len(place)}-{width}-{scheme}.png"
                    await page.screenshot(path=Path(folder) / name, full_page=True, caret="initial")
            # Chromium notes the 422 of the address that could not be read.
            wrong += [one for one in look.faults if "422" not in one]
            await page.context.close()
    assert wrong == []


@pytest.mark.req("A-10")
async def test_further_filters_work_without_script(house: House, chart: str) -> None:
    async with browser() as opened:
        known = (await signed_in(opened, house, Role.AUDITOR)).page.context
        context = await opened.new_context(
            base_url=house.address, java_script_enabled=False, storage_state=await known.storage_state()
        )
        page = await context.new_page()
        await page.goto("/audit")
        await page.locator(".audit-further summary").click()
        await page.get_by_label("Patient", exact=True).fill(chart.split("/")[2])
        await page.get_by_role("button", name="Show these").click()
        assert "patient=" in page.url
        assert await page.locator(".audit-further").get_attribute("open") is not None
        assert await page.get_by_text("Not found", exact=True).count() > 2
        await page.get_by_label("Rows, at least").fill("7")
        await page.get_by_role("button", name="Show", exact=True).click()
        assert "rows=7" in page.url
        await context.close()
