"""The tenant's people by the pages: listed, invited, changed, and their access ended and given back."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select

from caretide.identity.models import Session
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict
from caretide.kernel.permissions import Role
from caretide.reports.rules.administration import last_here
from caretide.runtime.tx import Database
from caretide.tenants import actions, queries
from tests.cast import Cast, assemble
from tests.client import Visit
from tests.database import HandClock
from tests.reports.house import furnish

NEW = {"name": "Dana Reyes", "email": "dana@example.com", "role": "coordinator", "credential": "RN"}
LICENSE = {
    "license_1_kind": "RN",
    "license_1_state": "OH",
    "license_1_number": "OH-1",
    "license_1_expires_on": "2027-03-31",
}


@pytest.fixture
async def browser(cast: Cast, signed_in: Visit) -> httpx.AsyncClient:
    return await signed_in(cast.administrator)


def home(actor: Actor) -> str:
    return f"/admin/people/{actor.member_id}"


async def test_list_is_filtered_and_sorted(
    browser: httpx.AsyncClient, database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    await furnish(database, cast, clock)
    browser = await signed_in(cast.administrator)

    async def names(query: str) -> list[str]:
        page = (await browser.get(f"/admin/people?{query}")).text
        return re.findall(r'class="row-link" href="[^"]+">([^<]+)<', page)

    assert await names("role=billing&status=invited") == ["Dana Reyes", "Omar Haddad"]
    assert await names("status=suspended") == ["Auditor Person"]
    assert await names("status=here") == ["Administrator Person"]
    assert await names("license=due") == ["Coordinator Person", "Other Person"]
    assert (await names("sort=-hours"))[-1] == "Other Person"
    assert (await names("sort=name"))[0] == "Administrator Person"
    assert len(await names("role=nonsense&sort=nonsense&page=99")) == 9


async def test_link_of_an_invitation_is_shown_once_with_all_that_was_said(
    browser: httpx.AsyncClient, database: Database, cast: Cast
) -> None:
    more = {"languages": ["en", "es"], "weekly_hours": "32.5"}
    made = await browser.post("/admin/people", data={**NEW, **more, **LICENSE})
    assert made.status_code == 200
    assert "/invitations/" in made.text
    assert "/invitations/" not in (await browser.get("/admin/people")).text
    async with database.tx(cast.system) as tx:
        (person,) = [one for one in await queries.members(tx) if one.email == NEW["email"]]
    assert (person.languages, person.weekly_hours) == (("en", "es"), 32.5)
    assert [(one.kind, one.state, one.number) for one in person.licenses] == [("RN", "OH", "OH-1")]
    again = await browser.post(f"/admin/people/{person.id}/invitation")
    assert re.findall('/invitations/[^"]+', again.text) != re.findall('/invitations/[^"]+', made.text)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"email": "nobody"}, "This is not an e-mail address"),
        ({"name": ""}, "A member needs a name"),
        ({"role": "king"}, "is not a role"),
        ({"role": "practitioner"}, "Say which practitioner this member is"),
        ({"weekly_hours": "200"}, "more than 0 and at most 80"),
        ({"weekly_hours": "many"}, "valid number"),
        ({"languages": "Klingon!"}, "BCP 47"),
        ({"license_1_kind": "RN"}, "on what day the license runs out"),
        (LICENSE | {"license_1_state": "XX"}, "A state is its two letters"),
        (LICENSE | {"license_1_number": " "}, "A license has a number"),
        (LICENSE | {k.replace("1", "2", 1): v for k, v in LICENSE.items()}, "once for each state"),
    ],
)
async def test_unfit_invitation_comes_back_with_what_was_typed(
    change: dict[str, str], told: str, browser: httpx.AsyncClient
) -> None:
    answer = await browser.post("/admin/people", data=NEW | change)
    assert answer.status_code == 422
    assert told in answer.text.replace("&#39;", "'")
    assert "/invitations/" not in answer.text


async def test_person_is_changed_and_a_license_left_out_is_withdrawn(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    await furnish(database, cast, clock)
    browser = await signed_in(cast.administrator)
    page = (await browser.get(home(cast.coordinator))).text
    assert 'name="license_3_kind"' in page
    fields = {"name": "Joy Ramsey", "role": "manager", "credential": "BSN, RN", "languages": "es"}
    answer = await browser.post(home(cast.coordinator), data=fields | LICENSE)
    assert (answer.status_code, answer.headers["location"]) == (303, home(cast.coordinator))
    assert cast.coordinator.member_id is not None
    async with database.tx(cast.system) as tx:
        known = await queries.member_details(tx, cast.coordinator.member_id)
    assert (known.name, known.role, known.languages, known.weekly_hours) == ("Joy Ramsey", "manager", ("es",), None)
    assert [(one.kind, one.state) for one in known.licenses] == [("RN", "OH")]
    refused = await browser.post(home(cast.coordinator), data=fields | {"name": " "})
    assert (refused.status_code, "A member needs a name" in refused.text) == (422, True)


async def test_suspended_persons_session_ends_at_once_and_they_come_back(
    browser: httpx.AsyncClient, cast: Cast, signed_in: Visit, api: Visit, database: Database
) -> None:
    theirs, program = await signed_in(cast.coordinator), await api(cast.coordinator)
    assert (await theirs.get("/my-day")).status_code == 200
    asked = (await browser.get(f"{home(cast.coordinator)}/suspend")).text
    assert "2 sessions here end at once" in asked
    ended = await browser.post(f"{home(cast.coordinator)}/suspend")
    assert (ended.status_code, ended.headers["location"]) == (303, home(cast.coordinator))
    assert (await theirs.get("/my-day")).headers["location"].startswith("/sign-in")
    assert (await program.get("/me")).status_code == 401
    assert "Access ended" in (await browser.get(home(cast.coordinator))).text
    # A new session gets no further: the place in the tenant is what ended.
    refused = await (await api(cast.coordinator)).get("/me")
    assert refused.status_code == 403, refused.text
    assert refused.json()["detail"] == "Only a member of the tenant can do this"
    await browser.post(f"{home(cast.coordinator)}/reinstate")
    assert (await (await signed_in(cast.coordinator)).get("/my-day")).status_code == 200
    async with database.tx(Actor.nobody()) as tx:
        ended_at = select(Session.ended_at).where(Session.account_id == cast.coordinator.account_id)
        assert sum(when is not None for when in (await tx.db.execute(ended_at)).scalars()) == 2


async def test_nobody_ends_their_own_access_and_the_last_administrator_stays(
    browser: httpx.AsyncClient, database: Database, cast: Cast
) -> None:
    assert "Nobody ends their own access" in (await browser.get(home(cast.administrator))).text
    assert (await browser.post(f"{home(cast.administrator)}/suspend")).status_code == 403
    me = {"name": "A", "role": "manager"}
    assert (await browser.post(home(cast.administrator), data=me)).status_code == 403
    assert cast.administrator.member_id is not None
    with pytest.raises(Conflict, match="last active administrator"):
        async with database.tx(cast.system) as tx:
            await actions.suspend_member(tx, cast.administrator.member_id)
    async with database.tx(cast.system) as tx:
        known = await queries.member_details(tx, cast.administrator.member_id)
    with pytest.raises(Conflict, match="last active administrator"):
        async with database.tx(cast.system) as tx:
            await actions.update_member(tx, cast.administrator.member_id, replace(known, role="manager"))


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
async def test_only_administrators_see_and_change_people(role: Role, cast: Cast, signed_in: Visit, api: Visit) -> None:
    actor: Actor = getattr(cast, role.value)
    browser, program = await signed_in(actor), await api(actor)
    place = home(cast.billing)
    answers = [await browser.get(path) for path in ("/admin", "/admin/people", place, f"{place}/suspend")]
    answers += [await browser.post(path, data=NEW) for path in ("/admin/people", place, f"{place}/invitation")]
    answers += [await browser.post(f"{place}/{verb}") for verb in ("suspend", "reinstate")]
    member = f"/members/{cast.billing.member_id}"
    answers += [await program.patch(member, json={"credential": "X"}), await program.post(f"{member}/suspend")]
    answers += [await program.post(f"{member}/{verb}") for verb in ("reinstate", "invitation")]
    assert {answer.status_code for answer in answers} == {403}


@pytest.mark.req("T-23")
async def test_foreign_member_is_an_unknown_one(browser: httpx.AsyncClient, database: Database) -> None:
    other = await assemble(database)
    place = home(other.billing)
    for path in ("", "/suspend"):
        assert (await browser.get(f"{place}{path}")).status_code == 404
    for path in ("", "/suspend", "/reinstate", "/invitation", "/stop-timer"):
        assert (await browser.post(f"{place}{path}", data={"name": "A", "role": "billing"})).status_code == 404


@pytest.mark.req("N-08", "V-13")
async def test_administrator_signs_somebody_out_and_hands_over_a_new_way_in(cast: Cast, signed_in: Visit) -> None:
    browser, theirs = await signed_in(cast.administrator), await signed_in(cast.billing)
    place = f"/admin/people/{cast.billing.member_id}"
    assert (await browser.post(f"{place}/sign-out")).headers["location"] == f"{place}#access"
    assert (await theirs.get("/me")).headers["location"] == "/sign-in?next=/me"
    page = (await browser.post(f"{place}/new-way-in", data={"reason": "He came to my desk with his badge"})).text
    assert "/invitations/" in page


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (datetime(2026, 11, 22, 14, 30, tzinfo=UTC), "30 minutes ago"),
        (datetime(2026, 11, 16, 15, 1, tzinfo=UTC), "5 days ago"),
        # Half past one at night in Greenwich is still the evening before in Chicago.
        (datetime(2026, 9, 2, 1, 30, tzinfo=UTC), "Sep 1, 2026"),
    ],
)
def test_last_here_is_a_day_once_it_is_a_week_ago(then: datetime, words: str) -> None:
    assert last_here(then, datetime(2026, 11, 22, 15, 0, tzinfo=UTC), ZoneInfo("America/Chicago")) == words
