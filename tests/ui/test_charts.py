"""The month bar: exact at the second."""

import pytest

from caretide.ui.charts import WIDTH, MonthBar

CCM = (1200, 2400, 3600)


@pytest.mark.parametrize(
    ("seconds", "reached", "words"),
    [
        (0, 0, "20:00 min to 20"),
        (1199, 0, "0:01 min to 20"),
        (1200, 1, "20:00 min to 40"),
        (3599, 2, "0:01 min to 60"),
        (3600, 3, "Complete"),
    ],
)
def test_threshold_is_reached_at_its_second_and_not_before(seconds: int, reached: int, words: str) -> None:
    bar = MonthBar(seconds, CCM)
    assert (bar.reached, bar.words) == (reached, words)


def test_bar_is_not_full_one_second_before_the_last_threshold() -> None:
    assert MonthBar(3599, CCM).fill < WIDTH == MonthBar(3600, CCM).fill


def test_time_beyond_the_last_threshold_neither_grows_the_bar_nor_misses_anything() -> None:
    bar = MonthBar(9000, CCM)
    assert (bar.fill, bar.missing) == (WIDTH, 0)


def test_ticks_stand_at_every_threshold_but_the_end() -> None:
    assert MonthBar(0, CCM).ticks == (333, 666)
    assert MonthBar(0, (1800, 3600)).ticks == (500,)


def test_time_that_does_not_count_reaches_nothing_and_is_drawn_behind_the_fill() -> None:
    bar = MonthBar(1948, CCM, uncounted=354)
    assert (bar.reached, bar.recorded, bar.fill, bar.tail) == (1, 2302, 541, 98)
    assert bar.label == "0:32:28 of 0:38:22 count this month; thresholds 20, 40, 60 minutes; 7:32 min to 40"
    assert MonthBar(3600, CCM, uncounted=900).tail == 0
