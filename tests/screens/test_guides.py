"""The guides tell the truth: each is walked in a browser, shows what was seen there, and names what stands there.

With `--shots` the pictures of `docs/guide/images` are made anew.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from caretide.kernel.permissions import Role
from caretide.runtime.installation import Installation
from caretide.ui.assets import is_current
from tests.database import HandClock, Server
from tests.screens.camera import IMAGES, Camera
from tests.screens.house import House, browser, open_house, signed_in

GUIDES = Path(__file__).parents[2] / "docs" / "guide"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not is_current(), reason="no front-end files: python -m caretide.ui.assets"),
]


@pytest.fixture
async def house(
    installation: Installation, server: Server, clock: HandClock, request: pytest.FixtureRequest
) -> AsyncIterator[House]:
    async with open_house(installation, server, clock, int(request.config.getoption("--patients"))) as opened:
        yield opened


async def coordinator(camera: Camera) -> None:
    page = camera.page
    await page.goto("/")
    await camera.show("coordinator-my-day")
    # A patient of one's own, whose entries are one's own to void; a colleague's roster is on the list, too.
    mine = page.locator("select[name='coordinator'] option", has_text="My own")
    await page.goto(f"/my-day?coordinator={await mine.get_attribute('value')}")
    await page.locator(".roster-table a[href^='/patients/']").first.click()
    await page.wait_for_load_state()
    await camera.show("coordinator-patient")
    start = page.locator("#timer").get_by_role("button", name="Start")
    if await start.count():
        await start.click()
        await page.wait_for_selector("#timer [data-clock]")
        await camera.show("coordinator-timer")
        await page.locator("#timer textarea").fill("Went over the plan's goals.")
        await page.locator("#timer").get_by_role("button", name="Stop & log").click()
        await page.wait_for_load_state()
        await camera.look()
    await page.goto("/my-day")
    await page.get_by_role("link", name="Emergency access").first.click()
    await page.wait_for_load_state()
    await camera.show("coordinator-emergency")


async def manager(camera: Camera) -> None:
    page = camera.page
    await page.goto("/")
    await camera.show("manager-team")
    await page.locator(".team-table a[href^='/team/']").first.click()
    await page.wait_for_load_state()
    await camera.show("manager-member")
    await page.goto("/approvals")
    await camera.show("manager-approvals")
    await page.goto("/team/unassigned")
    await camera.look()
    await page.goto("/cover")
    await camera.show("manager-cover")
    await page.goto("/duty")
    await camera.look()
    await page.goto("/team")
    await page.get_by_role("link", name="Emergency access").first.click()
    await page.wait_for_load_state()
    await camera.show("manager-emergency")


async def billing(camera: Camera) -> None:
    page = camera.page
    await page.goto("/")
    await camera.show("billing-month")
    await page.goto(page.url.split("?")[0] + "?show=blocked")
    await camera.show("billing-blocked")


async def administrator(camera: Camera) -> None:
    page = camera.page
    await page.goto("/")
    await camera.show("administrator-overview")
    await page.goto("/admin/people")
    await camera.show("administrator-people")
    await page.goto("/admin/people?role=coordinator&status=active")
    await page.locator("#people a[href^='/admin/people/']").first.click()
    await page.wait_for_load_state()
    await camera.look()
    await page.goto("/admin/people?role=coordinator&status=suspended")
    await page.locator("#people a[href^='/admin/people/']").first.click()
    await page.wait_for_load_state()
    await camera.look()
    await page.goto("/admin/tokens")
    await camera.show("administrator-programs")
    await page.goto("/admin/settings")
    await camera.look()
    await page.goto("/clinics")
    await camera.look()
    await page.goto("/practitioners")
    await camera.look()


async def practitioner(camera: Camera) -> None:
    page = camera.page
    await page.goto("/")
    await camera.show("practitioner-patients")
    await page.locator(".roster-table a[href^='/patients/']").first.click()
    await page.wait_for_load_state()
    await camera.look()


async def auditor(camera: Camera) -> None:
    page = camera.page
    await page.goto("/")
    await camera.show("auditor-month")
    await page.goto(page.url.split("?")[0] + "?show=blocked")
    await camera.look()


WALKS: dict[Role, Callable[[Camera], Awaitable[None]]] = {
    Role.COORDINATOR: coordinator,
    Role.MANAGER: manager,
    Role.BILLING: billing,
    Role.ADMINISTRATOR: administrator,
    Role.PRACTITIONER: practitioner,
    Role.AUDITOR: auditor,
}


async def test_guides_show_and_name_what_is_there(house: House, request: pytest.FixtureRequest) -> None:
    wrong: list[str] = []
    async with browser() as opened:
        for role, walk in WALKS.items():
            look = await signed_in(opened, house, role)
            camera = Camera(look.page, keep=bool(request.config.getoption("--shots")))
            await walk(camera)
            wrong += look.faults + untrue(role, camera)
            await look.page.context.close()
    assert wrong == [], "\n".join(wrong)


def untrue(role: Role, camera: Camera) -> list[str]:
    """Return what a guide shows or names that the walk did not come across."""
    text = (GUIDES / f"{role}.md").read_text("utf-8")
    pictures = set(re.findall(r"\(images/([a-z-]+)\.png\)", text))
    labels = {" ".join(one.split()) for one in re.findall(r"\*\*(.+?)\*\*", text, flags=re.DOTALL)}
    unseen = [f"{role}: nobody saw '{label}'" for label in sorted(labels) if label.lower() not in camera.seen]
    return [
        *unseen,
        *(f"{role}: no walk takes {one}.png" for one in sorted(pictures - set(camera.shown))),
        *(f"{role}: the guide shows no {one}.png" for one in sorted(set(camera.shown) - pictures)),
        *(f"{role}: {one}.png was never made" for one in sorted(pictures) if not (IMAGES / f"{one}.png").exists()),
    ]


def test_every_role_has_a_guide() -> None:
    assert {path.stem for path in GUIDES.glob("*.md")} == {*Role}
