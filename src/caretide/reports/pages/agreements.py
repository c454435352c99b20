"""The register of agreements by which the tenant's patient data may be held."""

from uuid import UUID

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from caretide.reports.queries.agreements import agreements_page
from caretide.reports.schemas.agreements import AgreementForm, EndBody
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, Router, SessionTx
from caretide.tenants import actions, queries
from caretide.tenants.rules.agreements import MOST_BYTES
from caretide.ui import respond
from caretide.ui.forms import FormState, parsed

router = Router(Known.SESSION)

PLACE = "/admin/agreements"


@router.get("/admin/agreements")
async def show_agreements(request: Request, tx: SessionTx) -> Response:
    """Show the register."""
    return await _show(request, tx)


@router.post("/admin/agreements")
async def add_agreement(request: Request, tx: SessionTx) -> Response:
    """Record a signed agreement with its file."""
    sent = (await request.form()).get("file")
    file = await sent.read(MOST_BYTES + 1) if isinstance(sent, UploadFile) else b""
    values = await respond.fields(request)
    values.pop("file", None)

    async def add() -> None:
        await actions.add_agreement(tx, parsed(AgreementForm, values).agreement(file))

    refused = await respond.attempt(tx, "agreement", values, add)
    return await _show(request, tx, refused) if refused else respond.redirect(request, PLACE, done="agreement")


@router.get("/admin/agreements/{agreement_id}/file")
async def download(tx: SessionTx, agreement_id: UUID) -> Response:
    """Send the signed file, checked against its SHA-256."""
    content = await queries.agreement_file(tx, agreement_id)
    return respond.file(content, f"agreement-{agreement_id}.pdf", "application/pdf")


@router.post("/admin/agreements/{agreement_id}/end")
async def end_agreement(request: Request, tx: SessionTx, agreement_id: UUID) -> Response:
    """End an agreement early."""
    values = await respond.fields(request)

    async def end() -> None:
        sent = parsed(EndBody, values)
        await actions.end_agreement(tx, agreement_id, sent.last_day, sent.reason)

    refused = await respond.attempt(tx, f"end-{agreement_id}", values, end)
    return await _show(request, tx, refused) if refused else respond.redirect(request, PLACE, done="agreement-ended")


async def _show(request: Request, tx: Tx, form: FormState | None = None) -> Response:
    view = await agreements_page(tx)
    return await respond.page(request, tx, "reports/agreements.html", view, section="admin", form=form)
