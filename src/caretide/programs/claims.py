"""What else is billed for the patient that month, told apart by whose it is and how certain it is."""

from collections.abc import Iterator

from caretide.programs.month_facts import OtherClaim, PatientMonth
from caretide.programs.packs import MonthRules

DEAD = frozenset({"denied", "rejected", "void", "voided", "cancelled", "canceled", "withdrawn", "reversed"})
CERTAIN = frozenset({"paid", "billed", "allowed", "accepted", "approved", "adjudicated", "final"})
OUR_KINDS = frozenset({"ccm", "pcm", "apcm", "apcm_addon", "rpm", "general", "initiation", "visit", "other_visit"})
"""Kinds that a draft may hold as its own lines; a code of any other kind on a draft is a second service of ours."""


def same_practitioner(claim: OtherClaim, facts: PatientMonth) -> bool:
    """Whether the claim is the billing practitioner's own."""
    return claim.practitioner is not None and claim.practitioner == facts.practitioner.id


def same_practice(claim: OtherClaim, facts: PatientMonth) -> bool:
    """Whether the claim is the billing practitioner's or that of another one in the group."""
    return claim.same_group is True or same_practitioner(claim, facts)


def unconfirmed(claim: OtherClaim) -> bool:
    """Whether the claim may yet come to nothing: something is said of its state, and it is not that it was paid."""
    return claim.status is not None and claim.status.lower() not in CERTAIN


def live_claims(facts: PatientMonth, rules: MonthRules) -> Iterator[OtherClaim]:
    """Yield the services of this month that were not refused, and ours that stand on the draft beside its own lines."""
    for claim in facts.other_claims or ():
        if claim.status is not None and claim.status.lower() in DEAD:
            continue
        if claim.dos is None or rules.first <= claim.dos <= rules.last:
            yield claim
    for code in facts.requested_codes or ():
        if rules.kind(code) not in OUR_KINDS:
            yield OtherClaim(code, practitioner=facts.practitioner.id, same_group=True, dos=facts.requested_dos)


def is_visit(code: str, rules: MonthRules) -> bool:
    """Whether a code is a visit whose own time counts for nothing else."""
    return rules.kind(code) in {"visit", "other_visit"}
