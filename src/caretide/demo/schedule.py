"""Lays a month's work into working days: on weekdays, inside everybody's own hours, nobody in two places."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Final, Literal

from caretide.demo.houses import House, seat, seats_of
from caretide.demo.story import Part, Story, among

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

ANSWERED: Final = 0.27
"""Share of calls that reach somebody, so that it takes a geometric number of tries: 3.7, capped."""
MOST_TRIES: Final = 6
LAUNCH_MISSES: Final = 1
"""In the launch month most are seen in the practice when they consent."""
MISSES: Final = {"voicemail": 32, "no_answer": 28, "busy": 6, "wrong_number": 3, "call_back": 3}
HITS: Final = {"reached": 92, "family": 8}
"""How calls end -> how often, for those that reach nobody and those that do."""

BY_HAND: Final = 0.15
"""Share of entries that are written down afterwards."""
MISTAKEN: Final = 0.01
"""Share of entries that are corrected."""
TIMED_MISSES: Final = 0.12

Kind = Literal["timer", "manual", "attempt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A piece of somebody's day. `who` is a seat, `part` the place in the story's parts.

    `outcome` is how the try to reach the patient ended that goes with it. `mistaken` entries are corrected afterwards.
    """

    who: str
    part: int
    kind: Kind
    activity: str
    start: datetime
    end: datetime
    outcome: str = ""
    mistaken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    part: int
    kind: Kind
    activity: str
    seconds: int
    outcome: str = ""
    mistaken: bool = False


@dataclass(slots=True)
class _Desks:
    """Everybody's days, and how much of each is taken."""

    house: House
    pieces: dict[tuple[str, date], list[_Piece]] = field(default_factory=lambda: defaultdict(list))
    taken: dict[tuple[str, date], int] = field(default_factory=lambda: defaultdict(int))
    room: Mapping[str, int] = field(default_factory=dict[str, int])

    def fits(self, who: str, day: date, seconds: int) -> bool:
        """Whether somebody still has the time on a day: a fifth of it is kept free."""
        return self.taken[who, day] + seconds <= self.room[who]

    def put(self, who: str, day: date, piece: _Piece) -> None:
        """Give a piece of work to somebody on a day."""
        self.pieces[who, day].append(piece)
        self.taken[who, day] += piece.seconds


