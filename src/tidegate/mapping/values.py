"""Single values: text, dates, codes. What a server says it cannot tell is never read as a value."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from tidegate.contract import CODE_MAX, TEXT_MAX, Code, When
from tidegate.resources import Coding, Concept, Period

ICD10_CM: Final = frozenset({"http://hl7.org/fhir/sid/icd-10-cm", "urn:oid:2.16.840.1.113883.6.90"})
SNOMED: Final = frozenset({"http://snomed.info/sct", "urn:oid:2.16.840.1.113883.6.96"})
RXNORM: Final = frozenset({"http://www.nlm.nih.gov/research/umls/rxnorm", "urn:oid:2.16.840.1.113883.6.88"})

# Codings in these systems say why there is no code (FHIR R4, data-absent-reason; HL7 v3 NullFlavor).
ABSENT: Final = frozenset({
    "http://terminology.hl7.org/CodeSystem/data-absent-reason",
    "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
    "http://hl7.org/fhir/data-absent-reason",
})  # fmt: skip

FIRST_YEAR: Final = 1850
LAST_YEAR: Final = 2199
OPEN_END: Final = "9999-12-31"

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)


class Unfit(Exception):
    """A resource cannot be taken; the text says why, naming the element and never its value."""


def text(value: str | None, element: str, limit: int = TEXT_MAX) -> str | None:
    """Return text with its white space collapsed, None when there is none; raise Unfit when it is too long."""
    if value is None:
        return None
    # FHIR forbids control characters (R4, 2.24.0.1), and PostgreSQL cannot keep the first of them.
    if not value.isprintable() and _CONTROL.search(value):
        raise Unfit(f"{element} holds a control character")
    collapsed = " ".join(value.split())
    if len(collapsed) > limit:
        raise Unfit(f"{element} is longer than {limit} characters")
    return collapsed or None


def code_text(value: str | None, element: str) -> str | None:
    """Return a code or short identifier; raise Unfit when it is too long."""
    return text(value, element, CODE_MAX)


def when(value: str | None, element: str) -> When | None:
    """Read a FHIR date, dateTime or instant at the precision it has; raise Unfit when it is none, or absurd.

    A time without an offset is no instant: only its day is kept.
    """
    if value is None:
        return None
    match = _DATE.fullmatch(value)
    if match is None:
        raise Unfit(f"{element} is not a date")
    if not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
        raise Unfit(f"{element} is before {FIRST_YEAR} or after {LAST_YEAR}")
    try:
        return _point(match)
    except ValueError as error:
        raise Unfit(f"{element} is not a date") from error


def _point(match: re.Match[str]) -> When:
    year, month, day, clock, fraction, offset = match.groups()
    if month is None:
        return When(year=year)
    first = date(int(year), int(month), int(day or 1))
    if day is None:
        return When(month=f"{year}-{month}")
    if clock is None:
        return When(day=first)
    if offset is None:
        return When(day=first)
    micro = f".{fraction[:6]:0<6}" if fraction else ""
    return When(instant=datetime.fromisoformat(f"{year}-{month}-{day}T{clock}{micro}{offset}"))


def period(value: Period | None, element: str) -> tuple[When | None, When | None]:
    """Return start and end; raise Unfit when it ends before it starts. The end of all days means open."""
    if value is None:
        return None, None
    start = when(value.start, f"{element}.start")
    still_open = value.end is not None and value.end.startswith(OPEN_END)
    end = None if still_open else when(value.end, f"{element}.end")
    if start and end and is_before(end, start):
        raise Unfit(f"{element} ends before it starts")
    return start, end


def is_before(one: When, other: When) -> bool:
    """Whether a point lies before another for certain, as precisely as both are known."""
    if one.instant and other.instant:
        return one.instant < other.instant
    return one.last_day < other.first_day


def codings(concept: Concept | None) -> list[Coding]:
    """Return the codings that name something, those that the user chose first."""
    if concept is None:
        return []
    named = [coding for coding in concept.coding if coding.code and coding.system not in ABSENT]
    return sorted(named, key=lambda coding: not coding.user_selected)


def codes_in(concept: Concept | None, systems: frozenset[str], element: str) -> list[str]:
    """Return the codes of one system, each once."""
    found = (code_text(coding.code, element) for coding in codings(concept) if coding.system in systems)
    return list(dict.fromkeys(code for code in found if code))


def first_code(concept: Concept | None, systems: frozenset[str], element: str) -> str | None:
    """Return the first code of one system, if any."""
    return next(iter(codes_in(concept, systems, element)), None)


def any_code(concept: Concept | None, element: str) -> str | None:
    """Return the first code of whatever system: for elements that FHIR binds to one."""
    return next((code_text(coding.code, element) for coding in codings(concept)), None)


def words(concept: Concept | None, element: str) -> str | None:
    """Return a concept in words: its text, else the first display. Words beside an absent-reason say only that."""
    if concept is None:
        return None
    present = [coding for coding in concept.coding if coding.system not in ABSENT]
    if concept.coding and not present:
        return None
    displays = (text(coding.display, element) for coding in present)
    return text(concept.text, element) or next((display for display in displays if display), None)


def code_list(concepts: Iterable[Concept], element: str) -> tuple[Code, ...]:
    """Return every code of several concepts, each once."""
    found = (as_code(coding, element) for concept in concepts for coding in codings(concept))
    return tuple(dict.fromkeys(code for code in found if code))


def as_code(coding: Coding, element: str) -> Code | None:
    """Return a coding as the contract has it, None when its code is blank."""
    code = code_text(coding.code, element)
    return Code(code=code, system=text(coding.system, element), text=text(coding.display, element)) if code else None


def first_word(concepts: Iterable[Concept], element: str) -> str | None:
    """Return the first of several concepts that has words."""
    return next((found for found in (words(concept, element) for concept in concepts) if found), None)
