"""A tenant with something to tell: languages, licenses, an expired invitation, somebody who left."""

from dataclasses import replace
from datetime import date, timedelta

from caretide.runtime.tx import Database
from caretide.tenants import actions, queries
from caretide.tenants.rules import License
from tests.cast import Cast
from tests.database import HandClock


def license_of(kind: str = "RN", state: str = "IL", ends: date = date(2027, 6, 30)) -> License:
    """Return a license; its number is nobody's."""
    return License(kind=kind, state=state, number=f"{state}-000000", expires_on=ends)


async def furnish(database: Database, cast: Cast, clock: HandClock) -> None:
    """Give the cast what the pages list."""
    today = clock.now.date()
    brought = {
        cast.coordinator: (("en", "es"), (license_of(ends=today + timedelta(days=20)), license_of(state="WI")), 36.5),
        cast.other_coordinator: (("en",), (license_of("LPN", ends=today - timedelta(days=3)),), 24.0),
        cast.manager: (("en", "vi"), (license_of(),), 40.0),
    }
    async with database.tx(cast.system) as tx:
        for actor, (languages, licenses, hours) in brought.items():
            assert actor.member_id is not None
            known = await queries.member_details(tx, actor.member_id)
            details = replace(known, languages=languages, licenses=licenses, weekly_hours=hours)
            await actions.update_member(tx, actor.member_id, details)
        for name in ("Dana Reyes", "Omar Haddad"):
            email = f"{name.split()[0].lower()}-{cast.tenant_id.hex}@example.com"
            await actions.invite_member(tx, actions.NewMember(email=email, name=name, role="billing"))
    clock.advance(days=8)
    async with database.tx(cast.system) as tx:
        people = {person.display_name: person.id for person in await queries.members(tx)}
        await actions.renew_invitation(tx, people["Omar Haddad"])
        await actions.suspend_member(tx, people["Auditor Person"])
