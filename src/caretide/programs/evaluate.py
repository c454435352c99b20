"""The judgment of a patient-month: gates, what else is billed, the family, its units, the draft, the ruling.

Every step adds what it found; nothing stops early, so that a person sees all that is missing at once. Only at the end a
single blocking exception empties the claim.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from caretide.programs.concurrency import concurrent, paired
from caretide.programs.countable import PART_A_STAYS, Removed, Tally, tally, verdicts
from caretide.programs.drafts import Draft, draft_faults, drafted_extras
from caretide.programs.families import Choice, choose, rungs
from caretide.programs.gates import gates
from caretide.programs.month_facts import PatientMonth
from caretide.programs.overlaps import day_reached
from caretide.programs.packs import MonthRules, Packs
from caretide.programs.remote_monitoring import remote_monitoring
from caretide.programs.ruling import (
    Citation,
    CodeUnits,
    ExceptionCode,
    RuleException,
    Ruling,
    Rung,
    Severity,
    adjust,
    block,
    clock,
    info,
)
from caretide.programs.rural_clinics import RURAL, election_faults, general_lines, uses_general_code

TOOK_AWAY = {
    ExceptionCode.OVERLAPPING_TIME: "at the same time as other work",
    ExceptionCode.DOUBLE_COUNTED_TIME: "already counted for another code",
    ExceptionCode.EM_TIME_EXCLUDED: "as part of a visit",
    ExceptionCode.SUPERVISION_TIME: "of supervision alone",
    ExceptionCode.NONCLINICAL_TIME: "of clerical work",
    ExceptionCode.QUESTIONABLE_ACTIVITY: "of work on which sources differ",
    ExceptionCode.NOT_CLINICAL_STAFF: "by others than clinical staff",
    ExceptionCode.OFFSHORE_STAFF: "outside the United States",
    ExceptionCode.EXCLUDED_INDIVIDUAL: "by a person excluded from federal programs",
    ExceptionCode.PRE_CONSENT_TIME: "before consent",
    ExceptionCode.POST_DEATH_TIME: "after death",
    ExceptionCode.PART_A_FACILITY: "during a Part A stay",
    ExceptionCode.UNAPPROVED_TIME: "entered after the fact and not approved",
}
CLAIM_ORDER = {kind: place for place, kind in enumerate(("ccm", "pcm", "general", "apcm", "apcm_addon", "initiation"))}


@dataclass(frozen=True, slots=True)
class Judged:
    """What one way of judging (timed or APCM) found; `needed` is the time that the draft's service date rests on."""

    program: str
    family: str
    lines: tuple[CodeUnits, ...]
    exceptions: tuple[RuleException, ...]
    tally: Tally
    personal: bool
    seconds: int
    ladder: tuple[Rung, ...]
    earliest: date | None
    settings_used: tuple[str, ...] = ()
    draft_earliest: date | None = None


def rule(facts: PatientMonth, packs: Packs) -> Ruling:
    """Return what our practitioner may report for a patient-month, and why. Pure: the same facts, the same ruling."""
    rules = packs.at(facts.month)
    if rules is None:
        return _before_all_packs(facts, packs)
    judged = _apcm(facts, rules) if _is_apcm(facts, rules) else _timed(facts, rules)
    monitoring, remarks = remote_monitoring(facts, rules)
    lines, rural_notes = _claim(facts, rules, judged, monitoring)
    draft = Draft(facts, rules, judged.program, lines, judged.draft_earliest or judged.earliest)
    exceptions = [
        *gates(facts, rules, judged.program),
        *_absent(facts, rules, judged),
        *_beside_visits(judged),
        *concurrent(facts, rules, judged.program),
        *paired(facts, rules, lines),
        *judged.exceptions,
        *remarks,
        *rural_notes,
        *election_faults(facts, rules),
        *draft_faults(draft),
    ]
    exceptions += _time_taken(facts, judged, billed=bool(lines))
    exceptions += _short(judged, exceptions, billed=bool(lines))
    if rules.provisional:
        exceptions.append(
            info(ExceptionCode.PROVISIONAL_PACK, f"no rule pack covers {facts.month} yet; ruled by {rules.pack}")
        )
    return _ruling(facts, packs, rules, judged, lines, exceptions)


