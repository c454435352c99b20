"""The play's time and calls: timers, tries, entries written down afterwards, corrections, and what goes wrong."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Final
from uuid import UUID

from caretide.demo.moments import EVENING, MORNING, Do, Moment
from caretide.demo.month import MANAGER, Enrolled, Play
from caretide.demo.schedule import Stretch, lay_out, shift, until
from caretide.outreach import actions as outreach
from caretide.runtime.tx import Tx
from caretide.time_log import actions as time_log

NOTES: Final = {
    "patient_call": (
        "Reviewed symptoms and home readings; no red flags.",
        "Went over the plan's goals; one moved to next month.",
        "Talked through the week's blood pressures; salt again the topic.",
        "Feels well; walks to the mailbox twice a day now.",
        "Short of breath on stairs since Sunday; visit arranged for tomorrow.",
    ),
    "medication_review": (
        "Reconciled the list with the pharmacy's fills.",
        "Clarified doses; refill requested.",
        "Found two bottles of the same drug; one set aside.",
    ),
    "results_review": ("Reviewed latest labs against the targets.", "Read the specialist's letter; plan unchanged."),
    "coordination": ("Spoke with the specialist's office about follow-up.", "Arranged transport to the eye clinic."),
    "care_plan": ("Updated goals and interventions.", "Revised the plan with the patient's priorities."),
    "education": ("Taught inhaler technique with teach-back.", "Went through the low-salt shopping list."),
    "secure_message": ("Answered a question about side effects.", "Sent the summary of today's talk."),
    "unsuccessful_outreach": ("No answer; will try in the afternoon.", "Left a message with the call-back number."),
}
LOOK_ALIKE: Final = "Patient doing well. No concerns. Continue plan of care."
WHY_BY_HAND: Final = (
    "Called from the car between two visits; no laptop",
    "Worked from the paper chart during the outage",
    "Forgot to start the timer",
    "Talked in the hallway after the appointment",
)
WHY_BATCH: Final = "Entered from paper notes at the end of the month"

COPIER, COPIES = "daniel", 12
"""Who writes one note for everybody, and how often."""
LATE, LATE_ENTRIES = "kasia", 14
"""Who writes down two weeks of work in one evening, and how many pieces."""
FORGETFUL: Final = {"lakeside": "daniel"}
"""Who leaves a timer running overnight in the last month."""
RUNNING: Final = {"lakeside": "kasia"}
"""Whose timer still runs."""
IN_A_HURRY: Final = {"lakeside": "joy", "cascadia": "ben"}
"""Who tries to run two timers at once in the last month."""
WAITING: Final = 0.06
"""Share of entries by hand that nobody approves, besides those of the last days."""


@dataclass(slots=True)
class _Entry:
    """What the play learns of an entry."""

    id: UUID | None = None

    @property
    def known(self) -> UUID:
        """The entry's id, once it is recorded."""
        if self.id is None:
            raise LookupError("the story has no such entry yet")
        return self.id


def time_moments(play: Play, place: int) -> Iterator[Moment]:
    """Yield all that is timed, tried and written down in one of the story's months, as far as it has come."""
    story, key = play.story, play.story.house.key
    runs = until(lay_out(story, place, play.seed), play.until)
    rng = Random(f"{play.seed}/{key}/{place}/notes")
    days = story.days(story.months[place])
    before = [day for day in days if day < story.today]
    if place == 2 and key in RUNNING and before:
        who, evening = RUNNING[key], before[-1]
        runs = [run for run in runs if run.who != who or run.end.date() <= evening]
        yield from _left_running(play, who, evening)
    late = _late(runs) if place == 1 else set[int]()
    copied = _copied(runs) if place == 1 else set[int]()
    approvals: dict[datetime, list[_Entry]] = defaultdict(list)
    tried = False
    for number, run in enumerate(runs):
        one = play.cast[run.part]
        note = LOOK_ALIKE if number in copied else rng.choice(NOTES[run.activity])
        if run.kind == "attempt":
            yield Moment(run.end, run.who, _try(one, run))
        elif run.kind == "manual" or number in late:
            made = _Entry()
            batch = days[-1] if number in late else None
            yield _by_hand(play, one, run, made, note, batch or run.end.date(), rng.choice(WHY_BY_HAND), number)
            approved_at = _approval(play, run.end.date(), days, place) if batch is None else None
            if approved_at and rng.random() > WAITING:
                approvals[approved_at].append(made)
        else:
            yield from _timed(play, one, run, note)
            if place == 1 and not tried and run.who == IN_A_HURRY.get(key):
                tried = True
                yield from _second_timer(play, run)
    for at, entries in approvals.items():
        yield Moment(at, MANAGER, _approve(entries), MORNING if at.hour < 16 else EVENING)
    if place == 1 and key in FORGETFUL:
        yield from _forgotten(play, FORGETFUL[key], days)


def _late(runs: Sequence[Stretch]) -> set[int]:
    """Return what somebody writes down in one evening: work of the last two weeks."""
    mine = [n for n, run in enumerate(runs) if run.who == LATE and run.kind != "attempt" and not run.outcome]
    return set(mine[-8 * LATE_ENTRIES :: 8])


