"""The Team page: every number opens its list, and the list is as long as the number."""

from datetime import date, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, update

from caretide.kernel.errors import Forbidden, NotFound
from caretide.kernel.ids import new_id
from caretide.outreach import actions as outreach
from caretide.reports import actions
from caretide.reports.queries.team import team
from caretide.reports.queries.team_lists import Asked, patient_list, unassigned
from caretide.reports.queries.team_member import member_page
from caretide.reports.queries.team_members import Wanted
from caretide.reports.schemas.team import TeamPage
from caretide.rosters.models import Cover
from caretide.runtime.tx import Database
from caretide.tenants.models import Member
from caretide.time_log import actions as time_log
from tests.cast import Cast, assemble
from tests.client import Visit
from tests.database import HandClock, statements
from tests.enrollment.panel import enrolled
from tests.reports.team import NOON, Stand, mixed, stands
from tests.time_log.test_timer import log


async def look(database: Database, cast: Cast, sort: str = "", page: int = 1) -> TeamPage:
    async with database.tx(cast.manager) as tx:
        return await team(tx, Wanted(sort, page))


async def test_every_number_is_as_long_as_its_list(database: Database, cast: Cast, clock: HandClock) -> None:
    clock.now = NOON
    people = await mixed(database, cast)
    page = await look(database, cast)
    figures = {one.key: one.figure for one in page.tiles}
    assert figures == {
        "enrolled": 6,
        "reached": 3,
        "on-track": 1,
        "at-risk": 2,
        "held": 1,
        "out-of-reach": 0,
        "unassigned": 1,
        "awaiting": 0,
    }
    async with database.tx(cast.manager) as tx:
        for show in ("enrolled", "reached", "on-track", "at-risk", "held", "out-of-reach"):
            found = await patient_list(tx, Asked(show))
            assert len(found.lines) == found.listing.total == figures[show]
        (near,) = (await patient_list(tx, Asked("on-track"))).lines
        assert [one.patient_id for one in (await unassigned(tx)).lines] == [people["nobody"]]
    assert near.patient_id == people["near"]


async def test_needed_and_available_hours(database: Database, cast: Cast, clock: HandClock) -> None:
    clock.now = NOON
    await mixed(database, cast)
    async with database.tx(cast.system) as tx:
        await tx.db.execute(update(Member).where(Member.id == cast.coordinator.member_id).values(weekly_hours=40))
    figures = (await look(database, cast)).figures
    assert (figures.working_days_left, figures.needed_seconds) == (9, 300 + 1200 + 600)
    assert figures.available_seconds == 40 * 3600 * 9 // 5
    assert figures.members_without_hours == 1


async def test_days_on_which_others_cover_are_not_available(database: Database, cast: Cast, clock: HandClock) -> None:
    clock.now = NOON
    whose = {"absent_id": cast.coordinator.member_id, "cover_id": cast.other_coordinator.member_id}
    # From Friday to Monday: two days of work of the nine that are left.
    days = {"first_on": date(2026, 10, 23), "last_on": date(2026, 10, 26)}
    when = {"starts_at": NOON, "ends_at": NOON + timedelta(days=30), "clinic_id": cast.clinic_id}
    async with database.tx(cast.system) as tx:
        await tx.db.execute(update(Member).where(Member.id == cast.coordinator.member_id).values(weekly_hours=40))
        await tx.db.execute(insert(Cover).values(id=new_id(), **whose, **days, **when))
    assert (await look(database, cast)).figures.available_seconds == 40 * 3600 * (9 - 2) // 5


async def test_a_member_shows_panel_time_and_attempts(database: Database, cast: Cast, clock: HandClock) -> None:
    clock.now = NOON
    people = await mixed(database, cast)
    whom = await enrolled(database, cast)
    await log(database, clock, cast.coordinator, whom, 600)
    async with database.tx(cast.coordinator) as tx:
        for outcome in ("no_answer", "reached"):
            await outreach.record_attempt(tx, people["near"], "phone", outcome)
    (mine, other) = (await look(database, cast)).members
    assert (mine.name, mine.panel, mine.progress.bars[0].values) == ("Coordinator Person", 5, (1, 2, 1, 1))
    assert (mine.today, mine.week, mine.month) == (600, 600, 600)
    assert (mine.attempts, mine.contacts, mine.voided, mine.awaiting) == (2, 1, 0, 0)
    assert len(mine.trend.values) == 20
    assert (other.name, other.panel, other.month) == ("Other Person", 0, 0)


