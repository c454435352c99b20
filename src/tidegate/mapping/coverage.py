"""Coverage: who pays, and whether this record proves Medicare Part B.

Part B is what the billing of care management rests on, so it is never guessed: "Medicare" without a part is `unknown`,
and so is a record that contradicts itself.
"""

import re
from collections.abc import Iterable
from typing import Final

from tidegate import contract, resources
from tidegate.contract import CoverageKind
from tidegate.mapping.context import Context
from tidegate.mapping.values import code_text, codings, period, text, words

SOPT: Final = frozenset({"https://nahdo.org/sopt", "urn:oid:2.16.840.1.113883.3.221.5"})
V3_ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
SELF_PAY: Final = "http://terminology.hl7.org/CodeSystem/coverage-selfpay"
X12_INSURANCE_TYPE: Final = "urn:oid:2.16.840.1.113883.6.255.1336"

# Source of Payment Typology (NAHDO, 9.x): the longest prefix decides; no entry says nothing (7: managed care of
# whatever payer; 99: not known).
_SOPT: Final[dict[str, frozenset[str]]] = {
    "1": frozenset({"medicare"}),
    "11": frozenset({"advantage"}),
    "122": frozenset({"other"}),  # drugs alone: Part D
    "123": frozenset({"advantage"}),
    "14": frozenset({"medicare", "medicaid"}),
    "2": frozenset({"medicaid"}),
    "3": frozenset({"other"}),
    "4": frozenset({"other"}),
    "5": frozenset({"commercial"}),
    "6": frozenset({"commercial"}),
    "8": frozenset({"other"}),
    "9": frozenset({"other"}),
    "99": frozenset(),
}
# X12 insurance type codes (element 1336).
_X12: Final = {
    "MA": "part_a",
    "MB": "part_b",
    "MP": "medicare",
    "HN": "advantage",
    "MC": "medicaid",
    "MH": "supplement",
    "MI": "supplement",
    "SP": "supplement",
    "BL": "commercial",
    "C1": "commercial",
    "CI": "commercial",
}
# HL7 v3 ActCoverageTypeCode. `plan` is a health plan of any payer, `managed` one with a network.
_V3: Final = {
    **dict.fromkeys(("HIP", "EHCPOL", "HSAPOL"), "plan"),
    **dict.fromkeys(("HMO", "PPO", "POS", "MCPOL"), "managed"),
    **dict.fromkeys(("AUTOPOL", "WCBPOL", "DENTAL", "DENTPRG", "DRUGPOL", "VISPOL", "LTC", "COL", "UNINSMOT"), "other"),
}

_SUPPLEMENT: Final = re.compile(r"medigap|medsup|supplement")
_ADVANTAGE: Final = re.compile(
    # NAHDO's own words for original Medicare are "Medicare (Non-managed Care)".
    r"advantage|replacement|(?<!non-)(?<!non )(?<!not )managed|part c\b"
    r"|\bhmo\b|\bppo\b|\bpffs\b|\bma-?pd\b|\bd?-?snp\b|\bcost plan"
)
_PARTS: Final = re.compile(r"\bparts?\s*([abd](?:\s*(?:,|&|/|\+|and)\s*(?:and\s+)?(?:part\s+)?[abd])*)\b")
_LETTERS: Final = re.compile(r"\bmedicare\s+([ab](?:\s*(?:,|&|/|\+|and)\s*[abd])*)\b")
_DENIED: Final = re.compile(r"\b(?:no|not|without|lacks|declined|excluding|minus)\s+(?:\w+\s+)?part\s*b\b")


def map_coverage(source_id: str, coverage: resources.Coverage, context: Context) -> contract.Coverage:
    """Return a coverage with its kind and the words that the kind was read from."""
    type_text = words(coverage.type, "Coverage.type")
    payor_text = _payor(coverage, context)
    plans = (text(plan.name, "Coverage.class") for plan in coverage.plan)
    plan_text = text("; ".join(dict.fromkeys(plan for plan in plans if plan)), "Coverage.class")
    start, end = period(coverage.period, "Coverage.period")
    return contract.Coverage(
        source_id=source_id,
        kind=_kind(_signals(coverage, context), " | ".join(filter(None, (type_text, payor_text, plan_text)))),
        type_text=type_text,
        payor_text=payor_text,
        plan_text=plan_text,
        status=code_text(coverage.status, "Coverage.status"),
        order=coverage.order,
        start=start,
        end=end,
        subscriber_id=code_text(coverage.subscriber_id, "Coverage.subscriberId"),
    )


