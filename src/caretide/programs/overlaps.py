"""How long several pieces of work took together, when what ran at the same time counts once. Whole seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from caretide.programs.month_facts import TimeEntry


class Span(NamedTuple):
    """A piece of an entry that lies on one day, or on an unknown one.

    `begin` is a whole second on its `timeline` (the clock of the world, or that of a label whose day is unknown).
    """

    place: int
    entry: TimeEntry
    seconds: int
    day: date | None
    begin: int | None = None
    timeline: str = ""

    @property
    def end(self) -> int:
        """The second after the last one."""
        return (self.begin or 0) + self.seconds


@dataclass(frozen=True, slots=True)
class Measured:
    """The seconds of several spans together, and the share that each span brings to them."""

    total: int
    shares: tuple[int, ...]


def measure(spans: Sequence[Span]) -> Measured:
    """Return the union of spans: by the clock where it is known, by label where it is not, a plain sum otherwise.

    Within a label, what has no clock ran while the rest of the label ran, so that the longer of the two counts.
    """
    if all(span.begin is None and span.entry.overlaps is None for span in spans):
        shares = tuple(span.seconds for span in spans)
        return Measured(sum(shares), shares)
    found = [0] * len(spans)
    timed = [place for place, span in enumerate(spans) if span.begin is not None]
    _sweep(spans, timed, found)
    labels: dict[str, list[int]] = {}
    for place, span in enumerate(spans):
        if span.begin is None and span.entry.overlaps is None:
            found[place] = span.seconds
        elif span.begin is None and span.entry.overlaps is not None:
            labels.setdefault(span.entry.overlaps, []).append(place)
    for label, places in labels.items():
        _beside(spans, label, places, found)
    return Measured(sum(found), tuple(found))


def _sweep(spans: Sequence[Span], timed: list[int], found: list[int]) -> None:
    """Give each span the seconds that no earlier one has covered. Staff go first, then ids, so that order is fixed."""
    covered = 0
    timeline: str | None = None
    for place in sorted(timed, key=lambda place: _order(spans[place])):
        span = spans[place]
        if span.timeline != timeline:
            timeline, covered = span.timeline, -1
        begin = span.begin or 0
        found[place] = max(0, span.end - max(begin, covered))
        covered = max(covered, span.end)


def _order(span: Span) -> tuple[str, int, int, bool, str]:
    return span.timeline, span.begin or 0, -span.seconds, span.entry.role == "billing_practitioner", span.entry.id


def _beside(spans: Sequence[Span], label: str, places: list[int], found: list[int]) -> None:
    timed = [place for place, span in enumerate(spans) if span.begin is not None and span.entry.overlaps == label]
    alone = [0] * len(spans)
    _sweep(spans, timed, alone)
    longest = min(places, key=lambda place: (-spans[place].seconds, _order(spans[place])))
    found[longest] = max(0, spans[longest].seconds - sum(alone))


def day_reached(spans: Sequence[Span], shares: Sequence[int], needed: int) -> date | None:
    """Return the day on which the shares add up to `needed` seconds, None where that rests on time of unknown day."""
    by_day: dict[date, int] = {}
    for span, share in zip(spans, shares, strict=True):
        if span.day is not None and share:
            by_day[span.day] = by_day.get(span.day, 0) + share
    so_far = 0
    for day in sorted(by_day):
        so_far += by_day[day]
        if so_far >= needed:
            return day
    return None
