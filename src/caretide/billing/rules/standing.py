"""A judged month as a standing: what there is to do about it next, and the figures by which lists are made.

Of all that a ruling says, a list has room for the one reason why somebody is on it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import IntEnum
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from caretide.billing.rules.evidence import Judged
from caretide.billing.rules.freeze import claim_lines, is_ready
from caretide.billing.rules.words import title
from caretide.enrollment.rules import chronic_conditions
from caretide.programs.conditions import ChronicConditions
from caretide.programs.packs import Packs
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


def reason(
    exceptions: Sequence[RuleException],
    countable: int,
    thresholds: Sequence[int],
    *,
    deceased: bool,
    ended: bool = False,
) -> Reason:
    """Return the one reason: the patient died, consent, what holds the month, what is missing, or nothing.

    `ended` tells that no enrollment lasts any more.
    """
    missing = next((mark - countable for mark in thresholds if mark > countable), 0)
    if deceased and ended:
        return Reason(Band.HELD, "Has died; the enrollment has ended", "info", missing)
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


FIRST_THRESHOLD: Final = (1200,)
"""Where no rule pack reaches, a bar still needs an end: the twenty minutes that care management asks for first."""
SHOWN_CONDITIONS: Final = 4


def marks_of(judged: Judged) -> tuple[int, ...]:
    """Return the thresholds, in seconds, of the family that a month is judged by."""
    return tuple(rung.seconds for rung in judged.ruling.ladder) or FIRST_THRESHOLD


def recorded_seconds(judged: Judged) -> int:
    """Return what was recorded in the program that was ruled, whether it counts or not."""
    return sum(entry.seconds for entry in judged.evidence.entries if entry.program == judged.ruling.program)


def condition_names(icd10: Iterable[str], lists: ChronicConditions) -> str:
    """Return the chronic conditions in a few words."""
    names = [lists.names[name] for name in chronic_conditions(list(icd10), lists)]
    more = f" +{len(names) - SHOWN_CONDITIONS}" if len(names) > SHOWN_CONDITIONS else ""
    return ", ".join(names[:SHOWN_CONDITIONS]) + more


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A patient-month as lists have it: the columns of `month_standings`, which explains them."""

    patient_id: UUID
    clinic_id: UUID
    practitioner_id: UUID
    coordinator_id: UUID | None
    service_month: date
    program: str
    ruled_program: str
    name_key: str
    leads: bool
    status: str
    band: int
    reason: str
    tone: str
    missing_secs: int
    countable_secs: int
    recorded_secs: int
    is_under: bool
    thresholds: Sequence[int]
    codes: Sequence[Sequence[Any]]
    exceptions: Sequence[Sequence[Any]]
    conditions: str
    lines: int
    amount_cents: int | None
    blocked_by: str | None
    service_date: date | None
    last_contact_at: datetime | None
    rules: int

    @property
    def urgency(self) -> tuple[int, int, str, UUID]:
        """What is nearest to done comes first within its band: a short call finishes it."""
        return self.band, self.missing_secs, self.name_key, self.patient_id


@dataclass(frozen=True, slots=True)
class Ground:
    """What the standings of a clinic's month share; `contacts` says when patients were last reached."""

    packs: Packs
    lists: ChronicConditions
    rules: int
    contacts: Mapping[UUID, datetime]


def standings(judged: Sequence[Judged], ground: Ground) -> list[Standing]:
    """Return a clinic's judged months as standings; of several months of a patient the most urgent one leads."""
    found = [_standing(one, ground) for one in judged]
    first: dict[UUID, Standing] = {}
    for one in found:
        known = first.get(one.patient_id)
        first[one.patient_id] = one if known is None else min(known, one, key=_lead)
    return [replace(one, leads=False) if first[one.patient_id] is not one else one for one in found]


def _lead(one: Standing) -> tuple[tuple[int, int, str, UUID], UUID]:
    return one.urgency, one.practitioner_id


def _standing(judged: Judged, ground: Ground) -> Standing:
    evidence, ruling = judged.evidence, judged.ruling
    chart, marks, countable = evidence.chart, marks_of(judged), ruling.countable_seconds
    ready = is_ready(ruling)
    lines = claim_lines(judged, ground.packs)
    known = [cents for _, _, cents in lines if cents is not None]
    deceased = chart.is_deceased or chart.deceased_on is not None
    ended = all(enrolled.ended_on is not None for enrolled in evidence.enrollments)
    why = reason(ruling.exceptions, countable, marks, deceased=deceased, ended=ended)
    return Standing(
        patient_id=chart.patient_id,
        clinic_id=evidence.clinic.id,
        practitioner_id=evidence.practitioner.id,
        coordinator_id=evidence.coordinator_id,
        service_month=evidence.month.first,
        program=evidence.program,
        ruled_program=ruling.program,
        name_key=f"{chart.family} {chart.given}".lower(),
        leads=True,
        status="ready" if ready else "blocked",
        band=why.band,
        reason=why.text,
        tone=why.tone,
        missing_secs=why.missing,
        countable_secs=countable,
        recorded_secs=recorded_seconds(judged),
        is_under=countable < marks[0],
        thresholds=list(marks),
        codes=[list(line) for line in lines],
        exceptions=[[str(one.code), str(one.severity), one.message, one.fact] for one in ruling.exceptions],
        conditions=condition_names((one.icd10 for one in chart.diagnoses), ground.lists),
        lines=len(lines),
        amount_cents=sum(known) if known else None,
        blocked_by=None if ready else _blocked_by(ruling.exceptions),
        service_date=ruling.earliest_service_date if ready else None,
        last_contact_at=ground.contacts.get(chart.patient_id),
        rules=ground.rules,
    )


def _blocked_by(exceptions: Sequence[RuleException]) -> str:
    """Return the first thing that blocks a month; what nothing blocks and yet does not bill has no rules of its own."""
    return next((str(one.code) for one in exceptions if one.severity is Severity.BLOCK), "PROVISIONAL_PACK")


class Kind(NamedTuple):
    """What standings that are counted together have in common."""

    service_month: date
    clinic_id: UUID
    coordinator_id: UUID | None
    program: str
    status: str
    band: int
    blocked_by: str | None
    rules: int


class Sums(NamedTuple):
    """Standings of one kind, counted. `patients` are those that lead, `under` those of them below every threshold."""

    months: int = 0
    patients: int = 0
    under: int = 0
    lines: int = 0
    countable_secs: int = 0
    amount_cents: int = 0

    def plus(self, other: "Sums", times: int = 1) -> "Sums":
        """Return the sums with others added, or with -1 `times` taken away."""
        return Sums(*(mine + times * theirs for mine, theirs in zip(self, other, strict=True)))


def kind_of(one: Standing) -> Kind:
    """Return what a standing is counted under."""
    return Kind(
        one.service_month,
        one.clinic_id,
        one.coordinator_id,
        one.program,
        one.status,
        one.band,
        one.blocked_by,
        one.rules,
    )


def sums_of(one: Standing) -> Sums:
    """Return what a standing adds to its kind."""
    under = int(one.leads and one.is_under)
    return Sums(1, int(one.leads), under, one.lines, one.countable_secs, one.amount_cents or 0)


def tally(counted: Mapping[Kind, Sums], gone: Iterable[Standing], come: Iterable[Standing]) -> dict[Kind, Sums]:
    """Return counts after some standings went and others came; kinds that nothing is left of stay, at nought."""
    found = dict(counted)
    for times, some in ((-1, gone), (1, come)):
        for one in some:
            kind = kind_of(one)
            found[kind] = found.get(kind, Sums()).plus(sums_of(one), times)
    return found
