"""Why somebody is on the list: of all that a ruling says, the one thing to do next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from typing import Final, Literal

from caretide.billing.rules.words import title
from caretide.kernel.month import Month
from caretide.programs.ruling import RuleException, Severity, clock

Tone = Literal["good", "warn", "bad", "info", "neutral"]


class Band(IntEnum):
    """The order of the list: what stops everything first, what is done last."""

    CONSENT = 0
    HELD = 1
    UNDER = 2
    REACHED = 3
    COMPLETE = 4


@dataclass(frozen=True, slots=True)
class Reason:
    """The one reason; `missing` seconds to the next threshold order those of one band."""

    band: Band
    text: str
    tone: Tone
    missing: int = 0


CONSENT: Final = frozenset({"NO_CONSENT", "CONSENT_INCOMPLETE", "CONSENT_REVOKED", "NEW_CONSENT_REQUIRED"})
CONSENT_FACTS: Final = frozenset({"consent", "consent_elements"})
OF_TIME: Final = frozenset({"BELOW_THRESHOLD", "NO_SERVICE_DELIVERED", "PRE_CONSENT_TIME"})
"""What more time mends: it is said by how much is missing."""

UNRECORDED: Final = {
    "practitioner_kind": "Practitioner's profession",
    "coverage": "Coverage",
    "qmb": "QMB status",
    "facility_stays": "Facility stays",
    "hospice": "Hospice",
    "home_health": "Home health",
    "other_claims": "Claims by others",
    "consent": "Consent",
    "consent_elements": "Disclosures",
    "initiating_visit": "Initiating visit",
    "care_plan": "Care plan",
    "care_plan_copy": "Care plan copy",
    "access_24_7": "Clinic's round-the-clock access",
    "designated_team_member": "Care coordinator",
    "cehrt": "Clinic's certified EHR",
    "chronic_conditions": "Chronic conditions",
    "condition_months": "How long the conditions last",
    "high_risk": "Significant risk",
}
"""Fact that nobody recorded -> what to call it in a list."""


def reason(exceptions: Sequence[RuleException], countable: int, thresholds: Sequence[int], *, deceased: bool) -> Reason:
    """Return the one reason: the patient died, consent, what holds the month, what is missing, or nothing."""
    missing = next((mark - countable for mark in thresholds if mark > countable), 0)
    if deceased:
        return Reason(Band.HELD, "Has died: the enrollment should end", "warn", missing)
    blocks = [found for found in exceptions if found.severity is Severity.BLOCK and found.code not in OF_TIME]
    consent = [found for found in blocks if found.code in CONSENT or found.fact in CONSENT_FACTS]
    if consent:
        return Reason(Band.CONSENT, _words(consent[0]), "bad", missing)
    if blocks:
        more = f", {len(blocks) - 1} more" if len(blocks) > 1 else ""
        return Reason(Band.HELD, _words(blocks[0]) + more, "bad", missing)
    return _of_time(countable, thresholds)


def _words(found: RuleException) -> str:
    return title(found.code) if found.fact is None else f"{UNRECORDED.get(found.fact, found.fact)} not recorded"


def _of_time(countable: int, thresholds: Sequence[int]) -> Reason:
    for place, mark in enumerate(thresholds):
        if mark > countable:
            text = f"{clock(mark - countable)} min to {mark // 60}"
            return Reason(Band.REACHED if place else Band.UNDER, text, "info" if place else "warn", mark - countable)
    return Reason(Band.COMPLETE, "Complete", "good")


def working_days_left(today: date) -> int:
    """Return how many of Monday to Friday are left of the month, today included. Holidays are not known here."""
    days = (Month.of(today).last - today).days + 1
    return sum((today + timedelta(days=ahead)).weekday() < 5 for ahead in range(days))
