"""Shapes of disclosures, for pages and API."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from caretide.ui.forms import Option


class ReleaseForm(BaseModel):
    """To whom a document is released, and why."""

    model_config = ConfigDict(extra="forbid")

    recipient: str = Field(max_length=200)
    address: str = Field("", max_length=400)
    purpose: str = Field(max_length=400)
    basis: str
    held_until: date | None = None


class DisclosureForm(ReleaseForm):
    """Something that went out by another way: a fax, a letter, a copy handed over."""

    what: str = Field(max_length=400)
    disclosed_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureOut:
    """One row of the ledger in words."""

    id: UUID
    disclosed_on: date
    way: str
    what: str
    document_id: UUID | None
    recipient: str
    address: str
    purpose: str
    basis: str
    is_accountable: bool
    held_until: date | None
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPage:
    """A patient's ledger; `may_record` shows the form."""

    patient_id: UUID
    name: str
    since: date
    rows: tuple[DisclosureOut, ...]
    accountable: int
    bases: tuple[Option, ...]
    may_record: bool
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePage:
    """The form under which one document goes out."""

    document_id: UUID
    patient_id: UUID
    name: str
    title: str
    bases: tuple[Option, ...]
