"""Downloading a document."""

from uuid import UUID

from starlette.responses import Response

from caretide.documents import queries
from caretide.runtime.limits import costs
from caretide.runtime.web import Known, Router, SessionTx

router = Router(Known.SESSION)


@router.get("/documents/{document_id}")
@costs("document")
async def download(tx: SessionTx, document_id: UUID) -> Response:
    """Send a document as a file."""
    found, pdf = await queries.content(tx, document_id)
    return Response(
        pdf,
        media_type="application/pdf",
        headers={"content-disposition": f'attachment; filename="{found.file_name}"'},
    )
