"""What else is billed for the patient in the month: by calendar month, whatever the service dates (cms-rules, 5)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from caretide.programs.claims import live_claims, same_practice, same_practitioner, unconfirmed
from caretide.programs.month_facts import OtherClaim, PatientMonth
from caretide.programs.packs import MonthRules
from caretide.programs.ruling import CodeUnits, ExceptionCode, RuleException, adjust, block, info

TIMED = frozenset({"CCM", "PCM"})
SUPERVISION = {
    "hh_supervision": ExceptionCode.CONCURRENT_HH_SUPERVISION,
    "hospice_supervision": ExceptionCode.CONCURRENT_HOSPICE_SUPERVISION,
    "esrd": ExceptionCode.CONCURRENT_ESRD_MCP,
}


@dataclass(frozen=True, slots=True)
class Beside:
    """One service beside ours: whose it is is worked out once."""

    claim: OtherClaim
    facts: PatientMonth
    rules: MonthRules
    program: str
    same: bool
    practice: bool
    who: str

    @property
    def like_same(self) -> bool:
        """Whether Medicare takes both for one practitioner: the same one, or group and specialty alike."""
        return self.same or (self.practice and self.claim.same_specialty is True)

    def review(self, why: str) -> RuleException:
        """Return a note for a person: allowed by the default reading."""
        return info(ExceptionCode.CONCURRENT_REVIEW, f"{self.claim.code} by {self.who}: {why}")


def concurrent(facts: PatientMonth, rules: MonthRules, program: str) -> list[RuleException]:
    """Return what the other services of the month do to ours."""
    found: list[RuleException] = []
    for claim in live_claims(facts, rules):
        handler = HANDLERS.get(rules.kind(claim.code) or "")
        if handler is not None:
            who = claim.practitioner or "an unnamed practitioner"
            same = same_practitioner(claim, facts)
            beside = Beside(claim, facts, rules, program, same, same_practice(claim, facts), who)
            found.extend(handler(beside))
    return found


def paired(facts: PatientMonth, rules: MonthRules, lines: Sequence[CodeUnits]) -> list[RuleException]:
    """Return notes on services of the billing practitioner that NCCI pairs with ours on one date, whatever they are."""
    beside = [claim.code for claim in live_claims(facts, rules) if same_practitioner(claim, facts)]
    beside = [code for code in beside if rules.kind(code) == "other"]
    beside += [line.code for line in lines if line.code == "G0506"]
    found: list[RuleException] = []
    for code in sorted(set(beside)):
        listed = rules.codes[code].like or code
        ours = [line.code for line in lines if rules.pair(line.code, listed) == 0]
        if ours:
            message = f"{code} and {', '.join(ours)} are not paid on one service date"
            found.append(info(ExceptionCode.CONCURRENT_REVIEW, message))
    return found


def _ccm(beside: Beside) -> Iterator[RuleException]:
    if beside.program == "APCM":
        yield from _replaced(beside)
    elif beside.program == "PCM":
        yield from _the_other_program(beside)
    elif beside.same:
        yield _duplicate(beside)
    else:
        yield _same_service(beside)


def _pcm(beside: Beside) -> Iterator[RuleException]:
    if beside.program == "APCM":
        if beside.practice:
            yield from _replaced(beside)
    elif beside.program == "CCM":
        yield from _the_other_program(beside)
    elif beside.same:
        yield _duplicate(beside)
    elif beside.like_same:
        yield _same_service(beside)
    else:
        yield beside.review("allowed where it is for another condition")


def _apcm(beside: Beside) -> Iterator[RuleException]:
    code, who = beside.claim.code, beside.who
    if beside.program == "APCM":
        yield _duplicate(beside) if beside.same else _same_service(beside)
    elif beside.practice:
        yield block(ExceptionCode.CONCURRENT_APCM, f"{code} by {who} in this practice replaces {beside.program}")
    elif beside.program == "CCM":
        yield beside.review("sources differ on CCM here while APCM is billed elsewhere")
        message = f"{code} by {who}, another practice, may put our CCM at risk: ask which of the two stands"
        if beside.rules.settings.apcm_elsewhere == "block":
            yield block(ExceptionCode.CONCURRENT_APCM, message)
        else:
            yield adjust(ExceptionCode.CONCURRENT_RISK_OTHER_PRACTITIONER, message)


def _tcm(beside: Beside) -> Iterator[RuleException]:
    code, who = beside.claim.code, beside.who
    if beside.program == "APCM" and beside.practice:
        yield info(ExceptionCode.CONCURRENT_APCM, f"APCM replaces {code} by {who} in this practice")
    elif beside.program == "PCM" and beside.practice and beside.rules.settings.pcm_with_tcm == "block":
        yield block(ExceptionCode.CONCURRENT_TCM, f"{code} by {who}: PCM and transitional care do not share a month")
    elif beside.program == "PCM":
        yield beside.review("transitional care elsewhere; keep the work apart")


def _supervision(beside: Beside) -> Iterator[RuleException]:
    kind = beside.rules.kind(beside.claim.code) or ""
    barred = beside.practice or beside.rules.settings.supervision_elsewhere == "block"
    if beside.program in TIMED and barred:
        yield block(SUPERVISION[kind], f"{beside.claim.code} by {beside.who} and {beside.program} exclude each other")
    else:
        yield beside.review("allowed where the work does not overlap")


def _data_review(beside: Beside) -> Iterator[RuleException]:
    # Which of the two is dropped depends on the family, but a person looks in either case: 99491 excludes it, and
    # the other families want a modifier.
    if beside.program in TIMED and beside.practice:
        yield adjust(
            ExceptionCode.CONCURRENT_99091,
            f"99091 by {beside.who}: not paid with 99491, and with another family only with a modifier",
        )


def _rtm(beside: Beside) -> Iterator[RuleException]:
    if "RPM" not in beside.facts.programs:
        return
    if beside.practice:
        yield adjust(ExceptionCode.RPM_RTM_CONFLICT, f"{beside.claim.code} by {beside.who} is dropped: RPM stands")
    else:
        yield beside.review("therapeutic monitoring elsewhere beside our RPM")


def _rpm(beside: Beside) -> Iterator[RuleException]:
    if "RPM" in beside.facts.programs and not beside.practice:
        yield adjust(
            ExceptionCode.CONCURRENT_RISK_OTHER_PRACTITIONER,
            f"{beside.claim.code} by {beside.who}: one practice bills RPM in 30 days; ours is dropped",
        )


def _general(beside: Beside) -> Iterator[RuleException]:
    if beside.same:
        yield _duplicate(beside)
    else:
        yield adjust(
            ExceptionCode.CONCURRENT_RISK_OTHER_PRACTITIONER,
            f"{beside.claim.code} by {beside.who} may stand for the same service: ask",
        )


def _behavioral(beside: Beside) -> Iterator[RuleException]:
    if beside.program == "APCM" and beside.practice:
        yield beside.review("with APCM from 2026 on, use G0568 to G0570")


def _access(beside: Beside) -> Iterator[RuleException]:
    yield beside.review("the patient is in the ACCESS model; sources differ on what that bars")


def _the_other_program(beside: Beside) -> Iterator[RuleException]:
    if beside.like_same:
        yield adjust(
            ExceptionCode.CONCURRENT_PCM_SAME_PRACTITIONER,
            f"{beside.claim.code} by {beside.who}: one practitioner bills CCM or PCM in a month; withdraw one",
        )
    elif beside.practice:
        yield beside.review("CCM and PCM by two practitioners of one group are allowed; keep the specialties apart")


def _replaced(beside: Beside) -> Iterator[RuleException]:
    if beside.practice:
        yield info(ExceptionCode.CONCURRENT_APCM, f"APCM replaces {beside.claim.code} by {beside.who} in this practice")
    else:
        yield beside.review("sources differ on CCM elsewhere beside our APCM")


def _same_service(beside: Beside) -> RuleException:
    code, who = beside.claim.code, beside.who
    if unconfirmed(beside.claim):
        return adjust(
            ExceptionCode.CONCURRENT_RISK_OTHER_PRACTITIONER,
            f"{code} by {who} is {beside.claim.status}; only one practitioner is paid: ask before billing",
        )
    return block(
        ExceptionCode.CONCURRENT_SAME_SERVICE_OTHER_PRACTITIONER,
        f"{code} by {who} stands for this month; only one practitioner is paid",
    )


def _duplicate(beside: Beside) -> RuleException:
    return adjust(
        ExceptionCode.DUPLICATE_SERVICE_PERIOD,
        f"{beside.claim.code} by {beside.who} is already there for {beside.rules.month}; bill the month once",
    )


HANDLERS: dict[str, Callable[[Beside], Iterator[RuleException]]] = {
    "ccm": _ccm,
    "pcm": _pcm,
    "apcm": _apcm,
    "tcm": _tcm,
    "hh_supervision": _supervision,
    "hospice_supervision": _supervision,
    "esrd": _supervision,
    "data_review": _data_review,
    "rtm": _rtm,
    "rpm": _rpm,
    "general": _general,
    "bhi": _behavioral,
    "cocm": _behavioral,
    "access": _access,
}
