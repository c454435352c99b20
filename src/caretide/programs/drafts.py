"""Faults of a draft claim: codes that somebody already put down, its service date, and the day it is filed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from caretide.programs.claims import DEAD, same_practitioner
from caretide.programs.month_facts import OtherClaim, PatientMonth
from caretide.programs.packs import GENERAL_CODE, MonthRules
from caretide.programs.ruling import CodeUnits, ExceptionCode, RuleException, Severity, adjust, block, info
from caretide.programs.rural_clinics import RURAL, uses_general_code

ONCE = frozenset({"G0506", "99453"})
BESIDE = (("99454", "99445"), ("99457", "99470"))
# NCCI pairs these with visits, indicator 1; 99490, 99491 and 99424 have no such edit.
WITH_VISIT = frozenset({"99487", "99489", "99426", "99427"})


@dataclass(frozen=True, slots=True)
class Draft:
    """The draft beside what the rules earned. `earliest` is the first possible service date, None where unknown."""

    facts: PatientMonth
    rules: MonthRules
    program: str
    lines: Sequence[CodeUnits]
    earliest: date | None

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes on the draft."""
        return self.facts.requested_codes or ()


def draft_faults(draft: Draft) -> list[RuleException]:
    """Return the faults of a draft that change or block the answer. The last three do not need its codes."""
    codes = [*_not_active(draft), *_addons(draft), *_families(draft), *_repeats(draft)] if draft.codes else []
    return [
        *codes,
        *_service_date(draft),
        *_visits(draft),
        *_filing(draft),
    ]


def drafted_extras(facts: PatientMonth, rules: MonthRules, program: str) -> list[CodeUnits]:
    """Return codes that no time earns and that stand because the draft names them and nothing speaks against them."""
    drafted = set(facts.requested_codes or ())
    extras: list[CodeUnits] = []
    visited = facts.initiating_visit is not None and facts.initiating_visit.satisfied is True
    if "G0506" in drafted and program == "CCM" and visited and not _earlier(facts, "G0506"):
        extras.append(CodeUnits("G0506", 1))
    if program == "APCM":
        behavioral = sorted(code for code in drafted & rules.active if rules.kind(code) == "apcm_addon")
        extras += [CodeUnits(code, 1) for code in behavioral[:1]]
    set_up = "99453" in drafted and "RPM" in facts.programs and facts.rpm is not None
    if set_up and facts.rpm is not None and not _earlier(facts, "99453"):
        least = rules.remote.short_device_days if "99445" in rules.active else rules.remote.device_days
        extras += [CodeUnits("99453", 1)] if facts.rpm.days_with_data >= least else []
    return extras


def _not_active(draft: Draft) -> Iterator[RuleException]:
    rules, rural = draft.rules, draft.facts.provider_type in RURAL
    for code in sorted(set(draft.codes)):
        known = rules.codes.get(code)
        if known is None:
            yield _left(ExceptionCode.CODE_NOT_ACTIVE, f"{code} is not a code that the rule packs know", draft)
        elif code not in rules.active:
            since = f"from {known.first} on" if known.first and known.first > rules.last else f"until {known.last}"
            yield _left(ExceptionCode.CODE_NOT_ACTIVE, f"{code} is payable {since}, not in {rules.month}", draft)
        elif code == GENERAL_CODE and not rural:
            yield _left(ExceptionCode.CODE_NOT_ACTIVE, f"{code} is payable to RHCs and FQHCs only", draft)
        elif rural and rules.rural_mode == "general" and known.kind in {"ccm", "pcm"}:
            yield _left(
                ExceptionCode.CODE_NOT_ACTIVE, f"{code} is not payable to an RHC or FQHC in {rules.month}", draft
            )
            if known.bases:
                yield info(ExceptionCode.RHC_NO_ADDON, f"an RHC or FQHC gets no {code} in {rules.month}")


def _addons(draft: Draft) -> Iterator[RuleException]:
    general = uses_general_code(draft.facts, draft.rules)
    for code in sorted(set(draft.codes) & draft.rules.active):
        bases = draft.rules.codes[code].bases
        if bases and not set(bases) & set(draft.codes) and not general:
            names = " or ".join(bases)
            yield _left(ExceptionCode.ADDON_WITHOUT_BASE, f"{code} needs {names} on the same claim", draft)
    visit = draft.facts.initiating_visit
    if "G0506" in draft.codes and (visit is None or not visit.satisfied):
        yield _left(ExceptionCode.ADDON_WITHOUT_BASE, "G0506 needs its initiating visit", draft)


