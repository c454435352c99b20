"""Who is in no program and could be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, all_, any_, bindparam, func, select

from caretide.billing.models import Candidate
from caretide.billing.queries.freshness import Overlay
from caretide.enrollment import queries as enrollment
from caretide.enrollment.rules import PROGRAMS
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients.models import Patient
from caretide.runtime.access import requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants.queries import ClinicRow

COUNTED: Final = 10_000
"""Candidates are counted up to here."""

_COLUMNS = (Candidate.patient_id, Candidate.clinic_id, Candidate.program, Candidate.name_key)
_IDS = bindparam("ids", type_=Ids())
_STALE = bindparam("stale", type_=Ids())
_PEOPLE = select(Patient.id, Patient.clinic_id, Patient.name_key).where(Patient.id == any_(_IDS))


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A patient in no program, with the first program that the chart allows."""

    patient_id: UUID
    clinic_id: UUID
    program: str
    name_key: str

    @property
    def place(self) -> tuple[str, str, UUID]:
        """Where the patient stands on the list."""
        return self.program, self.name_key, self.patient_id


@requires(Permission.PATIENT_READ, reads(Data.ENROLLMENT, Data.MONTH, Data.CONDITIONS, Data.COVERAGE))
async def judged(tx: Tx, clinics: Sequence[ClinicRow], patient_ids: Sequence[UUID]) -> list[CandidateRow]:
    """Return those of the patients named who are candidates by what their charts say now."""
    people = (await tx.db.execute(_PEOPLE, {"ids": patient_ids})).all()
    found: list[CandidateRow] = []
    for clinic in clinics:
        here = {row.id: row.name_key for row in people if row.clinic_id == clinic.id}
        answers = await enrollment.candidates(tx, clinic.id, sorted(here)) if here else {}
        for one, answer in answers.items():
            program = next(name for name in PROGRAMS if answer.of(name))
            found.append(CandidateRow(patient_id=one, clinic_id=clinic.id, program=program, name_key=here[one]))
    return found


@requires(Permission.PATIENT_READ, reads(Data.ENROLLMENT))
async def count(tx: Tx, over: Overlay, live: Sequence[CandidateRow], *, clinic_id: UUID | None = None) -> int:
    """Return how many candidates the tenant or a clinic has, `COUNTED` at most; `live` are among the stale patients."""
    some = select(Candidate.id).where(*_here(clinic_id)).limit(COUNTED).subquery()
    stored = (await tx.db.execute(select(func.count()).select_from(some), {"stale": over.stale})).scalar_one()
    return stored + len(live)


def _here(clinic_id: UUID | None) -> list[ColumnElement[bool]]:
    fresh = Candidate.patient_id != all_(_STALE)
    return [fresh] if clinic_id is None else [fresh, Candidate.clinic_id == clinic_id]


_OF = select(*_COLUMNS).where(Candidate.patient_id == any_(_IDS), *_here(None))


@requires(Permission.PATIENT_READ, reads(Data.ENROLLMENT))
async def of(tx: Tx, patient_ids: Sequence[UUID], over: Overlay) -> list[CandidateRow]:
    """Return the candidates among some patients, those left out that changed since."""
    rows = (await tx.db.execute(_OF, {"ids": patient_ids, "stale": over.stale})).all()
    return [CandidateRow(*row) for row in rows]


@requires(Permission.PATIENT_READ, reads(Data.ENROLLMENT, Data.DEMOGRAPHICS, Data.CONDITIONS, Data.COVERAGE))
async def page(
    tx: Tx, over: Overlay, live: Sequence[CandidateRow], start: int, size: int, *, clinic_id: UUID | None = None
) -> list[CandidateRow]:
    """Return a part of the tenant's candidates, or a clinic's: by program, then by name."""
    before = min(start, len(live))
    wanted = (
        select(*_COLUMNS)
        .where(*_here(clinic_id))
        .order_by(Candidate.program, Candidate.name_key, Candidate.patient_id)
        .offset(start - before)
        .limit(before + size)
    )
    rows = (await tx.db.execute(wanted, {"stale": over.stale})).all()
    stored = [CandidateRow(*row) for row in rows]
    found = sorted([*stored, *live], key=lambda one: one.place)[before : before + size]
    tx.touch(*(one.patient_id for one in found))
    return found
