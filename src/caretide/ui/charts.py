"""Charts as numbers for server-drawn SVG: geometry here, drawing in `templates/ui/charts.html`.

Every drawing is stretched to the place it is given, so lines keep their width (`non-scaling-stroke`) and all text
stands in HTML beside it, at a size that can be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from caretide.ui.filters import MINUTE, hms, minutes

WIDTH: Final = 1000
"""Width of every bar in drawing units; the SVG stretches to the place it is given."""


@dataclass(frozen=True, slots=True)
class MonthBar:
    """The seconds that count in a patient-month against the thresholds (in seconds, ascending) of its program.

    `uncounted` seconds were recorded too, but the ruling leaves them out: they are drawn behind the fill and reach no
    threshold. The bar ends at the last threshold: care beyond it is still recorded, but no bar grows for it.
    """

    seconds: int
    thresholds: tuple[int, ...]
    uncounted: int = 0

    @property
    def recorded(self) -> int:
        """Seconds that were recorded, whether they count or not."""
        return self.seconds + self.uncounted

    @property
    def fill(self) -> int:
        """Drawing units that are filled."""
        return min(WIDTH, self.seconds * WIDTH // self.thresholds[-1])

    @property
    def tail(self) -> int:
        """Drawing units behind the fill, for the seconds that do not count."""
        return min(WIDTH, self.recorded * WIDTH // self.thresholds[-1]) - self.fill

    @property
    def ticks(self) -> tuple[int, ...]:
        """Where a threshold cuts the bar, the last one (its end) left out."""
        return tuple(mark * WIDTH // self.thresholds[-1] for mark in self.thresholds[:-1])

    @property
    def reached(self) -> int:
        """How many thresholds are reached: seconds are compared, nothing is rounded."""
        return sum(self.seconds >= mark for mark in self.thresholds)

    @property
    def missing(self) -> int:
        """Seconds to the next threshold; 0 when the last is reached."""
        return next((mark - self.seconds for mark in self.thresholds if mark > self.seconds), 0)

    @property
    def words(self) -> str:
        """What a person needs to know: `1:20 min to 20`, or `Complete`."""
        for mark in self.thresholds:
            if mark > self.seconds:
                return f"{minutes(mark - self.seconds)} min to {mark // MINUTE}"
        return "Complete"

    @property
    def label(self) -> str:
        """The bar read aloud."""
        marks = ", ".join(str(mark // MINUTE) for mark in self.thresholds)
        counted = f"{hms(self.seconds)} of {hms(self.recorded)} count" if self.uncounted else hms(self.seconds)
        return f"{counted} this month; thresholds {marks} minutes; {self.words}"


HEIGHT: Final = 300
"""Height of every plot in drawing units."""


def ticks(top: float, most: int = 4) -> tuple[int, ...]:
    """Return round numbers from 0 to `top` or past it: at most `most` steps of 1, 2 or 5 times a power of ten."""
    step = 1
    while top > step * most:
        digits = str(step)
        step = step * 5 // 2 if digits[0] == "2" else step * 2
    return tuple(range(0, step * max(1, -(-round(top) // step)) + 1, step))


def spans(values: Sequence[int], whole: int, length: int = WIDTH) -> tuple[tuple[int, int], ...]:
    """Return (start, extent) of each value laid end to end, `whole` being `length` units: without gap or overlap."""
    ends = [min(length, total * length // max(1, whole)) for total in accumulate(values, initial=0)]
    return tuple((start, end - start) for start, end in pairwise(ends))


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: a value for each series of its chart. `text` is written beside it, `href` opens what it counts."""

    label: str
    values: tuple[int, ...]
    text: str = ""
    href: str = ""

    @property
    def total(self) -> int:
        """The whole bar."""
        return sum(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """Bars of one or more series, stacked. Drawn lying (`bars`, a table by itself) or standing (`columns`).

    `whole` is the value of a full bar; by default the longest one fills its place. `tones` are the classes
    `series-NAME` of the style sheet, one for each series.
    """

    title: str
    bars: tuple[Bar, ...]
    series: tuple[str, ...] = ("Count",)
    tones: tuple[str, ...] = ("1", "2", "3", "0")
    unit: str = ""
    whole: int = 0

    @property
    def top(self) -> int:
        """The value at the end of a full bar."""
        return self.whole or max((bar.total for bar in self.bars), default=0)

    @property
    def ticks(self) -> tuple[int, ...]:
        """The round numbers of a standing chart's axis."""
        return ticks(self.top)

    def pieces(self, bar: Bar) -> tuple[tuple[int, int, str], ...]:
        """Return (x, width, tone) of a lying bar's series."""
        return tuple(
            (*span, tone) for span, tone in zip(spans(bar.values, self.top), self.tones, strict=False) if span[1]
        )

    @property
    def columns(self) -> tuple[tuple[int, int, int, int, str], ...]:
        """Return (x, y, width, height, tone) of every piece of a standing chart."""
        slot = WIDTH // max(1, len(self.bars))
        wide = slot * 3 // 5
        return tuple(
            (index * slot + (slot - wide) // 2, HEIGHT - start - extent, wide, extent, tone)
            for index, bar in enumerate(self.bars)
            for (start, extent), tone in zip(spans(bar.values, self.ticks[-1], HEIGHT), self.tones, strict=False)
            if extent
        )


def heights(values: Sequence[float | None], low: float, high: float) -> tuple[int | None, ...]:
    """Return the distance from the top of the plot for each value between `low` and `high`; None stays a gap."""
    reach = (high - low) or 1
    return tuple(None if value is None else round(HEIGHT - (value - low) * HEIGHT / reach) for value in values)


def path(values: Sequence[float | None], low: float, high: float) -> str:
    """Return the line through the values as SVG path data, broken where a value is missing."""
    step = WIDTH / max(1, len(values) - 1)
    steps: list[str] = []
    pen = "M"
    for index, y in enumerate(heights(values, low, high)):
        if y is None:
            pen = "M"
            continue
        steps.append(f"{pen}{round(index * step)} {y}")
        pen = "L"
    return " ".join(steps)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: a value for each label, None where nothing was measured."""

    name: str
    values: tuple[float | None, ...]

    @property
    def known(self) -> tuple[float, ...]:
        """What was measured."""
        return tuple(value for value in self.values if value is not None)

    @property
    def words(self) -> str:
        """The line read aloud: where it begins and ends, and its lowest and highest value."""
        if not self.known:
            return f"{self.name}: nothing measured"
        first, last = self.known[0], self.known[-1]
        return f"{self.name}: from {first:g} to {last:g}, lowest {min(self.known):g}, highest {max(self.known):g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """Lines over the same labels. `band` is the range that is wanted, drawn behind; `floor` starts the axis above 0."""

    title: str
    labels: tuple[str, ...]
    lines: tuple[Line, ...]
    unit: str = ""
    band: tuple[float, float] | None = None
    floor: int = 0

    @property
    def ticks(self) -> tuple[int, ...]:
        """The numbers of the upright axis, evenly spaced."""
        top = max((value for line in self.lines for value in (*line.known, *(self.band or ()))), default=1)
        return tuple(self.floor + tick for tick in ticks(max(1, top - self.floor)))

    @property
    def marks(self) -> tuple[str, ...]:
        """The labels that are written: first, middle if there is one, last; the table has them all."""
        last = len(self.labels) - 1
        if last < 2:
            return self.labels
        return (
            (self.labels[0], self.labels[last // 2], self.labels[-1]) if last % 2 == 0 else self.labels[:: max(1, last)]
        )

    @property
    def words(self) -> str:
        """The chart read aloud."""
        return ". ".join(line.words for line in self.lines)

    @property
    def band_box(self) -> tuple[int, int] | None:
        """(y, height) of the wanted range."""
        if self.band is None:
            return None
        top, bottom = heights((self.band[1], self.band[0]), self.ticks[0], self.ticks[-1])
        return (top, bottom - top) if top is not None and bottom is not None else None

    def path(self, line: Line) -> str:
        """Return a line's path data."""
        return path(line.values, self.ticks[0], self.ticks[-1])

    def end(self, line: Line) -> str:
        """Return path data of a line without length at the last value: round caps make it a dot, never stretched."""
        shown = [part for part in self.path(line).replace("M", "L").split("L") if part]
        return f"M{shown[-1].strip()}h0.01" if shown else ""


@dataclass(frozen=True, slots=True)
class Spark:
    """A line without axes, as long as a word; `label` says what it shows, in figures."""

    values: tuple[float, ...]
    label: str

    @property
    def line(self) -> str:
        """The line's path data, between its own lowest and highest value."""
        return path(self.values, min(self.values, default=0), max(self.values, default=1))

    @property
    def area(self) -> str:
        """The same line closed along the bottom."""
        return self.closed(self.line)

    def closed(self, line: str) -> str:
        """Return the line's path data closed along the bottom."""
        return f"{line} L{WIDTH} {HEIGHT} L0 {HEIGHT} Z" if line else ""
