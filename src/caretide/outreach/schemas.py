"""What attempts look like on pages and in the API."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from caretide.kernel.fields import Needs
from caretide.kernel.permissions import Permission
from caretide.ui.forms import Option
from caretide.ui.shell import Tone

NOTE_LENGTH = 2000


class Body(BaseModel):
    """A request that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid")


class AttemptBody(Body):
    """A try and how it ended; `at` is now unless it is given. Codes: GET /outcomes."""

    channel: str
    outcome: str
    at: datetime | None = None
    call_back_at: datetime | None = None
    note: str = Field(default="", max_length=NOTE_LENGTH)
    time_entry_id: UUID | None = None


class CorrectionBody(Body):
    """How the try ended in truth; `mistake` takes it out of the count."""

    outcome: str
    call_back_at: datetime | None = None
    note: str = Field(default="", max_length=NOTE_LENGTH)


class CallBackForm(Body):
    """When to call back, in the calendar of the patient's clinic: what both forms of a page ask."""

    call_back_on: date | None = None
    call_back_time: time | None = None


class AttemptForm(CallBackForm):
    """The form that records a try; when it was is left empty for now. `back` says where the form stood."""

    channel: str = "phone"
    outcome: str
    made_on: date | None = None
    made_time: time | None = None
    note: str = ""
    back: str = ""


class CorrectionForm(CallBackForm):
    """The form that corrects a try."""

    outcome: str
    note: str = ""


class Created(BaseModel):
    """What was made."""

    id: UUID


class OutcomeOut(BaseModel):
    """One of the closed list: its key, whether it is a contact, and what follows."""

    code: str
    label: str
    key: str
    is_contact: bool
    next_kind: str
    next_step: str


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try. `superseded` ones stay, behind the correction that took their place."""

    id: UUID
    patient_id: UUID
    member_id: UUID
    person: str
    at: datetime
    channel: str
    outcome: str
    is_contact: bool
    call_back_at: datetime | None
    note: Annotated[str | None, Needs(Permission.NOTE_READ)]
    time_entry_id: UUID | None
    supersedes_id: UUID | None
    recorded_at: datetime
    superseded: bool


@dataclass(frozen=True, slots=True)
class MonthAttempts:
    """A patient's month: tries, contacts among them, and the last try, be it of this month or the one before.

    `call_back_at` is set while that last try asks for a call.
    """

    attempts: int = 0
    contacts: int = 0
    last_at: datetime | None = None
    last_channel: str = ""
    last_outcome: str = ""
    call_back_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallBack:
    """A call that a patient asked for and that nobody has made yet."""

    patient_id: UUID
    name: str
    clinic_id: UUID
    member_id: UUID
    due_at: datetime
    attempt_id: UUID


@dataclass(frozen=True, slots=True)
class OutcomeChoice:
    """One way in which a try can end, and the key that chooses it."""

    code: str
    label: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLine:
    """A try as a page shows it."""

    attempt_id: UUID
    at: datetime
    channel: str
    outcome: str
    tone: Tone
    person: str
    note: str = ""
    call_back_at: datetime | None = None
    superseded: bool = False
    is_correction: bool = False
    may_correct: bool = False

    @property
    def form(self) -> str:
        """The name of the form that corrects it."""
        return f"correct-{self.attempt_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptsCard:
    """Attempts on a patient's page: those of the month, what is next, and the form for another."""

    patient_id: UUID
    zone: ZoneInfo
    today: date
    attempts: int
    contacts: int
    progress: str
    enough: int
    rule: str
    next_step: str = ""
    next_kind: str = ""
    due: datetime | None = None
    overdue: bool = False
    lines: tuple[AttemptLine, ...] = ()
    total: int = 0
    may_record: bool = False
    channels: tuple[Option, ...] = ()
    outcomes: tuple[OutcomeChoice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptsPage:
    """Every attempt of a patient, a page at a time, with the card of the present month above."""

    name: str
    card: AttemptsCard
    lines: tuple[AttemptLine, ...]
    total: int
    page: int
    pages: int
    corrections: tuple[Option, ...] = ()

    @property
    def forms(self) -> frozenset[str]:
        """The names of the forms that this page shows."""
        return frozenset({"attempt"} | {line.form for line in self.lines if line.may_correct})
