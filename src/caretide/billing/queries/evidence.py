"""What a month rests on, and what the rules say of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import select

from caretide.billing.models import RuleLimits
from caretide.billing.rules.assemble import patient_month
from caretide.billing.rules.evidence import Enrolled, Entry, Evidence, Fact, Judged
from caretide.enrollment import queries as enrollment
from caretide.enrollment.queries import FactRow
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients import queries as patients
from caretide.programs.evaluate import rule
from caretide.programs.limits import limits_from_table
from caretide.programs.packs import Packs, load_packs
from caretide.rosters import queries as rosters
from caretide.runtime.access import open_to_all, remembered, requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow, PractitionerRow
from caretide.time_log import queries as time_log


@cache
def _shipped() -> Packs:
    return load_packs()


_LIMITS = select(RuleLimits.limits).order_by(RuleLimits.loaded_at)


@open_to_all("Medicare's public rules, the same for every tenant", reads(Data.RULES))
@remembered
async def packs(tx: Tx) -> Packs:
    """Return the rule packs, with the limits that an operator loaded in place of the assumed ones."""
    found = _shipped()
    for row in (await tx.db.execute(_LIMITS)).scalars():
        found = found.with_limits(limits_from_table(row))
    return found


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def judged(tx: Tx, clinic: ClinicRow, month: Month, patient_ids: Sequence[UUID] | None = None) -> list[Judged]:
    """Return what the rules say of a clinic's month as it stands recorded now, by patient and billing practitioner."""
    rules = await packs(tx)
    lists = enrollment.chronic_lists()
    found: list[Judged] = []
    for evidence in await gathered(tx, clinic, month, patient_ids):
        facts = patient_month(evidence, lists)
        found.append(Judged(evidence, facts, rule(facts, rules)))
    return found


@requires(
    Permission.MONTH_READ,
    reads(
        Data.MONTH,
        Data.TIME,
        Data.CONDITIONS,
        Data.COVERAGE,
        Data.CONSENT,
        Data.ENROLLMENT,
        Data.FACTS,
        Data.DEMOGRAPHICS,
    ),
)
async def gathered(
    tx: Tx, clinic: ClinicRow, month: Month, patient_ids: Sequence[UUID] | None = None
) -> list[Evidence]:
    """Return everything recorded that a month's rulings need. A dozen statements, however many patients."""
    enrolled = await enrollment.enrolled_in(tx, clinic.id, month, patient_ids)
    # As they come: by id.
    ids = list(dict.fromkeys(one.enrollment.patient_id for one in enrolled))
    charts = await patients.ruling_facts(tx, ids, clinic.id, month)
    facts = await enrollment.facts_as_of(tx, ids, month)
    _, end = month.bounds(clinic.zone)
    instant = min(end, tx.now)
    contacts = await rosters.designated_as_of(tx, ids, instant)
    of_clinic = await tenants.clinic_facts(tx, clinic.id, month.last, since=month.first)
    at_clinic = {kind: _clinic_fact(row) for kind, row in of_clinic.items()}
    is_generated = (await tenants.my_tenant(tx)).is_generated
    entries = await _entries(tx, clinic.id, month, patient_ids)
    together: dict[tuple[UUID, UUID], list[enrollment.Enrolled]] = defaultdict(list)
    for one in enrolled:
        together[one.enrollment.patient_id, one.enrollment.practitioner_id].append(one)
    return [
        Evidence(
            month=month,
            clinic=clinic,
            practitioner=_practitioner(group[0].enrollment),
            chart=charts[patient_id],
            enrollments=tuple(_enrolled(one.enrollment) for one in group),
            consent=group[0].consent,
            facts={kind: _fact(row) for kind, row in facts.get(patient_id, {}).items()},
            clinic_facts=at_clinic,
            designated=contacts[patient_id].name if patient_id in contacts else None,
            designated_since=_since(contacts.get(patient_id), clinic),
            entries=tuple(entry for one in group for entry in entries.get(one.enrollment.id, ())),
            generated=is_generated,
            coordinator_id=contacts[patient_id].member_id if patient_id in contacts else None,
        )
        for (patient_id, _), group in sorted(together.items(), key=_place)
        if patient_id in charts
    ]


async def _entries(
    tx: Tx, clinic_id: UUID, month: Month, patient_ids: Sequence[UUID] | None
) -> Mapping[UUID, list[Entry]]:
    found: dict[UUID, list[Entry]] = defaultdict(list)
    rows = await time_log.entries_for_close(tx, clinic_id, month, patient_ids)
    words = await time_log.recorded_words(tx, (row.activity_id for row in rows))
    waivers = await tenants.waivers_named(tx, (row.waiver_id for row in rows))
    for row in rows:
        entry = Entry(
            id=row.id,
            member_id=row.coordinator_id,
            person=row.person,
            credential=row.credential,
            staff_role=row.staff_role,
            practitioner_id=row.practitioner_id,
            program=row.program,
            activity_type=row.activity_type,
            start=row.start_time,
            end=row.end_time,
            seconds=row.duration_secs,
            words=words[row.activity_id] if row.activity_id else "",
            waiver=waivers[row.waiver_id] if row.waiver_id else None,
        )
        found[row.enrollment_id].append(entry)
    return found


def _place(group: tuple[tuple[UUID, UUID], object]) -> tuple[int, int]:
    """Return where a patient and a practitioner come: by their ids, whose numbers are compared much faster."""
    (patient_id, practitioner_id), _ = group
    return patient_id.int, practitioner_id.int


def _since(contact: rosters.DesignationRow | None, clinic: ClinicRow) -> date | None:
    return contact.valid_from.astimezone(clinic.zone).date() if contact else None


def _practitioner(row: enrollment.EnrollmentRow) -> PractitionerRow:
    return PractitionerRow(row.practitioner_id, row.npi, row.family, row.given, row.kind, row.tin_group)


def _enrolled(row: enrollment.EnrollmentRow) -> Enrolled:
    return Enrolled(
        id=row.id,
        program=row.program,
        started_on=row.started_on,
        ended_on=row.ended_on,
        is_high_risk=row.is_high_risk,
        expected_months=row.expected_months,
    )


def _fact(row: FactRow) -> Fact:
    return Fact(value=row.value, effective_on=row.effective_on, checked_on=row.checked_on)


def _clinic_fact(row: Any) -> Fact:
    return Fact(value=row.value, effective_on=row.effective_on, checked_on=row.checked_on)
