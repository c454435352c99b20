"""Who may be enrolled, and how a consent stands in a month."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Annotated, Final, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from caretide.kernel.errors import Invalid
from caretide.kernel.fields import Needs
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.programs.conditions import ChronicConditions

PROGRAMS: Final = ("CCM", "PCM")
CONDITIONS_NEEDED: Final = {"CCM": 2, "PCM": 1}
"""CCM asks for two or more chronic conditions (CMS MLN909188), PCM for one complex one (CY2020 PFS final rule)."""

DISCLOSURES: Final = ("available", "cost_sharing", "one_practitioner", "may_stop", "sharing")
"""What a patient must have been told before consent counts (CMS MLN909188, May 2025)."""

CARE_MANAGEMENT_BEGAN: Final = date(2015, 1, 1)
"""Medicare pays for CCM from this day on (CMS, CY2015 PFS final rule): no consent to it is older."""

_EARLIEST_FACT: Final = date(1900, 1, 1)

_PARTS_OF: Final = {"ALZH": "ALZHDMT", "AMI": "ISCHMCHT"}
"""Categories of the Chronic Conditions Warehouse that lie wholly inside another: the same illness, named twice."""

_COVERAGE: Final[dict[str, tuple[bool | None, str]]] = {
    "original_medicare_part_b": (True, "Original Medicare with Part B"),
    "medicare_advantage": (True, "Medicare Advantage: the plan is billed, by its own rules"),
    "medicare_part_a_only": (False, "Only Medicare Part A is recorded; care management is paid by Part B"),
    "unknown": (None, "Medicare is recorded without saying whether Part B is in force; check the coverage"),
    "medicaid": (False, "Only Medicaid is recorded; care management is paid by Medicare Part B"),
    "commercial": (False, "Only commercial coverage is recorded; care management is paid by Medicare Part B"),
    "other": (False, "No Medicare coverage is recorded; care management is paid by Medicare Part B"),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that decides about a program. `ok` is None where the chart does not say; `program` None means both.

    `conditions` are the diagnoses behind it by name, which `text` says too; whoever may not read the chart gets
    `counted()`.
    """

    code: str
    text: str
    ok: bool | None
    program: str | None = None
    conditions: Annotated[tuple[str, ...] | None, Needs(Permission.CHART_READ)] = ()

    def counted(self) -> Self:
        """Return the reason with the count of the conditions and none of their names."""
        named = _listed(self.conditions) if self.conditions else ""
        return replace(self, text=self.text.replace(named, "", 1) if named else self.text, conditions=None)


@dataclass(frozen=True, slots=True)
class Eligibility:
    """What the chart says of both programs: True, False, or None while something is unknown and nothing forbids."""

    ccm: bool | None
    pcm: bool | None
    reasons: tuple[Reason, ...]

    def of(self, program: str) -> bool | None:
        """Return the answer for one program."""
        return _all(reason.ok for reason in self.reasons_of(program))

    def reasons_of(self, program: str) -> tuple[Reason, ...]:
        """Return the reasons that concern one program."""
        return tuple(reason for reason in self.reasons if reason.program in {None, program})

    def counted(self) -> Self:
        """Return the same answer for somebody who may not read the chart: it names no condition."""
        return replace(self, reasons=tuple(reason.counted() for reason in self.reasons))


def eligibility(
    icd10_codes: Sequence[str],
    coverage: str | None,
    age: int,
    *,
    deceased: bool,
    is_active: bool,
    lists: ChronicConditions,
) -> Eligibility:
    """Judge a chart for both programs. That the conditions last and endanger is attested at enrollment, not read."""
    reasons = [_coverage(coverage, age)]
    if deceased:
        reasons.append(Reason("deceased", "The patient has died", ok=False))
    if not is_active:
        reasons.append(Reason("inactive", "The chart is no longer active", ok=False))
    found = chronic_conditions(icd10_codes, lists)
    reasons += [_conditions(program, icd10_codes, [lists.names[name] for name in found]) for program in PROGRAMS]
    answer = Eligibility(None, None, tuple(reasons))
    return Eligibility(answer.of("CCM"), answer.of("PCM"), answer.reasons)


def _all(answers: Iterable[bool | None]) -> bool | None:
    """Return False if one is False, else None if one is unknown."""
    seen = set(answers)
    return False if False in seen else (None if None in seen else True)


def _coverage(coverage: str | None, age: int) -> Reason:
    if coverage is None:
        likely = "; from 65 on Medicare is likely, so check" if age >= 65 else "; check"
        return Reason("coverage", f"No coverage in force is recorded{likely}", ok=None)
    ok, text = _COVERAGE.get(coverage, _COVERAGE["other"])
    return Reason("coverage", text, ok=ok)


def _conditions(program: str, icd10_codes: Sequence[str], names: list[str]) -> Reason:
    needed = CONDITIONS_NEEDED[program]
    asks = "two or more chronic conditions" if needed > 1 else "one complex chronic condition"
    if not icd10_codes:
        return Reason(
            "conditions", f"The problem list has no coded diagnosis; {program} needs {asks}", ok=None, program=program
        )
    if not names:
        return Reason(
            "conditions", f"No chronic condition is on the problem list; it needs {asks}", ok=False, program=program
        )
    count = "1 chronic condition" if len(names) == 1 else f"{len(names)} chronic conditions"
    ok = len(names) >= needed
    text = f"{count}{_listed(names)}" + ("" if ok else f"; it needs {asks}")
    return Reason("conditions", text, ok=ok, program=program, conditions=tuple(names))


