"""A practice at work: imported patients, enrolled and consented, with coordinators and their recorded time.

Patients come by the product's own import, and the first is brought in by its own actions; the rest get copies of that
one's rows, because nobody wants to wait for a thousand enrollments. All have what a ruling needs, so that nearly every
month of theirs can be billed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select

from caretide.ehr.gateway import run_import
from caretide.enrollment import actions as enrollment
from caretide.enrollment.models import Consent, Enrollment, EnrollmentStatus, PatientFact
from caretide.enrollment.rules import DISCLOSURES
from caretide.kernel.actor import Actor
from caretide.kernel.clock import system_clock
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.kernel.permissions import Role
from caretide.patients.models import Patient
from caretide.rosters import actions as rosters
from caretide.runtime.db import TenantTable
from caretide.runtime.tx import Database, Tx
from caretide.tenants import actions as tenants
from caretide.tenants import queries
from caretide.tenants.queries import ClinicRow
from caretide.time_log.models import TimeEntry
from caretide.time_log.rules import EntryFacts, row_hash
from tests.bench.ground import Ground
from tests.bench.imports import cohort
from tests.bench.measure import say
from tests.cast import assemble, person

ROSTER: Final = 200
SINCE: Final = datetime(2026, 3, 2, 15, tzinfo=UTC)
SECONDS: Final = (742, 611, 455)
"""The lengths of a patient's entries in a month: one unit's twenty minutes and some more."""


@dataclass(frozen=True)
class Enrolled:
    """A patient in a program."""

    patient_id: UUID
    enrollment_id: UUID


@dataclass(frozen=True)
class Practice:
    """`busy` is the coordinator with a roster of 200; each of `others` looks after some of the rest."""

    tenant_id: UUID
    clinic: ClinicRow
    busy: Actor
    others: tuple[Actor, ...]
    rosters: dict[UUID, tuple[Enrolled, ...]]

    @property
    def patients(self) -> int:
        """How many patients there are."""
        return sum(len(roster) for roster in self.rosters.values())


async def build(ground: Ground, patients: int, coordinators: int, months: Sequence[Month]) -> Practice:
    """Make a practice of so many patients and coordinators, with time recorded in these months."""
    say(f"making a practice of {patients} patients")
    database = ground.database(system_clock)
    try:
        cast = await assemble(database)
        async with database.tx(cast.system) as tx:
            clinic = await queries.clinic(tx, cast.clinic_id)
            for kind in ("round-the-clock-access", "certified-ehr"):
                value = {"value": True, "detail": "Recorded for the benchmark"}
                dates = {"effective_on": SINCE.date(), "checked_on": SINCE.date()}
                await tenants.record_clinic_fact(tx, clinic.id, kind, value=value, **dates)
            others = [
                await person(tx, Role.COORDINATOR, f"nurse-{number}", cast.practitioner_id)
                for number in range(coordinators)
            ]
        enrolled = await _enroll(ground, database, cast.tenant_id, clinic, cast.practitioner_id, patients, months)
        practice = Practice(
            cast.tenant_id, clinic, cast.coordinator, tuple(others), _dealt(enrolled, cast.coordinator, others)
        )
        await _work(database, cast.system, practice, months)
    finally:
        await database.close()
    return practice


def _dealt(enrolled: Sequence[Enrolled], busy: Actor, others: Sequence[Actor]) -> dict[UUID, tuple[Enrolled, ...]]:
    rest = enrolled[ROSTER:]
    dealt = {busy.member_id: tuple(enrolled[:ROSTER])}
    dealt |= {actor.member_id: tuple(rest[place :: len(others)]) for place, actor in enumerate(others)}
    return {member_id: roster for member_id, roster in dealt.items() if member_id is not None}


async def _enroll(
    ground: Ground,
    database: Database,
    tenant_id: UUID,
    clinic: ClinicRow,
    practitioner_id: UUID,
    patients: int,
    months: Sequence[Month],
) -> list[Enrolled]:
    """Import patients and bring each to where time can be recorded and billed."""
    report = await run_import(database, cohort(ground.folder, patients), tenant_id, clinic)
    if report.failure:
        raise RuntimeError(report.failure)
    async with database.tx(Actor.system(tenant_id)) as tx:
        ids = (await tx.db.execute(select(Patient.id).order_by(Patient.source_id))).scalars().all()
        first = await _bring_in(tx, ids[0], practitioner_id, months)
        others = [Enrolled(patient_id, new_id()) for patient_id in ids[1:]]
        for model in (Enrollment, EnrollmentStatus, Consent, PatientFact):
            await _copy(tx, model, first, others)
    return [first, *others]


async def _copy(tx: Tx, model: type[TenantTable], first: Enrolled, others: Sequence[Enrolled]) -> None:
    """Give the others what a table holds about the first."""
    table = model.__table__
    held = (await tx.db.execute(select(table).where(table.c.patient_id == first.patient_id))).mappings().all()
    rows: list[dict[str, Any]] = []
    for one in others:
        for row in held:
            own_id = one.enrollment_id if model is Enrollment else new_id()
            whose = {"id": own_id, "patient_id": one.patient_id, "enrollment_id": one.enrollment_id}
            rows.append({**row, **{key: value for key, value in whose.items() if key in table.c}})
    await tx.db.execute(insert(model), rows)


async def _bring_in(tx: Tx, patient_id: UUID, practitioner_id: UUID, months: Sequence[Month]) -> Enrolled:
    day = SINCE.date()
    enrollment_id = await enrollment.enroll(
        tx, patient_id, "CCM", practitioner_id, started_on=day, is_high_risk=True, expected_months=24
    )
    consent: dict[str, Any] = {"mode": "verbal", "decided_at": SINCE, "disclosures": DISCLOSURES}
    await enrollment.record_consent(tx, enrollment_id, "accepted", **consent)
    for kind, value in (
        ("initiating-visit", {"visit": "annual_wellness"}),
        ("care-plan", {"plan": "comprehensive"}),
        ("care-plan-copy", {"how": "mail"}),
    ):
        await enrollment.record_fact(tx, patient_id, kind, value, effective_on=day, checked_on=day)
    for month in months:
        checked: date = min(month.last, tx.now.date() - timedelta(days=1))
        for kind, value in (
            ("facility-stays", {"stays": []}),
            ("other-claims", {"claims": []}),
            ("hospice-home-health", {"hospice_elected": False, "home_health_episode": False}),
        ):
            if checked >= month.first:
                await enrollment.record_fact(tx, patient_id, kind, {"month": str(month), **value}, checked_on=checked)
    return Enrolled(patient_id, enrollment_id)


async def _work(database: Database, system: Actor, practice: Practice, months: Sequence[Month]) -> None:
    """Give everybody their roster and record its time, each coordinator's without a gap from the month's start."""
    async with database.tx(system) as tx:
        present, tx.now = tx.now, SINCE
        for member_id, roster in practice.rosters.items():
            await rosters.designate_many(tx, [one.patient_id for one in roster], member_id)
        tx.now = present
        people = {actor.member_id: actor for actor in (practice.busy, *practice.others)}
        rows = [
            entry_row(practice, people[member_id], one, start, seconds)
            for member_id, roster in practice.rosters.items()
            for month in months
            for one, start, seconds in _stretches(roster, month.bounds(practice.clinic.zone)[0], present)
        ]
        await tx.db.execute(insert(TimeEntry), rows)


def _stretches(
    roster: Sequence[Enrolled], begin: datetime, until: datetime
) -> Iterator[tuple[Enrolled, datetime, int]]:
    """Yield whom, from when and how long: one after the other, as far as the present."""
    for seconds in SECONDS:
        for one in roster:
            if begin + timedelta(seconds=seconds) > until:
                return
            yield one, begin, seconds
            begin += timedelta(seconds=seconds)


def entry_row(practice: Practice, actor: Actor, one: Enrolled, start: datetime, seconds: int) -> dict[str, Any]:
    """Return a row of the time log as a stopped timer leaves it."""
    if actor.member_id is None:
        raise ValueError("time is a member's")
    entry = EntryFacts(
        id=new_id(),
        tenant_id=practice.tenant_id,
        patient_id=one.patient_id,
        coordinator_id=actor.member_id,
        account_id=actor.account_id,
        enrollment_id=one.enrollment_id,
        clinic_id=practice.clinic.id,
        program="CCM",
        activity_type="patient_call",
        start_time=start,
        end_time=start + timedelta(seconds=seconds),
        service_month=Month.of(start.astimezone(practice.clinic.zone).date()).first,
        staff_role="clinical_staff",
        credential="RN",
        source="timer",
    )
    return asdict(entry) | {"row_hash": row_hash(entry)}
