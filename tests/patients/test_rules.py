"""What a chart says of a month."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from caretide.kernel.month import Month
from caretide.patients import rules
from caretide.patients.rules import CoverageSpan, StaySpan

OCTOBER = Month(2026, 10)
CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        (date(1941, 3, 7), date(2026, 3, 6), 84),
        (date(1941, 3, 7), date(2026, 3, 7), 85),
        (date(1944, 2, 29), date(2026, 2, 28), 81),
        (date(1944, 2, 29), date(2026, 3, 1), 82),
    ],
)
def test_age_is_completed_years(born: date, on: date, years: int) -> None:
    assert rules.age(born, on) == years


def span(kind: str, starts: str | None = None, ends: str | None = None, *, active: bool = True) -> CoverageSpan:
    return CoverageSpan(
        kind, active, date.fromisoformat(starts) if starts else None, date.fromisoformat(ends) if ends else None
    )


@pytest.mark.parametrize(
    ("spans", "kind"),
    [
        ([], None),
        ([span("original_medicare_part_b")], "original_medicare_part_b"),
        ([span("original_medicare_part_b"), span("medicare_advantage")], "medicare_advantage"),
        ([span("original_medicare_part_b"), span("medicare_advantage", active=False)], "original_medicare_part_b"),
        ([span("original_medicare_part_b", ends="2026-09-30")], None),
        ([span("original_medicare_part_b", ends="2026-10-01")], "original_medicare_part_b"),
        ([span("medicare_advantage", starts="2026-11-01"), span("medicaid")], "medicaid"),
        ([span("medicare_advantage", starts="2026-10-31")], "medicare_advantage"),
        ([span("medicare_part_a_only"), span("unknown")], "unknown"),
        ([span("medicare_part_a_only"), span("commercial")], "medicare_part_a_only"),
    ],
)
def test_coverage_of_the_month(spans: list[CoverageSpan], kind: str | None) -> None:
    assert rules.coverage_in(spans, OCTOBER) == kind


def test_qmb_is_known_only_where_a_coverage_in_force_names_it() -> None:
    named = replace(span("medicaid"), words="State Medicaid QMB Plus")
    ended = replace(span("medicaid", ends="2026-09-30"), words="Qualified Medicare Beneficiary")
    assert rules.qmb_in([named], OCTOBER) is True
    assert rules.qmb_in([ended], OCTOBER) is None


def at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


@pytest.mark.parametrize(
    ("start", "end", "status", "days"),
    [
        ("2026-10-05T15:00", "2026-10-07T12:00", "finished", (date(2026, 10, 5), date(2026, 10, 7))),
        ("2026-09-28T15:00", None, "in-progress", (date(2026, 9, 28), None)),
        ("2026-09-28T15:00", None, "finished", None),
        ("2026-10-28T15:00", None, "finished", (date(2026, 10, 28), date(2026, 10, 28))),
        ("2026-10-28T15:00", "2026-10-29T15:00", "cancelled", None),
        # Midnight in UTC is still the evening before in Chicago.
        ("2026-11-01T03:00", "2026-11-03T15:00", "finished", (date(2026, 10, 31), date(2026, 11, 3))),
        ("2026-11-01T06:00", "2026-11-03T15:00", "finished", None),
        (None, "2026-10-07T12:00", "finished", None),
    ],
)
def test_stay_that_touches_the_month(
    start: str | None, end: str | None, status: str, days: tuple[date, date | None] | None
) -> None:
    assert rules.stay_in(StaySpan("inpatient_hospital", status, at(start), at(end)), OCTOBER, CHICAGO) == days


def test_visit_is_no_stay() -> None:
    visit = StaySpan("ambulatory", "finished", at("2026-10-05T15:00"), at("2026-10-05T16:00"))
    assert rules.stay_in(visit, OCTOBER, CHICAGO) is None


@pytest.mark.parametrize(
    ("typed", "prefixes", "born"),
    [
        ("  Vega ", ("vega",), None),
        ("Ana Vega", ("ana vega", "vega ana"), None),
        ("Vega, Ana", ("vega ana",), None),
        ("Vega,", ("vega",), None),
        ("1941-03-07", ("1941-03-07",), date(1941, 3, 7)),
        ("3/7/1941", ("3/7/1941",), date(1941, 3, 7)),
        ("13/41/1941", ("13/41/1941",), None),
        ("", (), None),
    ],
)
def test_search_is_read_every_way_that_it_can_be(typed: str, prefixes: tuple[str, ...], born: date | None) -> None:
    found = rules.read_search(typed)
    assert (found.prefixes, found.birth_date) == (prefixes, born)
