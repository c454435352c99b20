"""How much of a month is left."""

from datetime import date

import pytest

from caretide.workspace.rules.day import working_days_left


@pytest.mark.parametrize(
    ("today", "left"),
    [(date(2026, 11, 21), 5), (date(2026, 11, 30), 1), (date(2026, 10, 31), 0), (date(2026, 10, 1), 21)],
)
def test_working_days_are_counted_with_today_and_without_holidays(today: date, left: int) -> None:
    assert working_days_left(today) == left
