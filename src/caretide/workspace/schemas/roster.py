"""What My day shows: who is on the roster, and the one reason why each is on the list."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from caretide.kernel.month import Month
from caretide.ui.charts import MonthBar
from caretide.ui.shell import Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRow:
    """One patient and the one reason why they are here. `program` and `bar` are None for somebody not enrolled."""

    patient_id: UUID
    name: str
    age: int
    sex: str
    conditions: str
    reason: str
    tone: Tone
    program: str | None = None
    bar: MonthBar | None = None
    last_contact: date | None = None
    coordinator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterCount:
    """A number that opens its list: `key` is the value of `?show=`."""

    key: str
    label: str
    count: int
    tone: Tone = "neutral"


@dataclass(frozen=True, slots=True, kw_only=True)
class MyDay:
    """The roster. `rows` are one page of the enrolled, `candidates` some or one page of those who are not enrolled.

    `total` counts the list that is paged, `free` everybody who is not enrolled and could be shown.
    `counts` are left out of a search. `whole_tenant` is set for roles that see everybody, `may_import` for those who
    can fill an empty roster.
    """

    month: Month
    today: date
    working_days_left: int
    counts: tuple[RosterCount, ...]
    show: str = "all"
    query: str = ""
    rows: tuple[RosterRow, ...] = ()
    candidates: tuple[RosterRow, ...] = ()
    total: int = 0
    free: int = 0
    page: int = 1
    pages: int = 1
    whole_tenant: bool = False
    may_import: bool = False