def _before_all_packs(facts: PatientMonth, packs: Packs) -> Ruling:
    first = packs.packs[0].first
    fault = block(ExceptionCode.CODE_NOT_ACTIVE, f"the rule packs begin with {first}; {facts.month} is not ruled")
    return Ruling(
        month=facts.month,
        program=facts.programs[0],
        family=None,
        codes=(),
        exceptions=(fault,),
        countable_seconds=0,
        staff_seconds=0,
        practitioner_seconds=0,
        ladder=(),
        earliest_service_date=None,
        entries=(),
        pack=None,
        provisional=False,
        citations=packs.cited_by[fault.code],
    )


def _is_apcm(facts: PatientMonth, rules: MonthRules) -> bool:
    """APCM replaces the timed programs from its first day on; before that only a patient in nothing else has it."""
    if "APCM" not in facts.programs:
        return False
    return "G0556" in rules.active or not any(program in rules.by_program for program in facts.programs)


def _apcm(facts: PatientMonth, rules: MonthRules) -> Judged:
    """Rule by level: fewer than two conditions, two or more, two or more and QMB (CMS-1807-F)."""
    found = tally(facts, rules, "CCM")
    several = (facts.patient.chronic_conditions or 0) >= 2
    code = ("G0558" if facts.patient.qmb else "G0557") if several else "G0556"
    exceptions: list[RuleException] = []
    lines: tuple[CodeUnits, ...] = (CodeUnits(code, 1),)
    if code not in rules.active:
        lines = ()
        exceptions.append(block(ExceptionCode.CODE_NOT_ACTIVE, f"{code} is not payable in {rules.month}"))
    elif found.pooled.total:
        exceptions.append(
            info(ExceptionCode.CONCURRENT_APCM, f"{clock(found.pooled.total)} are logged; APCM does not rest on time")
        )
    consent = facts.consent
    since = consent.obtained_on if consent is not None else None
    earliest = max(rules.first, since) if since is not None and since <= rules.last else rules.first
    return Judged("APCM", "apcm", lines, tuple(exceptions), found, False, 0, (), earliest)  # noqa: FBT003 -- a record


def _timed(facts: PatientMonth, rules: MonthRules) -> Judged:
    """Rule by time: one program, one family, its ladder."""
    program, found, choice = _chosen_program(facts, rules)
    exceptions = list(choice.exceptions)
    dropped = [other for other in facts.programs if other in rules.by_program and other != program]
    if any(entry.program in dropped for entry in facts.entries):
        exceptions.append(
            adjust(
                ExceptionCode.CONCURRENT_PCM_SAME_PRACTITIONER,
                f"one practitioner bills CCM or PCM in a month: {program} is, time for {dropped[0]} is left unbilled",
            )
        )
    lines = choice.lines
    if lines and found.attempts_only:
        lines = ()
    ladder = choice.ladder
    spans, measured = found.resting_on(personal=ladder.personal)
    units = sum(line.units for line in lines)
    earliest, draft_earliest = None, None
    if units:
        earliest = day_reached(spans, measured.shares, ladder.steps[units - 1][2])
        base_alone = facts.requested_codes is not None and ladder.addon not in facts.requested_codes
        draft_earliest = day_reached(spans, measured.shares, ladder.base_seconds) if base_alone else earliest
    return Judged(
        program=program,
        family=ladder.id,
        lines=lines,
        exceptions=tuple(exceptions),
        tally=found,
        personal=ladder.personal,
        seconds=choice.seconds,
        ladder=rungs(ladder, choice.seconds),
        earliest=earliest,
        settings_used=choice.settings_used,
        draft_earliest=draft_earliest,
    )


def _chosen_program(facts: PatientMonth, rules: MonthRules) -> tuple[str, Tally, Choice]:
    """Return the elected program of a patient who is in two, or the first of them that earns anything."""
    programs = [program for program in facts.programs if program in rules.by_program] or ["CCM"]
    if facts.election in programs:
        programs = [facts.election]
    drafted = [
        program
        for program in programs
        if any(ladder.base in (facts.requested_codes or ()) for ladder in rules.by_program[program])
    ]
    programs = drafted if len(drafted) == 1 else programs
    judged: list[tuple[str, Tally, Choice]] = []
    for program in programs:
        found = tally(facts, rules, program)
        judged.append((program, found, choose(facts, rules, program, found)))
        if judged[-1][2].lines:
            return judged[-1]
    return judged[0]


