"""The input of the rules: everything about one patient, billing practitioner and calendar month.

None means that nobody recorded the fact. An unknown gate fact holds the month (FACT_UNKNOWN); it is never guessed.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from caretide.kernel.month import Month

Program = Literal["CCM", "PCM", "APCM", "RPM"]
ProviderType = Literal["physician_practice", "rhc", "fqhc", "hospital_outpatient_professional"]
Election = Literal["auto", "staff", "practitioner", "complex", "CCM", "PCM", "G0511", "individual_codes", "RPM"]
Coverage = Literal["original_medicare_part_b", "medicare_part_a_only", "medicare_advantage"]
StayKind = Literal["inpatient_hospital", "SNF_part_A", "NF_non_part_A"]
ConsentStatus = Literal[
    "documented", "undocumented", "missing", "revoked", "other_practitioner", "other_practitioner_same_group"
]
PlanKind = Literal["comprehensive", "disease_specific"]
Mdm = Literal["low", "moderate", "high"]
Role = Literal[
    "clinical_staff",
    "clinical_staff_contracted",
    "clinical_staff_outside_us",
    "clinical_staff_excluded",
    "billing_practitioner",
    "qhp_incident_to",
    "other_practitioner_same_group",
    "non_clinical",
    "behavioral_care_manager",
    "auxiliary_certified_chw",
    "automation",
]
Kind = Literal["non_face_to_face", "face_to_face"]
Activity = Literal[
    "administrative_scheduling", "dme_coordination", "unsuccessful_outreach", "prior_authorization", "supervision_only"
]


@dataclass(frozen=True, slots=True)
class Practitioner:
    """Who would bill. `kind` is a plain word such as `physician`, `np` or `podiatrist`; `group` is the billing TIN."""

    id: str
    kind: str | None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class FacilityStay:
    """Days in a facility, both ends included; `last` is None while the stay goes on."""

    kind: StayKind
    first: date
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """What is known of the patient in this month. An empty `facility_stays` means checked and none."""

    coverage: Coverage | None = None
    qmb: bool | None = None
    chronic_conditions: int | None = None
    condition_min_months: int | None = None
    high_risk: bool | None = None
    deceased_on: date | None = None
    facility_stays: tuple[FacilityStay, ...] | None = None
    hospice_elected: bool | None = None
    home_health_episode: bool | None = None
    cmmi_model: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """The consent as it stood in the month; `status` decides whose it is.

    `before_month` stands for a date that is known only to lie before the month. `obtained_at` (aware, in the clinic's
    zone) splits the day of consent where it is known; a date alone counts the whole day.
    """

    status: ConsentStatus
    obtained_on: date | None = None
    before_month: bool = False
    obtained_at: datetime | None = None
    programs: tuple[str, ...] | None = None
    mode: str | None = None
    elements_complete: bool | None = None
    practitioner: str | None = None
    revoked_on: date | None = None


@dataclass(frozen=True, slots=True)
class InitiatingVisit:
    """Whether a first visit is needed for this patient, and whether it has taken place."""

    required: bool | None = None
    satisfied: bool | None = None


@dataclass(frozen=True, slots=True)
class CarePlan:
    """The plan as it stood in the month."""

    exists: bool | None = None
    kind: PlanKind | None = None
    copy_given: bool | None = None
    revised_this_month: bool | None = None


@dataclass(frozen=True, slots=True)
class TimeEntry:
    """Seconds of one person.

    `start` and `end` are aware datetimes in the clinic's zone. An entry without `start` lies on `day`; without either
    it lies somewhere inside the month, and `clock` (seconds since midnight, from and to) says when on that unknown day.
    Entries that share an `overlaps` label ran at the same time. The seconds are taken to run from `start` on.
    """

    id: str
    who: str
    role: Role
    seconds: int
    kind: Kind = "non_face_to_face"
    day: date | None = None
    start: datetime | None = None
    end: datetime | None = None
    clock: tuple[int, int] | None = None
    overlaps: str | None = None
    program: str | None = None
    used_for: str | None = None
    activity: Activity | None = None
    approved: bool = True


@dataclass(frozen=True, slots=True)
class OtherClaim:
    """A service known for this patient-month besides ours. `same_date_as` names a code of ours that shares its date."""

    code: str
    units: int = 1
    practitioner: str | None = None
    same_group: bool | None = None
    same_specialty: bool | None = None
    dos: date | None = None
    same_date_as: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteMonitoring:
    """Remote physiologic monitoring in the month: days with readings, management seconds, one live contact or none."""

    days_with_data: int
    management_seconds: int
    interactive: bool


@dataclass(frozen=True, slots=True)
class PatientMonth:
    """All that the rules may look at. An empty `other_claims` means checked and none."""

    month: Month
    programs: tuple[Program, ...]
    provider_type: ProviderType
    practitioner: Practitioner
    patient: Patient
    election: Election = "auto"
    requested_codes: tuple[str, ...] | None = None
    requested_dos: date | None = None
    submitted_on: date | None = None
    consent: Consent | None = None
    initiating_visit: InitiatingVisit | None = None
    care_plan: CarePlan | None = None
    access_24_7: bool | None = None
    designated_team_member: bool | None = None
    mdm: Mdm | None = None
    mdm_by: str | None = None
    cehrt: bool | None = None
    entries: tuple[TimeEntry, ...] = ()
    other_claims: tuple[OtherClaim, ...] | None = None
    rpm: RemoteMonitoring | None = None
