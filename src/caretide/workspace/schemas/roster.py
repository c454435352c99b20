"""What My day shows: who is on the roster, and the one reason why each is on the list."""

from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from caretide.kernel.month import Month
from caretide.rosters.rules import CoverRow, DutyRow
from caretide.ui.charts import MonthBar
from caretide.ui.forms import Option
from caretide.ui.shell import Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRow:
    """One patient and the one reason why they are here. `program` and `bar` are None for somebody not enrolled.

    `tried` says how often somebody tried to reach them this month, `call_back` when they asked to be called.
    """

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
    tried: str = ""
    call_back: str = ""
    call_back_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterCount:
    """A number that opens its list: `key` is the value of `?show=`."""

    key: str
    label: str
    count: int
    tone: Tone = "neutral"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What of the roster is looked at; empty leaves nothing out.

    `show` is a list by its key, `sort` one of `SORTS`; `clinic` and `coordinator` are ids.
    """

    show: str = "all"
    sort: str = "urgency"
    clinic: str = ""
    program: str = ""
    coordinator: str = ""
    page: int = 1

    def link(self, **changed: str | int) -> str:
        """Return the address of the same list with something changed; another list begins at its first page."""
        fresh = {} if set(changed) <= {"page"} else {"page": 1}
        chosen = asdict(replace(self, **fresh, **changed))
        asked = {name: value for name, value in chosen.items() if value != _DEFAULTS[name]}
        return "/my-day" + (f"?{urlencode(asked)}" if asked else "")


_DEFAULTS: Final = asdict(Choice())
SORTS: Final = {"urgency": "Most urgent", "name": "Name", "minutes": "Minutes", "contact": "Longest not reached"}
"""How the roster may be sorted -> what it is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDue:
    """A call that a patient asked for, by today; `when` is in the calendar of the patient's clinic."""

    patient_id: UUID
    name: str
    when: str
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MyDay:
    """The roster. `rows` are one page of the enrolled, `candidates` some or one page of those who are not enrolled.

    `total` counts the list that is paged, `free` everybody who is not enrolled and could be shown.
    `counts` are left out of a search. `whole_tenant` is set for roles that see everybody, `may_import` for those who
    can fill an empty roster. `waiting` patients changed, and are shown as they stood until they are ruled again.
    `clinics`, `programs` and `coordinators` are what the list can be narrowed to; empty where there is no choice.
    For somebody with a roster: `covering` whose rosters they work beside it, `on_duty` the clinics whose calls they
    answer now, `away` who works theirs, `may_break_glass` whether they may look beyond it in an emergency; `calls` that
    were promised by today come first, whatever the list is sorted by.
    """

    month: Month
    today: date
    working_days_left: int
    counts: tuple[RosterCount, ...]
    choice: Choice = field(default_factory=Choice)
    query: str = ""
    rows: tuple[RosterRow, ...] = ()
    candidates: tuple[RosterRow, ...] = ()
    total: int = 0
    free: int = 0
    page: int = 1
    pages: int = 1
    whole_tenant: bool = False
    may_import: bool = False
    waiting: int = 0
    clinics: tuple[Option, ...] = ()
    programs: tuple[Option, ...] = ()
    coordinators: tuple[Option, ...] = ()
    covering: tuple[CoverRow, ...] = ()
    on_duty: tuple[DutyRow, ...] = ()
    away: CoverRow | None = None
    may_break_glass: bool = False
    calls: tuple[CallDue, ...] = ()

    @property
    def names_coordinators(self) -> bool:
        """Whether the list holds the patients of several."""
        return self.whole_tenant or bool(self.covering or self.on_duty)

    @property
    def show(self) -> str:
        """The list that is shown, by its key."""
        return self.choice.show

    @property
    def more(self) -> str:
        """The beginning of the addresses of this list's pages."""
        link = self.choice.link(page=1)
        return f"{link}{'&' if '?' in link else '?'}page="
