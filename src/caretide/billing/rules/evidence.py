"""Everything that was recorded about one patient, one billing practitioner and one month, gathered as plain rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from caretide.enrollment.rules import ConsentStanding
from caretide.kernel.month import Month
from caretide.patients.schemas import PatientRulingFacts
from caretide.programs.month_facts import PatientMonth
from caretide.programs.ruling import Ruling
from caretide.tenants.rules import ClinicRow, PractitionerRow
from caretide.tenants.rules.waivers import WaiverRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A dated record as it stood in the month."""

    value: Mapping[str, Any]
    effective_on: date
    checked_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """An enrollment of the patient with this practitioner that touches the month. `ended_on` is its last day."""

    id: UUID
    program: str
    started_on: date
    ended_on: date | None
    is_high_risk: bool | None
    expected_months: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A live time entry; times are aware, `seconds` whole. `words` are the tenant's own for the activity, if any.

    `waiver` let one person both work and approve the time.
    """

    id: UUID
    member_id: UUID
    person: str
    credential: str
    staff_role: str
    practitioner_id: UUID | None
    program: str
    activity_type: str
    start: datetime
    end: datetime
    seconds: int
    words: str = ""
    waiver: WaiverRow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One patient-month before anything is decided about it. `facts` and `clinic_facts` are by kind.

    `designated` names the member `coordinator_id`, who looks after the patient since `designated_since`.
    """

    month: Month
    clinic: ClinicRow
    practitioner: PractitionerRow
    chart: PatientRulingFacts
    enrollments: tuple[Enrolled, ...]
    consent: ConsentStanding
    facts: Mapping[str, Fact]
    clinic_facts: Mapping[str, Fact]
    designated: str | None
    designated_since: date | None
    entries: tuple[Entry, ...]
    generated: bool = False
    coordinator_id: UUID | None = None

    @property
    def program(self) -> str:
        """The programs together, as the ruling names them: `CCM`, `PCM` or `CCM+PCM`."""
        if len(self.enrollments) == 1:
            return self.enrollments[0].program
        return "+".join(sorted({enrolled.program for enrolled in self.enrollments}))


@dataclass(frozen=True, slots=True)
class Judged:
    """Evidence with the facts that the rules saw and what they answered."""

    evidence: Evidence
    facts: PatientMonth
    ruling: Ruling
