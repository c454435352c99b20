"""Charts as numbers for server-drawn SVG: geometry here, drawing in `templates/ui/charts.html`."""

from dataclasses import dataclass
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
