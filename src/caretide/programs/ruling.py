"""The answer of the rules, and its vocabulary."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from caretide.kernel.month import Month


class Severity(StrEnum):
    """BLOCK: nothing may be billed. ADJUST: the answer was changed. INFO: it stands, someone should know."""

    BLOCK = "block"
    ADJUST = "adjust"
    INFO = "info"


class ExceptionCode(StrEnum):
    """Every named fact that blocks, adjusts or informs a ruling."""

    BELOW_THRESHOLD = "BELOW_THRESHOLD"
    UNIT_CAP = "UNIT_CAP"
    COMPLEX_THRESHOLD_NOT_MET = "COMPLEX_THRESHOLD_NOT_MET"
    MDM_NOT_MET = "MDM_NOT_MET"
    MDM_NOT_BY_PRACTITIONER = "MDM_NOT_BY_PRACTITIONER"
    CODE_FAMILY_CONFLICT = "CODE_FAMILY_CONFLICT"
    EXCLUSIVE_99490_99491 = "EXCLUSIVE_99490_99491"
    EXCLUSIVE_99424_99426 = "EXCLUSIVE_99424_99426"
    PRACTITIONER_TIME_COUNTED_AS_STAFF = "PRACTITIONER_TIME_COUNTED_AS_STAFF"
    NOT_PERSONALLY_PERFORMED = "NOT_PERSONALLY_PERFORMED"
    OVERLAPPING_TIME = "OVERLAPPING_TIME"
    DOUBLE_COUNTED_TIME = "DOUBLE_COUNTED_TIME"
    EM_TIME_EXCLUDED = "EM_TIME_EXCLUDED"
    SUPERVISION_TIME = "SUPERVISION_TIME"
    NONCLINICAL_TIME = "NONCLINICAL_TIME"
    QUESTIONABLE_ACTIVITY = "QUESTIONABLE_ACTIVITY"
    NOT_CLINICAL_STAFF = "NOT_CLINICAL_STAFF"
    OFFSHORE_STAFF = "OFFSHORE_STAFF"
    EXCLUDED_INDIVIDUAL = "EXCLUDED_INDIVIDUAL"
    PRE_CONSENT_TIME = "PRE_CONSENT_TIME"
    POST_DEATH_TIME = "POST_DEATH_TIME"
    PART_A_FACILITY = "PART_A_FACILITY"
    UNAPPROVED_TIME = "UNAPPROVED_TIME"
    NO_SERVICE_DELIVERED = "NO_SERVICE_DELIVERED"
    NO_CONSENT = "NO_CONSENT"
    CONSENT_INCOMPLETE = "CONSENT_INCOMPLETE"
    CONSENT_REVOKED = "CONSENT_REVOKED"
    NEW_CONSENT_REQUIRED = "NEW_CONSENT_REQUIRED"
    NO_INITIATING_VISIT = "NO_INITIATING_VISIT"
    INELIGIBLE_CONDITIONS = "INELIGIBLE_CONDITIONS"
    INELIGIBLE_CONDITION_DURATION = "INELIGIBLE_CONDITION_DURATION"
    INELIGIBLE_BILLING_PRACTITIONER = "INELIGIBLE_BILLING_PRACTITIONER"
    NO_PART_B = "NO_PART_B"
    ROUTE_TO_MA_PLAN = "ROUTE_TO_MA_PLAN"
    NO_CARE_PLAN = "NO_CARE_PLAN"
    NO_CARE_PLAN_COPY = "NO_CARE_PLAN_COPY"
    SERVICE_ELEMENT_MISSING = "SERVICE_ELEMENT_MISSING"
    CONCURRENT_TCM = "CONCURRENT_TCM"
    CONCURRENT_HH_SUPERVISION = "CONCURRENT_HH_SUPERVISION"
    CONCURRENT_HOSPICE_SUPERVISION = "CONCURRENT_HOSPICE_SUPERVISION"
    CONCURRENT_ESRD_MCP = "CONCURRENT_ESRD_MCP"
    CONCURRENT_SAME_SERVICE_OTHER_PRACTITIONER = "CONCURRENT_SAME_SERVICE_OTHER_PRACTITIONER"
    CMMI_MODEL_OVERLAP = "CMMI_MODEL_OVERLAP"
    CONCURRENT_APCM = "CONCURRENT_APCM"
    CONCURRENT_PCM_SAME_PRACTITIONER = "CONCURRENT_PCM_SAME_PRACTITIONER"
    CONCURRENT_99091 = "CONCURRENT_99091"
    CONCURRENT_RISK_OTHER_PRACTITIONER = "CONCURRENT_RISK_OTHER_PRACTITIONER"
    HOSPICE_REVIEW = "HOSPICE_REVIEW"
    CONCURRENT_REVIEW = "CONCURRENT_REVIEW"
    DUPLICATE_SERVICE_PERIOD = "DUPLICATE_SERVICE_PERIOD"
    ONCE_ONLY = "ONCE_ONLY"
    DOS_BEFORE_THRESHOLD = "DOS_BEFORE_THRESHOLD"
    MODIFIER_25_NEEDED = "MODIFIER_25_NEEDED"
    ADDON_WITHOUT_BASE = "ADDON_WITHOUT_BASE"
    CODE_NOT_ACTIVE = "CODE_NOT_ACTIVE"
    RHC_NO_ADDON = "RHC_NO_ADDON"
    TIMELY_FILING = "TIMELY_FILING"
    RPM_NO_INTERACTIVE = "RPM_NO_INTERACTIVE"
    RPM_RTM_CONFLICT = "RPM_RTM_CONFLICT"
    PROVISIONAL_PACK = "PROVISIONAL_PACK"
    FACT_UNKNOWN = "FACT_UNKNOWN"


OUTSIDE_MONTH = "OUTSIDE_MONTH"
OTHER_PROGRAM = "OTHER_PROGRAM"
OTHER_FAMILY = "OTHER_FAMILY"
CUT_TO_MINUTES = "CUT_TO_MINUTES"
"""Why an entry does not count without anything being wrong with it: see EntryVerdict.reason."""


@dataclass(frozen=True, slots=True)
class RuleException:
    """A named fact with its figures and dates. `fact` names what nobody recorded, so that a page can link to it."""

    code: ExceptionCode
    severity: Severity
    message: str
    fact: str | None = None


@dataclass(frozen=True, slots=True)
class CodeUnits:
    """One claim line."""

    code: str
    units: int


class Rung(NamedTuple):
    """One step of the family's ladder: from `seconds` on, `units` of `code` are earned. `missing` is 0 once met."""

    code: str
    units: int
    seconds: int
    missing: int

    @property
    def met(self) -> bool:
        """Whether the month has reached it."""
        return self.missing == 0


