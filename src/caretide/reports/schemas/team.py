"""What the Team page, a member's page and the lists behind the numbers show."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from caretide.kernel.month import Month
from caretide.rosters.rules import CoverRow, DueReviews
from caretide.ui.charts import BarChart, MonthBar, Spark
from caretide.ui.forms import Option
from caretide.ui.shell import Tone
from caretide.ui.tables import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A number that opens its list."""

    key: str
    label: str
    figure: int | str
    href: str = ""
    tone: Tone = "neutral"
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamMember:
    """One person's month. Times are seconds of recorded time, whether it counts or not."""

    id: UUID
    name: str
    credential: str
    weekly_hours: float | None
    panel: int
    progress: BarChart
    today: int
    week: int
    month: int
    trend: Spark
    attempts: int
    contacts: int
    voided: int
    awaiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTimer:
    """Time that runs now. The patient is named only to those who may open the chart."""

    member_id: UUID
    person: str
    patient_id: UUID
    patient: str
    activity: str
    elapsed: int
    is_long: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The tenant's month in numbers; `awaiting` is None for those who do not approve time.

    Seconds needed are what those under threshold lack to the first one, without what a fact holds; seconds available
    are the members' weekly hours over the working days left. `waiting` patients are being ruled again.
    """

    month: str
    working_days_left: int
    enrolled: int
    at_threshold: int
    on_track: int
    at_risk: int
    held: int
    out_of_reach: int
    unassigned: int
    awaiting: int | None
    needed_seconds: int
    available_seconds: int
    members_without_hours: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What blocks months first, and how many patients it holds."""

    code: str
    title: str
    patients: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamPage:
    """A manager's landing page: the month in numbers, the members, what is in the way, what runs."""

    month: Month
    today: date
    figures: Figures
    tiles: tuple[Tile, ...]
    listing: Listing
    members: tuple[TeamMember, ...]
    facts: BarChart
    timers: tuple[RunningTimer, ...]
    running: int
    load: BarChart
    goal: str
    may_stop: bool
    may_assign: bool
    has_patients: bool
    reviews: DueReviews
    may_review: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientLine:
    """A patient of a list: the month so far, and the one reason why they are on it."""

    patient_id: UUID
    name: str
    program: str
    bar: MonthBar
    reason: str
    tone: Tone
    coordinator: str
    attempts: int
    contacts: int
    last_contact: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientList:
    """A page of the patients that a number stands for."""

    show: str
    title: str
    explained: str
    listing: Listing
    lines: tuple[PatientLine, ...]
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnassignedPage:
    """Enrolled patients whom nobody looks after, and who could."""

    listing: Listing
    lines: tuple[PatientLine, ...]
    people: tuple[Option, ...]
    total: int
    may_assign: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityLine:
    """A member's month by kind of work; voided entries are left out."""

    label: str
    entries: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedLine:
    """One of a member's latest attempts."""

    patient_id: UUID
    patient: str
    at: datetime
    outcome: str
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidedLine:
    """Time of a member's that counts for nothing any more; why stands with the patient."""

    patient_id: UUID
    patient: str
    month: Month
    at: datetime
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPage:
    """One member: month, patients, time by activity, attempts, and what was voided of this month and the last.

    `covers` are those in which they have a part, now or soon.
    """

    member: TeamMember
    role: str
    zone: ZoneInfo
    tiles: tuple[Tile, ...]
    patients: PatientList
    activities: BarChart
    tried: tuple[TriedLine, ...]
    voided: tuple[VoidedLine, ...]
    today: date
    covers: tuple[CoverRow, ...] = ()
    may_cover: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFigures:
    """One member's month for programs."""

    id: UUID
    name: str
    panel: int
    held: int
    under: int
    reached: int
    complete: int
    seconds_today: int
    seconds_week: int
    seconds_month: int
    attempts: int
    contacts: int
    voided: int
    awaiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamMetrics:
    """The figures of the Team page; `members` is one page of 50, by name."""

    figures: Figures
    facts: tuple[Fact, ...]
    running_timers: int
    members: tuple[MemberFigures, ...]
    total_members: int
    page: int
    pages: int
