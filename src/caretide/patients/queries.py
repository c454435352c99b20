"""Patients: one, a list, and everything that a month's rulings need of thousands at once."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    TIMESTAMP,
    ColumnElement,
    Row,
    Select,
    Uuid,
    and_,
    any_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
)

from caretide.kernel.errors import NotFound
from caretide.kernel.fields import shown
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients import rules
from caretide.patients.models import Allergy, Condition, Coverage, Encounter, Medication, Patient
from caretide.patients.schemas import (
    AllergyRow,
    ConditionRow,
    CoverageRow,
    Diagnosis,
    EncounterRow,
    MedicationRow,
    PatientLine,
    PatientRow,
    PatientRulingFacts,
    Stay,
)
from caretide.runtime.access import remembered, requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants

PAGE = 50


_ANY_ID = any_(bindparam("ids", type_=Ids()))
_PATIENT = (
    Patient.id,
    Patient.clinic_id,
    Patient.source,
    Patient.source_id,
    Patient.mrn,
    Patient.mbi,
    Patient.family,
    Patient.given,
    Patient.birth_date,
    Patient.sex,
    Patient.language,
    Patient.is_deceased,
    Patient.deceased_on,
    Patient.phone,
    Patient.email,
    Patient.address,
    Patient.is_active,
    Patient.updated_at,
)


_LINE = (
    Patient.id,
    Patient.clinic_id,
    Patient.mrn,
    Patient.family,
    Patient.given,
    Patient.birth_date,
    Patient.sex,
    Patient.is_deceased,
    Patient.is_active,
)
_ID = bindparam("patient_id", type_=Uuid)
_ONE = select(*_PATIENT).where(Patient.id == _ID)


@requires(Permission.PATIENT_READ, reads(Data.DEMOGRAPHICS, Data.CONTACT))
@remembered
async def patient(tx: Tx, patient_id: UUID) -> PatientRow:
    """Return one patient; raise NotFound alike for an unknown one, another tenant's, and one behind the roster wall."""
    row = (await tx.db.execute(_ONE, {"patient_id": patient_id})).one_or_none()
    if row is None:
        raise NotFound("There is no such patient")
    tx.touch(patient_id)
    return shown(PatientRow(*row), tx.actor.permissions)


@requires(Permission.CHART_READ, reads(Data.CONDITIONS))
async def conditions(tx: Tx, patient_id: UUID) -> list[ConditionRow]:
    """Return a patient's diagnoses: active problems first."""
    return [ConditionRow(*row) for row in await _chart(tx, patient_id, _CONDITIONS)]


_CONDITIONS = (
    select(
        Condition.id,
        Condition.source_id,
        Condition.icd10,
        Condition.icd10_also,
        Condition.snomed,
        Condition.name,
        Condition.is_active,
        Condition.is_problem,
        Condition.onset,
        Condition.abated,
    )
    .where(Condition.patient_id == _ID)
    .order_by(Condition.is_active.desc(), Condition.is_problem.desc(), Condition.name, Condition.source_id)
)


@requires(Permission.CHART_READ, reads(Data.MEDICATIONS))
async def medications(tx: Tx, patient_id: UUID) -> list[MedicationRow]:
    """Return a patient's prescriptions: active ones first, then the newest."""
    return [MedicationRow(*row) for row in await _chart(tx, patient_id, _MEDICATIONS)]


_MEDICATIONS = (
    select(
        Medication.id,
        Medication.source_id,
        Medication.rxnorm,
        Medication.name,
        Medication.dosage,
        Medication.is_active,
        Medication.authored,
    )
    .where(Medication.patient_id == _ID)
    .order_by(Medication.is_active.desc(), Medication.authored.desc().nulls_last(), Medication.source_id)
)


@requires(Permission.CHART_READ, reads(Data.ALLERGIES))
async def allergies(tx: Tx, patient_id: UUID) -> list[AllergyRow]:
    """Return a patient's allergies: active ones first."""
    return [AllergyRow(*row) for row in await _chart(tx, patient_id, _ALLERGIES)]


_ALLERGIES = (
    select(Allergy.id, Allergy.source_id, Allergy.code, Allergy.name, Allergy.criticality, Allergy.is_active)
    .where(Allergy.patient_id == _ID)
    .order_by(Allergy.is_active.desc(), Allergy.name, Allergy.source_id)
)