class EntryVerdict(NamedTuple):
    """How many seconds of an entry the chosen family rests on, and why not all of them."""

    id: str
    seconds: int
    counted: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """A rule that bore on the ruling, in our words, with its source; `uncertain` where sources differ."""

    key: str
    text: str
    source: str
    uncertain: bool = False


@dataclass(frozen=True, slots=True)
class Ruling:
    """What our practitioner may report for the month, and why.

    `codes` stand in claim order, base before add-on, and are empty when anything blocks. `countable_seconds` are the
    seconds that the family rests on; `staff_seconds` and `practitioner_seconds` are each merged for itself, so
    that they may add up to more. `notes` are plain sentences for which there is no exception code.
    """

    month: Month
    program: str
    family: str | None
    codes: tuple[CodeUnits, ...]
    exceptions: tuple[RuleException, ...]
    countable_seconds: int
    staff_seconds: int
    practitioner_seconds: int
    ladder: tuple[Rung, ...]
    earliest_service_date: date | None
    entries: tuple[EntryVerdict, ...]
    pack: str | None
    provisional: bool
    citations: tuple[Citation, ...]
    notes: tuple[str, ...] = ()

    @property
    def blocked(self) -> bool:
        """Whether anything forbids billing the month."""
        return any(item.severity is Severity.BLOCK for item in self.exceptions)

    @property
    def unknown_facts(self) -> tuple[str, ...]:
        """The facts that nobody recorded, in the order in which they were asked for."""
        return tuple(item.fact for item in self.exceptions if item.fact is not None)


def clock(seconds: int) -> str:
    """Return seconds as minutes and seconds: `19:59`, `79:59`, `390:00`."""
    return f"{seconds // 60}:{seconds % 60:02d}"


def block(code: ExceptionCode, message: str, fact: str | None = None) -> RuleException:
    """Return an exception that forbids billing the month."""
    return RuleException(code, Severity.BLOCK, message, fact)


def adjust(code: ExceptionCode, message: str) -> RuleException:
    """Return an exception that changed the answer."""
    return RuleException(code, Severity.ADJUST, message)


def info(code: ExceptionCode, message: str) -> RuleException:
    """Return an exception that leaves the answer as it is."""
    return RuleException(code, Severity.INFO, message)
