"""Imports as JSON: a file goes in, counts come out."""

from uuid import UUID

from fastapi import Request

from caretide.ehr import queries, schemas
from caretide.ehr.uploads import import_upload
from caretide.runtime.limits import costs
from caretide.runtime.web import Known, Router, TokenTx, database_of
from caretide.tenants import queries as tenants

router = Router(Known.TOKEN, tags=["imports"])

_BODY = {"schema": {"type": "string", "format": "binary"}}
_TAKES = {"requestBody": {"required": True, "content": {"application/fhir+ndjson": _BODY, "application/gzip": _BODY}}}


@router.post("/imports", status_code=201, openapi_extra=_TAKES)
@costs("import")
async def import_file(request: Request, tx: TokenTx, clinic_id: UUID, source: str | None = None) -> schemas.ImportOut:
    """Import a file of FHIR R4, NDJSON or a Bundle, plain or gzip, of at most 256 MB; running it again changes nothing.

    `source` names the EHR inside which the file's ids are unique, where a tenant has several.
    """
    await queries.may_import(tx)
    clinic, named = await tenants.clinic(tx, clinic_id), schemas.source_name(source)
    report = await import_upload(database_of(request), tx.actor, tx.tenant_id, clinic, request.stream(), named)
    return schemas.ImportOut.of(report)


@router.get("/imports")
async def list_imports(tx: TokenTx) -> list[schemas.RunOut]:
    """List the imports, newest first."""
    return await queries.runs(tx)