def _claim(
    facts: PatientMonth, rules: MonthRules, judged: Judged, monitoring: tuple[CodeUnits, ...]
) -> tuple[tuple[CodeUnits, ...], tuple[RuleException, ...]]:
    """Return the lines in claim order: the family, what the draft rightly adds, remote monitoring."""
    if judged.family != "apcm" and uses_general_code(facts, rules):
        return general_lines(judged.lines, monitoring, rules, judged.seconds)
    extras = drafted_extras(facts, rules, judged.program) if judged.lines else []
    ordered = sorted(extras, key=lambda line: CLAIM_ORDER.get(rules.kind(line.code) or "", len(CLAIM_ORDER)))
    return (*judged.lines, *ordered, *monitoring), ()


def _absent(facts: PatientMonth, rules: MonthRules, judged: Judged) -> Iterable[RuleException]:
    """A death before the month, or a Part A stay that fills it, where no time is there to say so."""
    if facts.entries and judged.family != "apcm":
        return
    died = facts.patient.deceased_on
    if died is not None and died < rules.first:
        yield block(ExceptionCode.POST_DEATH_TIME, f"the patient died on {died}, before the month")
    for stay in facts.patient.facility_stays or ():
        if stay.kind in PART_A_STAYS and stay.first <= rules.first and (stay.last or rules.last) >= rules.last:
            yield block(ExceptionCode.PART_A_FACILITY, f"a Part A stay since {stay.first} fills the month")


def _beside_visits(judged: Judged) -> Iterable[RuleException]:
    seconds = judged.tally.visit_day_seconds
    if seconds and judged.family != "apcm":
        yield info(
            ExceptionCode.CONCURRENT_REVIEW, f"{clock(seconds)} on the day of a visit count as work apart from it"
        )


def _time_taken(facts: PatientMonth, judged: Judged, *, billed: bool) -> Iterable[RuleException]:
    """Name every reason that took time away; it blocks where what is left bills nothing. APCM rests on no time."""
    found = judged.tally
    bills = billed or judged.family == "apcm" or found.attempts_only
    severity = Severity.ADJUST if bills else Severity.BLOCK
    for code, removed in sorted(found.removed.items()):
        yield RuleException(code, severity, _taken_message(facts, code, removed))
    beside = Severity.ADJUST if billed else Severity.INFO
    for code, removed in sorted(found.also.items()):
        if code not in found.removed:
            yield RuleException(code, beside, _taken_message(facts, code, removed))
    spans, measured = found.resting_on(personal=judged.personal)
    lost = sum(span.seconds for span in spans) - measured.total
    if lost:
        yield RuleException(
            ExceptionCode.OVERLAPPING_TIME,
            severity,
            f"{clock(lost)} {TOOK_AWAY[ExceptionCode.OVERLAPPING_TIME]} is not counted twice",
        )


def _taken_message(facts: PatientMonth, code: ExceptionCode, removed: Removed) -> str:
    what = TOOK_AWAY[code]
    if code is ExceptionCode.PRE_CONSENT_TIME and facts.consent is not None:
        what = f"before consent on {facts.consent.obtained_on}"
    elif code is ExceptionCode.POST_DEATH_TIME:
        what = f"after death on {facts.patient.deceased_on}"
    days = sorted(removed.days)
    when = f" ({days[0]})" if len(days) == 1 else f" ({days[0]} to {days[-1]})" if days else ""
    unknown = "" if days else ", on days that are not recorded," if code in _BY_DAY else ""
    return f"{clock(removed.seconds)} {what}{when}{unknown} is not counted"


_BY_DAY = frozenset({ExceptionCode.PRE_CONSENT_TIME, ExceptionCode.POST_DEATH_TIME, ExceptionCode.PART_A_FACILITY})


