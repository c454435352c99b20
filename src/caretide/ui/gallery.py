"""What `/_components` shows: every component with invented figures, in every state."""

from dataclasses import dataclass
from typing import Final

from caretide.kernel.errors import Invalid
from caretide.ui.charts import Bar, BarChart, Line, LineChart, MonthBar, Spark
from caretide.ui.forms import Field, FormState, Option
from caretide.ui.tables import Column, Filter, Listing

CCM: Final = (1200, 2400, 3600)
SECTIONS: Final = (
    ("colors", "Colors and type"),
    ("controls", "Buttons and labels"),
    ("fields", "Fields"),
    ("surfaces", "Surfaces"),
    ("tables", "Lists"),
    ("charts", "Charts"),
    ("feedback", "Feedback"),
)
"""Anchor and title; the template of each is `ui/gallery/ANCHOR.html`."""

COLORS: Final = (
    *("ground", "surface", "sunken", "hairline", "text", "muted", "brand", "brand-deep", "brand-wash", "link"),
    *("good", "good-wash", "warn", "warn-wash", "bad", "bad-wash", "info", "info-wash"),
    *("bar-track", "bar-0", "bar-1", "bar-2", "bar-3"),
)

NAMES: Final = ("Adaeze Okafor, RN", "Luis Ortega, NP", "Priya Raman, MD", "Sam Reyes, MA", "Maria Castellano", "Jo Li")

