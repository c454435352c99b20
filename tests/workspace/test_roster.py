"""My day: who is on it, in which order, and that it never asks more for more people."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select

from caretide.enrollment import actions as enrollment
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.patients.models import Coverage, Patient
from caretide.rosters import actions as rosters
from caretide.runtime.models import AuditEvent, AuditEventPatient
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenants
from caretide.workspace.queries import roster
from caretide.workspace.queries.patient import patient_page
from caretide.workspace.queries.roster import Wanted, my_day
from caretide.workspace.queries.shell import make_shell
from caretide.workspace.schemas.roster import Choice, MyDay
from tests.billing.months import FIRST, Recorded, add_patient, log_time, record_month, rule_all
from tests.cast import Cast
from tests.client import Visit
from tests.database import HandClock, statements
from tests.enrollment.panel import new_patient


async def day_of(database: Database, actor: Actor, **wanted: Any) -> MyDay:
    async with database.tx(actor) as tx:
        query = wanted.pop("query", "")
        return await my_day(tx, Wanted(Choice(**wanted), query))


async def four_people(database: Database, cast: Cast, clock: HandClock) -> dict[str, Recorded]:
    """Somebody without consent, without a plan, below the threshold, and above the first one."""
    people = {
        "Above": await record_month(database, cast, family="Above"),
        "Below": await record_month(database, cast, family="Below"),
        "Planless": await record_month(database, cast, family="Planless", without="care-plan"),
        "Unasked": await record_month(database, cast, family="Unasked", without="consent"),
    }
    await log_time(database, cast, clock, people["Above"], minutes=25)
    await log_time(database, cast, clock, people["Below"], minutes=18, seconds=40)
    return people


async def test_most_urgent_come_first_each_with_one_reason(database: Database, cast: Cast, clock: HandClock) -> None:
    await four_people(database, cast, clock)
    day = await day_of(database, cast.coordinator)
    assert [(row.name.split()[-1], row.reason, row.tone) for row in day.rows] == [
        ("Unasked", "Consent missing", "bad"),
        ("Planless", "Care plan not recorded", "bad"),
        ("Below", "1:20 min to 20", "warn"),
        ("Above", "15:00 min to 40", "info"),
    ]
    assert {count.key: count.count for count in day.counts} == {
        "all": 4,
        "consent": 1,
        "held": 1,
        "under": 3,
        "candidates": 0,
    }
    below = day.rows[2]
    assert below.bar
    assert (below.bar.seconds, below.bar.thresholds[:2]) == (1120, (1200, 2400))
    assert (below.age, below.sex, below.program) == (78, "F", "CCM")
    assert below.last_contact == FIRST.replace(day=5)
    assert "Hypertension" in below.conditions
    # Monday to Friday from the 5th on, without Columbus Day.
    assert (day.month, day.working_days_left, day.whole_tenant) == (Month(2026, 10), 19, False)


@pytest.mark.parametrize(
    ("show", "names"),
    [
        ("consent", ["Unasked"]),
        ("held", ["Planless"]),
        ("under", ["Unasked", "Planless", "Below"]),
        ("candidates", []),
        ("nonsense", ["Unasked", "Planless", "Below", "Above"]),
    ],
)
async def test_each_number_opens_its_list(
    database: Database, cast: Cast, clock: HandClock, show: str, names: list[str]
) -> None:
    await four_people(database, cast, clock)
    day = await day_of(database, cast.coordinator, show=show)
    assert [row.name.split()[-1] for row in day.rows] == names


async def test_pages_add_up_to_the_list(
    database: Database, cast: Cast, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await four_people(database, cast, clock)
    whole = await day_of(database, cast.manager)
    monkeypatch.setattr(roster, "ROWS", 3)
    pages = [await day_of(database, cast.manager, page=number) for number in (1, 2, 9, -1)]
    assert [row.name for page in pages[:2] for row in page.rows] == [row.name for row in whole.rows]
    assert [(page.page, page.pages, page.total) for page in pages] == [(1, 2, 4), (2, 2, 4), (2, 2, 4), (1, 2, 4)]


async def test_coordinator_sees_the_roster_and_a_manager_everybody(database: Database, cast: Cast) -> None:
    eligible = await add_patient(database, cast, "Eligible")
    unknown = await new_patient(database, cast, "I10", "E11.9")
    hidden = await add_patient(database, cast, "Hidden")
    async with database.tx(cast.manager) as tx:
        assert cast.coordinator.member_id
        await rosters.designate_many(tx, [eligible, unknown], cast.coordinator.member_id)
    mine = await day_of(database, cast.coordinator)
    assert [(row.patient_id, row.reason) for row in mine.candidates] == [
        (eligible, "Eligible for CCM"),
        (unknown, "No coverage in force is recorded; from 65 on Medicare is likely, so check"),
    ]
    assert "needs" not in mine.candidates[1].conditions
    assert "Hypertension" in mine.candidates[1].conditions
    everybody = await day_of(database, cast.manager)
    assert {row.patient_id for row in everybody.candidates} == {eligible, hidden}
    assert {row.patient_id: row.coordinator for row in everybody.candidates}[eligible] == "Coordinator Person"
    found = await day_of(database, cast.manager, query="vega")
    assert [row.patient_id for row in found.rows] == [unknown]


async def test_those_not_enrolled_are_previewed_and_listed(
    database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch, signed_in: Visit
) -> None:
    for number in range(3):
        await add_patient(database, cast, f"Free{number}")
    monkeypatch.setattr(roster, "PREVIEW", 2)
    browser = await signed_in(cast.manager)
    assert "Show all 3" in (await browser.get("/my-day")).text
    assert (await browser.get("/my-day?show=candidates")).text.count("Eligible for CCM") == 3


async def test_month_is_that_of_each_patients_clinic(database: Database, cast: Cast, clock: HandClock) -> None:
    recorded = await record_month(database, cast, family="Illinois")
    async with database.tx(cast.administrator) as tx:
        west = tenants.NewClinic(
            name="Aloha Clinic", slug="aloha", time_zone="Pacific/Honolulu", tin_group="TIN-1", phone="555-0101"
        )
        clinic_id = await tenants.create_clinic(tx, west)
        patient_id = new_id()
        row = {"id": patient_id, "clinic_id": clinic_id, "source": "test", "source_id": patient_id.hex}
        who = {"family": "Hawaii", "given": "Kai", "birth_date": FIRST.replace(year=1950), "sex": "male"}
        await tx.db.execute(insert(Patient).values(**row, **who))
        cover = {"id": new_id(), "patient_id": patient_id, "source_id": "b", "kind": "original_medicare_part_b"}
        await tx.db.execute(insert(Coverage).values(**cover, payor="Medicare", is_active=True))
        assert cast.coordinator.member_id
        await rosters.designate(tx, patient_id, cast.coordinator.member_id)
        enrolled = await enrollment.enroll(tx, patient_id, "CCM", cast.practitioner_id, started_on=FIRST)
    await log_time(database, cast, clock, recorded, minutes=10)
    await log_time(database, cast, clock, Recorded(patient_id, enrolled), minutes=10)
    clock.now = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
    day = await day_of(database, cast.coordinator)
    seconds = {row.name: row.bar.seconds for row in day.rows if row.bar}
    assert seconds == {"Eleanor Illinois": 0, "Kai Hawaii": 600}
    assert day.month == Month(2026, 10)


async def test_tenant_without_a_clinic_has_an_empty_day(database: Database, cast: Cast) -> None:
    tenant_id = new_id()
    async with database.tx(Actor.system(tenant_id)) as tx:
        await tenants.create_tenant(tx, slug=f"t-{tenant_id.hex}", name="New", is_generated=True)
        day = await my_day(tx, Wanted())
    assert (day.rows, day.candidates, day.total) == ((), (), 0)


async def test_more_patients_ask_no_more_of_the_database(database: Database, cast: Cast) -> None:
    changed: list[int] = []
    ruled: list[int] = []
    for name in ("One", "Two", "Three"):
        await record_month(database, cast, family=name)
        await add_patient(database, cast, f"Free{name}")
        with statements(database) as asked:
            await day_of(database, cast.manager)
        changed.append(len(asked))
        await rule_all(database, cast)
        with statements(database) as asked:
            await day_of(database, cast.manager)
        ruled.append(len(asked))
    # Before anybody was ruled at all one question more is asked: who has no standing yet.
    assert changed[1] == changed[2] <= 44
    assert len(set(ruled)) == 1
    assert ruled[0] <= 20


async def test_who_was_looked_at_is_on_record(database: Database, cast: Cast) -> None:
    recorded = await record_month(database, cast)
    async with database.tx(cast.billing) as tx:
        await patient_page(tx, recorded.patient_id)
        await make_shell(tx, "my-day", None)
    await day_of(database, cast.billing)
    async with database.tx(cast.system) as tx:
        seen = select(AuditEvent.verb, AuditEventPatient.patient_id).where(
            AuditEventPatient.tenant_id == AuditEvent.tenant_id,
            AuditEventPatient.id == AuditEvent.id,
            AuditEvent.member_id == cast.billing.member_id,
        )
        rows: set[tuple[str, UUID]] = {(row.verb, row.patient_id) for row in (await tx.db.execute(seen)).all()}
    assert rows == {
        ("workspace.patient_page", recorded.patient_id),
        ("workspace.my_day", recorded.patient_id),
    }


async def test_of_a_long_roster_those_that_were_shown_are_on_record(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    people = await four_people(database, cast, clock)
    loose = await add_patient(database, cast, "Loose")
    async with database.tx(cast.manager) as tx:
        assert cast.coordinator.member_id
        await rosters.designate(tx, loose, cast.coordinator.member_id)
    await rule_all(database, cast)
    for show, expected in (
        ("consent", {people["Unasked"].patient_id}),
        ("candidates", {loose}),
        ("all", {*(one.patient_id for one in people.values()), loose}),
    ):
        async with database.tx(cast.coordinator) as tx:
            await my_day(tx, Wanted(Choice(show=show)))
            assert tx.trail.events[-1].patients == expected


async def test_frame_says_who_and_where(database: Database, cast: Cast) -> None:
    async with database.tx(cast.coordinator) as tx:
        shell = await make_shell(tx, "my-day", None)
    assert (shell.account_name, shell.role, shell.tenant_name) == (
        "Coordinator Person",
        "Care coordinator",
        "Lakeside Health",
    )
    assert (shell.demo, shell.may_switch, shell.running) == (True, False, None)
    assert [link.key for link in shell.nav] == ["my-day", "month"]
