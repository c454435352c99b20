"""Plays a month through the real actions, each by the person who would do it, at the time when they would.

The clock is set by hand; what the database stamps itself (when a row was inserted) stays true.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from caretide.demo.company import Company
from caretide.demo.schedule import Stretch, coordinator_key, doctor_key, lay_out
from caretide.demo.story import Part, Story, coordinator_of, workdays
from caretide.enrollment import actions as enrollment
from caretide.enrollment.rules import DISCLOSURES
from caretide.kernel.errors import Conflict
from caretide.patients import queries as patients
from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database, Tx
from caretide.time_log import actions as time_log

Do = Callable[[Tx], Awaitable[object]]
OnStep = Callable[[int, int], None]
"""Hears how many of how many moments have been played."""

NOTES: Final = {
    "patient_call": ("Reviewed symptoms and home readings; no red flags.", "Went over the plan's goals."),
    "medication_review": ("Reconciled the list with the pharmacy's fills.", "Clarified doses; refill requested."),
    "results_review": ("Reviewed latest labs against the targets.", "Read the specialist's letter; plan unchanged."),
    "coordination": ("Spoke with the specialist's office about follow-up.", "Arranged transport to the eye clinic."),
    "care_plan": ("Updated goals and interventions.", "Revised the plan with the patient's priorities."),
    "education": ("Taught inhaler technique with teach-back.", "Went through the low-salt shopping list."),
    "secure_message": ("Answered a question about side effects.", "Sent the summary of today's talk."),
    "unsuccessful_outreach": ("No answer; will try in the afternoon.",),
}


@dataclass
class HandClock:
    """A clock that is set by hand."""

    now: datetime

    def __call__(self) -> datetime:
        """Return the time that was set."""
        return self.now


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that somebody does at a time. `refused` is set where the system must say no."""

    at: datetime
    who: str
    do: Do
    refused: bool = False


@dataclass(slots=True)
class Enrolled:
    """What the play learns as it goes: ids of patient and enrollment, and of an entry that has to be voided."""

    part: Part
    patient_id: UUID
    enrollment_id: UUID | None = None
    forgotten_id: UUID | None = None

    @property
    def enrollment(self) -> UUID:
        """The enrollment, which is opened before anything else happens."""
        if self.enrollment_id is None:
            raise LookupError("the story has no enrollment yet")
        return self.enrollment_id


@dataclass(frozen=True, slots=True)
class Play:
    """A story cast with a company, ready to be played. `patient_ids` are by record number."""

    story: Story
    company: Company
    patient_ids: dict[str, UUID]
    seed: int

    @property
    def zone(self) -> ZoneInfo:
        """The clinics' time zone."""
        return self.company.clinics[0].zone

    @property
    def days(self) -> list[date]:
        """The month's working days."""
        return workdays(self.story.month)

    def at(self, day: date, hour: int, minute: int, seconds: float = 0) -> datetime:
        """Return an instant of a day at the clinic."""
        return datetime.combine(day, time(hour, minute), self.zone) + timedelta(seconds=seconds)


async def patient_ids(database: Database, company: Company) -> dict[str, UUID]:
    """Return the imported patients by record number."""
    found: dict[str, UUID] = {}
    async with database.tx(company.system) as tx:
        after: UUID | None = None
        while page := await patients.search(tx, after=after, limit=200):
            found |= {line.mrn: line.id for line in page if line.mrn}
            after = page[-1].id
    return found


async def perform(
    database: Database, clock: HandClock, company: Company, script: Iterable[Moment], on_step: OnStep
) -> int:
    """Play every moment in order; return how many attempts were refused, as they had to be."""
    moments = sorted(script, key=lambda moment: moment.at)
    refused = 0
    for number, moment in enumerate(moments, 1):
        clock.now = moment.at
        try:
            async with database.tx(company.actors[moment.who]) as tx:
                await moment.do(tx)
        except Conflict:
            if not moment.refused:
                raise
            refused += 1
        else:
            if moment.refused:
                raise LookupError("the story expected a refusal")
        on_step(number, len(moments))
    return refused


def cast_of(play: Play) -> list[Enrolled]:
    """Return everybody who has a part, before anything has happened to them."""
    return [Enrolled(part, play.patient_ids[part.person.mrn]) for part in play.story.parts]


