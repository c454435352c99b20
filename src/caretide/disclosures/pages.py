"""The ledger of a patient, and the form under which a document goes out."""

from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from caretide.disclosures import actions, queries
from caretide.disclosures.schemas import DisclosureForm, ReleaseForm
from caretide.runtime.limits import costs
from caretide.runtime.web import Known, Router, SessionTx
from caretide.ui import respond
from caretide.ui.forms import parsed

router = Router(Known.SESSION)

SECTION = "my-day"


@router.get("/patients/{patient_id}/disclosures")
async def show_ledger(request: Request, tx: SessionTx, patient_id: UUID) -> Response:
    """Show what was given away of a patient."""
    view = await queries.ledger_page(tx, patient_id)
    return await respond.page(request, tx, "disclosures/ledger.html", view, section=SECTION)


@router.post("/patients/{patient_id}/disclosures")
async def record(request: Request, tx: SessionTx, patient_id: UUID) -> Response:
    """Record what went out by another way."""
    sent = await respond.fields(request)

    async def act() -> None:
        form = parsed(DisclosureForm, sent)
        await actions.record_disclosure(
            tx, patient_id, actions.given_by(form), what=form.what, disclosed_on=form.disclosed_on
        )

    refused = await respond.attempt(tx, "disclosure", sent, act)
    if refused is None:
        return respond.redirect(request, f"/patients/{patient_id}/disclosures", done="fact")
    view = await queries.ledger_page(tx, patient_id)
    return await respond.page(request, tx, "disclosures/ledger.html", view, section=SECTION, form=refused)


@router.get("/patients/{patient_id}/disclosures.csv")
@costs("export")
async def ledger_sheet(tx: SessionTx, patient_id: UUID) -> Response:
    """Send the whole ledger as a spreadsheet."""
    return respond.sheet(await queries.ledger_sheet(tx, patient_id), "disclosures")


@router.get("/patients/{patient_id}/accounting.csv")
@costs("export")
async def accounting(tx: SessionTx, patient_id: UUID) -> Response:
    """Send the accounting that the patient may ask for."""
    return respond.sheet(await queries.accounting(tx, patient_id), "accounting-of-disclosures")


@router.get("/documents/{document_id}/release")
async def ask_to_release(request: Request, tx: SessionTx, document_id: UUID) -> Response:
    """Ask to whom a document goes, and why."""
    view = await queries.release_page(tx, document_id)
    return await respond.page(request, tx, "disclosures/release.html", view, section=SECTION)


@router.post("/documents/{document_id}/release")
async def release(request: Request, tx: SessionTx, document_id: UUID) -> Response:
    """Record the disclosure and send the document."""
    sent = await respond.fields(request)
    files: list[Any] = []

    async def act() -> None:
        files.append(await actions.release_document(tx, document_id, actions.given_by(parsed(ReleaseForm, sent))))

    refused = await respond.attempt(tx, "release", sent, act)
    if refused is None:
        found, pdf = files[0]
        return respond.file(pdf, found.file_name, "application/pdf")
    view = await queries.release_page(tx, document_id)
    return await respond.page(request, tx, "disclosures/release.html", view, section=SECTION, form=refused)
