"""Keeps the days of people who work in both health systems in order, while the two are played side by side.

A running timer bars every later second of the same account, in any tenant: a day that is played after the next one
could not be timed. So the first house plays these people's day first, the second house plays it once that is done, and
the first goes on to their next day after that; everybody else's days fill the waiting.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

from caretide.demo.houses import SEATS

SHARED: Final = frozenset(seat.key for seat in SEATS if len(seat.shifts) > 1)
"""Seats of those who work in both health systems."""

_FINISHED: Final = date.max.toordinal()


class Reached(Protocol):
    """How far each house has come, as ordinals of days; processes share it."""

    def __getitem__(self, place: int, /) -> int: ...
    def __setitem__(self, place: int, reached: int, /) -> None: ...
    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Relay:
    """One house's side: `place` is its own among the houses."""

    reached: Reached
    place: int

    def rank(self, who: str) -> int:
        """Return where somebody's batch stands within a day: shared people first in the first house, last elsewhere."""
        return 0 if (who in SHARED) == (self.place == 0) else 1

    async def turn(self, day: date) -> None:
        """Wait until shared people's day may be played here: after it elsewhere, or after the day before."""
        for other in self._others():
            needed = day.toordinal() - (0 if other < self.place else 1)
            while self.reached[other] < needed:  # noqa: ASYNC110 - the other is a process of its own, which sets no event
                await asyncio.sleep(0.004)

    def begun(self, day: date) -> None:
        """Say that every day before this one is over here."""
        self.reached[self.place] = max(self.reached[self.place], day.toordinal() - 1)

    def done(self, day: date) -> None:
        """Say that no shared person has anything left on a day here."""
        self.reached[self.place] = max(self.reached[self.place], day.toordinal())

    def finish(self) -> None:
        """Say that nothing is left at all."""
        self.reached[self.place] = _FINISHED

    def _others(self) -> Iterable[int]:
        return (other for other in range(len(self.reached)) if other != self.place)