def _families(draft: Draft) -> Iterator[RuleException]:
    """A draft that mixes families, or that holds a family of another program than the month's."""
    rules, drafted = draft.rules, set(draft.codes)
    families = {ladder.id for ladder in rules.ladders.values() if ladder.base in drafted or ladder.addon in drafted}
    families |= {"apcm" for code in drafted if rules.kind(code) == "apcm"}
    families |= {"general" for code in drafted if code == GENERAL_CODE}
    programs = {family.split("_")[0].upper() for family in families - {"general"}}
    levels = sum(rules.kind(code) == "apcm" for code in drafted)
    beside = levels > 1 or any(set(pair) <= drafted for pair in BESIDE)
    if len(families) > 1 or beside or (programs and draft.program not in programs):
        named = ", ".join(sorted(drafted))
        yield adjust(
            ExceptionCode.CODE_FAMILY_CONFLICT, f"the draft ({named}) does not fit one family of {draft.program}"
        )
    if {"CCM", "PCM"} <= programs:
        yield adjust(
            ExceptionCode.CONCURRENT_PCM_SAME_PRACTITIONER,
            "the draft holds CCM and PCM; one practitioner bills one of them",
        )
    if draft.program == "APCM" and programs & {"CCM", "PCM"}:
        yield info(ExceptionCode.CONCURRENT_APCM, "APCM replaces the CCM and PCM codes of the draft")


def _repeats(draft: Draft) -> Iterator[RuleException]:
    for code, times in sorted(Counter(draft.codes).items()):
        if code in ONCE and (times > 1 or _earlier(draft.facts, code)):
            yield adjust(ExceptionCode.ONCE_ONLY, f"{code} is paid once per patient and practitioner")
        elif times > 1:
            yield from _too_many(draft, code, times)


def _too_many(draft: Draft, code: str, times: int) -> Iterator[RuleException]:
    ladder = next((one for one in draft.rules.ladders.values() if one.addon == code), None)
    known = draft.rules.limits.get(code)
    limit = ladder.limit if ladder else known.units if known else 1
    earned = sum(line.units for line in draft.lines if line.code == code)
    if ladder is not None or limit > 1:
        if times > limit:
            yield info(ExceptionCode.UNIT_CAP, f"{times} units of {code} on the draft; the limit is {limit}")
        if code != GENERAL_CODE or times <= max(1, earned):
            return
    yield adjust(ExceptionCode.DUPLICATE_SERVICE_PERIOD, f"{code} stands {times} times on the draft of one month")


def _service_date(draft: Draft) -> Iterator[RuleException]:
    dos, rules, death = draft.facts.requested_dos, draft.rules, draft.facts.patient.deceased_on
    if dos is None:
        return
    if draft.earliest is not None and dos < draft.earliest:
        yield adjust(
            ExceptionCode.DOS_BEFORE_THRESHOLD,
            f"service date {dos} lies before {draft.earliest}, when the time was reached",
        )
    elif dos < rules.first:
        yield adjust(ExceptionCode.DOS_BEFORE_THRESHOLD, f"service date {dos} lies before {rules.month}")
    elif dos > rules.last:
        yield adjust(
            ExceptionCode.DUPLICATE_SERVICE_PERIOD, f"service date {dos} lies in another month than {rules.month}"
        )
    if death is not None and dos > death >= rules.first:
        yield adjust(ExceptionCode.POST_DEATH_TIME, f"service date {dos} lies after death on {death}")


def _visits(draft: Draft) -> Iterator[RuleException]:
    ours = {line.code for line in draft.lines} & WITH_VISIT
    if not ours:
        return
    for claim in draft.facts.other_claims or ():
        if (
            draft.rules.kind(claim.code) == "visit"
            and same_practitioner(claim, draft.facts)
            and _same_date(claim, ours, draft)
        ):
            named = ", ".join(sorted(ours))
            yield adjust(
                ExceptionCode.MODIFIER_25_NEEDED,
                f"{claim.code} on the service date of {named} needs modifier 25, or another date",
            )


def _same_date(claim: OtherClaim, ours: set[str], draft: Draft) -> bool:
    if (claim.status or "").lower() in DEAD:
        return False
    if claim.same_date_as is not None:
        return claim.same_date_as in ours
    return claim.dos is not None and claim.dos == (draft.facts.requested_dos or draft.earliest)


def _filing(draft: Draft) -> Iterator[RuleException]:
    filed = draft.facts.submitted_on
    if filed is None:
        return
    service = draft.facts.requested_dos or draft.rules.last
    last_day = _year_after(service)
    if filed > last_day:
        yield block(
            ExceptionCode.TIMELY_FILING, f"filed on {filed}; the last day for a service of {service} was {last_day}"
        )


def _year_after(day: date) -> date:
    if day.year == date.max.year:
        return date.max
    leap = day.month == 2 and day.day == 29
    return day.replace(year=day.year + 1, day=28) if leap else day.replace(year=day.year + 1)


def _earlier(facts: PatientMonth, code: str) -> bool:
    """Whether the same practitioner had this code before, on whatever date."""
    return any(
        claim.code == code and same_practitioner(claim, facts) and (claim.status or "").lower() not in DEAD
        for claim in facts.other_claims or ()
    )


def _left(code: ExceptionCode, message: str, draft: Draft) -> RuleException:
    """Blocks where what is left bills nothing."""
    return RuleException(code, Severity.ADJUST if draft.lines else Severity.BLOCK, message)
