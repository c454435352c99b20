"""The register of agreements: as its page shows it, and as forms and programs send to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Base64Bytes, BaseModel, ConfigDict, field_validator

from caretide.tenants.rules.agreements import AgreementRow, NewAgreement, State, overlapping
from caretide.ui.forms import Option
from caretide.ui.shell import Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementLine:
    """An agreement in the list; `ends` says in words how long it binds."""

    agreement_id: UUID
    party: str
    kind: str
    state: str
    tone: Tone
    effective_on: date
    ends: str
    breach_notice_hours: int
    subcontractors: str
    at_end: str
    sha256: str
    recorded: str
    because: str
    overlaps: bool
    may_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementsPage:
    """The register. `lacking` says in words what must stand before there may be patients, and does not.

    `overlapping` names the parties with whom two agreements of a kind bind on the same days. `most`: of a file, in MB.
    """

    agreements: tuple[AgreementLine, ...]
    lacking: tuple[str, ...]
    overlapping: tuple[str, ...]
    most: int
    kinds: tuple[Option, ...]
    endings: tuple[Option, ...]
    companies: tuple[Option, ...]
    may_write: bool


class Sent(BaseModel):
    """What comes in: nothing that is not named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AgreementForm(Sent):
    """A signed agreement as the page sends it; the file comes beside it. Subcontractors stand a line each."""

    kind: str = "operator"
    party: str = ""
    effective_on: date
    ends_on: date | None = None
    breach_notice_hours: int = 72
    subcontractors: str = ""
    at_end: str = "return_or_destroy"
    company_id: UUID | None = None

    @field_validator("ends_on", "company_id", mode="before")
    @classmethod
    def _nothing(cls, value: object) -> object:
        return value or None

    def agreement(self, file: bytes) -> NewAgreement:
        """Return the agreement with its file."""
        named = tuple(line.strip() for line in self.subcontractors.splitlines() if line.strip())
        known: dict[str, Any] = self.model_dump(exclude={"subcontractors"})
        return NewAgreement(**known, subcontractors=named, file=file)


class AgreementBody(Sent):
    """A signed agreement: `file` is the PDF in Base64, of up to 10 MB before that."""

    kind: str = "operator"
    party: str
    file: Base64Bytes
    effective_on: date
    ends_on: date | None = None
    breach_notice_hours: int = 72
    subcontractors: tuple[str, ...] = ()
    at_end: str = "return_or_destroy"
    company_id: UUID | None = None

    def agreement(self) -> NewAgreement:
        """Return what is recorded."""
        return NewAgreement(**self.model_dump(exclude={"file"}), file=self.file)


class EndBody(Sent):
    """The last day of an agreement that ends early, and why."""

    last_day: date
    reason: str


class AgreementOut(BaseModel):
    """An agreement with its state today."""

    id: UUID
    kind: str
    party: str
    company_id: UUID | None
    state: State
    file_sha256: str
    effective_on: date
    last_day: date | None
    breach_notice_hours: int
    subcontractors: list[str]
    at_end: str
    recorded_at: datetime
    ended_because: str | None
    overlaps: list[UUID]

    @classmethod
    def of(cls, row: AgreementRow, found: Iterable[AgreementRow], today: date) -> "AgreementOut":
        """Return an agreement as it stands on a day; `overlaps` are those of its kind and party that bind beside it."""
        known = {name: getattr(row, name) for name in cls.model_fields if name not in {"state", "overlaps"}}
        return cls(**known, state=row.state(today), overlaps=[one.id for one in overlapping(row, found, today)])


class AgreementMade(BaseModel):
    """The id of what was recorded, and of those of its kind and party that bind on the same days: one is superseded."""

    id: UUID
    overlaps: list[UUID]


class RegisterOut(BaseModel):
    """The register; `lacking` names what must stand before there may be patients: `operator`, `company`."""

    agreements: list[AgreementOut]
    lacking: list[str]
