"""What the time log's API and pages take and give."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from caretide.kernel.text import REASON_LENGTH
from caretide.tenants.rules.waivers import WaiverRow
from caretide.ui.forms import Option

NOTE_LENGTH = 4000


class Body(BaseModel):
    """A request that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid")


class StartBody(Body):
    """Whom the time is for, in which program, and the code of the kind of work, as `/activities` lists it."""

    patient_id: UUID
    enrollment_id: UUID
    activity_type: str


class EndBody(Body):
    """When the work of a forgotten timer ended, and why it ran on; its time then waits for approval."""

    end: AwareDatetime
    reason: str = Field(min_length=1, max_length=REASON_LENGTH)


class StopBody(Body):
    """What was done, in words; `ended` for a timer that ran for more than four hours."""

    note: Annotated[str, Field(max_length=NOTE_LENGTH)] | None = None
    ended: EndBody | None = None


class SignBody(Body):
    """How many seconds ago there was input: a page tells that it saw its person."""

    quiet_for: int = Field(default=0, ge=0, le=43_200)


class SignForm(SignBody):
    """A sign of life, as a page sends it."""


class AnswerBody(SignBody):
    """What a stretch without a sign of life was, of the timer that is named."""

    timer: UUID
    answer: Literal["keep", "call", "leave_out", "stop"]


class AnswerForm(AnswerBody):
    """An answer, and the page that it was given on."""

    next: str = ""


class VoidBody(Body):
    """Why an entry does not count."""

    reason: str = Field(min_length=1, max_length=REASON_LENGTH)


class ToldBody(Body):
    """Time told after the fact: aware instants in the past, and why no timer ran."""

    patient_id: UUID
    enrollment_id: UUID
    activity_type: str
    start: AwareDatetime
    end: AwareDatetime
    reason: str = Field(min_length=1, max_length=REASON_LENGTH)
    note: Annotated[str, Field(max_length=NOTE_LENGTH)] | None = None


class CorrectBody(Body):
    """What an entry should have been, and why."""

    start: AwareDatetime
    end: AwareDatetime
    activity_type: str
    reason: str = Field(min_length=1, max_length=REASON_LENGTH)


class RefuseBody(Body):
    """Why told time does not count."""

    reason: str = Field(min_length=1, max_length=REASON_LENGTH)


class AwaitingOut(BaseModel):
    """An entry that waits for a second person; times are UTC, `zone` is the clinic's."""

    id: UUID
    patient_id: UUID
    patient: str
    person: str
    entered_by: str | None
    program: str
    activity_type: str
    start_time: datetime
    end_time: datetime
    seconds: int
    reason: str
    is_correction: bool
    zone: str
    is_others: bool
    is_closed: bool
    waived_until: date | None = None


@dataclass(frozen=True, slots=True)
class AwaitingRow:
    """An entry that waits for a second person: not whose it is, and not who entered it (`is_others`).

    `waived_until` is the last day of the waiver by which this person may decide all the same.
    """

    id: UUID
    patient_id: UUID
    patient: str
    coordinator_id: UUID
    person: str
    entered_by: str | None
    program: str
    activity_type: str
    activity: str
    start_time: datetime
    end_time: datetime
    duration_secs: int
    reason: str
    is_correction: bool
    zone: ZoneInfo
    is_others: bool
    is_closed: bool
    waived_until: date | None = None

    @property
    def why_not(self) -> str:
        """Why this person may not decide over it; empty when they may."""
        if self.is_closed:
            return "This month is closed; it must be reopened first"
        return (
            "" if self.is_others or self.waived_until else "Somebody else decides over time of yours or entered by you"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalsPage:
    """A page of waiting entries: of `waiting` in open months, and behind them `closed` that nobody can decide over."""

    lines: tuple[AwaitingRow, ...]
    waiting: int
    closed: int
    page: int
    pages: int

    @property
    def groups(self) -> tuple[tuple[AwaitingRow, ...], tuple[AwaitingRow, ...]]:
        """What stands on this page in open months, and in closed ones."""
        return tuple(one for one in self.lines if not one.is_closed), tuple(one for one in self.lines if one.is_closed)

    @property
    def all_closed(self) -> bool:
        """Whether all of these belong to closed months, so that nobody can decide over them."""
        return bool(self.lines) and all(line.is_closed for line in self.lines)

    @property
    def may_decide(self) -> bool:
        """Whether there is anything here for this person to decide."""
        return any(not line.why_not for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaivedUse:
    """What was decided in a month under one waiver; `seconds` of the entries that stand."""

    waiver: WaiverRow
    entries: int
    seconds: int


class ActivityOut(BaseModel):
    """A kind of work, whether its seconds can count, and the standard type that says so."""

    code: str
    label: str
    counts: bool
    standard: str


class ActivityForm(Body):
    """A new activity: its name, and the standard type that it stands on."""

    label: str
    standard: str


class ActivityChangeForm(Body):
    """What an activity is called, and whether it is offered."""

    label: str
    is_offered: bool = False


class ActivityPatch(Body):
    """What changes of an activity; what is not sent stays."""

    label: str | None = None
    is_offered: bool | None = None


class ActivityChange(BaseModel):
    """A version of an activity, and what stood before it; `before` is empty where nothing did."""

    code: str
    standard: str
    before: str
    was_offered: bool
    label: str
    is_offered: bool
    by: str | None
    at: datetime

    @property
    def words(self) -> str:
        """What was changed, for people."""
        if not self.before:
            return "Added"
        renamed = f"renamed from “{self.before}”" if self.before != self.label else ""
        shown = {(True, False): "no longer offered", (False, True): "offered again"}
        found = "; ".join(filter(None, (renamed, shown.get((self.was_offered, self.is_offered), ""))))
        return found[:1].upper() + found[1:]


class ActivityDetail(ActivityOut):
    """A kind of work as administrators see it."""

    is_offered: bool
    is_own: bool


class ActivitiesOut(BaseModel):
    """Every kind of work, those that are not offered any more too, and every change, the latest first."""

    activities: list[ActivityDetail]
    changes: list[ActivityChange]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityLine:
    """A kind of work; `stands_on` is the standard type behind a name of the tenant's, empty where it is its own."""

    code: str
    label: str
    stands_on: str
    counts: bool
    is_offered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivitiesPage:
    """The kinds of work as they stand, what was changed, and the `standards` that a new one can stand on."""

    lines: tuple[ActivityLine, ...]
    changes: tuple[ActivityChange, ...]
    standards: tuple[Option, ...]
    answers: tuple[Option, ...] = (Option("true", "Yes"), Option("false", "No"))
