"""Who may be enrolled, and how consent stands."""

from datetime import UTC, date, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from caretide.enrollment import rules
from caretide.enrollment.rules import DISCLOSURES, Decision
from caretide.kernel.month import Month
from caretide.programs.conditions import load_conditions

LISTS = load_conditions()
CHICAGO = ZoneInfo("America/Chicago")
OCTOBER = Month(2026, 10)
US = uuid4()
PART_B = "original_medicare_part_b"


def judge(*codes: str, coverage: str | None = PART_B, deceased: bool = False, active: bool = True) -> rules.Eligibility:
    return rules.eligibility(codes, coverage, 72, deceased=deceased, is_active=active, lists=LISTS)


def decided(decision: str, *day: int, by: object = US, told: frozenset[str] = frozenset(DISCLOSURES)) -> Decision:
    return Decision(decision, datetime(*day, 17, tzinfo=UTC), by, "verbal", told)


def test_two_chronic_conditions_make_ccm_and_one_makes_pcm() -> None:
    assert (judge("I10", "E11.9").ccm, judge("I10", "E11.9").pcm) == (True, True)
    assert (judge("I10").ccm, judge("I10").pcm) == (False, True)
    assert (judge("S93.401A").ccm, judge("S93.401A").pcm) == (False, False)


def test_every_answer_comes_with_reasons_in_words() -> None:
    answer = judge("I10", coverage="medicaid")
    assert answer.ccm is False
    assert [reason.text for reason in answer.reasons_of("CCM")] == [
        "Only Medicaid is recorded; care management is paid by Medicare Part B",
        "1 chronic condition: Hypertension; it needs two or more chronic conditions",
    ]


@pytest.mark.parametrize(
    ("coverage", "expected"),
    [
        ("original_medicare_part_b", True),
        ("medicare_advantage", True),
        ("medicare_part_a_only", False),
        ("medicaid", False),
        ("commercial", False),
        ("something new", False),
        ("unknown", None),
        (None, None),
    ],
)
def test_part_b_is_needed_and_what_is_not_recorded_is_unknown(coverage: str | None, *, expected: bool | None) -> None:
    assert judge("I10", "E11.9", coverage=coverage).ccm is expected


def test_a_no_outweighs_an_unknown() -> None:
    assert judge("I10", "E11.9", coverage=None, deceased=True).ccm is False
    assert judge("I10", "E11.9", active=False).pcm is False


def test_a_chart_without_coded_diagnoses_is_unknown() -> None:
    assert judge().ccm is None


@pytest.mark.parametrize(
    ("codes", "count"),
    [
        (["E11.22"], 1),
        (["E11.22", "N18.31"], 2),
        (["G30.9", "F03.90"], 1),
        (["I13.0", "I50.9", "N18.31"], 3),
        (["I10", "I10"], 1),
        (["I21.4"], 1),
        ([], 0),
    ],
)
def test_each_diagnosis_proves_one_condition_and_each_condition_counts_once(codes: list[str], count: int) -> None:
    assert len(rules.chronic_conditions(codes, LISTS)) == count


def test_consent_is_missing_until_it_is_given() -> None:
    assert rules.consent_in([], US, OCTOBER, CHICAGO).status == "missing"
    assert rules.consent_in([decided("declined", 2026, 10, 3)], US, OCTOBER, CHICAGO).status == "missing"


def test_consent_of_november_does_not_cure_october() -> None:
    given = [decided("accepted", 2026, 11, 2)]
    assert rules.consent_in(given, US, OCTOBER, CHICAGO).status == "missing"
    assert rules.consent_in(given, US, Month(2026, 11), CHICAGO).status == "documented"


def test_the_month_ends_at_the_clinics_midnight() -> None:
    late = Decision("accepted", datetime(2026, 11, 1, 4, 59, tzinfo=UTC), US, "verbal", frozenset(DISCLOSURES))
    standing = rules.consent_in([late], US, OCTOBER, CHICAGO)
    assert (standing.status, standing.obtained_on) == ("documented", date(2026, 10, 31))


def test_a_revocation_leaves_its_month_standing_and_ends_the_next() -> None:
    decisions = [decided("accepted", 2026, 1, 5), decided("revoked", 2026, 10, 10)]
    for month in (OCTOBER, Month(2026, 11)):
        standing = rules.consent_in(decisions, US, month, CHICAGO)
        assert (standing.status, standing.revoked_on) == ("revoked", date(2026, 10, 10))
        assert standing.obtained_on == date(2026, 1, 5)
    assert rules.consent_in(decisions, US, Month(2026, 9), CHICAGO).status == "documented"


def test_consent_given_again_counts_from_then_on() -> None:
    decisions = [
        decided("accepted", 2026, 1, 5),
        decided("revoked", 2026, 8, 10),
        decided("accepted", 2026, 10, 20),
    ]
    standing = rules.consent_in(decisions, US, OCTOBER, CHICAGO)
    assert (standing.status, standing.obtained_on, standing.revoked_on) == ("documented", date(2026, 10, 20), None)


def test_asked_again_the_first_consent_keeps_its_date() -> None:
    decisions = [decided("accepted", 2026, 1, 5), decided("accepted", 2026, 10, 20)]
    assert rules.consent_in(decisions, US, OCTOBER, CHICAGO).obtained_on == date(2026, 1, 5)


def test_an_incomplete_consent_is_completed_by_the_one_that_tells_the_rest() -> None:
    partial = decided("accepted", 2026, 1, 5, told=frozenset({"available"}))
    assert not rules.consent_in([partial], US, OCTOBER, CHICAGO).elements_complete
    standing = rules.consent_in([partial, decided("accepted", 2026, 10, 20)], US, OCTOBER, CHICAGO)
    assert (standing.elements_complete, standing.obtained_on) == (True, date(2026, 10, 20))


def test_consent_to_another_practitioner_is_named_as_such() -> None:
    other = uuid4()
    standing = rules.consent_in([decided("accepted", 2026, 1, 5, by=other)], US, OCTOBER, CHICAGO)
    assert standing.status == "other_practitioner"
    assert standing.given is not None
    assert standing.given.practitioner_id == other
