"""Patients for programs."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from caretide.kernel.permissions import Permission
from caretide.patients import queries
from caretide.patients.schemas import PatientChart, PatientList, PatientSearch
from caretide.runtime.web import Known, Router, TokenTx

router = Router(Known.TOKEN, tags=["patients"])


@router.get("/patients")
async def list_patients(
    tx: TokenTx,
    clinic_id: UUID | None = None,
    after: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = queries.PAGE,
) -> PatientList:
    """List the patients that the caller may see, by name."""
    return await find_patients(tx, PatientSearch(clinic_id=clinic_id, after=after, limit=limit))


@router.post("/patients/search")
async def find_patients(tx: TokenTx, asked: PatientSearch) -> PatientList:
    """Find patients by the beginning of a name, a whole record number, or a birth date."""
    found = await queries.search(tx, asked.text, clinic_id=asked.clinic_id, after=asked.after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    return PatientList(patients=shown, next=shown[-1].id if len(found) > len(shown) else None)


@router.get("/patients/{patient_id}")
async def get_patient(tx: TokenTx, patient_id: UUID) -> PatientChart:
    """Return a patient with what the EHR says of them, as far as the caller's role needs it."""
    has_chart = Permission.CHART_READ in tx.actor.permissions
    return PatientChart(
        patient=await queries.patient(tx, patient_id),
        conditions=await queries.conditions(tx, patient_id) if has_chart else None,
        medications=await queries.medications(tx, patient_id) if has_chart else None,
        allergies=await queries.allergies(tx, patient_id) if has_chart else None,
        coverages=await queries.coverages(tx, patient_id),
        encounters=await queries.encounters(tx, patient_id) if has_chart else None,
    )
