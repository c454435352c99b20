"""Remote physiologic monitoring, for a patient who is in it beside care management: device days and management time."""

from collections.abc import Iterator

from caretide.programs.claims import live_claims, same_practice
from caretide.programs.month_facts import PatientMonth, RemoteMonitoring
from caretide.programs.packs import MonthRules
from caretide.programs.ruling import CodeUnits, ExceptionCode, RuleException, adjust, clock, info

Found = Iterator[CodeUnits | RuleException]


def remote_monitoring(
    facts: PatientMonth, rules: MonthRules
) -> tuple[tuple[CodeUnits, ...], tuple[RuleException, ...]]:
    """Return the lines that monitoring earns and what stands in its way; nothing for a patient who is not in it."""
    if "RPM" not in facts.programs or facts.rpm is None:
        return (), ()
    found = [*_device(facts.rpm, rules), *_management(facts.rpm, rules)]
    lines = tuple(item for item in found if isinstance(item, CodeUnits))
    exceptions = tuple(item for item in found if isinstance(item, RuleException))
    return (() if _elsewhere(facts, rules) else lines), exceptions


def _elsewhere(facts: PatientMonth, rules: MonthRules) -> bool:
    claims = live_claims(facts, rules)
    return any(rules.kind(claim.code) == "rpm" and not same_practice(claim, facts) for claim in claims)


def _device(rpm: RemoteMonitoring, rules: MonthRules) -> Found:
    if rpm.days_with_data >= rules.remote.device_days:
        yield CodeUnits("99454", 1)
    elif rpm.days_with_data >= rules.remote.short_device_days:
        yield _if_active("99445", f"{rpm.days_with_data} days of readings", rules)


def _management(rpm: RemoteMonitoring, rules: MonthRules) -> Found:
    seconds, figures = rpm.management_seconds, rules.remote
    short = "99470" in rules.active
    if seconds < figures.short_seconds:
        return
    if not rpm.interactive:
        if short or seconds >= figures.first_seconds:
            yield adjust(
                ExceptionCode.RPM_NO_INTERACTIVE,
                f"{clock(seconds)} of monitoring management without a live contact are not billed",
            )
        return
    if seconds < figures.first_seconds:
        yield _if_active("99470", f"{clock(seconds)} of monitoring management", rules)
        return
    yield CodeUnits("99457", 1)
    more = (seconds - figures.first_seconds) // figures.addon_seconds
    if more:
        yield CodeUnits("99458", min(more, figures.addon_limit))
    if more > figures.addon_limit:
        yield info(ExceptionCode.UNIT_CAP, f"{clock(seconds)} would earn more than {figures.addon_limit} of 99458")


def _if_active(code: str, what: str, rules: MonthRules) -> CodeUnits | RuleException:
    if code in rules.active:
        return CodeUnits(code, 1)
    return info(ExceptionCode.CODE_NOT_ACTIVE, f"{code} for {what} is not payable in {rules.month}")
