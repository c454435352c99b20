"""What happens to whom in three months: the launch month, the last full month, and the present one to date.

Shares are those that vendors and evaluations of running programs report (assumed where nobody does): 12 % of the
enrolled in PCM; in a full month 18 % short of minutes and 8 % held by a fact; 4 % join in a month, and 2.6 % leave.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final, Literal

from caretide.demo.houses import House, seats_of
from caretide.demo.people import Person, apportioned
from caretide.kernel.month import Month

Turn = Literal[
    "plain",
    "no_copy",  # nobody recorded that the patient has the care plan
    "unchecked",  # nobody looked whether somebody else bills
    "elsewhere",  # another practice bills the same service
    "unrecorded",  # no coverage on record
    "mid_month",  # consent in the middle of the last month, and a call before it
    "hospital",  # in hospital for some days of the last month, and a call into the ward
    "complex",  # the practitioner decided and elected complex care management
    "own_time",  # the practitioner makes the calls, and elected the practitioner's own family
    "unassigned",  # enrolled in the present month, and nobody's patient yet
]
HELD: Final = frozenset({"no_copy", "unchecked", "elsewhere", "unrecorded"})
HELD_SHARES: Final[dict[Turn, float]] = {"no_copy": 0.029, "unchecked": 0.027, "elsewhere": 0.015}
"""Of the enrolled; with the unrecorded about 8 %."""

LEAVING: Final = {
    "Cost: does not want to pay the monthly share": 28,
    "Not interested any more": 24,
    "Unreachable: six attempts and a letter": 18,
    "Moved, or changed doctors": 10,
    "Health status: moved to hospice or a nursing facility": 9,
    "Other: transferred to the practice's own nurse": 11,
}
"""Why people leave -> how often; deaths are told apart."""
BY_CHOICE: Final = ("Cost", "Not interested")

JOIN_RATE: Final = 0.04
LEAVE_RATE: Final = 0.026
UNASSIGNED: Final = 5

TO_DATE: Final = {"none": 5, "under_10": 19, "under_20": 21, "under_40": 40, "under_60": 11, "more": 4}
"""Minutes on the 21st -> share of patients."""
AT_END: Final = {"none": 1, "under_10": 4, "under_20": 13, "under_40": 65, "under_60": 13, "more": 4}
"""The same at the end of a month: 18 % are short of 20 minutes."""
LAUNCH: Final = {"none": 4, "under_10": 26, "under_20": 28, "under_40": 38, "under_60": 3, "more": 1}
"""The same in the launch month, through which people join."""
_RECIPE_PROGRESS: Final = 0.7
"""How much of a month's work days have passed on the 21st."""

