"""What a manager's figures mean."""

from datetime import date

from caretide.reports.rules import team as rules


def test_the_pace_falls_from_twenty_minutes_to_nothing_over_the_working_days() -> None:
    # Columbus Day leaves October 2026 with 21 of them.
    assert rules.pace(date(2026, 10, 1)) == 1200
    assert rules.pace(date(2026, 10, 20)) == 1200 * 9 // 21
    assert rules.pace(date(2026, 10, 31)) == 0


def test_hours_are_what_the_week_gives_for_the_days_left() -> None:
    assert rules.available_seconds(40, 9) == 40 * 3600 * 9 // 5
    assert rules.available_seconds(0, 9) == 0


def test_needed_hours_are_rounded_up() -> None:
    assert [rules.hours(seconds) for seconds in (0, 1, 3600, 3601, 4_336_200)] == [
        "0.0 h",
        "0.1 h",
        "1.0 h",
        "1.1 h",
        "1,204.5 h",
    ]


def test_a_share_shows_both_numbers_and_divides_by_nothing() -> None:
    assert rules.share(16, 20) == "16 of 20 (80%)"
    assert rules.share(199, 200) == "199 of 200 (99%)"
    assert rules.share(0, 0) == "–"


def test_consent_and_facts_are_one_part_of_the_bar() -> None:
    assert rules.parts({0: 1, 1: 2, 2: 3, 3: 4, 4: 5}) == (3, 3, 4, 5)
    assert len(rules.SERIES) == len(rules.TONES) == 4
