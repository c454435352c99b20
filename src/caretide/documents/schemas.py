"""The facts of a monthly record: everything an auditor asks about one patient-month, as it stood at the close.

The list follows what CERT, OIG and contractors' reviews ask for (CMS MLN909188; NGS CERT results for chronic care
management). What nobody recorded is None, and the record says so.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

FORMAT: Final = "caretide.monthly-record/1"
AMOUNT_NOTE: Final = "National non-facility amount of the Medicare physician fee schedule; not a charge."

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def _storable(value: object) -> object:
    """Replace what neither UTF-8 nor PostgreSQL can hold; everything else stays as it was written."""
    return _UNSTORABLE.sub("\ufffd", value) if isinstance(value, str) else value


def _whole_second_utc(value: datetime) -> datetime:
    return value.astimezone(UTC).replace(microsecond=0)


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"'{value}' is not a time zone; write it as America/Chicago") from error
    return value


Text = Annotated[str, BeforeValidator(_storable)]
Seconds = Annotated[int, Field(ge=0)]
Instant = Annotated[AwareDatetime, AfterValidator(_whole_second_utc)]
"""A moment, kept in UTC and printed in the clinic's time zone."""

Severity = Literal["block", "adjust", "info"]


class Facts(BaseModel):
    """Frozen facts; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Clinic(Facts):
    """Where the service was furnished from. `billing_group` labels the TIN."""

    name: Text
    address: Text
    phone: Text
    time_zone: Annotated[str, AfterValidator(_known_zone)]
    billing_group: Text


class Patient(Facts):
    """Whom the month is about."""

    name: Text
    birth_date: date
    mbi: Text | None
    mrn: Text | None


class Practitioner(Facts):
    """Under whose name the month is billed; `kind` in words, as `Nurse practitioner`."""

    name: Text
    npi: Text
    kind: Text


class Condition(Facts):
    """A managed condition."""

    icd10: Text
    name: Text


class Eligibility(Facts):
    """Why the patient may have the program."""

    statement: Text
    conditions: tuple[Condition, ...] = ()


class Consent(Facts):
    """The consent that was in force; `disclosures` are those that were given.

    `recorded_at` and `recorded_by` say when and by whom it was entered, which may be long after it was given.
    """

    given_at: Instant
    mode: Text
    obtained_by: Text
    practitioner: Text
    script_version: Text
    disclosures: tuple[Text, ...] = ()
    revoked_on: date | None = None
    recorded_at: Instant | None = None
    recorded_by: Text | None = None


class InitiatingVisit(Facts):
    """The visit that opened the program."""

    on: date
    kind: Text


class CarePlan(Facts):
    """The plan in force, and the proof that the patient has a copy."""

    kind: Text
    version: Text
    dated: date
    copy_given_on: date | None = None
    copy_given_how: Text | None = None


class Attestation(Facts):
    """A requirement of the practice: whether it was met, in what way, since when, and when somebody last looked."""

    met: bool
    statement: Text
    effective_on: date | None = None
    checked_on: date | None = None


class TimeEntry(Facts):
    """One interval of one person. `counted_seconds` is what the ruling used of it; `reason` says why not all.

    `late` is set for an entry made after the fact: who approved it, and when.
    """

    started_at: Instant
    ended_at: Instant
    seconds: Seconds
    counted_seconds: Seconds
    person: Text
    credential: Text
    employer: Text
    activity: Text
    program: Text
    reason: Text | None = None
    late: Text | None = None


class RoleTotal(Facts):
    """Seconds of one role before and after exclusions and the merging of overlaps."""

    role: Text
    before: Seconds
    after: Seconds


class DecisionMaking(Facts):
    """Medical decision making of the month; complex CCM only."""

    level: Text
    on: date
    by: Text


class ConcurrencyCheck(Facts):
    """A look for services that exclude this one: what was asked, where, when, and what came of it."""

    service: Text
    source: Text
    checked_on: date
    result: Text
    clear: bool


class FacilityStay(Facts):
    """A stay in a facility that touches the month; `end` is None while it lasts."""

    kind: Text
    start: date
    end: date | None = None


class CodeLine(Facts):
    """One code with its units; `unit_cents` is None where no fee is known."""

    code: Text
    name: Text
    units: Annotated[int, Field(ge=1)]
    unit_cents: int | None = None


class Threshold(Facts):
    """Where the month bar has a tick."""

    seconds: Annotated[int, Field(gt=0)]
    label: Text


class Ruling(Facts):
    """The answer: no codes means that nothing may be billed."""

    family: Text | None
    election: Text
    countable_seconds: Seconds
    codes: tuple[CodeLine, ...] = ()
    service_date: date | None = None
    place_of_service: Text | None = None
    diagnoses: tuple[Text, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    amount_note: Text = AMOUNT_NOTE


class Finding(Facts):
    """An exception of the ruling."""

    severity: Severity
    code: Text
    message: Text


class Review(Facts):
    """The practitioner's signature under the month."""

    by: Text
    at: Instant


class Amendment(Facts):
    """What was changed since an earlier record of this month."""

    at: Instant
    by: Text
    change: Text


class MonthlyRecord(Facts):
    """The billing evidence of one patient-month.

    `as_of` is the moment at which the facts stood so, derived from the month's end and never from the clock of the
    renderer: it becomes the document's date. `generated` marks made-up patients; `provisional` a month that no rule
    pack covers yet.
    """

    format: Literal["caretide.monthly-record/1"] = FORMAT
    as_of: Instant
    month: Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
    program: Text
    program_name: Text
    clinic: Clinic
    patient: Patient
    practitioner: Practitioner
    supervision: Text | None
    eligibility: Eligibility | None
    consent: Consent | None
    initiating_visit: InitiatingVisit | None
    care_plan: CarePlan | None
    access_24_7: Attestation | None
    designated_contact: Attestation | None
    certified_ehr: Attestation | None
    ruling: Ruling
    rule_pack: Text
    citations: tuple[Text, ...] = ()
    entries: tuple[TimeEntry, ...] = ()
    totals: tuple[RoleTotal, ...] = ()
    decision_making: DecisionMaking | None = None
    concurrency: tuple[ConcurrencyCheck, ...] = ()
    stays: tuple[FacilityStay, ...] = ()
    findings: tuple[Finding, ...] = ()
    review: Review | None = None
    amendments: tuple[Amendment, ...] = ()
    supersedes: Text | None = None
    provisional: bool = False
    generated: bool = False

    def to_json(self) -> bytes:
        """Return the facts as canonical JSON, as the PDF carries them."""
        return canonical(self.model_dump())

    @property
    def facts_sha256(self) -> str:
        """The SHA-256 of `to_json`: printed on the record, so that the attachment can be checked against the page."""
        return hashlib.sha256(self.to_json()).hexdigest()


def canonical(facts: Mapping[str, Any]) -> bytes:
    """Return facts as they are frozen: JSON in UTF-8, keys sorted, no spaces, times in UTC to the second."""
    return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)