async def test_voided_time_is_counted_and_taken_off(database: Database, cast: Cast, clock: HandClock) -> None:
    clock.now = NOON
    (entry,) = await log(database, clock, cast.coordinator, await enrolled(database, cast), 600)
    async with database.tx(cast.coordinator) as tx:
        await time_log.void_entry(tx, entry.id, "Wrong patient")
    (mine, _) = (await look(database, cast)).members
    assert (mine.month, mine.voided) == (0, 1)
    async with database.tx(cast.manager) as tx:
        (line,) = (await member_page(tx, Asked(member_id=mine.id))).voided
    assert (line.patient_id, line.seconds, str(line.month)) == (entry.patient_id, 600, "2026-10")


@pytest.mark.parametrize("key", ["name", "panel", "progress", "time", "reach"])
async def test_members_sort_by_each_figure_both_ways(
    database: Database, cast: Cast, clock: HandClock, key: str
) -> None:
    clock.now = NOON
    people = await mixed(database, cast)
    await log(database, clock, cast.coordinator, await enrolled(database, cast), 600)
    async with database.tx(cast.coordinator) as tx:
        await outreach.record_attempt(tx, people["near"], "phone", "reached")
    up = [one.name for one in (await look(database, cast, key)).members]
    down = [one.name for one in (await look(database, cast, f"-{key}")).members]
    assert up == down[::-1]
    assert down[0] == ("Other Person" if key == "name" else "Coordinator Person")


