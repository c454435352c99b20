"""Business associate agreements: what one says, whether it is in force, and when its end is told of.

Sources: 45 CFR 164.502(e) and 164.504(e) (who must have one, and what stands in it), 164.410 (notice of a breach).
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from caretide.kernel.errors import Invalid
from caretide.kernel.text import NAME_LENGTH, clean_text

KINDS: Final = {
    "operator": "Who runs this installation",
    "company": "Service company",
    "subcontractor": "Subcontractor or other",
}
"""With whom an agreement is -> how it reads. A tenant that runs the installation itself records that statement."""

ENDINGS: Final = {"return": "Returned", "destroy": "Destroyed", "return_or_destroy": "Returned or destroyed"}
"""What becomes of patient data when an agreement ends (45 CFR 164.504(e)(2)(ii)(J)) -> how it reads."""

ALARMS: Final = (90, 30, 7)
"""Days before its end on which an agreement's end is told of."""

MOST_BYTES: Final = 10 * 1024 * 1024
"""A signed agreement, scanned, is smaller. The gate lets a form through that is larger, so that its page can say so."""

MOST_HOURS: Final = 60 * 24
"""A breach is told of within 60 days at the latest (45 CFR 164.410(b))."""
MOST_SUBCONTRACTORS: Final = 50
EARLIEST: Final = date(1996, 8, 21)
"""No agreement is older than the act that asks for it."""
LATEST: Final = date(2099, 12, 31)