@requires(Permission.PATIENT_READ, reads(Data.COVERAGE))
async def coverages(tx: Tx, patient_id: UUID) -> list[CoverageRow]:
    """Return a patient's coverages: the latest first."""
    return [CoverageRow(*row) for row in await _chart(tx, patient_id, _COVERAGES)]


_COVERAGES = (
    select(
        Coverage.id,
        Coverage.source_id,
        Coverage.kind,
        Coverage.payor,
        Coverage.plan,
        Coverage.is_active,
        Coverage.starts_on,
        Coverage.ends_on,
    )
    .where(Coverage.patient_id == _ID)
    .order_by(Coverage.ends_on.desc().nulls_first(), Coverage.starts_on.desc().nulls_last(), Coverage.source_id)
)


@requires(Permission.CHART_READ, reads(Data.ENCOUNTERS))
async def encounters(tx: Tx, patient_id: UUID) -> list[EncounterRow]:
    """Return a patient's visits and stays: the latest first."""
    return [EncounterRow(*row) for row in await _chart(tx, patient_id, _ENCOUNTERS)]


_ENCOUNTERS = (
    select(
        Encounter.id,
        Encounter.source_id,
        Encounter.kind,
        Encounter.facility,
        Encounter.status,
        Encounter.name,
        Encounter.starts_at,
        Encounter.ends_at,
        Encounter.practitioner_source_id,
    )
    .where(Encounter.patient_id == _ID)
    .order_by(Encounter.starts_at.desc().nulls_last(), Encounter.source_id)
)


