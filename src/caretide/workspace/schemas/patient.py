"""What the patient page shows: who this is, the timer, the month so far, and what the month rests on."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from caretide.kernel.month import Month
from caretide.outreach.schemas import AttemptsCard
from caretide.ui.charts import MonthBar
from caretide.ui.forms import FormState, Option
from caretide.ui.shell import Tone
from caretide.workspace.schemas.facts import CONSENT_ANSWERS, CONSENT_MODES, DISCLOSURES, FactLine

Severity = Literal["block", "adjust", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientHeader:
    """Who this is. The EHR can know that somebody died without knowing the day."""

    patient_id: UUID
    name: str
    birth_date: date
    age: int
    sex: str
    mrn: str
    coverage: str
    clinic: str
    has_died: bool = False
    deceased_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerPane:
    """The timer as this account has it, on the server's clock at the time of rendering.

    `state`: `idle`, `running` (here), `elsewhere` (another patient), `barred` (`why_not` says why, and what to do).
    `elapsed` are whole seconds since `started_at`; `key` names the running timer ("" for none), so that a second tab
    can tell that something changed. `warning` says why time will not count although it can be recorded. `note` is what
    was typed so far; `is_call` says that the activity is contact, or that a call was told of that lasts until
    `call_until`: a sign of life by itself. `is_forgotten`: it ran so long that whoever stops it says when the work
    ended. `away` is a stretch without a sign of life that nobody accounted for yet.
    """

    patient_id: UUID
    patient_name: str
    zone: ZoneInfo
    state: Literal["idle", "running", "elsewhere", "barred"]
    key: str = ""
    started_at: datetime | None = None
    elapsed: int = 0
    activity: str = ""
    program: str = ""
    note: str = ""
    is_call: bool = False
    is_forgotten: bool = False
    away: tuple[datetime, datetime] | None = None
    call_until: datetime | None = None
    activities: tuple[Option, ...] = ()
    programs: tuple[Option, ...] = ()
    elsewhere_patient_id: UUID | None = None
    elsewhere_name: str = ""
    why_not: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RulingException:
    """A named fact of the ruling; `fix` is the anchor of the form on this page that mends it, or empty.

    `unrecorded` is the short title of a fact that nobody recorded; empty for any other exception.
    """

    code: str
    severity: Severity
    message: str
    fix: str = ""
    unrecorded: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RulingCode:
    """A code with units that the month to date earns."""

    code: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthCard:
    """The month to date of one program: what counts of the recorded seconds, and the ruling as it stands."""

    month: Month
    program: str
    bar: MonthBar
    codes: tuple[RulingCode, ...] = ()
    exceptions: tuple[RulingException, ...] = ()
    days_left: int = 0
    closed: bool = False
    # Nothing can be added any more: the patient has died.
    has_died: bool = False
    # Seconds told after the fact, in none of the others until a second person approves them.
    awaiting: int = 0

    @property
    def unrecorded(self) -> tuple[RulingException, ...]:
        """Facts that nobody recorded, when there are several: they share one row."""
        found = tuple(one for one in self.exceptions if one.unrecorded)
        return found if len(found) > 1 else ()

    @property
    def singled(self) -> tuple[RulingException, ...]:
        """The exceptions that have a row of their own."""
        return tuple(one for one in self.exceptions if one not in self.unrecorded)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """A time entry; a voided one stays, with its reason.

    `awaits` counts for nothing until a second person approves it; `told` is why it was entered or corrected after the
    fact, `decided` who let it count.
    """

    entry_id: UUID
    started_at: datetime
    ended_at: datetime
    seconds: int
    activity: str
    person: str
    note: str = ""
    may_void: bool = False
    voided: bool = False
    void_reason: str = ""
    voided_by: str = ""
    activity_code: str = ""
    awaits: bool = False
    corrects: bool = False
    told: str = ""
    decided: str = ""

    @property
    def form(self) -> str:
        """The name of the form that voids it."""
        return f"void-{self.entry_id}"

    @property
    def forms(self) -> tuple[str, str]:
        """The names of its two forms."""
        return self.form, f"correct-{self.entry_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityLine:
    """What the chart says about one program: `eligible` is None while something is unknown."""

    program: str
    eligible: bool | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollmentLine:
    """An enrollment with its consent; `consent` is a sentence, `consent_tone` its look."""

    enrollment_id: UUID
    program: str
    practitioner: str
    status: str
    since: date
    consent: str
    consent_tone: Tone
    consented: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollForm:
    """The choices of the form that enrolls; None on the page when the person may not enroll.

    `practitioner` is who stands chosen at first; empty where somebody has to choose.
    """

    programs: tuple[Option, ...]
    practitioners: tuple[Option, ...]
    practitioner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Designation:
    """Who calls this patient; `options` is empty for those who may not change it."""

    current: str = ""
    since: date | None = None
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLine:
    """A condition, medication, allergy or coverage as the EHR has it."""

    text: str
    detail: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What the EHR says of a patient, in force today; None is what the reader's role does not need."""

    header: PatientHeader
    conditions: tuple[ChartLine, ...] | None = ()
    medications: tuple[ChartLine, ...] | None = ()
    allergies: tuple[ChartLine, ...] | None = ()
    coverages: tuple[ChartLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """A document to download; `superseded` when a later one took its place."""

    document_id: UUID
    title: str
    made_at: datetime
    octets: int
    superseded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientPage:
    """Everything on one patient's page, for the month at hand.

    `asked` is another month than the present one, if the page shows one; `earlier` and `later` are its neighbors, the
    present one the last.
    """

    patient: PatientHeader
    zone: ZoneInfo
    today: date
    consent_label: str
    consent_tone: Tone
    timer: TimerPane
    months: tuple[MonthCard, ...] = ()
    entries: tuple[EntryLine, ...] = ()
    eligibility: tuple[EligibilityLine, ...] = ()
    enrollments: tuple[EnrollmentLine, ...] = ()
    enroll: EnrollForm | None = None
    may_consent: bool = False
    may_release: bool = False
    may_audit: bool = False
    facts: tuple[FactLine, ...] = ()
    designation: Designation = field(default_factory=Designation)
    conditions: tuple[ChartLine, ...] | None = ()
    medications: tuple[ChartLine, ...] | None = ()
    allergies: tuple[ChartLine, ...] | None = ()
    coverages: tuple[ChartLine, ...] = ()
    documents: tuple[DocumentLine, ...] = ()
    attempts: AttemptsCard | None = None
    # What time can be told for on this page; empty for those who may not, and in a closed month.
    told_programs: tuple[Option, ...] = ()
    activities: tuple[Option, ...] = ()
    asked: Month | None = None
    earlier: Month | None = None
    later: Month | None = None
    disclosures: tuple[Option, ...] = DISCLOSURES
    consent_modes: tuple[Option, ...] = CONSENT_MODES
    consent_answers: tuple[Option, ...] = CONSENT_ANSWERS

    @property
    def at(self) -> str:
        """The end of the page's address, which its forms take along: empty for the present month."""
        return f"?month={self.asked}" if self.asked else ""

    @property
    def recorded(self) -> int:
        """Seconds of the entries that stand; those that await approval are told apart."""
        return sum(entry.seconds for entry in self.entries if not entry.voided and not entry.awaits)

    @property
    def closed(self) -> Month | None:
        """The month that the page shows, if it is closed."""
        return next((card.month for card in self.months if card.closed), None)

    def activities_for(self, entry: EntryLine) -> tuple[Option, ...]:
        """What an entry can be corrected to: what is offered, and what it was, in the words of then."""
        kept = Option(entry.activity_code, entry.activity)
        found = tuple(kept if one.value == kept.value else one for one in self.activities)
        return found if kept in found else (kept, *found)

    def shows(self, form: FormState) -> bool:
        """Whether a form of the page stands where it can show what was wrong with it."""
        kind, _, which = form.name.partition("-")
        match kind:
            case "timer":
                ended = {"day", "end", "reason"} if self.timer.is_forgotten else set[str]()
                taken = {"idle": {"", "activity"}, "running": {"", "note"} | ended}.get(self.timer.state, {""})
                several = {"program"} if self.timer.state == "idle" and len(self.timer.programs) > 1 else set[str]()
                return bool(form.errors.keys() & (taken | several))
            case "enroll":
                return True
            case "attempt":
                return self.attempts is not None and self.attempts.may_record
            case "consent" | "revoke":
                return self.may_consent and which in {str(line.enrollment_id) for line in self.enrollments}
            case "told":
                return bool(self.told_programs)
            case "void" | "correct":
                return which in {str(entry.entry_id) for entry in self.entries}
            case "designate":
                return bool(self.designation.options)
            case _:
                return which in {fact.kind for fact in self.facts if fact.fields}