State = Literal["to come", "active", "ended"]
Missing = Literal["operator", "company"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAgreement:
    """A signed agreement: `party` is the business associate. `file` is the signed PDF; its SHA-256 is kept with it."""

    kind: str
    party: str
    file: bytes
    effective_on: date
    ends_on: date | None = None
    breach_notice_hours: int = 72
    subcontractors: tuple[str, ...] = ()
    at_end: str = "return_or_destroy"
    company_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """An agreement as it is kept. `ended_on` is its last day where it was ended early."""

    id: UUID
    kind: str
    party: str
    company_id: UUID | None
    file_sha256: str
    file_octets: int
    effective_on: date
    ends_on: date | None
    breach_notice_hours: int
    subcontractors: list[str]
    at_end: str
    recorded_by: str | None
    recorded_at: datetime
    ended_on: date | None
    ended_because: str | None

    @property
    def last_day(self) -> date | None:
        """The last day on which it binds; None while no end is known."""
        return min(filter(None, (self.ends_on, self.ended_on)), default=None)

    def state(self, today: date) -> State:
        """Return whether it binds on a day."""
        if today < self.effective_on:
            return "to come"
        return "ended" if self.last_day is not None and self.last_day < today else "active"

    def days_left(self, today: date) -> int | None:
        """Return the days until its last one; None while no end is known."""
        return None if self.last_day is None else (self.last_day - today).days

    def alarms(self, today: date) -> bool:
        """Return whether its end is near enough to be told of."""
        left = self.days_left(today)
        return self.state(today) == "active" and left is not None and left <= ALARMS[0]


def today_of(now: datetime) -> date:
    """Return the day by which agreements are judged: UTC's, as the database judges them."""
    return now.astimezone(UTC).date()


def lacking(found: Iterable[AgreementRow], company_id: UUID | None, today: date) -> tuple[Missing, ...]:
    """Return which agreements must stand and do not: the operator's, and the serving company's where one serves."""
    active = [one for one in found if one.state(today) == "active"]
    missing: list[Missing] = []
    if not any(one.kind == "operator" for one in active):
        missing.append("operator")
    if company_id is not None and not any(one.company_id == company_id for one in active):
        missing.append("company")
    return tuple(missing)


@dataclass(frozen=True, slots=True)
class Ending:
    """An agreement whose end is to be told of: `days` are the alarms that are due with this telling."""

    agreement: AgreementRow
    days: tuple[int, ...]

    def letter(self, today: date) -> tuple[str, str]:
        """Return subject and text of the letter to who answers for it."""
        row, left = self.agreement, self.agreement.days_left(today)
        subject = f"An agreement ends in {left} {'day' if left == 1 else 'days'}"
        return subject, (
            f"The business associate agreement with {row.party} ends on {row.last_day}. From the next day on no "
            "patient data is taken in for which it must stand. Record the agreement that follows it under "
            "Administration, Agreements."
        )


def endings(found: Collection[AgreementRow], told: Collection[tuple[UUID, int]], today: date) -> list[Ending]:
    """Return whose end is due to be told of and was not. `told` holds agreements with the alarms that were sent.

    An agreement that another one of its kind follows without a gap ends unremarked.
    """
    due: list[Ending] = []
    for one in found:
        left = one.days_left(today)
        if one.state(today) != "active" or left is None or _is_followed(one, found):
            continue
        days = tuple(alarm for alarm in ALARMS if left <= alarm and (one.id, alarm) not in told)
        if days:
            due.append(Ending(one, days))
    return due


def _is_followed(row: AgreementRow, found: Iterable[AgreementRow]) -> bool:
    if row.last_day is None:
        return False
    then = row.last_day + timedelta(days=1)
    return any(one.effective_on <= then <= (one.last_day or LATEST) for one in found if _whose(one) == _whose(row))


def _whose(row: AgreementRow) -> tuple[object, ...]:
    """Return what a following agreement has in common: subcontractors follow themselves alone."""
    return (row.kind, row.company_id, row.party.casefold() if row.kind == "subcontractor" else None)


def overlapping(row: AgreementRow, found: Iterable[AgreementRow], today: date) -> list[AgreementRow]:
    """Return the agreements of the same kind with the same party that bind on days on which this one does too.

    What has ended is left alone: one of two signed papers is wrong while both bind, and nobody mends the past.
    """
    if row.state(today) == "ended":
        return []
    same = [one for one in found if one.id != row.id and _with(one) == _with(row) and one.state(today) != "ended"]
    last = row.last_day or LATEST
    return [one for one in same if one.effective_on <= last and row.effective_on <= (one.last_day or LATEST)]


def _with(row: AgreementRow) -> tuple[object, ...]:
    return (row.kind, row.company_id, " ".join(row.party.casefold().split()))


def checked_agreement(new: NewAgreement) -> NewAgreement:
    """Return an agreement as it is kept, or raise Invalid naming the field."""
    if new.kind not in KINDS:
        raise Invalid(f"The kind is one of {', '.join(KINDS)}", field="kind")
    if (new.kind == "company") != (new.company_id is not None):
        raise Invalid("An agreement with a service company names one, and no other does", field="company_id")
    if new.at_end not in ENDINGS:
        raise Invalid(f"At the end data is one of {', '.join(ENDINGS)}", field="at_end")
    if not 1 <= new.breach_notice_hours <= MOST_HOURS:
        raise Invalid(f"A breach is told of within 1 to {MOST_HOURS} hours", field="breach_notice_hours")
    _check_dates(new.effective_on, new.ends_on)
    check_pdf(new.file)
    if len(new.subcontractors) > MOST_SUBCONTRACTORS:
        raise Invalid(f"Name at most {MOST_SUBCONTRACTORS} subcontractors", field="subcontractors")
    named = [clean_text(one, field="subcontractors", limit=NAME_LENGTH) for one in new.subcontractors]
    return NewAgreement(
        kind=new.kind,
        party=clean_text(new.party, field="party", limit=NAME_LENGTH, required=True),
        file=new.file,
        effective_on=new.effective_on,
        ends_on=new.ends_on,
        breach_notice_hours=new.breach_notice_hours,
        subcontractors=tuple(dict.fromkeys(one for one in named if one)),
        at_end=new.at_end,
        company_id=new.company_id,
    )


def _check_dates(effective_on: date, ends_on: date | None) -> None:
    if not EARLIEST <= effective_on <= LATEST:
        raise Invalid("An agreement takes effect between 1996 and 2099", field="effective_on")
    if ends_on is not None and not effective_on <= ends_on <= LATEST:
        raise Invalid("An agreement ends on or after the day on which it takes effect", field="ends_on")


_PDF: Final = re.compile(rb"%PDF-[12]\.[0-9]")
"""How a PDF begins (ISO 32000-2, 7.5.2). Its end-of-file marker is sought in the last kilobyte, as readers do."""


def check_pdf(file: bytes) -> None:
    """Raise Invalid unless a file is a PDF of a size that an agreement has."""
    if not file:
        raise Invalid("Choose the signed agreement, a PDF", field="file")
    if len(file) > MOST_BYTES:
        raise Invalid(f"The file is larger than {MOST_BYTES // 1024 // 1024} MB", field="file")
    if _PDF.match(file) is None or b"%%EOF" not in file[-1024:]:
        raise Invalid("The file is not a PDF, or not a whole one", field="file")
