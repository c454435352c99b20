"""Agreements that nobody signed: a demonstration's tenants may hold only generated patients."""

from datetime import date, timedelta
from typing import Final
from uuid import UUID

from caretide.runtime.tx import Tx
from caretide.tenants import actions
from caretide.tenants.rules.agreements import NewAgreement

NOT_SIGNED: Final = "Generated for a demonstration; nobody signed it"


def paper(party: str) -> bytes:
    """Return a PDF of one page that says what it is; the same for the same party."""
    words = f"{party}. {NOT_SIGNED}.".replace("(", "").replace(")", "")
    shown = f"BT /F1 14 Tf 72 720 Td ({words}) Tj ET".encode("ascii", "replace")
    parts = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
            b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(shown), shown),
    )
    text, places = b"%PDF-1.4\n", list[int]()
    for number, part in enumerate(parts, start=1):
        places.append(len(text))
        text += b"%d 0 obj\n%b\nendobj\n" % (number, part)
    index = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(parts) + 1, len(text))
    return text + b"xref\n0 %d\n0000000000 65535 f \n" % (len(parts) + 1) + index + trailer


async def agree(tx: Tx, on: date, company: tuple[UUID, str] | None = None) -> None:
    """Record the agreements of a tenant on its first day: with who runs the demonstration, and with its company."""
    operator = "Caretide demonstration"
    last = on + timedelta(days=3 * 365)
    new = NewAgreement(kind="operator", party=operator, file=paper(operator), effective_on=on, ends_on=last)
    await actions.add_agreement(tx, new)
    if company is not None:
        company_id, name = company
        theirs = NewAgreement(
            kind="company",
            party=name,
            file=paper(name),
            effective_on=on,
            ends_on=last,
            breach_notice_hours=24,
            company_id=company_id,
        )
        await actions.add_agreement(tx, theirs)
