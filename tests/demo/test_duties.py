"""The demonstration holds an example of each way to see somebody else's patients, and of what guards them."""

from uuid import uuid4

from caretide.identity.queries import tokens
from caretide.kernel.permissions import Role
from caretide.rosters import queries as rosters
from caretide.runtime.installation import Installation
from caretide.tenants import queries as tenants
from tests.database import HandClock, Server
from tests.screens.house import NOW, demonstration


async def test_demo_shows_cover_duty_emergencies_waivers_tokens_and_a_leaver(
    installation: Installation, server: Server, clock: HandClock
) -> None:
    clock.now = NOW
    people = await demonstration(installation, server, 120, f"-{uuid4().hex[:12]}")
    database = installation.database
    async with database.tx(people[Role.MANAGER]) as tx:
        covers = {(one.absent, one.cover): one.state(NOW) for one in await rosters.covers(tx)}
        assert covers == {
            ("Katarzyna Nowicka", "Daniel Osei"): "over",
            ("Daniel Osei", "Joy Ramsey"): "running",
        }
        assert {(one.name, one.days) for one in await rosters.duties(tx)} == {
            ("Lucía Moreno", "Sat, Sun"),
            ("Mai Tran", "Mon\N{EN DASH}Thu"),
        }
        waiting, reviewed = await rosters.glass_uses(tx)
        assert (waiting.name, waiting.verdict) == ("Katarzyna Nowicka", None)
        assert (reviewed.name, reviewed.verdict) == ("Joy Ramsey", "appropriate")
        assert waiting.ended_at is not None
        assert waiting.patient_id != reviewed.patient_id
        assert not waiting.is_overdue(waiting.ended_at)
    async with database.tx(people[Role.ADMINISTRATOR]) as tx:
        named = {one.id: one.display_name for one in await tenants.members(tx)}
        assert {named[one] for one in (await tenants.settings(tx)).glass_members} == {"Joy Ramsey", "Katarzyna Nowicka"}
        assert [(one.member, one.state(NOW)) for one in await tenants.waivers(tx)] == [("Helen Sorensen", "stands")]
        assert {one.display_name for one in await tenants.members(tx) if one.status == "suspended"} == {"Tobias Lang"}
        assert {(one.owner, one.service) for one in await tokens.tokens(tx)} == {
            ("Evergreen analytics", True),
            ("Grace Okonjo", False),
        }
