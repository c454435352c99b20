"""Charts as numbers for server-drawn SVG: geometry here, drawing in `templates/ui/charts.html`."""

from dataclasses import dataclass
from typing import Final

from caretide.ui.filters import MINUTE, minutes

WIDTH: Final = 1000
"""Width of every bar in drawing units; the SVG stretches to the place it is given."""


@dataclass(frozen=True, slots=True)
class MonthBar:
    """The seconds of a patient-month against the thresholds (in seconds, ascending) of its program.

    The bar ends at the last threshold: care beyond it is still recorded, but no bar grows for it.
    """

    seconds: int
    thresholds: tuple[int, ...]

    @property
    def fill(self) -> int:
        """Drawing units that are filled."""
        return min(WIDTH, self.seconds * WIDTH // self.thresholds[-1])

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
        """What a person needs to know: `1:20 to 20`, or `Complete`."""
        for mark in self.thresholds:
            if mark > self.seconds:
                return f"{minutes(mark - self.seconds)} to {mark // MINUTE}"
        return "Complete"

    @property
    def label(self) -> str:
        """The bar read aloud."""
        marks = ", ".join(str(mark // MINUTE) for mark in self.thresholds)
        return f"{minutes(self.seconds)} this month; thresholds {marks} minutes; {self.words}"
