"""The ticks of the month bar: at how many seconds the next code is earned. Needs no ruling."""

from dataclasses import dataclass

from caretide.kernel.month import Month
from caretide.programs.packs import Packs


@dataclass(frozen=True, slots=True)
class Tick:
    """From `seconds` on, `units` of `code` are earned; `label` is `99490` or `99439 ×2`."""

    seconds: int
    code: str
    units: int

    @property
    def label(self) -> str:
        """The code, with its units where there are several."""
        return self.code if self.units == 1 else f"{self.code} ×{self.units}"


def thresholds(program: str, packs: Packs, month: Month, *, family: str = "staff") -> tuple[Tick, ...]:
    """Return the ticks of a program's family (`staff`, `complex`, `practitioner`); none where a program has no time."""
    rules = packs.at(month)
    ladder = rules.ladders.get(f"{program.lower()}_{family}") if rules is not None else None
    if ladder is None:
        return ()
    return tuple(Tick(seconds, code, units) for code, units, seconds in ladder.steps)
