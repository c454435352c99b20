"""From an empty installation to a clinic with five people at work, by the screens alone."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import func, select

from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Role
from caretide.patients.models import Patient
from caretide.runtime.installation import Installation
from caretide.tenants import actions, queries
from tests.cast import PAPER
from tests.database import HandClock
from tests.identity.accounts import PASSWORD
from tests.identity.test_passkeys import chromium, site, tab

TEAM = {
    "Dana Reyes": ("Care coordinator", "/my-day"),
    "Max Ortega": ("Manager", "/team"),
    "Bea Lund": ("Billing", "/months/2026-09"),
    "Priya Raman": ("Billing practitioner", "/my-day"),
}
"""Whom the administrator invites -> their role, and the page on which they land."""

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "urn:mrn", "value": "M-1"}],
    "name": [{"family": "Vega", "given": ["Ana"]}],
    "gender": "female",
    "birthDate": "1948-03-07",
}


async def first_link(installation: Installation, address: str) -> tuple[Actor, str]:
    """Do what the README has the operator do: make the tenant, and invite its administrator."""
    system = Actor.system(new_id())
    async with installation.database.tx(system) as tx:
        await actions.create_tenant(tx, slug=f"t-{new_id().hex}", name="Lakeside Health")
        new = actions.NewMember(email=f"grace-{new_id().hex}@example.com", name="Grace Okonjo", role=Role.ADMINISTRATOR)
        invited = await actions.invite_member(tx, new)
    return system, f"{address}/invitations/{invited.token}"


async def join_by_passkey(browser: Browser, address: str, link: str) -> Page:
    """Accept an invitation on a laptop of one's own, and keep the codes."""
    page, _, _ = await tab(browser, address)
    await page.goto(link)
    await page.get_by_role("button", name="Accept with a passkey").click()
    await _keep_codes(page)
    return page


async def join_by_app(browser: Browser, address: str, link: str, now: datetime) -> Page:
    """Accept an invitation with a password and an authenticator app, in a browser that knows no passkeys."""
    context = await browser.new_context(base_url=address, reduced_motion="reduce", java_script_enabled=False)
    page = await context.new_page()
    await page.goto(link)
    await page.get_by_role("textbox", name="Choose a password").fill(PASSWORD)
    await page.get_by_role("textbox", name="The same once more").fill(PASSWORD)
    await page.get_by_role("button", name="Go on with a password").click()
    await page.get_by_role("button", name="Use an authenticator app").click()
    seed = (await page.locator("code.secret").inner_text()).replace(" ", "")
    await page.get_by_label("Code that the app shows").fill(pyotp.TOTP(seed).at(now))
    await page.get_by_role("button", name="Set up the app").click()
    await _keep_codes(page)
    return page


async def _keep_codes(page: Page) -> None:
    await page.wait_for_url("**/welcome/codes**")
    await page.get_by_role("button", name="Show my codes").click()
    await expect(page.locator(".codes li")).to_have_count(10)
    await page.get_by_role("link", name="go on").click()


async def fill(page: Page, button: str, **fields: Any) -> None:
    """Fill in the form that a button sends, field by label, and send it."""
    form = page.locator("form").filter(has=page.get_by_role("button", name=button, exact=True))
    for label, value in fields.items():
        field = form.get_by_label(re.compile(f"^{label.replace('_', ' ')}"))
        kind = await field.evaluate("field => field.tagName")
        await (field.select_option(label=value) if kind == "SELECT" else field.fill(value))
    await form.get_by_role("button", name=button, exact=True).click()


async def furnish(page: Page, folder: Path) -> None:
    """Do what Administration lists as first steps, each on the page to which it leads."""
    paper = folder / "agreement.pdf"
    paper.write_bytes(PAPER)
    await to_step(page, "Record the agreements")
    await page.get_by_label("Signed agreement").set_input_files(paper)
    await fill(page, "Record", Name_of_the_other_party="Who runs this", In_force_from="2026-01-01")
    await expect(page.get_by_text("In force").first).to_be_visible()
    await to_step(page, "Add a clinic")
    await fill(page, "Add clinic", Name="Lakeside Clinic", Short_name="lakeside", Billing_group="TIN-1")
    await to_step(page, "Record what its months rest on")
    for kind in ("round-the-clock-access", "certified-ehr"):
        await record_fact(page, kind)
    await to_step(page, "Name a billing practitioner")
    await fill(page, "Save", Given_name="Priya", Family_name="Raman", NPI="1234567893", Billing_group="TIN-1")
    await to_step(page, "Name a privacy contact")
    await fill(page, "Save", Privacy_contact="privacy@example.org")


async def record_fact(page: Page, kind: str) -> None:
    """Record that something a month rests on is so."""
    fact = page.locator(f"#fact-{kind}")
    await fact.locator("summary").click()
    await fact.get_by_label("Yes").check()
    await fact.get_by_label("In effect since").fill("2026-01-01")
    await fact.get_by_role("button", name="Record").click()
    await expect(page.locator(f"#fact-{kind}").get_by_text("from Jan 1, 2026")).to_be_visible()


async def to_step(page: Page, title: str) -> None:
    """Go to the overview, and from there to a step that is still to be done."""
    await page.goto("/admin")
    await page.get_by_role("region", name="First steps").get_by_role("link", name=title).click()


async def invited(page: Page, name: str, role: str) -> str:
    """Invite somebody; return the link that is shown once."""
    await page.goto("/admin/people#invite")
    if not await page.get_by_role("button", name="Make the link").is_visible():
        await page.get_by_text("Fill in an invitation").click()
    email = f"{name.split(maxsplit=1)[0].lower()}-{new_id().hex}@example.com"
    if role == "Billing practitioner":
        # Who they are among those named before.
        await page.get_by_label("Billing practitioner", exact=True).select_option(index=1)
    await fill(page, "Make the link", Email=email, Name=name, Role=role)
    return await page.get_by_label("One-time link").input_value()


@pytest.mark.browser
@pytest.mark.req("N-04", "P-06", "Z-04")
@pytest.mark.timeout(300)
async def test_five_people_are_at_work_from_an_empty_installation_by_the_screens(
    installation: Installation, clock: HandClock, tmp_path: Path
) -> None:
    async with site(installation) as address, chromium() as browser:
        system, link = await first_link(installation, address)
        admin = await join_by_passkey(browser, address, link)
        await admin.wait_for_url("**/admin")
        await furnish(admin, tmp_path)
        for number, (name, (role, home)) in enumerate(TEAM.items()):
            link = await invited(admin, name, role)
            page = await (
                join_by_app(browser, address, link, clock.now)
                if number % 2
                else join_by_passkey(browser, address, link)
            )
            await page.wait_for_url(f"**{home}")
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await to_step(admin, "Import patients")
        await import_patient(admin, tmp_path)
        await admin.goto("/admin")
        await expect(admin.get_by_role("region", name="First steps")).to_have_count(0)
    async with installation.database.tx(system) as tx:
        assert (await tx.db.execute(select(func.count()).select_from(Patient))).scalar_one() == 1
        found = {one.display_name: one.status for one in await queries.members(tx)}
    assert found == dict.fromkeys(["Grace Okonjo", *TEAM], "active")


async def import_patient(page: Page, folder: Path) -> None:
    """Bring in a file of the EHR's, and see what came of it."""
    patients = folder / "patients.ndjson"
    patients.write_text(json.dumps(PATIENT) + "\n")
    await page.get_by_label("File", exact=True).set_input_files(patients)
    await page.get_by_role("button", name="Import").click()
    await expect(page.get_by_text("1 resource read")).to_be_visible()