def _listed(names: Sequence[str]) -> str:
    return f": {', '.join(names)}"


def chronic_conditions(icd10_codes: Iterable[str], lists: ChronicConditions) -> tuple[str, ...]:
    """Return the chronic categories that the diagnoses prove, each by a diagnosis of its own.

    A combination code (E11.22, diabetes with kidney disease) falls into several categories and proves one: ICD-10-CM
    has the other coded beside it. So the count is a greatest matching of diagnoses to categories, erring on the low
    side.
    """
    open_to = {code: {_PARTS_OF.get(name, name) for name in lists.categories_of(code)} for code in icd10_codes}
    proof: dict[str, str] = {}

    def place(code: str, tried: set[str]) -> bool:
        for name in sorted(open_to[code] - tried):
            tried.add(name)
            if name not in proof or place(proof[name], tried):
                proof[name] = code
                return True
        return False

    for code in sorted(open_to):
        place(code, set())
    return tuple(sorted(proof))


@dataclass(frozen=True, slots=True)
class Decision:
    """What a patient decided about a program with one practitioner; `disclosures` are those that were made.

    `recorded_at` and `recorded_by` (a member's name, None for the command line) say when it was entered and by whom.
    """

    decision: str
    decided_at: datetime
    practitioner_id: UUID
    mode: str
    disclosures: frozenset[str]
    obtained_by: str = ""
    script_version: str = ""
    recorded_at: datetime | None = None
    recorded_by: str | None = None


def check_decided_at(decided_at: datetime, now: datetime, birth_date: date, zone: ZoneInfo) -> None:
    """Refuse a time without its offset, one that has not come, and one before care management or the patient's birth.

    Within these bounds back-dating is allowed: when and by whom a decision was recorded is stamped beside it.
    """
    if decided_at.tzinfo is None:
        raise Invalid("Give the time with its offset, for example 2026-10-05T09:30:00-05:00", field="decided_at")
    if decided_at > now:
        raise Invalid("Nobody can have consented at a time that has not come", field="decided_at")
    if decided_at < datetime.combine(CARE_MANAGEMENT_BEGAN, time(), zone):
        raise Invalid("Nobody can have consented before care management began, in 2015", field="decided_at")
    if decided_at < datetime.combine(birth_date, time(), zone):
        raise Invalid("Nobody can have consented before they were born", field="decided_at")


def check_fact_dates(kind: str, month: Month | None, effective_on: date, checked_on: date, birth_date: date) -> None:
    """Refuse days before the patient's birth or 1900, and a check that came before what it checks."""
    for field, day in (("effective_on", effective_on), ("checked_on", checked_on)):
        if day < max(birth_date, _EARLIEST_FACT):
            raise Invalid("This day lies before the patient's birth", field=field)
    if month is None:
        if checked_on < effective_on:
            raise Invalid("It can be checked from the day on that it took effect", field="checked_on")
        return
    if checked_on < month.first:
        raise Invalid(f"What {month.title} brings can be checked from its first day on", field="checked_on")
    if kind == "decision-making" and Month.of(effective_on) != month:
        raise Invalid(f"Decision making for {month.title} is of a day in that month", field="effective_on")


@dataclass(frozen=True, slots=True)
class ConsentStanding:
    """How consent stands in a month, in the words of the ruling format.

    `documented` and `revoked` carry the consent that was given; a revocation within the month lets the month stand,
    one of an earlier month does not (compare `revoked_on`). `other_practitioner`: only somebody else was given consent.
    """

    status: str
    given: Decision | None = None
    obtained_on: date | None = None
    revoked_on: date | None = None

    @property
    def elements_complete(self) -> bool:
        """Whether all five disclosures were made."""
        return self.given is not None and self.given.disclosures >= set(DISCLOSURES)


def consent_in(decisions: Iterable[Decision], practitioner_id: UUID, month: Month, zone: ZoneInfo) -> ConsentStanding:
    """Return how consent to a program stood in a month, from all of a patient's decisions about that program.

    What was decided after the month is not looked at: a consent given in November does not cure October. A revocation
    takes effect at the end of its calendar month (CMS MLN909188), so that month still stands on the consent before it.
    """
    end = month.bounds(zone)[1]
    known = sorted((one for one in decisions if one.decided_at < end), key=lambda one: one.decided_at)
    own = _standing([one for one in known if one.practitioner_id == practitioner_id], zone)
    if own.status != "missing" or any(one.practitioner_id == practitioner_id for one in known):
        return own
    others = _standing(known, zone)
    if others.status == "documented":
        return ConsentStanding("other_practitioner", others.given, others.obtained_on)
    return own


def _standing(decisions: list[Decision], zone: ZoneInfo) -> ConsentStanding:
    given: Decision | None = None
    revoked_on: date | None = None
    for one in decisions:
        day = one.decided_at.astimezone(zone).date()
        if one.decision == "accepted":
            # Asked again while a consent stands, the first one keeps its date: consent is given once.
            still = given is not None and revoked_on is None and given.disclosures >= one.disclosures
            given, revoked_on = (given if still else one), None
        elif one.decision == "revoked" and given is not None:
            revoked_on = day
        else:
            given, revoked_on = None, None
    if given is None:
        return ConsentStanding("missing")
    obtained_on = given.decided_at.astimezone(zone).date()
    return ConsentStanding("revoked" if revoked_on else "documented", given, obtained_on, revoked_on)