async def test_out_of_reach_is_tried_often_and_never_spoken_with(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    clock.now = NOON
    people = await mixed(database, cast)
    async with database.tx(cast.coordinator) as tx:
        for name, last in (("near", "busy"), ("far", "reached")):
            for outcome in ("no_answer", "voicemail", "no_answer", last):
                await outreach.record_attempt(tx, people[name], "phone", outcome)
        await outreach.record_attempt(tx, people["held"], "phone", "no_answer")
    async with database.tx(cast.manager) as tx:
        (found,) = (await patient_list(tx, Asked("out-of-reach"))).lines
        assert (found.patient_id, found.attempts, found.contacts) == (people["near"], 4, 0)
    assert {one.key: one.figure for one in (await look(database, cast)).tiles}["out-of-reach"] == 1


async def test_facts_open_their_lists(database: Database, cast: Cast, clock: HandClock) -> None:
    clock.now = NOON
    people = await mixed(database, cast)
    page = await look(database, cast)
    assert [(bar.label, bar.total) for bar in page.facts.bars] == [("Not enough time", 3), ("Consent missing", 1)]
    assert page.facts.bars[1].href == "/team/patients?show=fact&fact=NO_CONSENT"
    async with database.tx(cast.manager) as tx:
        found = await patient_list(tx, Asked("fact", "NO_CONSENT"))
        assert (found.title, [one.patient_id for one in found.lines]) == ("Consent missing", [people["held"]])
        with pytest.raises(NotFound):
            await patient_list(tx, Asked("nonsense"))


async def test_assigning_takes_patients_off_the_list_at_once(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    clock.now = NOON
    nobodys = [await stands(database, cast, Stand()) for _ in range(3)]
    browser = await signed_in(cast.manager)
    page = await browser.get("/team/unassigned")
    assert page.text.count('name="patient_id"') == 3
    where, member = "/team/unassigned", str(cast.coordinator.member_id)
    nobody = await browser.post(where, data={"member_id": member})
    assert (nobody.status_code, "Choose the patients first" in nobody.text) == (422, True)
    undecided = await browser.post(where, data={"patient_id": str(nobodys[0])})
    assert (undecided.status_code, "Choose who looks after them" in undecided.text) == (422, True)
    wrong = await browser.post(where, data={"patient_id": "x", "member_id": member})
    assert wrong.status_code == 422
    chosen = await browser.post(where, data={"patient_id": str(nobodys[0]), "member_id": member})
    assert chosen.status_code == 303
    assert (await browser.get(where)).text.count('name="patient_id"') == 2
    shown = {"which": "shown", "shown_id": [str(one) for one in nobodys[1:]], "member_id": member}
    assert (await browser.post(where, data=shown)).status_code == 303
    assert "Everybody has a coordinator" in (await browser.get(where)).text


async def test_a_forgotten_timer_stands_out_and_is_stopped(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    clock.now = NOON
    whom = await enrolled(database, cast)
    async with database.tx(cast.coordinator) as tx:
        await time_log.start_timer(tx, *whom, "patient_call")
    clock.now += timedelta(hours=3)
    browser = await signed_in(cast.manager)
    page = (await browser.get("/team")).text
    assert "Forgotten?" in page
    assert "3:00:00" in page
    where = f"/team/timers/{cast.coordinator.member_id}/stop"
    assert "When did the work end?" in (await browser.get(where)).text
    day, end = (NOON + timedelta(minutes=25)).astimezone(ZoneInfo("America/Chicago")).isoformat().split("T")
    empty = await browser.post(where, data={"day": day, "end": "", "reason": ""})
    assert (empty.status_code, "Write the time as HH:MM" in empty.text) == (422, True)
    stopped = await browser.post(where, data={"day": day, "end": end[:5], "reason": "Left on at lunch"})
    assert (stopped.status_code, stopped.headers["location"]) == (303, "/team")
    assert "Nobody is timing right now" in (await browser.get("/team")).text


async def test_a_members_page_lists_the_panel_by_band(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    clock.now = NOON
    people = await mixed(database, cast)
    await log(database, clock, cast.coordinator, await enrolled(database, cast), 600)
    async with database.tx(cast.coordinator) as tx:
        await outreach.record_attempt(tx, people["near"], "phone", "busy")
    async with database.tx(cast.manager) as tx:
        found = await member_page(tx, Asked(member_id=cast.coordinator.member_id, band="held"))
        assert [one.patient_id for one in found.patients.lines] == [people["held"]]
        assert [(bar.label, bar.total) for bar in found.activities.bars] == [("Call with patient or caregiver", 600)]
        assert [one.outcome for one in found.tried] == ["Busy"]
    browser = await signed_in(cast.manager)
    page = (await browser.get(f"/team/{cast.coordinator.member_id}?band=reached&sort=-minutes")).text
    assert f"/patients/{people['reached']}" in page
    assert f"/patients/{people['complete']}" not in page
    for address in (uuid4(), (await assemble(database)).coordinator.member_id):
        assert (await browser.get(f"/team/{address}")).status_code == 404


@pytest.mark.req("T-01")
async def test_another_tenants_team_is_not_seen(database: Database, cast: Cast, clock: HandClock) -> None:
    clock.now = NOON
    await mixed(database, cast)
    foreign = await assemble(database)
    page = await look(database, foreign)
    assert all(one.figure == 0 for one in page.tiles)
    assert not page.facts.bars


async def test_only_those_who_lead_see_the_team(database: Database, cast: Cast, signed_in: Visit) -> None:
    for actor in (cast.coordinator, cast.billing, cast.practitioner, cast.auditor):
        with pytest.raises(Forbidden, match="team:read"):
            async with database.tx(actor) as tx:
                await team(tx, Wanted())
        browser = await signed_in(actor)
        assert (await browser.get("/team")).status_code == 403
        assert 'href="/team"' not in (await browser.get("/my-day")).text
    with pytest.raises(Forbidden):
        async with database.tx(cast.coordinator) as tx:
            await actions.assign(tx, [new_id()], cast.coordinator.member_id)


async def test_a_new_tenant_says_what_to_do_first(database: Database, cast: Cast, signed_in: Visit) -> None:
    browser = await signed_in(cast.manager)
    page = (await browser.get("/team")).text
    assert "No patients yet" in page
    assert "Coordinator Person" in page
    assert "Everybody has a coordinator" in (await browser.get("/team/unassigned")).text
    assert "Nobody is on this list right now" in (await browser.get("/team/patients?show=at-risk")).text
    async with database.tx(cast.system) as tx:
        await tx.db.execute(update(Member).values(status="suspended", suspended_at=tx.now))
        await tx.db.execute(
            update(Member).where(Member.id == cast.manager.member_id).values(status="active", suspended_at=None)
        )
    assert "Nobody on the team yet" in (await browser.get("/team")).text


async def test_the_api_gives_the_same_figures(database: Database, cast: Cast, clock: HandClock, api: Visit) -> None:
    clock.now = NOON
    await mixed(database, cast)
    page = await look(database, cast)
    answer = (await (await api(cast.manager)).get("/manager/team-metrics")).json()
    assert answer["figures"]["at_risk"] == page.figures.at_risk
    assert answer["figures"]["needed_seconds"] == page.figures.needed_seconds
    assert [(one["name"], one["panel"]) for one in answer["members"]] == [(one.name, one.panel) for one in page.members]
    assert answer["facts"][1] == {"code": "NO_CONSENT", "title": "Consent missing", "patients": 1}
    assert (await (await api(cast.coordinator)).get("/manager/team-metrics")).status_code == 403


async def test_the_page_takes_the_same_statements_for_any_team(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    clock.now = NOON
    await mixed(database, cast)

    async def counted(sort: str) -> int:
        async with database.tx(cast.manager) as tx:
            with statements(database) as seen:
                await team(tx, Wanted(sort))
        return len(seen)

    few = {sort: await counted(sort) for sort in ("name", "-panel", "-time", "-reach")}
    for _ in range(4):
        await stands(database, cast, Stand(member_id=cast.other_coordinator.member_id))
        await mixed(database, cast)
    assert {sort: await counted(sort) for sort in few} == few
    assert max(few.values()) <= 18
