"""What the month's page shows."""

from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal
from urllib.parse import urlencode
from uuid import UUID

from caretide.kernel.month import Month
from caretide.rosters.rules import DueReviews
from caretide.time_log.schemas import WaivedUse
from caretide.ui.forms import Option

Severity = Literal["block", "adjust", "info"]
MonthState = Literal["open", "closing", "closed"]

SORTS: Final = {"name": "Name", "amount": "Amount", "minutes": "Minutes"}
"""How the month's rows may be sorted -> what it is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeUnits:
    """A code with its units, for example 99439 twice."""

    code: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionLine:
    """A named fact that blocks, adjusts or informs. `fix` is the address of the form that mends it, or empty.

    `unrecorded` is the short title of a fact that nobody recorded; empty for any other exception.
    """

    code: str
    severity: Severity
    title: str
    message: str
    fix: str = ""
    unrecorded: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RulingRow:
    """One patient-month. `amount` in cents, before locality and sequestration; None when nothing may be billed."""

    patient_id: UUID
    name: str
    practitioner: str
    program: str
    seconds: int
    codes: tuple[CodeUnits, ...] = ()
    amount: int | None = None
    service_date: date | None = None
    exceptions: tuple[ExceptionLine, ...] = ()
    document_id: UUID | None = None

    @property
    def unrecorded(self) -> tuple[ExceptionLine, ...]:
        """The facts that nobody recorded, where there are several of them: they share a line."""
        found = tuple(one for one in self.exceptions if one.unrecorded)
        return found if len(found) > 1 else ()

    @property
    def told(self) -> tuple[ExceptionLine, ...]:
        """The other exceptions, a line each: what blocks first."""
        shared = self.unrecorded
        found = [one for one in self.exceptions if one not in shared]
        return tuple(sorted(found, key=lambda one: one.severity != "block"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedGroup:
    """Blocked patient-months with one reason in common: those on this page, of `total`; `explained` is a sentence."""

    code: str
    title: str
    rows: tuple[RulingRow, ...]
    total: int = 0
    explained: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthTotals:
    """The month in figures; `seconds` are countable, `amount` in cents."""

    patients: int
    ready: int
    blocked: int
    lines: int
    seconds: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseProgress:
    """How far the close has come: patient-months ruled, records rendered."""

    done: int
    total: int
    records_done: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NoMonth:
    """A month of which there is nothing to show: why, in words, and where to go instead.

    `is_out_of_reach` says that no part of the product takes it for a month.
    """

    title: str
    text: str
    present: Month
    last: Month
    is_out_of_reach: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthPage:
    """A month of the tenant or of one clinic. `months` and `clinics` are the choices of the two pickers.

    `programs` that have rows in it and `coordinators` at work are what the list can be narrowed to.

    Rows come as one page of those shown: `ready` when `show` is "ready", `blocked` when it is "blocked". `waiting`
    patients changed, and are shown as they stood until they are ruled again; so are `unlisted` patient-months that were
    closed a moment ago. `sort` is one of `SORTS`. `waived` is what one person both worked and approved, by waiver.
    `reviews` are the uses of emergency access, of the month or before it, that nobody reviewed yet.
    """

    month: Month
    months: tuple[Option, ...]
    clinics: tuple[Option, ...]
    clinic: str
    state: MonthState
    totals: MonthTotals
    show: Literal["ready", "blocked"] = "ready"
    ready: tuple[RulingRow, ...] = ()
    blocked: tuple[BlockedGroup, ...] = ()
    page: int = 1
    pages: int = 1
    progress: CloseProgress | None = None
    closed_at: str = ""
    closed_by: str = ""
    may_close: bool = False
    why_not: str = ""
    provisional: bool = False
    sort: str = "name"
    program: str = ""
    coordinator: str = ""
    programs: tuple[Option, ...] = ()
    coordinators: tuple[Option, ...] = ()
    waiting: int = 0
    unlisted: int = 0
    waived: tuple[WaivedUse, ...] = ()
    reviews: DueReviews = field(default_factory=DueReviews)
    may_review: bool = False

    @property
    def cleared(self) -> str:
        """The end of the address of the same list of every program and coordinator."""
        return urlencode({"show": self.show, **({"clinic": self.clinic} if self.clinic else {})})

    @property
    def query(self) -> str:
        """What the month is narrowed to and sorted by, as the end of an address."""
        return self.sorted_by(self.sort)

    def sorted_by(self, sort: str) -> str:
        """Return the end of the address of the same list in another order."""
        asked = "" if sort == "name" else sort
        chosen = {"clinic": self.clinic, "program": self.program, "coordinator": self.coordinator, "sort": asked}
        return urlencode({name: value for name, value in chosen.items() if value})
