"""Patients for the tests of rosters, enrollment and time: made directly, because the import has tests of its own."""

from datetime import date
from uuid import UUID

from sqlalchemy import insert

from caretide.enrollment import actions as enrollment
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.patients.models import Condition, Coverage, Patient
from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database
from tests.cast import Cast


async def new_patient(database: Database, cast: Cast, *codes: str, coverage: str | None = None) -> UUID:
    """Make a patient of the cast's clinic with problems by ICD-10-CM code and one coverage; return the id."""
    patient_id = new_id()
    whose = {"clinic_id": cast.clinic_id, "source": "test", "source_id": patient_id.hex}
    person = {"family": "Vega", "given": "Ana", "birth_date": date(1948, 3, 7), "sex": "female"}
    async with database.tx(cast.system) as tx:
        await tx.db.execute(insert(Patient).values(id=patient_id, **whose, **person))
        for code in codes:
            what = {"patient_id": patient_id, "source_id": code, "icd10": code, "name": code}
            await tx.db.execute(insert(Condition).values(id=new_id(), **what, is_active=True, is_problem=True))
        if coverage:
            what = {"patient_id": patient_id, "source_id": "1", "kind": coverage, "payor": "Medicare"}
            await tx.db.execute(insert(Coverage).values(id=new_id(), **what, is_active=True))
    return patient_id


async def enrolled(
    database: Database, cast: Cast, *, program: str = "CCM", to: Actor | None = None, since: date = date(2026, 9, 1)
) -> tuple[UUID, UUID]:
    """Make a patient, designated and enrolled; return patient and enrollment."""
    patient_id = await new_patient(database, cast, "I10", "E11.9", coverage="original_medicare_part_b")
    async with database.tx(cast.system) as tx:
        await rosters.designate(tx, patient_id, (to or cast.coordinator).member_id or new_id())
        enrollment_id = await enrollment.enroll(tx, patient_id, program, cast.practitioner_id, started_on=since)
    return patient_id, enrollment_id
