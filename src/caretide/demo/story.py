"""What happens to whom in the month: who is enrolled, who looks after them, how much care they get, what goes wrong.

Shares are assumed after what vendors and evaluations of running programs report: 12 % of the enrolled in PCM, 18 %
short of minutes and 8 % held by a fact; of the rest most between 20 and 40 minutes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import Final, Literal

from caretide.demo.people import Person
from caretide.kernel.month import Month

Turn = Literal[
    "plain",
    "short",
    "no_copy",  # nobody recorded that the patient has the care plan
    "unchecked",  # nobody looked whether somebody else bills
    "elsewhere",  # another practice bills the same service
    "unrecorded",  # no coverage on record
    "mid_month",  # consent in the middle of the month, and a call before it
    "hospital",  # in hospital for some days, and a call into the ward
    "complex",  # the practitioner decided and elected complex care management
    "own_time",  # the practitioner makes the calls, and elected the practitioner's own family
    "forgotten",  # a timer was left running overnight
    "overlap",  # somebody tried to run two timers at once
]
SINGLED: Final[tuple[Turn, ...]] = (
    "no_copy", "unchecked", "elsewhere", "mid_month", "complex", "own_time", "forgotten", "overlap",
)  # fmt: skip
"""What happens to one patient each."""

HELD: Final = frozenset({"no_copy", "unchecked", "elsewhere", "unrecorded"})

SPANISH_SPEAKER: Final = 1
"""The coordinator who takes everybody who speaks Spanish, and so fewer of the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One enrolled patient's month. `seconds` is from and to what of counted time, all entries together."""

    person: Person
    program: Literal["CCM", "PCM"]
    turn: Turn
    coordinator: int
    seconds: tuple[int, int]
    visit_on: date
    started_on: date
    consented_on: date
    planned_on: date


@dataclass(frozen=True, slots=True)
class Story:
    """The enrolled, and those who are not: `waiting` could be, `others` could not."""

    month: Month
    parts: tuple[Part, ...]
    waiting: tuple[Person, ...]
    others: tuple[Person, ...]


def write(people: Iterable[Person], month: Month, seed: int) -> Story:
    """Deal the parts; the same people, month and seed get the same."""
    rng = Random(f"{seed}/story")
    everyone = list(people)
    others = tuple(one for one in everyone if not one.diseases or one.coverage == "part_a_only")
    many = [one for one in everyone if one not in others and len(one.diseases) > 1]
    single = [one for one in everyone if one not in others and len(one.diseases) == 1]
    special = [one for one in many if one.stay or one.coverage == "unrecorded"]
    plain = [one for one in many if one not in special]
    apart, later = len(many) // 12, len(single) // 4
    waiting = (*plain[:apart], *single[:later])
    ccm, pcm = [*special, *plain[apart:]], single[later:]
    turns = _turns(ccm, pcm, rng)
    parts = [_part(one, turns[one.number], month, rng) for one in sorted([*ccm, *pcm], key=lambda one: one.number)]
    return Story(month, tuple(parts), waiting, others)


def follow(story: Story, month: Month, seed: int) -> Story:
    """Return the next month for the same people, without anything special."""
    rng = Random(f"{seed}/{month}")
    parts: list[Part] = []
    for part in story.parts:
        turn: Turn = "short" if rng.random() < 0.18 else "plain"
        parts.append(replace(part, turn=turn, seconds=_seconds(part.program, turn, rng)))
    return Story(month, tuple(parts), story.waiting, story.others)


def _turns(ccm: list[Person], pcm: list[Person], rng: Random) -> dict[int, Turn]:
    dealt: dict[int, Turn] = {}
    for one in ccm:
        if one.coverage == "unrecorded":
            dealt[one.number] = "unrecorded"
        elif one.stay:
            dealt[one.number] = "hospital"
    free = [one for one in ccm if one.number not in dealt and one.coverage == "original_b"]
    chosen = rng.sample(free, min(len(free), len(SINGLED)))
    dealt.update({one.number: turn for one, turn in zip(chosen, SINGLED, strict=False)})
    total = len(ccm) + len(pcm)
    rest = [one for one in [*ccm, *pcm] if one.number not in dealt]
    short = {one.number for one in rng.sample(rest, min(len(rest), round(total * 0.18)))}
    for one in rest:
        dealt[one.number] = "short" if one.number in short else "plain"
    return dealt


def _part(person: Person, turn: Turn, month: Month, rng: Random) -> Part:
    program = "CCM" if len(person.diseases) > 1 else "PCM"
    first = min(visit.first for visit in person.visits if visit.kind == "office")
    started = min(first + timedelta(days=rng.randrange(4, 12)), month.first)
    consented, planned = started, min(started + timedelta(days=rng.randrange(0, 6)), month.first)
    if turn == "mid_month":
        started = month.first
        consented = planned = workdays(month)[len(workdays(month)) // 2]
    return Part(
        person=person,
        program=program,
        turn=turn,
        coordinator=coordinator_of(person),
        seconds=_seconds(program, turn, rng),
        visit_on=first,
        started_on=started,
        consented_on=consented,
        planned_on=planned,
    )


def coordinator_of(person: Person) -> int:
    """Return which of the three coordinators a patient is given to."""
    return SPANISH_SPEAKER if person.language == "es" else (0, 2, 1, 0, 2, 0, 2)[person.number % 7]


def _seconds(program: str, turn: Turn, rng: Random) -> tuple[int, int]:
    """Return a range on one side of the thresholds: 20, 40 and 60 minutes for CCM, 30 and 60 for PCM."""
    if turn == "short":
        return rng.choice(((240, 590), (600, 1060))) if program == "CCM" else rng.choice(((480, 1100), (1100, 1660)))
    if turn == "complex":
        return 3720, 4700
    if turn == "own_time":
        return 1860, 2700
    if program == "PCM":
        return (1815, 3500)
    return rng.choices(((1215, 2340), (2415, 3540), (3615, 4600)), (40, 11, 4))[0]


def workdays(month: Month) -> list[date]:
    """Return the month's Mondays to Fridays."""
    days = (month.first + timedelta(days=number) for number in range((month.last - month.first).days + 1))
    return [day for day in days if day.weekday() < 5]