def whole_month(play: Play, cast: list[Enrolled]) -> Iterator[Moment]:
    """Yield a month from its opening to the checks at its end."""
    yield Moment(play.at(play.days[0], 7, 30), "manager", _designate(play))
    opening, closing = 3000 / len(cast), 600 / len(cast)
    for number, one in enumerate(cast):
        nurse = coordinator_key(one.part.coordinator)
        yield Moment(play.at(play.days[0], 8, 0, number * opening), nurse, _enroll(one, play))
        yield Moment(play.at(play.days[-1], 16, 46, number * closing), nurse, _check(one, play))
        if one.part.turn == "mid_month":
            yield Moment(play.at(one.part.consented_on, 8, 40), nurse, _consent(one, play))
        if one.part.turn in {"complex", "own_time"}:
            doctor = doctor_key(one.part.person.doctor)
            yield Moment(play.at(play.days[len(play.days) // 2], 8, 30), doctor, _decide(one, play))
        if one.part.turn == "forgotten":
            yield from _forget(one, play)
    yield from _timers(cast, play)


def _designate(play: Play) -> Do:
    async def do(tx: Tx) -> None:
        everyone = [part.person for part in play.story.parts] + list(play.story.waiting)
        for number in range(3):
            mine = [play.patient_ids[one.mrn] for one in everyone if coordinator_of(one) == number]
            member_id = play.company.actors[coordinator_key(number)].member_id
            if mine and member_id is not None:
                await rosters.designate_many(tx, mine, member_id)

    return do


def _enroll(one: Enrolled, play: Play) -> Do:
    async def do(tx: Tx) -> None:
        part = one.part
        one.enrollment_id = await enrollment.enroll(
            tx,
            one.patient_id,
            part.program,
            play.company.doctors[part.person.doctor],
            started_on=part.started_on,
            is_high_risk=True,
            expected_months=12 if part.program == "CCM" else 6,
        )
        visit = {"visit": "annual_wellness" if part.person.number % 3 else "office_visit"}
        await enrollment.record_fact(
            tx, one.patient_id, "initiating-visit", visit, effective_on=part.visit_on, checked_on=play.days[0]
        )
        if part.turn != "mid_month":
            await _record_consent(tx, one, play.at(part.consented_on, 10, 30))
            await _record_plan(tx, one, play.days[0])

    return do


def _consent(one: Enrolled, play: Play) -> Do:
    async def do(tx: Tx) -> None:
        await _record_consent(tx, one, play.at(one.part.consented_on, 8, 35))
        await _record_plan(tx, one, one.part.planned_on)

    return do


async def _record_consent(tx: Tx, one: Enrolled, decided_at: datetime) -> None:
    await enrollment.record_consent(
        tx, one.enrollment, "accepted", mode="verbal", decided_at=decided_at, disclosures=DISCLOSURES
    )


async def _record_plan(tx: Tx, one: Enrolled, checked_on: date) -> None:
    part = one.part
    plan = {"plan": "comprehensive" if part.program == "CCM" else "disease_specific"}
    copy = {"how": ("mail", "portal", "in_person")[part.person.number % 3], "to": "patient"}
    for kind, value in (("care-plan", plan), ("care-plan-copy", copy)):
        if kind == "care-plan" or part.turn != "no_copy":
            await enrollment.record_fact(
                tx, one.patient_id, kind, value, effective_on=part.planned_on, checked_on=checked_on
            )


def _decide(one: Enrolled, play: Play) -> Do:
    """The practitioner's part: what was decided, and which family of codes is billed."""

    async def do(tx: Tx) -> None:
        today, month = tx.now.astimezone(play.zone).date(), str(play.story.month)
        by = {"month": month, "practitioner_id": str(play.company.doctors[one.part.person.doctor])}
        if one.part.turn == "complex":
            decision = by | {"level": "moderate", "basis": ["problems", "risk"]}
            await enrollment.record_fact(
                tx, one.patient_id, "decision-making", decision, effective_on=today, checked_on=today
            )
        family = "complex" if one.part.turn == "complex" else "practitioner"
        await enrollment.record_fact(tx, one.patient_id, "election", by | {"family": family}, checked_on=today)

    return do


def _check(one: Enrolled, play: Play) -> Do:
    """What somebody looks up at the end of a month: stays, claims by others, hospice and home health."""

    async def do(tx: Tx) -> None:
        today, month = tx.now.astimezone(play.zone).date(), {"month": str(play.story.month)}
        stay = one.part.person.stay
        # A stay of the month before is none of this one's.
        if stay and (stay.first > play.story.month.last or stay.last < play.story.month.first):
            stay = None
        stays = [{"type": "inpatient_hospital", "from": str(stay.first), "to": str(stay.last)}] if stay else []
        other = {"code": "99490", "units": 1, "practitioner": "Riverside Internal Medicine", "same_group": False}
        claims = [other] if one.part.turn == "elsewhere" else []
        found = {
            "facility-stays": {"stays": stays},
            "other-claims": {"claims": claims},
            "hospice-home-health": {"hospice_elected": False, "home_health_episode": False},
        }
        if one.part.turn == "unchecked":
            del found["other-claims"]
        for kind, value in found.items():
            await enrollment.record_fact(tx, one.patient_id, kind, month | value, checked_on=today)

    return do


def to_date(play: Play, cast: list[Enrolled], until: datetime) -> Iterator[Moment]:
    """Yield the month that runs, up to a time: its checks on the first morning but for a few, and the timers so far."""
    for number, one in enumerate(cast):
        if number % 8:
            at = play.at(play.days[0], 8, 0, number * 3000 / len(cast))
            yield from _before(until, Moment(at, coordinator_key(one.part.coordinator), _check(one, play)))
    for run in lay_out(play.story, play.zone, play.seed):
        yield from _before(until, *_run(cast[run.part], run, NOTES[run.activity][0]))


def _before(until: datetime, *moments: Moment) -> tuple[Moment, ...]:
    """Return moments that belong together if all of them are over, none otherwise."""
    return moments if all(moment.at < until for moment in moments) else ()


def _run(one: Enrolled, run: Stretch, note: str) -> tuple[Moment, Moment]:
    return Moment(run.start, run.who, _start(one, run.activity)), Moment(run.end, run.who, _stop(note))


def _timers(cast: list[Enrolled], play: Play) -> Iterator[Moment]:
    """Every start and stop; and twice somebody tries to run a second timer beside the first."""
    rng = Random(f"{play.seed}/notes")
    tried = False
    for run in lay_out(play.story, play.zone, play.seed):
        one = cast[run.part]
        yield from _run(one, run, rng.choice(NOTES[run.activity]))
        if one.part.turn == "overlap" and not tried:
            tried = True
            yield from _second_timer(one, run, cast)


def _second_timer(one: Enrolled, run: Stretch, cast: list[Enrolled]) -> Iterator[Moment]:
    """The same patient in a second tab, and another patient while the first still has the line."""
    others = [other for other in cast if other.part.coordinator == one.part.coordinator and other is not one]
    for seconds, whom in ((20, one), (30, others[0] if others else one)):
        start = _start(whom, "patient_call")
        yield Moment(run.start + timedelta(seconds=seconds), run.who, start, refused=True)


def _start(one: Enrolled, activity: str) -> Do:
    async def do(tx: Tx) -> None:
        await time_log.start_timer(tx, one.patient_id, one.enrollment, activity)

    return do


def _stop(note: str) -> Do:
    async def do(tx: Tx) -> None:
        await time_log.stop_timer(tx, note)

    return do


def _forget(one: Enrolled, play: Play) -> Iterator[Moment]:
    """A timer that ran all night: stopped in the morning, voided by the manager with the reason."""
    nurse = coordinator_key(one.part.coordinator)
    evening, morning = next(
        (day, after) for day, after in zip(play.days[5:], play.days[6:], strict=False) if (after - day).days == 1
    )

    async def stop(tx: Tx) -> None:
        (logged,) = await time_log.stop_timer(tx)
        one.forgotten_id = logged.id

    async def void(tx: Tx) -> None:
        if one.forgotten_id is not None:
            await time_log.void_entry(tx, one.forgotten_id, "Timer left running overnight; nobody was at work")

    yield Moment(play.at(evening, 16, 51, 12), nurse, _start(one, "results_review"))
    yield Moment(play.at(morning, 8, 4, 41), nurse, stop)
    yield Moment(play.at(morning, 8, 20), "manager", void)
