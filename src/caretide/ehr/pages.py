"""Administration > Import: a file in, what became of it, and the imports before."""

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from caretide.ehr import queries, schemas
from caretide.ehr.uploads import import_upload
from caretide.kernel.errors import Invalid
from caretide.runtime.limits import costs
from caretide.runtime.tx import Tx
from caretide.runtime.web import Known, Router, SessionTx, database_of
from caretide.tenants import queries as tenants
from caretide.ui import respond
from caretide.ui.forms import FormState

router = Router(Known.SESSION)


@router.get("/admin/imports")
async def show_imports(request: Request, tx: SessionTx) -> Response:
    """Show what was imported, and the form for more."""
    return await respond.page(request, tx, "ehr/imports.html", await queries.imports_page(tx), section="admin")


@router.post("/admin/imports")
@costs("import")
async def import_file(request: Request, tx: SessionTx) -> Response:
    """Import a file and say what became of it."""
    await queries.may_import(tx)
    try:
        report = await _taken(request, tx)
    except Invalid as error:
        refused = FormState.failed("import", error, {})
        page = await queries.imports_page(tx)
        return await respond.page(request, tx, "ehr/imports.html", page, section="admin", form=refused)
    page = await queries.imports_page(tx, schemas.ImportOut.of(report))
    return await respond.page(request, tx, "ehr/imports.html", page, section="admin")


async def _taken(request: Request, tx: Tx) -> schemas.ImportReport:
    form = await request.form()
    try:
        sent, texts = form.get("file"), {name: value for name, value in form.items() if isinstance(value, str)}
        if not isinstance(sent, UploadFile) or not sent.size:
            raise Invalid("Choose a file", field="file")
        clinic = await tenants.clinic(tx, schemas.clinic_of(texts.get("clinic_id", "")))
        source, parts = schemas.source_name(texts.get("source")), schemas.parts_of(sent.read)
        return await import_upload(database_of(request), tx.actor, tx.tenant_id, clinic, parts, source)
    finally:
        await form.close()
