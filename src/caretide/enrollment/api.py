"""Eligibility, enrollments, consents and dated facts as JSON."""

from uuid import UUID

from caretide.enrollment import actions, queries, schemas
from caretide.enrollment.rules import Eligibility
from caretide.kernel.month import Month
from caretide.patients import queries as patients
from caretide.runtime.web import Known, Router, TokenTx

router = Router(Known.TOKEN, tags=["enrollment"])


@router.get("/patients/{patient_id}/eligibility")
async def eligibility(tx: TokenTx, patient_id: UUID) -> Eligibility:
    """What the chart says of both programs today; null while something is unknown."""
    patient = await patients.patient(tx, patient_id)
    return (await queries.eligibility(tx, patient.clinic_id, [patient_id]))[patient_id]


@router.get("/patients/{patient_id}/enrollments")
async def list_enrollments(tx: TokenTx, patient_id: UUID) -> list[queries.Enrolled]:
    """List a patient's enrollments, open ones first, with consent as it stands this month."""
    await patients.patient(tx, patient_id)
    return await queries.enrollments(tx, patient_id)


@router.post("/patients/{patient_id}/enrollments", status_code=201)
async def enroll(tx: TokenTx, patient_id: UUID, sent: schemas.EnrollBody) -> schemas.Created:
    """Enroll a patient in a program under a billing practitioner."""
    return schemas.Created(id=await actions.enroll(tx, patient_id, **sent.model_dump()))


@router.get("/enrollments/{enrollment_id}/history")
async def history(tx: TokenTx, enrollment_id: UUID) -> list[queries.StatusRow]:
    """How an enrollment's status changed, the earliest first."""
    return await queries.history(tx, enrollment_id)


@router.post("/enrollments/{enrollment_id}/end", status_code=204)
async def end_enrollment(tx: TokenTx, enrollment_id: UUID, sent: schemas.EndBody) -> None:
    """End an enrollment with its last day."""
    await actions.end_enrollment(tx, enrollment_id, **sent.model_dump())


@router.post("/enrollments/{enrollment_id}/consents", status_code=201)
async def record_consent(tx: TokenTx, enrollment_id: UUID, sent: schemas.ConsentBody) -> schemas.Created:
    """Record what the patient was told and decided."""
    return schemas.Created(id=await actions.record_consent(tx, enrollment_id, **sent.model_dump()))


@router.get("/patients/{patient_id}/facts")
async def list_facts(tx: TokenTx, patient_id: UUID) -> list[queries.FactRow]:
    """List everything that was ever recorded of a patient, the latest first."""
    await patients.patient(tx, patient_id)
    return await queries.patient_facts(tx, patient_id)


@router.get("/patients/{patient_id}/facts/{month}")
async def facts_as_of(tx: TokenTx, patient_id: UUID, month: str) -> dict[str, queries.FactRow]:
    """The facts in effect for a month (YYYY-MM), by kind; a kind that is absent is unknown."""
    await patients.patient(tx, patient_id)
    return (await queries.facts_as_of(tx, [patient_id], Month.parse(month))).get(patient_id, {})


@router.post("/patients/{patient_id}/facts/{kind}", status_code=201)
async def record_fact(tx: TokenTx, patient_id: UUID, kind: str, sent: schemas.FactBody) -> schemas.Created:
    """Record a dated fact; the shape of `value` follows from its kind."""
    return schemas.Created(id=await actions.record_fact(tx, patient_id, kind, **sent.model_dump()))
