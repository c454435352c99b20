"""Passkeys in Chromium, with the browser's own virtual authenticator."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Browser, CDPSession, Page, async_playwright, expect

from caretide import main
from caretide.runtime.installation import Installation
from caretide.runtime.tx import Database
from tests.bench.http_load import free_port
from tests.cast import Cast
from tests.client import COOKIE, HOME, Visit, open_session
from tests.database import HandClock
from tests.identity.accounts import PASSWORD, give_password
from tests.ui.test_browser import FLAGS

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@asynccontextmanager
async def site(installation: Installation) -> AsyncIterator[str]:
    """Serve the application under the name that its passkeys are bound to."""
    port = free_port()
    settings = installation.settings.model_copy(update={"base_url": f"http://localhost:{port}"})
    ours = Installation(settings, installation.urls, installation.stores, installation.database)
    config = uvicorn.Config(main.create_app(ours), port=port, lifespan="off", ws="none", log_config=None)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn tells it in no other way
        await asyncio.sleep(0.02)
    yield settings.base_url
    server.should_exit = True
    await task


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS.split())
        yield browser
        await browser.close()


async def tab(browser: Browser, address: str, secret: str = "", **changes: Any) -> tuple[Page, CDPSession, str]:
    """Open a tab of a browser that has an authenticator, as a laptop does."""
    context = await browser.new_context(base_url=address, reduced_motion="reduce")
    if secret:
        await context.add_cookies([{"name": COOKIE, "value": secret, "url": address}])
    page = await context.new_page()
    tools = await context.new_cdp_session(page)
    await tools.send("WebAuthn.enable")
    made = await tools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE | changes})
    return page, tools, made["authenticatorId"]


async def invitation(cast: Cast, signed_in: Visit) -> str:
    browser = await signed_in(cast.administrator)
    new = {"name": "Dana Reyes", "email": f"dana-{cast.tenant_id.hex}@example.com", "role": "coordinator"}
    answer = await browser.post("/members/invite", data=new | {"clinic_id": str(cast.clinic_id)})
    (found,) = re.findall(f'value="{HOME}(/invitations/[^"]+)"', answer.text)
    return found


@pytest.mark.browser
@pytest.mark.req("N-04", "N-06", "H-07", "V-13")
async def test_invited_person_comes_in_by_passkey_alone_and_back_by_it(
    installation: Installation, cast: Cast, signed_in: Visit, clock: HandClock
) -> None:
    link = await invitation(cast, signed_in)
    async with site(installation) as address, chromium() as browser:
        page, tools, key = await tab(browser, address)
        await page.goto(link)
        await page.get_by_role("button", name="Accept with a passkey").click()
        await page.wait_for_url("**/welcome/codes")
        await page.get_by_role("button", name="Show my codes").click()
        await expect(page.locator(".codes li")).to_have_count(10)
        await page.get_by_role("link", name="go on").click()
        await page.wait_for_url("**/my-day")
        await page.locator("[data-menu] summary").click()
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url("**/sign-in")
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await page.wait_for_url("**/my-day")
        # Away for a while: the passkey brings back, too.
        clock.advance(minutes=16)
        await page.goto("/my-day")
        await page.wait_for_url("**/sign-in/again**")
        await page.get_by_role("button", name="Go on with your passkey").click()
        await page.wait_for_url("**/my-day")
        held = await tools.send("WebAuthn.getCredentials", {"authenticatorId": key})
        assert [one["isResidentCredential"] for one in held["credentials"]] == [True]


@pytest.mark.browser
@pytest.mark.req("N-04", "V-13")
async def test_passkey_is_added_named_confirmed_with_and_removed(
    installation: Installation, database: Database, cast: Cast, clock: HandClock
) -> None:
    await give_password(database, cast.manager)
    secret = await open_session(database, cast.manager)
    async with site(installation) as address, chromium() as browser:
        page, _, _ = await tab(browser, address, secret)
        await page.goto("/me")
        await page.get_by_role("link", name="Add a way to sign in").click()
        await page.get_by_label("Name of the passkey").fill("Work laptop")
        await page.get_by_role("button", name="Make a passkey").click()
        await page.wait_for_url("**/welcome/codes**")
        await page.get_by_role("link", name="Not now").click()
        await expect(page.locator(".way .strong", has_text="Work laptop")).to_be_visible()
        clock.advance(minutes=11)
        await page.get_by_text("Change Work laptop").click()
        await page.get_by_role("button", name="Remove Work laptop").click()
        await page.wait_for_url("**/me/confirm**")
        await page.get_by_role("button", name="Confirm with your passkey").click()
        await page.wait_for_url("**/me")
        await page.get_by_text("Change Work laptop").click()
        await page.get_by_role("button", name="Remove Work laptop").click()
        await expect(page.get_by_text("The passkey was removed.")).to_be_visible()
        await expect(page.locator(".way .strong", has_text="Work laptop")).to_have_count(0)


@pytest.mark.browser
@pytest.mark.req("N-03", "N-04")
async def test_holder_of_a_passkey_comes_in_while_the_password_is_under_attack(
    installation: Installation, database: Database, cast: Cast, clock: HandClock
) -> None:
    email = await give_password(database, cast.manager)
    secret = await open_session(database, cast.manager)
    async with site(installation) as address, chromium() as browser:
        page, _, _ = await tab(browser, address, secret)
        await page.goto("/welcome/factor?next=/me")
        await page.get_by_role("button", name="Make a passkey").click()
        await page.wait_for_url("**/welcome/codes**")
        await page.context.clear_cookies()
        for _ in range(6):
            await page.goto("/sign-in")
            await page.get_by_label("Email").fill(email)
            await page.locator("#sign-in-password").fill("not the password at all")
            await page.get_by_role("button", name="Continue").click()
            await page.get_by_text("No account signs in").wait_for()
        await page.locator("#sign-in-password").fill(PASSWORD)
        await page.get_by_role("button", name="Continue").click()
        await page.get_by_text("No account signs in").wait_for()
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await page.wait_for_url("**/team")


@pytest.mark.browser
@pytest.mark.req("N-04")
async def test_authenticator_that_does_not_check_its_holder_makes_no_passkey(
    installation: Installation, database: Database, cast: Cast
) -> None:
    secret = await open_session(database, cast.manager)
    async with site(installation) as address, chromium() as browser:
        page, _, _ = await tab(browser, address, secret, isUserVerified=False)
        await page.goto("/welcome/factor?next=/me")
        await page.get_by_role("button", name="Make a passkey").click()
        await expect(page.get_by_text("No passkey was used.")).to_be_visible()