SECONDS: Final = {
    "none": (0, 0),
    "under_10": (190, 585),
    "under_20": (620, 1170),
    "under_40": (1230, 2370),
    "under_60": (2430, 3560),
    "more": (3640, 4700),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One enrolled patient's three months. `goals` are seconds from and to, one pair a month.

    `coordinator` is a seat, `later` who takes over when a leave begins; `mended` says that what held the last month was
    recorded in the present one. `leaves` is the last day and why.
    """

    person: Person
    program: Literal["CCM", "PCM"]
    turn: Turn
    coordinator: str
    later: str
    visit_on: date
    joined_on: date
    consented_on: date
    goals: tuple[tuple[int, int], ...] = ()
    mended: bool = False
    leaves: tuple[date, str] | None = None
    died_on: date | None = None

    @property
    def until(self) -> date:
        """The last day on which something is done for the patient."""
        ends = [self.leaves[0]] if self.leaves else []
        return min([*ends, self.died_on or date.max])


@dataclass(frozen=True, slots=True)
class Absence:
    """Days on which somebody is away and another works the roster; the designations stay."""

    who: str
    cover: str
    first_on: date
    last_on: date


ABSENT: Final = {"lakeside": (("kasia", "daniel"), ("daniel", "joy"))}
"""Who is away, and who covers: for two days of the last month, and since the present day."""
AWAY_FOR: Final = timedelta(days=9)


@dataclass(frozen=True, slots=True)
class Story:
    """The enrolled, and those who are not: `waiting` could be, `others` could not."""

    house: House
    months: tuple[Month, Month, Month]
    today: date
    handover_on: date
    parts: tuple[Part, ...]
    waiting: tuple[Person, ...]
    others: tuple[Person, ...]

    @property
    def last(self) -> Month:
        """The last full month, which is closed."""
        return self.months[1]

    @property
    def present(self) -> Month:
        """The month that runs."""
        return self.months[2]

    def coordinator(self, part: Part, day: date) -> str:
        """Return whose patient somebody is on a day."""
        return part.later if day >= self.handover_on else part.coordinator

    @property
    def absences(self) -> tuple[Absence, ...]:
        """Who is away for some days: in the last month, and from the present day on."""
        if self.house.key not in ABSENT:
            return ()
        before, now = ABSENT[self.house.key]
        first, last = workdays(self.last)[5:7]
        return Absence(*before, first, last), Absence(*now, self.today, self.today + AWAY_FOR)

    def is_away(self, who: str, day: date) -> bool:
        """Whether somebody is away on a day, and covered."""
        return any(one.who == who and one.first_on <= day <= one.last_on for one in self.absences)

    def days(self, month: Month) -> list[date]:
        """Return a month's working days up to today."""
        return [day for day in workdays(month) if day <= self.today]


def write(people: Iterable[Person], house: House, last: Month, today: date, seed: int) -> Story:
    """Deal the parts; the same people, month and seed get the same. `today` lies in the month after `last`."""
    months = (last.previous(), last, last.next())
    everyone = list(people)
    others = tuple(one for one in everyone if not one.diseases or one.coverage == "part_a_only")
    able = [one for one in everyone if one not in set(others)]
    waiting = {one.number for one in _waiting(able)}
    cast = _Casting(house, months, today, workdays(last)[8], f"{seed}/{house.key}")
    parts = cast.parts([one for one in able if one.number not in waiting])
    rest = tuple(one for one in able if one.number in waiting)
    return Story(house, months, today, cast.handover_on, parts, rest, others)


def _waiting(able: list[Person]) -> list[Person]:
    """Return who is eligible and not enrolled: a third of those with several conditions, two in five of the others."""
    usual = [one for one in able if not one.stay and one.coverage != "unrecorded"]
    many = [one for one in usual if len(one.diseases) > 1]
    single = [one for one in usual if len(one.diseases) == 1]
    return [*many[: len(many) * 32 // 100], *single[: len(single) * 2 // 5]]


@dataclass(frozen=True, slots=True)
class _Casting:
    """Deals parts in one health system.

    Each question has a source of chance of its own, and what the closed months are dealt never depends on how far the
    present one has come.
    """

    house: House
    months: tuple[Month, Month, Month]
    today: date
    handover_on: date
    chance: str

    def rng(self, name: object) -> Random:
        """Return a question's own source of chance."""
        return Random(f"{self.chance}/{name}")

    def parts(self, people: list[Person]) -> tuple[Part, ...]:
        turns = self._turns(people)
        joined = self._joined(people, turns)
        panels = panel(self.house, people)
        leaving = self._leaving([one for one in people if turns[one.number] == "plain"], joined)
        goals = self._goals(people, turns, joined)
        made: list[Part] = []
        for one in people:
            turn, number = turns[one.number], one.number
            consented = joined[number]
            if turn == "mid_month":
                working = workdays(self.months[1])
                consented = working[len(working) // 2]
            ends, died = leaving.get(number), None
            if ends and ends[1] == "Died":
                ends, died = None, ends[0]
            made.append(
                Part(
                    person=one,
                    program="CCM" if len(one.diseases) > 1 else "PCM",
                    turn=turn,
                    coordinator=panels[number],
                    later=self._later(one, panels[number]),
                    visit_on=first_visit(one),
                    joined_on=joined[number],
                    consented_on=consented,
                    goals=goals[number],
                    mended=turn in {"no_copy", "unchecked"} and number % 2 == 0,
                    leaves=ends,
                    died_on=died,
                )
            )
        return tuple(made)

    def _later(self, one: Person, seat: str) -> str:
        return self.house.cover[one.number % len(self.house.cover)] if seat == self.house.away else seat

    def _turns(self, people: list[Person]) -> dict[int, Turn]:
        dealt: dict[int, Turn] = dict.fromkeys((one.number for one in people), "plain")
        for one in people:
            if one.coverage == "unrecorded":
                dealt[one.number] = "unrecorded"
            elif one.stay:
                dealt[one.number] = "hospital"
        free = [one for one in people if dealt[one.number] == "plain" and one.coverage == "original_b"]
        self.rng("turns").shuffle(free)
        signers = {seat.doctor for seat in seats_of(self.house) if seat.doctor}
        few = max(1, len(people) // 120)

        def deal(turn: Turn, count: int, suits: Callable[[Person], bool] = lambda _: True) -> None:
            for one in [one for one in free if suits(one)][:count]:
                dealt[one.number] = turn
                free.remove(one)

        for turn in ("complex", "own_time"):
            deal(turn, few, lambda one: len(one.diseases) > 1 and self.house.doctors[one.doctor].key in signers)
        for turn, share in HELD_SHARES.items():
            deal(turn, max(1, round(len(people) * share)))
        deal("mid_month", few)
        deal("unassigned", max(1, min(UNASSIGNED, len(people) // 20)))
        return dealt

    def _joined(self, people: list[Person], turns: dict[int, Turn]) -> dict[int, date]:
        """Let most consent through the launch month, and some in each month after."""
        rng = self.rng("joined")
        launch, last, present = (workdays(month) for month in self.months)
        plain = [one.number for one in people if turns[one.number] == "plain"]
        rng.shuffle(plain)
        each = round(len(people) * JOIN_RATE)
        later = {number: rng.choice(last) for number in plain[:each]}
        later |= {number: rng.choice(present) for number in plain[each : 2 * each]}
        rest = [one for one in people if one.number not in later]
        ramp = apportioned(dict.fromkeys(launch, 1), len(rest))
        rng.shuffle(ramp)
        joined = later | {one.number: day for one, day in zip(rest, ramp, strict=True)}
        for one in people:
            if turns[one.number] == "mid_month":
                joined[one.number] = last[0]
            elif turns[one.number] == "unassigned":
                joined[one.number] = max([day for day in present if day <= self.today], default=present[0])
            joined[one.number] = _workday(max(joined[one.number], first_visit(one) + timedelta(days=1)))
        return joined

    def _leaving(self, people: list[Person], joined: dict[int, date]) -> dict[int, tuple[date, str]]:
        """Return who leaves on which day and why, in the last month and the present one; and one dies."""
        found: dict[int, tuple[date, str]] = {}
        known = [one.number for one in people if joined[one.number] < self.months[1].first]
        for month in self.months[1:]:
            rng = self.rng(f"leaving/{month}")
            left = [number for number in known if number not in found]
            count = round(len(left) * LEAVE_RATE)
            reasons = rng.choices(list(LEAVING), list(LEAVING.values()), k=count)
            for number, reason in zip(rng.sample(left, count), reasons, strict=True):
                found[number] = rng.choice(workdays(month)[1:]), reason
        left = [number for number in known if number not in found]
        day = _workday(self.today - timedelta(days=9), back=True)
        if left and day >= self.months[2].first:
            found[self.rng("death").choice(left)] = day, "Died"
        return found

    def _goals(
        self, people: list[Person], turns: dict[int, Turn], joined: dict[int, date]
    ) -> dict[int, tuple[tuple[int, int], ...]]:
        """Return each one's seconds in each month, in the shares that the recipe gives."""
        goals: dict[int, list[tuple[int, int]]] = {one.number: [] for one in people}
        for place, month in enumerate(self.months):
            working = workdays(month)
            days = [day for day in working if day <= self.today]
            here = [one for one in people if days and joined[one.number] <= days[-1]]
            progress = len(days) / len(working)
            rng = self.rng(f"goals/{month}")
            ordered = sorted(here, key=lambda one: (turns[one.number] in HELD, rng.random()))
            shares = _shares(progress)
            if place == 0:
                # Those who join late in the launch month are short of time.
                ordered.sort(key=lambda one: joined[one.number], reverse=True)
                shares = LAUNCH
            dealt = apportioned(shares, len(ordered))
            bands = {one.number: band for one, band in zip(ordered, dealt, strict=True)}
            for one in people:
                band = bands.get(one.number)
                goals[one.number].append(self._seconds(one, turns[one.number], band, place))
        return {number: tuple(found) for number, found in goals.items()}

    def _seconds(self, one: Person, turn: Turn, band: str | None, place: int) -> tuple[int, int]:
        if band is None or turn == "unassigned":
            return (0, 0)
        least, most = SECONDS[band]
        if place == 1 and turn == "complex":
            return (3720, 4700)
        if place == 1 and turn == "own_time":
            return (1860, 2700)
        if place == 1 and turn == "hospital":
            return (1230, 2370)
        if place < 2 and len(one.diseases) == 1:
            # PCM is paid from 30 minutes on: who is short and who is not stays so.
            return (
                (min(least * 3 // 2, 3640), min(most * 3 // 2, 4700)) if most < 1230 else (max(1830, least), most + 900)
            )
        return (least, most)


def _shares(progress: float) -> dict[str, float]:
    """Return the shares of minutes when so much of a month has passed: nobody has any at first."""
    start = {"none": 100.0} | dict.fromkeys(list(TO_DATE)[1:], 0.0)
    if progress <= _RECIPE_PROGRESS:
        before, after, part = start, TO_DATE, progress / _RECIPE_PROGRESS
    else:
        before, after, part = TO_DATE, AT_END, (progress - _RECIPE_PROGRESS) / (1 - _RECIPE_PROGRESS)
    return {band: before[band] + (after[band] - before[band]) * part for band in TO_DATE}


def panel(house: House, people: Iterable[Person]) -> dict[int, str]:
    """Return whose patient each is: somebody who speaks the language, and else as the shares of the panel say."""
    listed = list(people)
    english = [one.number for one in listed if one.language not in house.speakers]
    dealt = apportioned(house.panel, len(english))
    # Panels are mixed along the list, not cut from it.
    order = sorted(range(len(dealt)), key=lambda place: (place * 7919) % max(1, len(dealt)))
    shared = {number: dealt[place] for number, place in zip(english, order, strict=True)}
    return {one.number: house.speakers.get(one.language) or shared[one.number] for one in listed}


def first_visit(person: Person) -> date:
    """Return the office visit that begins care."""
    return min(visit.first for visit in person.visits if visit.kind == "office")


def workdays(month: Month) -> list[date]:
    """Return the month's Mondays to Fridays."""
    days = (month.first + timedelta(days=number) for number in range((month.last - month.first).days + 1))
    return [day for day in days if day.weekday() < 5]


def _workday(day: date, *, back: bool = False) -> date:
    while day.weekday() > 4:
        day += timedelta(days=-1 if back else 1)
    return day


def among(days: Sequence[date], first: date, last: date) -> list[date]:
    """Return the days from one to another, both included."""
    return [day for day in days if first <= day <= last]