FIELDS: Final = (
    Field(name="name", label="Name", required=True, hint="As it stands on the card"),
    Field(name="seen", label="Seen on", kind="date"),
    Field(name="month", label="Month", kind="month"),
    Field(
        name="mode", label="How", kind="select", options=(Option("phone", "By phone"), Option("visit", "At a visit"))
    ),
    Field(name="answer", label="Answer", kind="radio", options=(Option("yes", "Yes"), Option("no", "No"))),
    Field(
        name="told",
        label="The patient was told",
        kind="checks",
        options=(Option("cost", "What it may cost", "20 % of the allowed amount"), Option("stop", "How to stop it")),
    ),
    Field(name="note", label="Note", kind="textarea"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the sample stepper."""

    title: str
    state: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the sample timeline."""

    when: str
    title: str
    text: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of the sample tabs."""

    key: str
    label: str
    href: str
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A billing code with its units."""

    code: str
    units: int


@dataclass(frozen=True, slots=True)
class Person:
    """A row of the sample list."""

    name: str
    role: str
    bar: MonthBar
    reached: int
    trend: Spark


def people_rows() -> tuple[Person, ...]:
    """Return the rows of the sample list."""
    seconds = (754, 1325, 2490, 3600, 0)
    return tuple(
        Person(name, "Coordinator", MonthBar(done, CCM), 38 + 9 * at, Spark((3, 5, 4 + at, 8, 6, 9), f"Up to {9 + at}"))
        for at, (name, done) in enumerate(zip(NAMES, seconds, strict=False))
    )


def listing(*, total: int, id: str = "people", value: str = "") -> Listing:  # noqa: A002 - the list's own name for it
    """Return a sample list of `total` rows, filtered by `value`."""
    return Listing(
        path="/_components",
        columns=(
            Column("Name", "name"),
            Column("This month", kind="wide"),
            Column("Reached", "reached", "number", falling=True),
            Column("Twelve weeks"),
        ),
        sort="-reached",
        filters=(
            Filter("role", "Role", (Option("", "Everybody"), Option("coordinator", "Coordinators")), value),
            Filter("clinic", "Clinic", (Option("", "All clinics"), Option("lakeside", "Lakeside"))),
        ),
        page=2 if total > 50 else 1,
        total=total,
        id=id,
    )


PLAIN: Final = FormState("plain")
REFUSED: Final = FormState.failed(
    "refused", Invalid("A name is needed", field="name"), {"name": "", "mode": "visit", "answer": "no"}
)
CODES: Final = (Code("99490", 1), Code("99439", 2))
TABS: Final = (
    Tab("all", "All", "#surfaces", 1150),
    Tab("risk", "At risk", "#surfaces", 24),
    Tab("done", "Complete", "#surfaces", 0),
    Tab("rules", "Rules", "#surfaces"),
)
STEPS: Final = (
    Step("Consent", "done", "Nov 3"),
    Step("Care plan", "done", "Nov 9"),
    Step("Twenty minutes", "now", "6:18 to go"),
    Step("Close", "later"),
    Step("Filed", "failed", "Refused by the EHR"),
)
EVENTS: Final = (
    Event("Nov 18, 10:29 AM", "Reached by phone", "Metformin doubled; tolerates it.", "good"),
    Event("Nov 14, 2:05 PM", "No answer", tone="warn"),
    Event("Nov 3, 9:12 AM", "Enrolled in CCM", "Consent by word, all five disclosures."),
)
BARS: Final = (
    MonthBar(0, CCM),
    MonthBar(754, CCM),
    MonthBar(1325, CCM),
    MonthBar(2490, CCM),
    MonthBar(3600, CCM),
    MonthBar(1060, CCM, uncounted=420),
    MonthBar(900, (1800, 3600)),
)
LOAD: Final = BarChart(
    title="Hours by coordinator",
    unit="hours",
    series=("On the phone", "Documentation", "Travel"),
    bars=(
        Bar("Adaeze Okafor", (62, 21, 4), "87 h", "#charts"),
        Bar("Sam Reyes", (48, 30, 0), "78 h", "#charts"),
        Bar("Luis Ortega", (12, 5, 9), "26 h", "#charts"),
        Bar("Jo Li", (0, 0, 0), "0 h"),
    ),
)
BANDS: Final = BarChart(
    title="Patients by minutes this month",
    unit="Minutes",
    series=("Patients",),
    bars=tuple(Bar(name, (count,)) for name, count in (("0-9", 276), ("10-19", 241), ("20-39", 460), ("40+", 173))),
)
WEEKS: Final = BarChart(
    title="Attempts by week",
    unit="Week",
    series=("Reached", "Voicemail", "No answer"),
    tones=("2", "1", "0"),
    bars=tuple(Bar(f"Nov {day}", (at * 6 + 9, 22 - at * 3, 14)) for at, day in enumerate((2, 9, 16, 23))),
)
PRESSURE: Final = LineChart(
    title="Home blood pressure",
    unit="mmHg",
    labels=tuple(f"Nov {day}" for day in range(1, 22, 2)),
    lines=(
        Line("Systolic", (152, 149, 155, 150, 147, None, 141, 138, 139, 136, 134)),
        Line("Diastolic", (92, 90, 94, 91, 90, None, 86, 84, 85, 83, 82)),
    ),
    band=(80, 130),
    floor=60,
)
PEOPLE: Final = listing(total=1150)
NOBODY: Final = listing(total=0, id="nobody", value="coordinator")
ROWS: Final = people_rows()
TREND: Final = Spark((12, 14, 13, 18, 17, 22, 21, 26), "From 12 to 26 in eight weeks")


@dataclass(frozen=True, slots=True)
class Gallery:
    """Everything that the page draws."""

    sections: tuple[tuple[str, str], ...] = SECTIONS
    colors: tuple[str, ...] = COLORS
    names: tuple[str, ...] = NAMES
    fields: tuple[Field, ...] = FIELDS
    plain: FormState = PLAIN
    refused: FormState = REFUSED
    codes: tuple[Code, ...] = CODES
    tabs: tuple[Tab, ...] = TABS
    steps: tuple[Step, ...] = STEPS
    events: tuple[Event, ...] = EVENTS
    bars: tuple[MonthBar, ...] = BARS
    load: BarChart = LOAD
    bands: BarChart = BANDS
    weeks: BarChart = WEEKS
    pressure: LineChart = PRESSURE
    people: Listing = PEOPLE
    nobody: Listing = NOBODY
    rows: tuple[Person, ...] = ROWS
    trend: Spark = TREND
