"""On which basis something may be given away, and what of it belongs in an accounting (45 CFR 164.512, 164.528)."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from caretide.kernel.errors import Invalid

BASES: Final = {
    "treatment": "Treatment",
    "payment": "Payment",
    "operations": "Health care operations",
    "individual": "To the patient or their representative",
    "authorization": "The patient's written authorization",
    "involved": "To somebody involved in the patient's care",
    "limited_data_set": "Limited data set under an agreement",
    "national_security": "National security or intelligence",
    "custody": "Correctional institution or custody",
    "required_by_law": "Required by law",
    "public_health": "Public health activities",
    "abuse": "Report of abuse, neglect or domestic violence",
    "oversight": "Health oversight, audit or inspection",
    "judicial": "Court order, subpoena or other proceeding",
    "law_enforcement": "Law enforcement",
    "decedent": "Coroner, medical examiner or funeral director",
    "research": "Research without authorization",
    "threat": "To avert a serious threat",
    "specialized": "Military, veterans or other government function",
    "workers_compensation": "Workers' compensation",
    "mistake": "By mistake, or not permitted",
}
"""Basis -> what people read."""

NOT_ACCOUNTED: Final = frozenset(
    {
        "treatment",
        "payment",
        "operations",
        "individual",
        "authorization",
        "involved",
        "limited_data_set",
        "national_security",
        "custody",
    }
)
"""What an accounting leaves out: 45 CFR 164.528(a)(1)(i)-(ix)."""

WAYS: Final = {
    "document": "Document released",
    "export": "Export",
    "filed": "Filed in the EHR",
    "sent": "Sent outside the system",
}
"""By which way something went out."""

YEARS: Final = 6
"""How far back an accounting goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """To whom something is given and why; `held_until` keeps it out of the patient's accounting until that day."""

    recipient: str
    address: str
    purpose: str
    basis: str
    held_until: date | None = None


def checked(given: Given) -> Given:
    """Return a disclosure whose recipient, purpose and basis are named; raise Invalid where one is not."""
    if not given.recipient.strip():
        raise Invalid("Name who receives it", field="recipient")
    if not given.purpose.strip():
        raise Invalid("Say what it is for", field="purpose")
    if given.basis not in BASES:
        raise Invalid("Choose the basis from the list", field="basis")
    if given.basis not in NOT_ACCOUNTED and not given.address.strip():
        # 164.528(b)(2)(ii): the address, if known. A place or an agency's name will do; an empty line will not.
        raise Invalid(
            "An accounting names the recipient's address; write 'unknown' if nobody knows it", field="address"
        )
    return given


def six_years_before(day: date) -> date:
    """Return the first day of an accounting that is asked for on a day."""
    first = day.year - YEARS
    return date(first, 2, 28) if (day.month, day.day) == (2, 29) else date(first, day.month, day.day)
