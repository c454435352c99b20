"""Every page that somebody can reach by links, in every role: no dead link, nothing empty, quiet console, axe content.

`script/screenshots` runs these with `--shots FOLDER`, which keeps a picture of every page in all four forms.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from caretide.kernel.permissions import Role
from caretide.runtime.installation import Installation
from caretide.ui.assets import is_current
from tests.database import HandClock, Server
from tests.screens.crawl import crawl
from tests.screens.house import House, browser, forms, open_house, signed_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not is_current(), reason="no front-end files: python -m caretide.ui.assets"),
]


@pytest.fixture
async def house(
    installation: Installation, server: Server, clock: HandClock, request: pytest.FixtureRequest
) -> AsyncIterator[House]:
    patients = int(request.config.getoption("--patients"))
    async with open_house(installation, server, clock, patients, "-pages") as opened:
        yield opened


async def test_every_page_of_every_role(house: House, request: pytest.FixtureRequest) -> None:
    shots = request.config.getoption("--shots")
    folder = Path(shots) if shots else None
    wrong: list[str] = []
    done: set[str] = set()
    async with browser() as opened:
        for role in (*Role, None):
            look = await signed_in(opened, house, role)
            found = await crawl(look, house, "/sign-in" if role is None else "/")
            wrong += [f"{role or 'visitor'} {one}" for one in (*found.wrong, *look.faults)]
            await look.page.context.close()
            pages = {what: address for what, address in found.pages.items() if address and (folder or what not in done)}
            done |= set(pages)
            wrong += await _inspect(opened, house, role, pages, folder)
    assert wrong == []


async def _inspect(
    opened: Browser, house: House, role: Role | None, pages: dict[str, str], folder: Path | None
) -> list[str]:
    """Look at pages in every form; return what axe, the width and the console find wrong."""
    wrong: list[str] = []
    # Dark at a desk and light in the hand say nothing about structure that the other two have not said.
    chosen = list(forms()) if folder else [(1440, "light"), (390, "dark")]
    for width, scheme in chosen:
        look = await signed_in(opened, house, role, width, scheme)
        for what, address in pages.items():
            await look.page.goto(address)
            name = f"{role or 'visitor'}{_slug(what)}-{width}-{scheme}"
            if folder:
                await look.page.screenshot(path=folder / f"{name}.png", full_page=True, caret="initial")
            wrong += [f"{name}: {one}" for one in await _faults(look.page, width, scheme)]
        wrong += look.faults
        await look.page.context.close()
    return wrong


async def _faults(page: Page, width: int, scheme: str) -> list[str]:
    found: list[str] = []
    if await page.evaluate("document.documentElement.scrollWidth") > width:
        found.append("scrolls sideways")
    await page.evaluate("document.querySelectorAll('main details').forEach((each) => (each.open = true))")
    # Dark differs in its colors alone.
    result = await Axe().run(page, options={"runOnly": ["color-contrast"]} if scheme == "dark" else None)
    found += await page.evaluate(_COVERED)
    found += [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in result.response["violations"]]
    return found


_COVERED = """() => [...document.querySelectorAll(
    "main :is(button, select, textarea, summary, input:not([type=hidden]))")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest(".visually-hidden, [inert]"))
  .flatMap((each) => {
    each.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    const box = each.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    if (box.width < 4 || x < 0 || y < 0 || x > innerWidth || y > innerHeight) return [];
    const there = document.elementFromPoint(x, y);
    const label = each.labels?.[0];
    if (each.contains(there) || label?.contains(there)) return [];
    return [`covered by ${there?.outerHTML.slice(0, 80)}: ${each.outerHTML.slice(0, 120)}`];
  })"""
"""What a mouse cannot reach: at its middle lies something else."""


def _slug(what: str) -> str:
    return (
        re.sub(r"[^a-z0-9]+", "-", what.lower().replace("{id}", "one").replace("{month}", "month")).rstrip("-") or "-"
    )
