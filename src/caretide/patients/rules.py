"""What a patient's chart says, decided: age, which coverage stands in a month, which stays touch it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from caretide.kernel.month import Month

COVERAGE_ORDER: Final = (
    "medicare_advantage",
    "original_medicare_part_b",
    "unknown",
    "medicare_part_a_only",
    "medicaid",
    "commercial",
    "other",
)
"""Which coverage answers for a month when several do.

A Medicare Advantage plan takes the place of Part A and Part B (42 CFR 422.50), so it comes first. A record that may
or may not prove Part B leaves the question open before one that names Part A alone closes it.
"""

STAYS: Final = frozenset({"inpatient_hospital", "skilled_nursing_facility", "nursing_facility", "hospice"})
"""Places where somebody stays; every other contact with a facility is a visit."""

_NOT_A_STAY: Final = frozenset({"planned", "cancelled", "entered-in-error"})
_OVER: Final = "finished"
_QMB: Final = re.compile(r"\bqmb\b|qualified medicare beneficiary", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CoverageSpan:
    """A coverage as the EHR has it; both ends inclusive, an open end is None."""

    kind: str
    is_active: bool
    starts_on: date | None
    ends_on: date | None
    words: str = ""


@dataclass(frozen=True, slots=True)
class StaySpan:
    """An encounter's place, state and instants."""

    facility: str
    status: str | None
    starts_at: datetime | None
    ends_at: datetime | None


def age(birth_date: date, on: date) -> int:
    """Return completed years; somebody born on 29 February completes a year on 1 March of a common year."""
    return on.year - birth_date.year - ((on.month, on.day) < (birth_date.month, birth_date.day))


def overlaps(span: CoverageSpan, month: Month) -> bool:
    """Whether a coverage is in force on any day of the month."""
    begun = span.starts_on is None or span.starts_on <= month.last
    return span.is_active and begun and (span.ends_on is None or span.ends_on >= month.first)


def coverage_in(spans: Iterable[CoverageSpan], month: Month) -> str | None:
    """Return the kind of coverage that answers for a month; None when nothing in force is recorded."""
    kinds = {span.kind for span in spans if overlaps(span, month)}
    return next((kind for kind in COVERAGE_ORDER if kind in kinds), None)


def qmb_in(spans: Iterable[CoverageSpan], month: Month) -> bool | None:
    """Whether a coverage in force names the Qualified Medicare Beneficiary group; None, never no, when none does."""
    return True if any(_QMB.search(span.words) for span in spans if overlaps(span, month)) else None


def stay_in(span: StaySpan, month: Month, zone: ZoneInfo) -> tuple[date, date | None] | None:
    """Return first and last day of the stay that an encounter is, when it touches the month; None when it does not.

    A finished stay whose end nobody wrote down counts for its first day only: it must not bar every later month.
    """
    if span.facility not in STAYS or span.status in _NOT_A_STAY or span.starts_at is None:
        return None
    since = span.starts_at.astimezone(zone).date()
    until = span.ends_at.astimezone(zone).date() if span.ends_at else None
    if until is None and span.status == _OVER:
        until = since
    if since > month.last or (until is not None and until < month.first):
        return None
    return since, until


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody typed, read every way that it can be: exact number, exact birth date, prefixes of the name key.

    `given` is the beginning of the given names; empty where the family name was told apart by a comma.
    """

    mrn: str
    birth_date: date | None
    prefixes: tuple[str, ...]
    given: str = ""


def read_search(text: str) -> Search:
    """Read what was typed: `vega`, `ana`, `Vega, Ana`, `Ana Vega`, a number, `1941-03-07` or `3/7/1941`."""
    plain = " ".join(text.split())
    family, comma, given = plain.lower().partition(",")
    if comma:
        return Search(plain, None, (f"{family.strip()} {given.strip()}".rstrip(),))
    words = plain.lower().split()
    prefixes = [" ".join(words)] if words else []
    if len(words) > 1:
        prefixes.append(" ".join([words[-1], *words[:-1]]))
    return Search(plain, _day(plain), tuple(prefixes), " ".join(words))


def _day(text: str) -> date | None:
    iso = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text)
    american = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text)
    try:
        if iso:
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        return date(int(american[3]), int(american[1]), int(american[2])) if american else None
    except ValueError:
        return None


def after_prefix(prefix: str) -> str:
    """Return the least text, by code point, that is greater than everything that begins with `prefix`."""
    return prefix + "\U0010ffff"
