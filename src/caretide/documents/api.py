"""Documents for programs."""

from uuid import UUID

from starlette.responses import Response

from caretide.documents import queries
from caretide.documents.queries import DocumentRow
from caretide.runtime.limits import costs
from caretide.runtime.web import Known, Router, TokenTx

router = Router(Known.TOKEN, tags=["documents"])


@router.get("/patients/{patient_id}/documents")
async def list_documents(tx: TokenTx, patient_id: UUID) -> list[DocumentRow]:
    """List a patient's documents."""
    return await queries.of_patient(tx, patient_id)


@router.get("/documents/{document_id}")
async def get_document(tx: TokenTx, document_id: UUID) -> DocumentRow:
    """Return what is known of a document, its SHA-256 included."""
    return await queries.document(tx, document_id)


@router.get("/documents/{document_id}/content")
@costs("document")
async def get_content(tx: TokenTx, document_id: UUID) -> Response:
    """Return the PDF itself, checked against its SHA-256."""
    _, pdf = await queries.content(tx, document_id)
    return Response(pdf, media_type="application/pdf")