def _short(judged: Judged, exceptions: list[RuleException], *, billed: bool) -> Iterable[RuleException]:
    """Say that the time does not suffice, where nothing else has said why nothing can be billed."""
    if billed or judged.family == "apcm":
        return
    if judged.tally.attempts_only:
        yield block(ExceptionCode.NO_SERVICE_DELIVERED, "the month holds attempts to reach the patient and no service")
    elif not any(item.severity is Severity.BLOCK for item in exceptions):
        first = judged.ladder[0]
        yield block(
            ExceptionCode.BELOW_THRESHOLD,
            f"{clock(judged.seconds)} of the {clock(first.seconds)} that {first.code} needs;"
            f" {clock(first.missing)} are missing",
        )


def _ruling(
    facts: PatientMonth,
    packs: Packs,
    rules: MonthRules,
    judged: Judged,
    lines: tuple[CodeUnits, ...],
    exceptions: list[RuleException],
) -> Ruling:
    blocked = any(item.severity is Severity.BLOCK for item in exceptions)
    general = judged.family != "apcm" and uses_general_code(facts, rules)
    return Ruling(
        month=facts.month,
        program=judged.program,
        family="general" if general else judged.family,
        codes=() if blocked else lines,
        exceptions=tuple(exceptions),
        countable_seconds=judged.seconds,
        staff_seconds=judged.tally.staff,
        practitioner_seconds=judged.tally.personal.total,
        ladder=judged.ladder,
        earliest_service_date=None if blocked else judged.earliest,
        entries=verdicts(facts, judged.tally, personal=judged.personal),
        pack=rules.pack,
        provisional=rules.provisional,
        citations=_citations(facts, packs, rules, judged, exceptions, general=general),
        notes=_notes(facts, rules, judged, lines),
    )


def _undecided_rural(facts: PatientMonth, rules: MonthRules) -> bool:
    """Whether an RHC or FQHC could choose between G0511 and individual codes, and nobody did."""
    choice = facts.provider_type in RURAL and rules.rural_mode == "choice"
    return choice and facts.election not in {"G0511", "individual_codes"} and not facts.requested_codes


def _citations(
    facts: PatientMonth,
    packs: Packs,
    rules: MonthRules,
    judged: Judged,
    exceptions: list[RuleException],
    *,
    general: bool,
) -> tuple[Citation, ...]:
    """Return the rules that bore on the ruling, each once, and the settings on which sources differ."""
    cited = dict.fromkeys(packs.cited_by[judged.family])
    if general:
        cited |= dict.fromkeys(packs.cited_by["general"])
    settings = list(judged.settings_used)
    if judged.tally.visit_day_seconds:
        settings.append("em_day_staff_time")
    if _undecided_rural(facts, rules):
        settings.append("rhc_transition_default")
    for item in exceptions:
        cited |= dict.fromkeys(packs.cited_by[item.code])
        setting = _SETTING_BEHIND.get(item.code)
        if setting is not None:
            settings.append(setting)
    named = (
        Citation(name, rules.settings_notes[name], f"setting of {rules.pack}", uncertain=True)
        for name in dict.fromkeys(settings)
        if name in rules.settings_notes
    )
    return (*cited, *named)


_SETTING_BEHIND = {
    ExceptionCode.QUESTIONABLE_ACTIVITY: "questionable_activities",
    ExceptionCode.OVERLAPPING_TIME: "simultaneous_work",
    ExceptionCode.CONCURRENT_TCM: "pcm_with_tcm",
    ExceptionCode.DOS_BEFORE_THRESHOLD: "service_date",
}


def _notes(facts: PatientMonth, rules: MonthRules, judged: Judged, lines: tuple[CodeUnits, ...]) -> tuple[str, ...]:
    """Return what a reader should know and for which the format has no exception code."""
    notes: list[str] = []
    if "complex_without_election" in judged.settings_used:
        notes.append("No family is elected; complex CCM is ruled because all its evidence is there.")
    if _undecided_rural(facts, rules):
        notes.append("No choice between G0511 and individual codes is recorded; the pack's default is taken.")
    unearned = sorted(set(facts.requested_codes or ()) - {line.code for line in lines})
    if unearned:
        notes.append(f"The draft's {', '.join(unearned)} did not come out of the rules.")
    if facts.patient.qmb:
        notes.append("The patient is a Qualified Medicare Beneficiary and may not be billed a share.")
    return tuple(notes)
