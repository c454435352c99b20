"""Lays a month's minutes into working days: on weekdays between nine and a quarter to five, nobody in two places."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from caretide.demo.story import Part, Story, workdays

# Length of an entry: log-normal with a median of 6:40.
MEDIAN_SECONDS: Final = 400
SPREAD: Final = 0.55
SHORTEST: Final = 45
LONGEST: Final = 2400

ACTIVITIES: Final = {
    "patient_call": 46,
    "medication_review": 13,
    "results_review": 12,
    "coordination": 10,
    "care_plan": 8,
    "education": 6,
    "secure_message": 5,
}
"""Kind of work -> how often."""

_OPENS: Final = time(9)
_CLOSES: Final = time(16, 45)


@dataclass(frozen=True, slots=True)
class Stretch:
    """One timer's run. `who` is a key of `company.SEATS`; `part` is the place in the story's parts."""

    who: str
    part: int
    activity: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class _Piece:
    who: str
    part: int
    activity: str
    seconds: int
    day: date


def coordinator_key(number: int) -> str:
    """Return the seat of a coordinator."""
    return f"nurse{number + 1 if number else ''}"


def doctor_key(number: int) -> str:
    """Return the seat of a practitioner."""
    return f"doctor{number + 1 if number else ''}"


def lay_out(story: Story, zone: ZoneInfo, seed: int) -> list[Stretch]:
    """Return every run of a timer in the month, in the order in which they begin."""
    desks: dict[tuple[str, date], list[_Piece]] = defaultdict(list)
    for number, part in enumerate(story.parts):
        for piece in _pieces(number, part, story, Random(f"{seed}/time/{part.person.number}")):
            desks[piece.who, piece.day].append(piece)
    rng = Random(f"{seed}/days")
    laid = [run for key in sorted(desks) for run in _day(desks[key], zone, rng)]
    return sorted(laid, key=lambda run: (run.start, run.who))


def _pieces(number: int, part: Part, story: Story, rng: Random) -> Iterator[_Piece]:
    """Cut a patient's month into entries and give each a day."""
    who = doctor_key(part.person.doctor) if part.turn == "own_time" else coordinator_key(part.coordinator)
    days = [day for day in workdays(story.month) if day >= part.consented_on]
    stay = part.person.stay
    if stay is not None:
        days = [day for day in days if not stay.first <= day <= stay.last]
    lengths = _lengths(*part.seconds, rng)
    for place, seconds in enumerate(lengths):
        activity = "patient_call" if not place else rng.choices(list(ACTIVITIES), list(ACTIVITIES.values()))[0]
        yield _Piece(who, number, activity, seconds, rng.choice(days))
    for day in _uncounted(part, story):
        yield _Piece(who, number, "coordination" if stay else "patient_call", _length(rng), day)
    if rng.random() < 0.15:
        yield _Piece(who, number, "unsuccessful_outreach", rng.randrange(38, 118), rng.choice(days))


def _uncounted(part: Part, story: Story) -> Iterable[date]:
    """Return the days of work that the rules will not count: before consent, and while in hospital."""
    working = workdays(story.month)
    if part.turn == "mid_month":
        return [working[3]]
    stay = part.person.stay
    return [day for day in working if stay and stay.first <= day <= stay.last][1:2]


def _lengths(least: int, most: int, rng: Random) -> list[int]:
    """Return entries that add up to something between the two."""
    while True:
        goal, lengths = rng.randint(least, most), [_length(rng)]
        while sum(lengths) < goal:
            lengths.append(_length(rng))
        if sum(lengths) <= most:
            return lengths


def _length(rng: Random) -> int:
    """Return seconds that are no whole minutes: a log in which all are is one that somebody made up."""
    seconds = min(LONGEST, max(SHORTEST, round(MEDIAN_SECONDS * rng.lognormvariate(0, SPREAD))))
    return seconds if seconds % 60 else seconds + rng.randrange(1, 60)


def _day(pieces: list[_Piece], zone: ZoneInfo, rng: Random) -> Iterator[Stretch]:
    """Put one person's entries of one day behind one another, with pauses that share what is left of the day."""
    rng.shuffle(pieces)
    day = pieces[0].day
    now, closes = (datetime.combine(day, moment, zone) for moment in (_OPENS, _CLOSES))
    free = (closes - now).total_seconds() - sum(piece.seconds for piece in pieces)
    if free < len(pieces):
        raise ValueError(f"{pieces[0].who} has more work on {day} than a day holds")
    pauses = sorted(rng.uniform(0, free) for _ in pieces)
    worked = 0
    for piece, pause in zip(pieces, pauses, strict=True):
        start = now + timedelta(seconds=int(pause) + worked)
        yield Stretch(piece.who, piece.part, piece.activity, start, start + timedelta(seconds=piece.seconds))
        worked += piece.seconds