def lay_out(story: Story, place: int, seed: int) -> list[Stretch]:
    """Return the work of one of the story's months, in the order in which it begins."""
    house = story.house
    room = {one.key: _length_of_shift(house, one.key) * 4 // 5 for one in seats_of(house)}
    desks = _Desks(house, room=room)
    for number, part in enumerate(story.parts):
        _plan(desks, story, place, number, part, Random(f"{seed}/{house.key}/{place}/{part.person.number}"))
    rng = Random(f"{seed}/{house.key}/{place}/days")
    laid = [run for who, day in sorted(desks.pieces) for run in _day(house, who, day, desks.pieces[who, day], rng)]
    return sorted(laid, key=lambda run: (run.start, run.who))


def shift(house: House, who: str, day: date) -> tuple[datetime, datetime]:
    """Return when somebody's day in a health system begins and ends."""
    opens, closes = seat(who).shifts[house.key]
    return datetime.combine(day, opens, house.zone), datetime.combine(day, closes, house.zone)


def _length_of_shift(house: House, who: str) -> int:
    opens, closes = seat(who).shifts[house.key]
    return (closes.hour - opens.hour) * 3600 + (closes.minute - opens.minute) * 60


def _plan(desks: _Desks, story: Story, place: int, number: int, part: Part, rng: Random) -> None:
    """Cut a patient's month into entries and tries, and give each a day."""
    days = among(story.days(story.months[place]), part.consented_on, part.until)
    stay = part.person.stay
    if stay is not None:
        days = [day for day in days if not stay.first <= day <= stay.last]
    days = [day for day in days if not story.is_away(story.coordinator(part, day), day)]
    if not days or part.turn == "unassigned":
        return
    doctor = _doctor_seat(story, part) if part.turn == "own_time" and place == 1 else None
    lengths = _lengths(*part.goals[place], rng)
    chosen = sorted(_choose(desks, story, part, days, length, rng, doctor) for length in lengths)
    tries = 1
    while tries < MOST_TRIES and rng.random() > ANSWERED:
        tries += 1
    for order, (day, seconds) in enumerate(zip(chosen, lengths, strict=True)):
        first = order == 0
        activity = "patient_call" if first else rng.choices(list(ACTIVITIES), list(ACTIVITIES.values()))[0]
        outcome = rng.choices(list(HITS), list(HITS.values()))[0] if first and activity == "patient_call" else ""
        kind: Kind = "manual" if rng.random() < BY_HAND and doctor is None else "timer"
        mistaken = kind == "timer" and rng.random() < MISTAKEN
        made = _Piece(part=number, kind=kind, activity=activity, seconds=seconds, outcome=outcome, mistaken=mistaken)
        desks.put(doctor or story.coordinator(part, day), day, made)
    if doctor is None:
        before = among(days, days[0], chosen[0]) if chosen else days
        misses = tries - 1 if chosen else tries
        _tries(desks, story, number, before, min(misses, LAUNCH_MISSES) if place == 0 else misses, rng)
    for day in _uncounted(part, story, place):
        made = _Piece(
            part=number, kind="timer", activity="coordination" if stay else "patient_call", seconds=_length(rng)
        )
        desks.put(story.coordinator(part, day), day, made)


def _tries(desks: _Desks, story: Story, number: int, days: Sequence[date], count: int, rng: Random) -> None:
    """Lay calls that reach nobody before the one that does; some of them are timed."""
    for _ in range(count):
        day = rng.choice(days)
        who = story.coordinator(story.parts[number], day)
        outcome = rng.choices(list(MISSES), list(MISSES.values()))[0]
        kind: Kind = "timer" if rng.random() < TIMED_MISSES else "attempt"
        made = _Piece(
            part=number, kind=kind, activity="unsuccessful_outreach", seconds=rng.randrange(38, 118), outcome=outcome
        )
        if desks.fits(who, day, made.seconds):
            desks.put(who, day, made)


def _choose(
    desks: _Desks, story: Story, part: Part, days: Sequence[date], seconds: int, rng: Random, doctor: str | None
) -> date:
    """Return the least taken of three days, or else any with room."""
    some = sorted(
        rng.sample(days, min(3, len(days))),
        key=lambda day: desks.taken[doctor or story.coordinator(part, day), day],
    )
    for day in [*some, *days]:
        if desks.fits(doctor or story.coordinator(part, day), day, seconds):
            return day
    return some[0]


def _doctor_seat(story: Story, part: Part) -> str | None:
    key = story.house.doctors[part.person.doctor].key
    return next((one.key for one in seats_of(story.house) if one.doctor == key), None)


def _uncounted(part: Part, story: Story, place: int) -> list[date]:
    """Return the days of work that the rules will not count: before consent, and while in hospital."""
    working = story.days(story.months[place])
    if place == 1 and part.turn == "mid_month":
        return [working[3]]
    stay = part.person.stay
    return [day for day in working if stay and stay.first <= day <= stay.last][1:2]


def _lengths(least: int, most: int, rng: Random) -> list[int]:
    """Return entries that add up to something between the two."""
    while most:
        goal, lengths = rng.randint(least, most), [_length(rng)]
        while sum(lengths) < goal:
            lengths.append(_length(rng))
        if sum(lengths) <= most:
            return lengths
    return []


def _length(rng: Random) -> int:
    """Return seconds that are no whole minutes: a log in which all are is one that somebody made up."""
    seconds = min(LONGEST, max(SHORTEST, round(MEDIAN_SECONDS * rng.lognormvariate(0, SPREAD))))
    return seconds if seconds % 60 else seconds + rng.randrange(1, 60)


def _day(house: House, who: str, day: date, pieces: list[_Piece], rng: Random) -> Iterator[Stretch]:
    """Put one person's work of one day one after another, with pauses that share what is left of the day.

    Calls that are answered lean to the afternoon, those that are not to the morning.
    """
    lean = {True: 0.3, False: -0.3}
    mixed = sorted(
        (rng.random() + (lean[one.outcome in HITS] if one.outcome else 0), n) for n, one in enumerate(pieces)
    )
    now, closes = shift(house, who, day)
    free = max(0.0, (closes - now).total_seconds() - sum(piece.seconds + 1 for piece in pieces))
    pauses = sorted(rng.uniform(0, free) for _ in pieces)
    worked = 0
    for (_, n), pause in zip(mixed, pauses, strict=True):
        piece = pieces[n]
        start = now + timedelta(seconds=int(pause) + worked)
        yield Stretch(
            who=who,
            part=piece.part,
            kind=piece.kind,
            activity=piece.activity,
            start=start,
            end=start + timedelta(seconds=piece.seconds),
            outcome=piece.outcome,
            mistaken=piece.mistaken,
        )
        worked += piece.seconds + 1


def until(runs: Sequence[Stretch], moment: datetime) -> list[Stretch]:
    """Return what is over at a time."""
    return [run for run in runs if run.end < moment]