def _copied(runs: Sequence[Stretch]) -> set[int]:
    mine = [n for n, run in enumerate(runs) if run.who == COPIER and run.kind == "timer" and not run.outcome]
    return set(mine[-4 * COPIES :: 4])


def _start(one: Enrolled, activity: str) -> Do:
    async def do(tx: Tx) -> None:
        await time_log.start_timer(tx, one.patient_id, one.enrollment, activity)

    return do


def _timed(play: Play, one: Enrolled, run: Stretch, note: str) -> Iterator[Moment]:
    """A timer from its start to its stop, with how the call ended; a mistaken one is set right in the evening."""
    made = _Entry()

    async def stop(tx: Tx) -> None:
        (logged,) = await time_log.stop_timer(tx, note)
        made.id = logged.id
        if run.outcome:
            await _record_try(tx, one, run, made.id)

    async def correct(tx: Tx) -> None:
        heard = run.start + (run.end - run.start) * 0.7
        end = heard.replace(microsecond=0)
        await time_log.correct_entry(tx, made.known, run.start, end, run.activity, "Stopped late: the call had ended")

    yield Moment(run.start, run.who, _start(one, run.activity))
    yield Moment(run.end, run.who, stop)
    if run.mistaken:
        yield Moment(play.after(run.who, run.end.date()), run.who, correct)


def _try(one: Enrolled, run: Stretch) -> Do:
    async def do(tx: Tx) -> None:
        await _record_try(tx, one, run, None)

    return do


async def _record_try(tx: Tx, one: Enrolled, run: Stretch, entry_id: UUID | None) -> None:
    """Record how a call ended; who asked to be called back is called on the next working day."""
    wait = timedelta(days=3 if run.end.weekday() == 4 else 1)
    back = run.end + wait if run.outcome == "call_back" else None
    await outreach.record_attempt(
        tx, one.patient_id, "phone", run.outcome, at=run.end, call_back_at=back, time_entry_id=entry_id
    )


def _by_hand(
    play: Play, one: Enrolled, run: Stretch, made: _Entry, note: str, told_on: date, reason: str, number: int
) -> Moment:
    """Work that is written down on some evening, in one's own name."""
    is_batch = told_on != run.end.date()

    async def do(tx: Tx) -> None:
        why = WHY_BATCH if is_batch else reason
        (logged,) = await time_log.record_manual_entry(
            tx, one.patient_id, one.enrollment, run.activity, run.start, run.end, why, note
        )
        made.id = logged.id
        if run.outcome:
            await _record_try(tx, one, run, logged.id)

    later = 900 if is_batch else 120
    return Moment(play.after(run.who, told_on, later + number % 100 * 8), run.who, do)


def _approval(play: Play, day: date, days: Sequence[date], place: int) -> datetime | None:
    """Return when the manager looks at what was written down on a day: next morning, or before a month is closed."""
    following = [after for after in days if after > day]
    if following:
        return shift(play.story.house, MANAGER, following[0])[0]
    return play.at(day, 17, 30) if place < 2 else None


def _approve(entries: Sequence[_Entry]) -> Do:
    async def do(tx: Tx) -> None:
        await time_log.decide_entries(tx, [entry.known for entry in entries], approve=True)

    return do


def _second_timer(play: Play, run: Stretch) -> Iterator[Moment]:
    """The same patient in a second tab, and another patient while the first still has the line."""
    one = play.cast[run.part]
    day = run.start.date()
    others = (
        other
        for other in play.cast
        if other is not one and other.part.consented_on < day and play.story.coordinator(other.part, day) == run.who
    )
    for seconds, whom in ((20, one), (30, next(others, one))):
        yield Moment(run.start + timedelta(seconds=seconds), run.who, _start(whom, "patient_call"), refused=True)


def _patient_of(play: Play, who: str, day: date) -> Enrolled | None:
    """Return somebody whom a coordinator looks after on a day; a small panel may have nobody."""
    mine = (
        one
        for one in play.cast
        if play.story.coordinator(one.part, day) == who
        and one.part.turn == "plain"
        and one.part.consented_on < day < one.part.until
    )
    return next(mine, None)


def _forgotten(play: Play, who: str, days: Sequence[date]) -> Iterator[Moment]:
    """A timer that ran all night: ended in the morning with a reason, voided by the manager with the reason."""
    evening, morning = next((day, after) for day, after in pairwise(days[5:]) if (after - day).days == 1)
    one, made = _patient_of(play, who, evening), _Entry()
    if one is None:
        return

    async def stop(tx: Tx) -> None:
        told = time_log.ToldEnd(play.at(morning, 7, 54, 41), "The timer ran on over night; I cannot say when I left")
        (logged,) = await time_log.stop_timer(tx, told=told)
        made.id = logged.id

    async def void(tx: Tx) -> None:
        await time_log.void_entry(tx, made.known, "Timer left running overnight; nobody was at work")

    yield Moment(play.at(evening, 16, 51, 12), who, _start(one, "results_review"))
    yield Moment(play.at(morning, 7, 54, 41), who, stop)
    yield Moment(play.at(morning, 17, 20), MANAGER, void, EVENING)


def _left_running(play: Play, who: str, day: date) -> Iterator[Moment]:
    one = _patient_of(play, who, day)
    if one is not None:
        yield Moment(play.at(day, 16, 52, 37), who, _start(one, "results_review"), EVENING)
