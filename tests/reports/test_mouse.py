"""The Team pages by mouse: what a row leads to never lies over what stands beside it."""

import pytest
from playwright.async_api import expect
from starlette.types import ASGIApp

from caretide.runtime.tx import Database
from caretide.ui.assets import is_current
from tests.cast import Cast
from tests.client import open_session
from tests.database import HandClock
from tests.reports.team import NOON, Stand, stands
from tests.workspace.test_browser import visiting

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not is_current(), reason="no front-end files: python -m caretide.ui.assets"),
]


@pytest.mark.parametrize("width", [1440, 390])
async def test_a_patient_is_chosen_and_assigned_by_mouse(
    width: int, application: ASGIApp, database: Database, cast: Cast, clock: HandClock
) -> None:
    clock.now = NOON
    chosen, other = [await stands(database, cast, Stand(designated=False)) for _ in range(2)]
    secret = await open_session(database, cast.manager)
    async with visiting(application, secret, width) as visit:
        page = await visit.tab("/team/unassigned")
        box = page.locator(f"input[type=checkbox][value='{chosen}']")
        await box.click()
        await expect(box).to_be_checked()
        await page.get_by_label("Who looks after them").select_option(str(cast.coordinator.member_id))
        await page.get_by_role("button", name="Assign the chosen").click()
        await expect(page.locator(f"a[href='/patients/{chosen}']")).to_have_count(0)
        row = page.locator("tr", has=page.locator(f"a[href='/patients/{other}']"))
        await row.locator("td").last.click(force=True)  # the link lies over its whole row, as meant
        await page.wait_for_url(f"**/patients/{other}")
