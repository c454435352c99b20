"""Disclosures for programs."""

from uuid import UUID

from starlette.responses import Response

from caretide.disclosures import actions, queries
from caretide.disclosures.schemas import DisclosureForm, DisclosureOut, ReleaseForm
from caretide.runtime.web import Known, Router, TokenTx

router = Router(Known.TOKEN, tags=["disclosures"])


@router.get("/patients/{patient_id}/disclosures")
async def list_disclosures(tx: TokenTx, patient_id: UUID, *, accountable: bool = False) -> list[DisclosureOut]:
    """List what was given away of a patient in six years, or only what belongs in an accounting."""
    return await queries.ledger(tx, patient_id, accountable=accountable)


@router.post("/patients/{patient_id}/disclosures", status_code=201)
async def record_disclosure(tx: TokenTx, patient_id: UUID, form: DisclosureForm) -> dict[str, UUID]:
    """Record what went out by a way of its own; return its id."""
    given = actions.given_by(form)
    made = await actions.record_disclosure(tx, patient_id, given, what=form.what, disclosed_on=form.disclosed_on)
    return {"id": made}


@router.post("/documents/{document_id}/release")
async def release_document(tx: TokenTx, document_id: UUID, form: ReleaseForm) -> Response:
    """Record the disclosure and return the PDF."""
    _, pdf = await actions.release_document(tx, document_id, actions.given_by(form))
    return Response(pdf, media_type="application/pdf")
