"""Harmful words in every text field: they are text on every page, and nothing of them stays in the browser."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from caretide.kernel.actor import Actor
from caretide.kernel.permissions import Role
from caretide.runtime.installation import Installation
from caretide.tenants.queries import actor_behind
from caretide.ui.assets import is_current
from tests.client import COOKIE
from tests.database import HandClock, Server
from tests.screens.canaries import MARK, plant
from tests.screens.crawl import crawl
from tests.screens.house import House, browser, open_house, signed_in
from tests.ui.test_browser import FLAGS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not is_current(), reason="no front-end files: python -m caretide.ui.assets"),
]

PATIENTS = 12


@pytest.fixture
async def house(installation: Installation, server: Server, clock: HandClock) -> AsyncIterator[House]:
    async with open_house(installation, server, clock, PATIENTS, "-canaries") as opened:
        with_tenant = await _tenant_of(installation, opened)
        taken = await plant(installation.database, server, with_tenant)
        assert {"patients.family", "patients.phone", "members.display_name", "clinics.name"} <= set(taken)
        assert len(taken) > 25
        yield opened


async def _tenant_of(installation: Installation, house: House) -> Actor:
    find = installation.database
    async with find.tx(Actor.nobody()) as tx:
        actor = await _actor(tx, next(iter(house.sessions.values())))
    assert actor.tenant_id is not None
    return Actor.system(actor.tenant_id)


async def _actor(tx: Any, secret: str) -> Actor:
    return await actor_behind(tx, secret, False)  # noqa: FBT003 - no sign of life; the parameter has one meaning


_STORED = """async () => ({
  local: localStorage.length, session: sessionStorage.length,
  databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length,
  ran: document.documentElement.dataset.ran ?? "",
})"""


@pytest.mark.req("V-01", "V-02", "V-19", "W-02", "W-06")
async def test_harmful_words_are_text_everywhere_and_leave_nothing_behind(house: House, tmp_path: Path) -> None:
    """One house for both: to play it takes longer than to walk through it."""
    assert await _walk(house) == []
    assert await _left_behind(house, tmp_path / "profile") == []


async def _walk(house: House) -> list[str]:
    """Return what is wrong on any page of any role."""
    wrong: list[str] = []
    shown = 0
    async with browser() as opened:
        for role in Role:
            if role not in house.sessions:
                continue
            look = await signed_in(opened, house, role)
            asked: list[str] = []
            look.page.on("request", lambda request, asked=asked: asked.append(request.url))
            await look.page.add_init_script(_WATCH)
            found = await crawl(look, house, "/", 30)
            wrong += [f"{role} {one}" for one in look.faults]
            wrong += [f"{role} {one}" for one in found.wrong if "scrolls sideways" not in one]
            wrong += [f"{role} asked for {url}" for url in asked if MARK in url or not url.startswith(house.address)]
            for address in [address for address in found.pages.values() if address]:
                await look.page.goto(address)
                shown += MARK in await look.page.content()
                wrong += [f"{role} {address}: {one}" for one in await look.page.evaluate(_HARM)]
            wrong += await _sheets(look.page, house, list(found.pages))
            stored = await look.page.evaluate(_STORED)
            if any(stored.values()):
                wrong.append(f"{role} stored {stored}")
            await look.page.context.close()
    assert shown > 20
    return wrong


_WATCH = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error("policy: " + event.violatedDirective + " " + event.blockedURI))"""

_HARM = f"""() => [
  ...[...document.querySelectorAll("img")].filter((one) => one.src.includes("{MARK}")).map(() => "an image"),
  ...[...document.querySelectorAll("[onmouseover], [onerror], script:not([src])")].map(() => "a script"),
  ...[...document.querySelectorAll("[href], [action], [formaction], [src]")].filter((one) =>
      ["href", "action", "formaction", "src"].some((name) => /^\\s*javascript:/i.test(one.getAttribute(name) ?? "")))
      .map(() => "a link that runs"),
  ...(document.body.innerText.includes("49{MARK}") ? ["a template in a template"] : []),
  ...(document.documentElement.dataset.ran ? ["it ran"] : []),
]"""


async def _sheets(page: Page, house: House, pages: list[str]) -> list[str]:
    """Return the cells of every spreadsheet that a spreadsheet program would reckon with."""
    links: list[str] = await page.evaluate(
        "() => [...document.querySelectorAll('a[href*=\".csv\"]')].map((one) => one.getAttribute('href'))"
    )
    wrong: list[str] = []
    for link in links:
        text = (await (await page.request.get(house.address + link)).body()).decode()
        for row in csv.reader(io.StringIO(text)):
            wrong += [f"{link}: {cell[:20]}" for cell in row if cell.startswith(("=", "+", "@", "\t", "\r"))]
    return wrong


async def _left_behind(house: House, profile: Path) -> list[str]:
    """Work in a profile on disk, sign out, go back; return the files that still hold what was on the pages."""
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            profile, executable_path="/usr/bin/chromium", args=FLAGS.split(), base_url=house.address
        )
        secret = house.sessions[Role.COORDINATOR]
        await context.add_cookies([{"name": COOKIE, "value": secret, "url": house.address}])
        page = await context.new_page()
        await page.goto("/my-day")
        links: list[str] = await page.evaluate(
            "() => [...document.querySelectorAll('a[href^=\"/patients/\"]')].map((one) => one.getAttribute('href'))"
        )
        for link in links[:10]:
            await page.goto(link)
        assert MARK in await page.content()
        await page.evaluate("document.querySelector('.account').open = true")
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url("**/sign-in*")
        await page.go_back()
        await page.wait_for_load_state()
        assert MARK not in await page.content()
        assert "/sign-in" in page.url
        await context.close()
    return _holding(profile)


def _holding(folder: Path) -> list[str]:
    kept = [path for path in folder.rglob("*") if path.is_file() and MARK.encode() in path.read_bytes()]
    return [str(path.relative_to(folder)) for path in kept]
