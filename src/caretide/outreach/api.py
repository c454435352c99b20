"""Attempts as JSON."""

from uuid import UUID

from caretide.outreach import actions, queries, rules, schemas
from caretide.patients import queries as patients
from caretide.runtime.web import Known, Router, TokenTx

router = Router(Known.TOKEN, tags=["outreach"])


@router.get("/outcomes")
async def outcomes(tx: TokenTx) -> list[schemas.OutcomeOut]:
    """What a try can end in, whether that is a contact, and what follows from it."""
    del tx
    return [
        schemas.OutcomeOut(
            code=one.code,
            label=one.label,
            key=one.key,
            is_contact=one.is_contact,
            next_kind=one.next_kind,
            next_step=one.next_step.format(part="other part of the day"),
        )
        for one in rules.OUTCOMES.values()
    ]


@router.get("/patients/{patient_id}/attempts")
async def list_attempts(tx: TokenTx, patient_id: UUID, page: int = 1) -> list[schemas.AttemptRow]:
    """List a patient's attempts, superseded ones too, the latest first; 25 a page."""
    await patients.patient(tx, patient_id)
    return (await queries.attempts(tx, patient_id, page))[0]


@router.post("/patients/{patient_id}/attempts", status_code=201)
async def record_attempt(tx: TokenTx, patient_id: UUID, sent: schemas.AttemptBody) -> schemas.Created:
    """Record a try to reach a patient, in the caller's own name."""
    return schemas.Created(id=await actions.record_attempt(tx, patient_id, **sent.model_dump()))


@router.post("/attempts/{attempt_id}/correction", status_code=201)
async def correct_attempt(tx: TokenTx, attempt_id: UUID, sent: schemas.CorrectionBody) -> schemas.Created:
    """Record how one's own try ended in truth; `mistake` takes it out of the count."""
    return schemas.Created(id=await actions.correct_attempt(tx, attempt_id, **sent.model_dump()))


@router.get("/call-backs")
async def call_backs(tx: TokenTx, days: int = 1) -> list[schemas.CallBack]:
    """The calls due to the caller's own patients within some days, the earliest first."""
    return await queries.my_call_backs(tx, days)
