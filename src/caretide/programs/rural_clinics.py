"""RHCs and FQHCs: one general code in 2024, a choice until September 2025, individual codes from then on."""

from collections.abc import Sequence

from caretide.programs.month_facts import PatientMonth
from caretide.programs.packs import GENERAL_CODE, MonthRules
from caretide.programs.ruling import CodeUnits, ExceptionCode, RuleException, adjust, clock, info

RURAL = frozenset({"rhc", "fqhc"})


def uses_general_code(facts: PatientMonth, rules: MonthRules) -> bool:
    """Whether the month is reported with G0511: by the calendar, else by election, draft or the pack's default."""
    if facts.provider_type not in RURAL or rules.rural_mode == "individual":
        return False
    if rules.rural_mode == "general" or facts.election == GENERAL_CODE:
        return True
    if facts.election == "individual_codes":
        return False
    drafted = set(facts.requested_codes or ())
    if drafted:
        return drafted == {GENERAL_CODE}
    return rules.settings.rhc_transition_default == "general"


def general_lines(
    timed: Sequence[CodeUnits], monitoring: Sequence[CodeUnits], rules: MonthRules, seconds: int
) -> tuple[tuple[CodeUnits, ...], tuple[RuleException, ...]]:
    """Return the general code, once for each distinct service earned, and a note where add-on time goes unpaid."""
    services = bool(timed) + bool(monitoring)
    lines = (CodeUnits(GENERAL_CODE, services),) if services else ()
    if len(timed) < 2:
        return lines, ()
    note = info(
        ExceptionCode.RHC_NO_ADDON,
        f"{clock(seconds)} earn {timed[1].units} of {timed[1].code}, which {GENERAL_CODE} does not pay ({rules.month})",
    )
    return lines, (note,)


def election_faults(facts: PatientMonth, rules: MonthRules) -> tuple[RuleException, ...]:
    """Return what is wrong with an election of G0511 or of individual codes that the month does not allow."""
    rural = facts.provider_type in RURAL
    if facts.election == GENERAL_CODE and (not rural or rules.rural_mode == "individual"):
        return (
            adjust(ExceptionCode.CODE_NOT_ACTIVE, f"{GENERAL_CODE} was elected and is not payable here: {_why(rules)}"),
        )
    if facts.election == "individual_codes" and rural and rules.rural_mode == "general":
        return (
            adjust(
                ExceptionCode.CODE_NOT_ACTIVE, f"individual codes are not payable to an RHC or FQHC in {rules.month}"
            ),
        )
    return ()


def _why(rules: MonthRules) -> str:
    known = rules.codes[GENERAL_CODE]
    return f"only to RHCs and FQHCs, until {known.last}"
