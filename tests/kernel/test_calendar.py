"""Working days, checked against the days that the U.S. Office of Personnel Management publishes."""

from datetime import date

import pytest

from caretide.kernel.calendar import holidays, is_working_day, working_days

KEPT = {
    # Independence Day fell on a Sunday, Juneteenth and Christmas on Saturdays, and the next New Year's Day too.
    2021: "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
    # New Year's Day was kept in the year before; Juneteenth and Christmas fell on Sundays.
    2022: "01-17 02-21 05-30 06-20 07-04 09-05 10-10 11-11 11-24 12-26",
    # New Year's Day fell on a Sunday, Veterans Day on a Saturday.
    2023: "01-02 01-16 02-20 05-29 06-19 07-04 09-04 10-09 11-10 11-23 12-25",
    # Independence Day falls on a Saturday.
    2026: "01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25",
    2027: "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
}


@pytest.mark.parametrize("year", KEPT)
def test_holidays_are_those_that_the_government_keeps(year: int) -> None:
    assert holidays(year) == {date.fromisoformat(f"{year}-{day}") for day in KEPT[year].split()}


def test_june_nineteenth_was_no_holiday_before_2021() -> None:
    assert is_working_day(date(2020, 6, 19))
    assert not is_working_day(date(2024, 6, 19))


def test_every_year_has_eleven_holidays_on_weekdays_but_for_a_new_years_day_kept_in_december() -> None:
    for year in range(2021, 2100):
        days = holidays(year)
        assert all(day.weekday() < 5 for day in days)
        early = date(year, 12, 31) in days
        lost = date(year, 1, 1).weekday() == 5
        assert len(days) == 11 + early - lost


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (date(2026, 10, 1), date(2026, 10, 31), 21),
        (date(2026, 10, 20), date(2026, 10, 31), 9),
        (date(2026, 10, 31), date(2026, 10, 31), 0),
        (date(2026, 11, 22), date(2026, 11, 30), 5),
        (date(2026, 11, 30), date(2026, 11, 1), 0),
    ],
)
def test_working_days_are_monday_to_friday_without_holidays(first: date, last: date, days: int) -> None:
    assert working_days(first, last) == days