async def _chart(tx: Tx, patient_id: UUID, wanted: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
    tx.touch(patient_id)
    return (await tx.db.execute(wanted, {"patient_id": patient_id})).all()


@requires(Permission.PATIENT_READ, reads(Data.DEMOGRAPHICS))
async def search(
    tx: Tx, text: str = "", *, clinic_id: UUID | None = None, after: UUID | None = None, limit: int = PAGE
) -> list[PatientLine]:
    """Return patients by name, `limit` at most, from behind the patient `after` on.

    `text` is the beginning of a name in either order or of the given names alone, a whole record number, or a birth
    date; empty finds everybody.
    The cursor is a patient's id, so that no name stands in an address.
    """
    wanted = select(*_LINE).order_by(Patient.name_key, Patient.id).limit(limit)
    if text.strip():
        wanted = wanted.where(_matches(rules.read_search(text)))
    if clinic_id is not None:
        wanted = wanted.where(Patient.clinic_id == clinic_id)
    if after is not None:
        place = select(Patient.name_key, Patient.id).where(Patient.id == after)
        wanted = wanted.where(tuple_(Patient.name_key, Patient.id) > place.scalar_subquery())
    found = [PatientLine(*row) for row in (await tx.db.execute(wanted)).all()]
    tx.touch(*(line.id for line in found))
    return found


def _matches(typed: rules.Search) -> ColumnElement[bool]:
    # Ranges and equality alone: under row-level security nothing else may use an index.
    ways = [and_(Patient.name_key >= start, Patient.name_key < rules.after_prefix(start)) for start in typed.prefixes]
    if typed.given:
        # No index has the given names alone: within one tenant this range is a filter.
        given = func.lower(Patient.given).collate("C")
        ways.append(and_(given >= typed.given, given < rules.after_prefix(typed.given)))
    if typed.birth_date is not None:
        ways.append(Patient.birth_date == typed.birth_date)
    return or_(Patient.mrn == typed.mrn, *ways)


@requires(Permission.PATIENT_READ, reads(Data.DEMOGRAPHICS, Data.CONDITIONS, Data.COVERAGE))
@remembered
async def ruling_facts(
    tx: Tx, patient_ids: Sequence[UUID] | None, clinic_id: UUID, month: Month
) -> dict[UUID, PatientRulingFacts]:
    """Return what the charts say of a month, by patient: of those named, or of all the clinic's.

    One statement a table, however many patients. Stays are in days of the clinic's calendar. Patients that the wall
    hides, and ids that are no patient's, are absent.
    """
    clinic = await tenants.clinic(tx, clinic_id)
    people = (
        (await tx.db.execute(_ALL_FACTS, {"clinic_id": clinic_id})).all()
        if patient_ids is None
        else (await tx.db.execute(_SOME_FACTS, {"ids": patient_ids})).all()
    )
    ids = [row.id for row in people]
    tx.touch(*ids)
    coverage = await _coverage_spans(tx, ids)
    diagnoses = await _diagnoses(tx, ids)
    stays = await _stays(tx, ids, month, clinic.zone)
    return {
        row.id: PatientRulingFacts(
            *row,
            coverage=rules.coverage_in(coverage[row.id], month),
            qmb=rules.qmb_in(coverage[row.id], month),
            diagnoses=tuple(diagnoses[row.id]),
            stays=tuple(stays[row.id]),
        )
        for row in people
    }


_FACTS = (
    Patient.id,
    Patient.clinic_id,
    Patient.family,
    Patient.given,
    Patient.birth_date,
    Patient.mrn,
    Patient.mbi,
    Patient.is_deceased,
    Patient.deceased_on,
    Patient.is_active,
)
_ALL_FACTS = select(*_FACTS).where(Patient.clinic_id == bindparam("clinic_id"))
_SOME_FACTS = select(*_FACTS).where(Patient.id == _ANY_ID)


async def _coverage_spans(tx: Tx, ids: list[UUID]) -> dict[UUID, list[rules.CoverageSpan]]:
    found: dict[UUID, list[rules.CoverageSpan]] = defaultdict(list)
    for row in (await tx.db.execute(_COVERAGES_OF, {"ids": ids})).all():
        said = f"{row.payor} {row.plan or ''}"
        span = rules.CoverageSpan(row.kind, row.is_active, row.starts_on, row.ends_on, said)
        found[row.patient_id].append(span)
    return found


@requires(Permission.PATIENT_READ, reads(Data.CONDITIONS))
async def diagnoses(tx: Tx, patient_ids: Sequence[UUID]) -> dict[UUID, tuple[Diagnosis, ...]]:
    """Return the active problem lists of patients, each code once; one without any is absent."""
    tx.touch(*patient_ids)
    return {key: tuple(found) for key, found in (await _diagnoses(tx, list(patient_ids))).items()}


async def _diagnoses(tx: Tx, ids: list[UUID]) -> dict[UUID, list[Diagnosis]]:
    """Return each code of the active problem list once, in the words of its first entry, by code."""
    named: dict[UUID, dict[str, str]] = defaultdict(dict)
    for row in (await tx.db.execute(_PROBLEMS_OF, {"ids": ids})).all():
        names = named[row.patient_id]
        for code in (row.icd10, *row.icd10_also):
            names.setdefault(code, row.name)
    found: dict[UUID, list[Diagnosis]] = defaultdict(list)
    found.update({key: [Diagnosis(code, names[code]) for code in sorted(names)] for key, names in named.items()})
    return found


async def _stays(tx: Tx, ids: list[UUID], month: Month, zone: ZoneInfo) -> dict[UUID, list[Stay]]:
    start, end = month.bounds(zone)
    rows = (await tx.db.execute(_STAYS_OF, {"ids": ids, "start": start, "end": end})).all()
    found: dict[UUID, list[Stay]] = defaultdict(list)
    for row in rows:
        span = rules.StaySpan(row.facility, row.status, row.starts_at, row.ends_at)
        days = rules.stay_in(span, month, zone)
        if days is not None:
            found[row.patient_id].append(Stay(row.facility, *days))
    return found


_COVERAGES_OF = select(
    Coverage.patient_id,
    Coverage.kind,
    Coverage.payor,
    Coverage.plan,
    Coverage.is_active,
    Coverage.starts_on,
    Coverage.ends_on,
).where(Coverage.patient_id == _ANY_ID)

_PROBLEMS_OF = (
    select(Condition.patient_id, Condition.icd10, Condition.icd10_also, Condition.name)
    .where(Condition.patient_id == _ANY_ID, Condition.is_active, Condition.is_problem, Condition.icd10.is_not(None))
    .order_by(Condition.patient_id, Condition.source_id)
)

_STAYS_OF = (
    select(Encounter.patient_id, Encounter.facility, Encounter.status, Encounter.starts_at, Encounter.ends_at)
    .where(
        Encounter.patient_id == _ANY_ID,
        Encounter.facility.in_(sorted(rules.STAYS)),
        Encounter.starts_at < bindparam("end", type_=TIMESTAMP(timezone=True)),
        or_(Encounter.ends_at.is_(None), Encounter.ends_at >= bindparam("start", type_=TIMESTAMP(timezone=True))),
    )
    .order_by(Encounter.patient_id, Encounter.starts_at, Encounter.source_id)
)
