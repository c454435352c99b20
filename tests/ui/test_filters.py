"""Figures, dates and times as people read them."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from caretide.ui.filters import (
    age,
    clock,
    date_us,
    dated,
    file_size,
    hms,
    initials,
    lasting,
    minutes,
    moment,
    plural,
    spent,
    time_of_day,
    time_span,
    zone_name,
)

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("seconds", "long", "short"),
    [(0, "0:00:00", "0:00"), (822, "0:13:42", "13:42"), (3600, "1:00:00", "60:00"), (36_061, "10:01:01", "601:01")],
)
def test_seconds_read_whole_and_unrounded(seconds: int, long: str, short: str) -> None:
    assert (hms(seconds), minutes(seconds)) == (long, short)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 min"),
        (59, "0 min 59 s"),
        (1234, "20 min 34 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 00 min"),
        (64 * 3600 + 5 * 60 + 59, "64 h 05 min"),
        (1681 * 3600 + 41 * 60, "1,681 h 41 min"),
    ],
)
def test_sums_of_time_name_their_units_and_are_never_rounded_up(seconds: int, words: str) -> None:
    assert spent(seconds) == words


def test_a_timer_that_ran_for_days_is_told_in_hours() -> None:
    assert (lasting(86_399), lasting(231_012)) == ("23:59:59", "64 h 10 min")


def test_running_clock_shows_hours_only_from_an_hour_on() -> None:
    assert (clock(59), clock(3599), clock(3600)) == ("00:59", "59:59", "1:00:00")


def test_age_turns_on_the_birthday() -> None:
    assert [age(date(1948, 3, 17), on) for on in (date(2026, 3, 16), date(2026, 3, 17))] == [77, 78]


def test_leap_day_birthday_turns_on_march_first() -> None:
    assert [age(date(1948, 2, 29), on) for on in (date(2026, 2, 28), date(2026, 3, 1))] == [77, 78]


def test_date_reads_month_first() -> None:
    assert date_us(date(1948, 3, 7)) == "03/07/1948"


def test_days_in_a_sentence_read_as_elsewhere_and_what_is_no_day_stays() -> None:
    assert dated("the consent was revoked on 2026-10-16") == "the consent was revoked on Oct 16, 2026"
    assert dated("record 2026-13-45, 12026-10-16") == "record 2026-13-45, 12026-10-16"


def test_instant_reads_in_the_zone_of_the_clinic() -> None:
    instant = datetime(2026, 11, 1, 3, 30, tzinfo=UTC)
    assert moment(instant, NEW_YORK) == "Oct 31, 2026, 11:30 PM"
    assert time_of_day(datetime(2026, 11, 1, 17, 0, tzinfo=UTC), NEW_YORK) == "12:00 PM"


def test_time_span_names_the_half_of_the_day_once() -> None:
    start, end = datetime(2026, 11, 18, 15, 29, tzinfo=UTC), datetime(2026, 11, 18, 17, 5, tzinfo=UTC)
    assert time_span(start, start, NEW_YORK) == "10:29\N{EN DASH}10:29 AM"
    assert time_span(start, end, NEW_YORK) == "10:29 AM\N{EN DASH}12:05 PM"


def test_time_span_names_the_day_on_which_it_ends_where_that_is_another() -> None:
    start = datetime(2026, 11, 20, 21, 52, tzinfo=UTC)
    assert time_span(start, datetime(2026, 11, 22, 1, 47, tzinfo=UTC), NEW_YORK) == "4:52 PM\N{EN DASH}Nov 21, 8:47 PM"
    assert time_span(start, datetime(2026, 11, 21, 5, 0, tzinfo=UTC), NEW_YORK) == "4:52 PM\N{EN DASH}12:00 AM"


def test_counts_and_sizes_read_as_words() -> None:
    assert [plural(1, "patient"), plural(1204, "patient")] == ["1 patient", "1,204 patients"]
    assert [file_size(10), file_size(90_112), file_size(1_400_000)] == ["1 kB", "88 kB", "1.3 MB"]


def test_initials_leave_out_what_follows_a_comma() -> None:
    names = ("Adaeze Okafor, RN", "A. Okafor", "Cher", "")
    assert [initials(name) for name in names] == ["AO", "AO", "C", ""]


def test_a_zone_has_the_name_of_the_day() -> None:
    assert [zone_name(NEW_YORK, date(2026, month, 2)) for month in (7, 12)] == ["EDT", "EST"]
