"""The month bar: exact at the second; the other charts: nothing leaves its place, and words say what is drawn."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caretide.ui.charts import WIDTH, Bar, BarChart, Line, LineChart, MonthBar, Spark, path, spans, ticks

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


@pytest.mark.parametrize(
    ("top", "found"),
    [(0, (0, 1)), (3, (0, 1, 2, 3)), (7, (0, 2, 4, 6, 8)), (46, (0, 20, 40, 60)), (460, (0, 200, 400, 600))],
)
def test_ticks_are_round_few_and_reach_past_the_top(top: int, found: tuple[int, ...]) -> None:
    assert ticks(top) == found


@given(st.floats(0, 1e9))
def test_ticks_are_at_most_five_and_evenly_spaced(top: float) -> None:
    found = ticks(top)
    assert len(found) <= 5
    assert found[-1] >= round(top)
    assert len({after - before for before, after in pairwise(found)}) == 1


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=8), st.integers(0, 10**6))
def test_pieces_of_a_bar_touch_and_never_leave_it(values: list[int], more: int) -> None:
    pieces = spans(values, sum(values) + more)
    assert all(start + extent == after for (start, extent), (after, _) in pairwise(pieces))
    assert pieces[0][0] == 0
    assert sum(pieces[-1]) <= WIDTH
    assert more or not sum(values) or sum(pieces[-1]) == WIDTH


def test_lying_bar_leaves_out_what_is_nothing() -> None:
    chart = BarChart(title="Hours", bars=(Bar("A", (30, 0, 10)), Bar("B", (0, 0, 0))), series=("x", "y", "z"))
    assert chart.pieces(chart.bars[0]) == ((0, 750, "1"), (750, 250, "3"))
    assert chart.pieces(chart.bars[1]) == ()


def test_standing_bars_stand_on_the_axis_one_upon_another() -> None:
    chart = BarChart(title="Calls", bars=(Bar("Nov 2", (3, 1)), Bar("Nov 9", (2, 2))), series=("x", "y"))
    assert chart.ticks == (0, 1, 2, 3, 4)
    assert [(y, height) for _, y, _, height, _ in chart.columns] == [(75, 225), (0, 75), (150, 150), (0, 150)]
    assert BarChart(title="Nothing", bars=()).columns == ()


def test_missing_value_breaks_the_line() -> None:
    assert path((0, 10, None, 10, 0), 0, 10) == "M0 300 L250 0 M750 0 L1000 300"


def test_line_chart_says_in_words_what_it_draws() -> None:
    chart = LineChart(
        title="Pressure",
        labels=("Nov 1", "Nov 3", "Nov 5"),
        lines=(Line("Systolic", (150, None, 134)), Line("Pulse", (None, None, None))),
        band=(80, 130),
        floor=60,
    )
    assert chart.words == "Systolic: from 150 to 134, lowest 134, highest 150. Pulse: nothing measured"
    assert (chart.ticks, chart.marks, chart.band_box) == ((60, 110, 160), ("Nov 1", "Nov 3", "Nov 5"), (90, 150))
    assert chart.end(chart.lines[0]) == "M1000 78h0.01"
    assert chart.end(chart.lines[1]) == ""


def test_spark_spans_its_own_lowest_and_highest_value() -> None:
    assert Spark((2, 6, 4), "Up").line == "M0 300 L500 0 L1000 150"
    assert Spark((), "Nothing yet").area == ""
