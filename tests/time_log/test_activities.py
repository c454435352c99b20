"""Under which names a tenant offers kinds of work; how time counts is not its to say."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, func, insert, select, update

from caretide.billing.queries.evidence import gathered
from caretide.billing.rules.record import activity_words
from caretide.kernel.errors import Conflict, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.runtime.tx import Database
from caretide.tenants import queries as tenants
from caretide.time_log import actions, queries
from caretide.time_log.models import STANDARD, Activity, TimeEntry
from caretide.time_log.rules import ACTIVITY_TYPES, canonical
from tests.cast import Cast, assemble
from tests.client import Visit
from tests.database import HandClock
from tests.enrollment.panel import enrolled
from tests.time_log.test_rules import ENTRY
from tests.time_log.test_timer import OCTOBER, log
from tests.time_log.test_told import span

PLACE = "/admin/activities"
DIABETES = ("Diabetes education", "education")


async def add(database: Database, cast: Cast, label: str = DIABETES[0], standard: str = DIABETES[1]) -> str:
    async with database.tx(cast.administrator) as tx:
        return (await actions.add_activity(tx, label, standard)).code


async def change(database: Database, cast: Cast, code: str, **wanted: Any) -> None:
    async with database.tx(cast.administrator) as tx:
        await actions.change_activity(tx, code, **wanted)


async def offered(database: Database, cast: Cast) -> list[str]:
    async with database.tx(cast.coordinator) as tx:
        return [one.code for one in (await queries.activities(tx)).values() if one.is_offered]


def test_the_database_knows_the_standard_types() -> None:
    assert ", ".join(f"'{code}'" for code in ACTIVITY_TYPES) == STANDARD


async def test_a_tenant_that_decided_nothing_offers_the_standard_types(database: Database, cast: Cast) -> None:
    assert await offered(database, cast) == list(ACTIVITY_TYPES)


async def test_an_activity_of_ones_own_counts_as_the_standard_type_behind_it(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    whom = await enrolled(database, cast)
    code = await add(database, cast)
    assert code == "diabetes_education"
    codes = await offered(database, cast)
    assert codes.index(code) == codes.index("education") + 1
    never = await add(database, cast, "Fax desk", "scheduling")
    await log(database, clock, cast.coordinator, whom, 600, code)
    await log(database, clock, cast.coordinator, whom, 60, never)
    async with database.tx(cast.auditor) as tx:
        late, early = await queries.entries(tx, whom[0], OCTOBER)
        assert await queries.month_seconds(tx, None, OCTOBER) == {
            (whom[0], "CCM"): queries.MonthSeconds(staff=600, uncounted=60)
        }
        assert await queries.altered(tx, OCTOBER) == []
        assert await queries.last_contact(tx, [whom[0]]) == {whom[0]: early.end_time}
    assert (early.activity_type, early.activity_code, early.activity) == ("education", code, "Diabetes education")
    assert (late.activity_type, late.activity) == ("scheduling", "Fax desk")


async def test_what_was_recorded_keeps_its_words(database: Database, cast: Cast, clock: HandClock) -> None:
    whom = await enrolled(database, cast)
    code = await add(database, cast)
    await log(database, clock, cast.coordinator, whom, 60, code)
    await log(database, clock, cast.coordinator, whom, 60, "patient_call")
    await change(database, cast, code, label="Diabetes class")
    await change(database, cast, "patient_call", label="Phone call")
    await log(database, clock, cast.coordinator, whom, 60, code)
    await log(database, clock, cast.coordinator, whom, 60, "patient_call")
    async with database.tx(cast.auditor) as tx:
        found = [row.activity for row in await queries.entries(tx, whom[0], OCTOBER)]
        assert await queries.altered(tx, OCTOBER) == []
    first, last = "Call with patient or caregiver", "Phone call"
    assert found == [last, "Diabetes class", first, "Diabetes education"]


async def test_a_running_timer_stops_as_what_it_was_started_as(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    whom = await enrolled(database, cast)
    code = await add(database, cast)
    async with database.tx(cast.coordinator) as tx:
        await actions.start_timer(tx, *whom, code)
    await change(database, cast, code, label="Diabetes class", is_offered=False)
    clock.advance(minutes=1)
    async with database.tx(cast.coordinator) as tx:
        running = await queries.running_timer(tx)
        await actions.stop_timer(tx)
        (entry,) = await queries.entries(tx, whom[0], OCTOBER)
    assert running is not None
    assert running.activity == entry.activity == "Diabetes education"


async def test_what_is_not_offered_is_refused_with_words_wherever_time_is_recorded(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    whom = await enrolled(database, cast)
    clock.now = datetime(2026, 10, 7, 15, 0, tzinfo=UTC)
    code = await add(database, cast)
    (old,) = await log(database, clock, cast.coordinator, whom, 600, "care_plan")
    await change(database, cast, code, is_offered=False)
    told = span()
    shorter = (old.start_time, old.end_time.replace(minute=5))

    async def refuse(verb: Callable[..., Awaitable[object]], *given: Any) -> None:
        with pytest.raises(Invalid, match="'Diabetes education' is no longer offered") as caught:
            async with database.tx(cast.coordinator) as tx:
                await verb(tx, *given)
        assert caught.value.field == "activity_type"

    await refuse(actions.start_timer, *whom, code)
    await refuse(actions.record_manual_entry, *whom, code, *told, "The phone rang")
    await refuse(actions.correct_entry, old.id, *shorter, code, "It was a class")
    assert code not in await offered(database, cast)
    await change(database, cast, code, is_offered=True)
    async with database.tx(cast.coordinator) as tx:
        assert await actions.start_timer(tx, *whom, code)


async def test_an_entry_is_corrected_though_its_activity_is_not_offered_any_more(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    whom = await enrolled(database, cast)
    code = await add(database, cast)
    (old,) = await log(database, clock, cast.coordinator, whom, 600, code)
    await change(database, cast, code, label="Diabetes class", is_offered=False)
    shorter = (old.start_time, old.start_time.replace(minute=old.start_time.minute + 5))
    async with database.tx(cast.coordinator) as tx:
        (made,) = await actions.correct_entry(tx, old.id, *shorter, code, "Hung up earlier")
        found = {row.id: row for row in await queries.entries(tx, whom[0], OCTOBER)}
    assert (found[made.id].activity, found[made.id].activity_code) == ("Diabetes education", code)
    assert not made.awaits
    async with database.tx(cast.coordinator) as tx:
        (other,) = await actions.correct_entry(tx, made.id, *shorter, "education", "No diabetes")
        assert not other.awaits
        with pytest.raises(Invalid, match="Nothing would change"):
            await actions.correct_entry(tx, other.id, *shorter, "education", "The same")


async def test_the_month_is_ruled_by_the_standard_type_and_the_record_says_both(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    whom = await enrolled(database, cast)
    await log(database, clock, cast.coordinator, whom, 60, await add(database, cast))
    await log(database, clock, cast.coordinator, whom, 60, "care_plan")
    async with database.tx(cast.billing) as tx:
        clinic = await tenants.clinic(tx, cast.clinic_id)
        (one,) = await gathered(tx, clinic, OCTOBER, [whom[0]])
    assert [(entry.activity_type, activity_words(entry)) for entry in one.entries] == [
        ("education", "Diabetes education (Education and self-management)"),
        ("care_plan", "Care plan: assess, revise, share"),
    ]


def test_the_hash_covers_under_which_words_time_was_recorded() -> None:
    named = canonical(replace(ENTRY, activity_id=new_id()))
    head, _, body = named.partition(b"\n")
    assert head == b"caretide time entry 3"
    assert b'"activity_id":"' in body
    assert b'"entry_reason":null' in body
    assert b"activity_id" not in canonical(ENTRY)


@pytest.mark.parametrize(
    ("label", "standard", "field"),
    [
        ("", "education", "label"),
        (" \u200b ", "education", "label"),
        ("x" * 81, "education", "label"),
        ("care plan: ASSESS, revise, share", "education", "label"),
        ("Diabetes", "golf", "standard"),
    ],
)
async def test_an_unfit_activity_is_refused_by_field(
    database: Database, cast: Cast, label: str, standard: str, field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await add(database, cast, label, standard)
    assert caught.value.field == field


async def test_names_that_make_no_code_and_the_same_code_get_one_of_their_own(database: Database, cast: Cast) -> None:
    assert await add(database, cast, "糖尿病", "education") == "own"
    assert await add(database, cast, "2nd call", "patient_call") == "own_2nd_call"
    assert await add(database, cast, "Care plan", "care_plan") == "care_plan_2"
    assert await add(database, cast, "Care-Plan!", "care_plan") == "care_plan_3"


async def test_something_that_can_count_stays_offered(database: Database, cast: Cast) -> None:
    counting = [code for code, kind in ACTIVITY_TYPES.items() if kind.counts]
    for code in counting[1:]:
        await change(database, cast, code, is_offered=False)
    with pytest.raises(Invalid, match="at least one activity whose time counts"):
        await change(database, cast, counting[0], is_offered=False)
    with pytest.raises(NotFound):
        await change(database, cast, "golf", is_offered=False)


async def test_every_change_is_kept_with_who_made_it(database: Database, cast: Cast) -> None:
    code = await add(database, cast)
    await change(database, cast, code, label="Diabetes class", is_offered=False)
    await change(database, cast, code, label="Diabetes class")
    await change(database, cast, code, is_offered=True)
    await change(database, cast, "equipment", is_offered=False)
    async with database.tx(cast.auditor) as tx:
        found = await queries.changes_of_activities(tx)
    assert [(one.label, one.words, one.by) for one in found] == [
        ("Medical equipment", "No longer offered", "Administrator Person"),
        ("Diabetes class", "Offered again", "Administrator Person"),
        ("Diabetes class", "Renamed from “Diabetes education”; no longer offered", "Administrator Person"),
        ("Diabetes education", "Added", "Administrator Person"),
    ]


async def test_the_database_keeps_a_code_with_its_standard_type_and_its_history(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    code = await add(database, cast)
    row = {"label": "X", "is_offered": True, "recorded_at": clock.now}

    async def put(**values: Any) -> None:
        async with database.tx(cast.system) as tx:
            await tx.db.execute(insert(Activity).values(id=new_id(), **row, **values))

    with pytest.raises(Conflict, match="stays with the standard type"):
        await put(code=code, version=2, standard="patient_call")
    for version in (1, 3):
        with pytest.raises(Conflict, match="Somebody else has changed"):
            await put(code=code, version=version, standard="education")
    for values in ({"code": "supervision", "standard": "patient_call"}, {"code": "golf", "standard": "golf"}):
        with pytest.raises(Invalid):
            await put(version=1, **values)
    for statement in (update(Activity).values(label="Y"), delete(Activity)):
        with pytest.raises(Exception, match="permission denied"):
            async with database.tx(cast.system) as tx:
                await tx.db.execute(statement)


async def test_the_database_takes_no_words_that_stand_on_another_type(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    whom = await enrolled(database, cast)
    code, there = await add(database, cast), await assemble(database)
    foreign = await add(database, there)
    async with database.tx(there.system) as tx:
        theirs = (await queries.activities(tx))[foreign].id
    await log(database, clock, cast.coordinator, whom, 60, code)
    async with database.tx(cast.system) as tx:
        ours = (await queries.activities(tx))[code].id
        row = dict((await tx.db.execute(select(TimeEntry))).mappings().one())
    moved = {"start_time": row["end_time"], "end_time": row["end_time"].replace(year=2026, second=59)}
    kept = {name: row[name] for name in row if name not in {"tenant_id", "duration_secs", "is_void", "created_at"}}
    kept = {name: value for name, value in kept.items() if not name.startswith("void") and name != "entered_by"}
    for kind in ({"activity_type": "patient_call", "activity_id": ours}, {"activity_id": theirs}):
        with pytest.raises(Conflict, match="does not exist here"):
            async with database.tx(cast.coordinator) as tx:
                await tx.db.execute(insert(TimeEntry).values(**kept | moved | kind | {"id": new_id()}))


async def test_one_tenants_activities_are_not_of_another(database: Database, cast: Cast) -> None:
    other = await assemble(database)
    await change(database, cast, await add(database, cast), is_offered=False)
    assert await offered(database, other) == list(ACTIVITY_TYPES)
    async with database.tx(other.system) as tx:
        assert (await tx.db.execute(select(func.count()).select_from(Activity))).scalar_one() == 0


async def test_a_form_asks_once_and_a_standard_month_not_at_all(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    whom = await enrolled(database, cast)
    await log(database, clock, cast.coordinator, whom, 60)
    async with database.tx(cast.manager) as tx:
        first = await queries.activities(tx)
        assert await queries.activities(tx) is first
        (row,) = await queries.entries_for_close(tx, cast.clinic_id, OCTOBER)
        assert await queries.recorded_words(tx, [row.activity_id]) == {}


async def test_a_program_adds_renames_hides_and_lists(cast: Cast, api: Visit) -> None:
    program = await api(cast.administrator)
    sent = {"label": DIABETES[0], "standard": DIABETES[1]}
    made = await program.post(PLACE, json=sent)
    assert (made.status_code, made.json()) == (
        201,
        {
            "code": "diabetes_education",
            "label": "Diabetes education",
            "counts": True,
            "standard": "education",
            "is_offered": True,
            "is_own": True,
        },
    )
    assert (await program.post(PLACE, json=sent)).status_code == 422
    code = made.json()["code"]
    assert (await program.patch(f"{PLACE}/{code}", json={"is_offered": False})).json()["is_offered"] is False
    assert (await program.patch(f"{PLACE}/{uuid4().hex}", json={"is_offered": False})).status_code == 404
    assert (await program.patch(f"{PLACE}/{code}", json={"standard": "patient_call"})).status_code == 422
    listed = {one["code"] for one in (await program.get("/activities")).json()}
    everything = (await program.get(PLACE)).json()
    assert {one["code"] for one in everything["activities"]} - listed == {code}
    assert [one["by"] for one in everything["changes"]] == ["Administrator Person"] * 2
    for actor in (cast.manager, cast.coordinator, cast.billing):
        refused = await (await api(actor)).post(PLACE, json=sent)
        assert (refused.status_code, refused.json()["permission"]) == (403, "tenant:write")


async def test_an_administrator_decides_on_the_page_and_the_forms_offer_it(
    database: Database, cast: Cast, signed_in: Visit
) -> None:
    whom = await enrolled(database, cast)
    browser, caller = await signed_in(cast.administrator), await signed_in(cast.coordinator)
    assert "Nothing was changed" in (await browser.get(PLACE)).text
    sent = {"label": "Class <b>one</b>", "standard": "education"}
    assert (await browser.post(PLACE, data=sent)).status_code == 303
    page = (await browser.get(PLACE)).text
    assert "Class &lt;b&gt;one&lt;/b&gt;" in page
    assert "<b>one" not in page
    again = await browser.post(PLACE, data=sent)
    assert (again.status_code, "activity of this name already" in again.text) == (422, True)
    hidden = {"label": "Scheduling", "is_offered": "false"}
    assert (await browser.post(f"{PLACE}/scheduling", data=hidden)).status_code == 303
    form = (await caller.get(f"/patients/{whom[0]}")).text
    assert 'value="class_b_one_b"' in form
    assert 'value="scheduling"' not in form
    late = await caller.post(f"/patients/{whom[0]}/timer/start", data={"program": "CCM", "activity": "scheduling"})
    assert (late.status_code, "is no longer offered" in late.text) == (422, True)
    start = await caller.post(f"/patients/{whom[0]}/timer/start", data={"program": "CCM", "activity": "class_b_one_b"})
    assert start.status_code == 303
    assert "Class &lt;b&gt;one&lt;/b&gt; · started" in (await caller.get(f"/patients/{whom[0]}")).text