def _payor(coverage: resources.Coverage, context: Context) -> str | None:
    """Return the payors' names: from the reference, else from the organization it points to."""
    names: list[str] = []
    for reference in coverage.payor:
        organization = context.find(reference, resources.Organization)
        name = text(reference.display, "Coverage.payor") or text(
            organization.name if organization else None, "Organization.name"
        )
        # A person who pays is named nowhere: the name would be theirs.
        if name and not _is_person(reference, context):
            names.append(name)
    return text("; ".join(dict.fromkeys(names)), "Coverage.payor")


def _is_person(reference: resources.Reference, context: Context) -> bool:
    key = context.key(reference)
    return key is not None and key[0] in {"Patient", "RelatedPerson"}


def _signals(coverage: resources.Coverage, context: Context) -> set[str]:
    """Return what the codes say."""
    found: set[str] = set()
    for coding in codings(coverage.type):
        code = coding.code or ""
        if coding.system in SOPT:
            prefix = next((code[:length] for length in range(len(code), 0, -1) if code[:length] in _SOPT), "99")
            found |= _SOPT[prefix]
        elif coding.system == X12_INSURANCE_TYPE:
            found |= {_X12[code]} if code in _X12 else set()
        elif coding.system == V3_ACT_CODE:
            found |= {_V3[code]} if code in _V3 else set()
        elif coding.system == SELF_PAY:
            found.add("other")
    if coverage.payor and all(_is_person(reference, context) for reference in coverage.payor):
        found.add("other")
    return found


def _spoken(phrase: str) -> set[str]:
    """Return what the words of type, payor and plan say, read together."""
    said = phrase.lower()
    if _SUPPLEMENT.search(said):
        return {"supplement"} | ({"part_b"} if "medicare part b" in said else set[str]())
    found: set[str] = {"medicaid"} if "medicaid" in said or "medi-cal" in said else set()
    if "medicare" not in said:
        return found
    if _ADVANTAGE.search(said):
        found.add("advantage")
    letters = _letters(_PARTS.findall(_DENIED.sub(" ", said)) + _LETTERS.findall(said))
    if "b" in letters and _DENIED.search(said):
        return {*found, "medicare"}
    if "b" in letters:
        return {*found, "part_b"}
    if "a" in letters:
        return {*found, "part_a"}
    return {*found, "other" if "d" in letters else "medicare"}


def _letters(groups: Iterable[str]) -> set[str]:
    return {letter for group in groups for letter in re.findall(r"\b[abd]\b", group)}


def _kind(coded: set[str], phrase: str) -> CoverageKind:
    """Judge what codes and words say together; a contradiction is unknown."""
    said = coded | _spoken(phrase)
    medicare = said & {"medicare", "part_a", "part_b", "advantage"}
    if medicare and "managed" in said:
        medicare.add("advantage")
    private = said & {"commercial", "supplement"}
    if private or ("medicaid" in said and medicare):
        return "commercial" if private and not medicare and "medicaid" not in said else "unknown"
    if "advantage" in medicare:
        return "unknown" if medicare & {"part_a", "part_b"} else "medicare_advantage"
    if medicare:
        return _original(medicare, said)
    if "medicaid" in said:
        return "medicaid"
    if "other" in said:
        return "other"
    return "commercial" if said & {"plan", "managed"} else "unknown"


def _original(medicare: set[str], said: set[str]) -> CoverageKind:
    if "other" in said:
        # Part D beside the word Medicare is a drug plan; beside a part it contradicts.
        return "unknown" if medicare & {"part_a", "part_b"} else "other"
    if "part_b" in medicare:
        return "original_medicare_part_b"
    return "medicare_part_a_only" if "part_a" in medicare else "unknown"
