"""Which family of codes a month is billed with, and how many units its time earns."""

from collections.abc import Iterator
from dataclasses import dataclass

from caretide.programs.countable import Tally
from caretide.programs.month_facts import PatientMonth
from caretide.programs.packs import Ladder, MonthRules
from caretide.programs.ruling import CodeUnits, ExceptionCode, RuleException, Rung, adjust, clock, info

PRACTITIONER_WORD = "billing_practitioner"
EXCLUSIVE = {"CCM": ExceptionCode.EXCLUSIVE_99490_99491, "PCM": ExceptionCode.EXCLUSIVE_99424_99426}


@dataclass(frozen=True, slots=True)
class Choice:
    """The family, the seconds it rests on, its claim lines (empty where its first code is not earned), and why."""

    ladder: Ladder
    seconds: int
    lines: tuple[CodeUnits, ...]
    exceptions: tuple[RuleException, ...]
    settings_used: tuple[str, ...] = ()


def choose(facts: PatientMonth, rules: MonthRules, program: str, found: Tally) -> Choice:
    """Elect the family of a timed program and count its units.

    An election whose own evidence is missing falls back to the staff family. Without an election a draft of one family
    counts as the wish; without a draft, complex CCM comes first where all its evidence is there, and PCM by the
    practitioner where the practitioner's own time earns it.
    """
    name = program.lower()
    staff, practitioner = rules.ladders[f"{name}_staff"], rules.ladders[f"{name}_practitioner"]
    wish = _wish(facts, rules, program)
    exceptions = list(_complex_evidence(facts, rules, found, wish)) if program == "CCM" else []
    ladder, settings_used = staff, ()
    if program == "CCM" and _complex_stands(facts, rules, found, wish):
        ladder = rules.ladders["ccm_complex"]
        settings_used = ("complex_without_election",) if wish == "auto" else ()
    elif found.personal.total >= practitioner.base_seconds and (
        wish == "practitioner" or (wish == "auto" and program == "PCM")
    ):
        ladder = practitioner
    seconds = found.personal.total if ladder.personal else found.pooled.total
    lines = earned(ladder, seconds)
    exceptions += _remarks(ladder, found, wish, staff, practitioner, billed=bool(lines))
    exceptions += _cap(ladder, seconds)
    return Choice(ladder, seconds, lines, tuple(exceptions), settings_used)


def earned(ladder: Ladder, seconds: int) -> tuple[CodeUnits, ...]:
    """Return the claim lines that seconds earn on a ladder, up to its limit; empty below the first code."""
    if seconds < ladder.base_seconds:
        return ()
    more = min((seconds - ladder.base_seconds) // ladder.addon_seconds, ladder.limit)
    base = CodeUnits(ladder.base, 1)
    return (base, CodeUnits(ladder.addon, more)) if more else (base,)


def rungs(ladder: Ladder, seconds: int) -> tuple[Rung, ...]:
    """Return every step of a ladder with the seconds still missing to it."""
    return tuple(Rung(code, units, needed, max(0, needed - seconds)) for code, units, needed in ladder.steps)


def _wish(facts: PatientMonth, rules: MonthRules, program: str) -> str:
    """Return `staff`, `practitioner`, `complex` or `auto`."""
    if facts.election in {"staff", "practitioner"} or (facts.election == "complex" and program == "CCM"):
        return facts.election
    drafted = {
        ladder.id.removeprefix(f"{program.lower()}_")
        for ladder in rules.by_program[program]
        for code in facts.requested_codes or ()
        if code in {ladder.base, ladder.addon}
    }
    return drafted.pop() if len(drafted) == 1 else "auto"


def _by_practitioner(facts: PatientMonth) -> bool:
    return facts.mdm_by in {PRACTITIONER_WORD, facts.practitioner.id}


def _complex_stands(facts: PatientMonth, rules: MonthRules, found: Tally, wish: str) -> bool:
    wanted = wish == "complex" or (wish == "auto" and rules.settings.complex_without_election)
    evidence = facts.mdm in {"moderate", "high"} and _by_practitioner(facts)
    return wanted and evidence and found.pooled.total >= rules.ladders["ccm_complex"].base_seconds


def _complex_evidence(facts: PatientMonth, rules: MonthRules, found: Tally, wish: str) -> Iterator[RuleException]:
    """Say what an elected complex month lacks; without an election, only who recorded the decision making."""
    needed = rules.ladders["ccm_complex"].base_seconds
    enough = found.pooled.total >= needed
    if wish != "complex" and not (wish == "auto" and enough):
        return
    if not enough:
        yield info(
            ExceptionCode.COMPLEX_THRESHOLD_NOT_MET,
            f"complex CCM needs {clock(needed)}; {clock(found.pooled.total)} count",
        )
    if facts.mdm not in {"moderate", "high"}:
        if wish == "complex":
            level = facts.mdm or "none recorded"
            yield info(ExceptionCode.MDM_NOT_MET, f"complex CCM needs moderate or high decision making; it is {level}")
    elif not _by_practitioner(facts):
        yield adjust(
            ExceptionCode.MDM_NOT_BY_PRACTITIONER,
            f"decision making was recorded by {facts.mdm_by or 'nobody known'}, not by the billing practitioner",
        )


def _remarks(
    ladder: Ladder, found: Tally, wish: str, staff: Ladder, practitioner: Ladder, *, billed: bool
) -> Iterator[RuleException]:
    if wish == "practitioner" and found.staff:
        yield adjust(
            ExceptionCode.NOT_PERSONALLY_PERFORMED,
            f"{clock(found.staff)} by others cannot count for {practitioner.base}, "
            "which the billing practitioner must perform",
        )
    if found.staff >= staff.base_seconds and found.personal.total >= practitioner.base_seconds:
        yield info(
            EXCLUSIVE[staff.program],
            f"{staff.base} and {practitioner.base} were both earned and exclude each other; {ladder.base} is billed",
        )
    added = found.pooled.total - found.staff
    if billed and not ladder.personal and added:
        yield info(
            ExceptionCode.PRACTITIONER_TIME_COUNTED_AS_STAFF,
            f"{clock(added)} of the billing practitioner count as staff time for {ladder.base}",
        )


def _cap(ladder: Ladder, seconds: int) -> Iterator[RuleException]:
    needed = ladder.base_seconds + (ladder.limit + 1) * ladder.addon_seconds
    if seconds >= needed:
        assumed = ", assumed to hold still" if ladder.limit_assumed else ""
        yield info(
            ExceptionCode.UNIT_CAP,
            f"{clock(seconds)} would earn more than {ladder.limit} of {ladder.addon} ({ladder.limit_source}{assumed})",
        )
