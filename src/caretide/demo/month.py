"""Everything of the play but time: who is given to whom, enrolled, consented, looked up, decided, and who leaves."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from caretide.demo.company import Company
from caretide.demo.houses import seats_of
from caretide.demo.moments import MORNING, Do, Moment
from caretide.demo.schedule import shift
from caretide.demo.story import BY_CHOICE, Part, Story, panel
from caretide.enrollment import actions as enrollment
from caretide.enrollment.rules import DISCLOSURES
from caretide.kernel.month import Month
from caretide.patients import queries as patients
from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database, Tx

MANAGER = "helen"


@dataclass(slots=True)
class Enrolled:
    """What the play learns as it goes: the ids of a patient and of the enrollment."""

    part: Part
    patient_id: UUID
    enrollment_id: UUID | None = None

    @property
    def enrollment(self) -> UUID:
        """The enrollment, which is opened before anything else happens."""
        if self.enrollment_id is None:
            raise LookupError("the story has no enrollment yet")
        return self.enrollment_id


@dataclass(frozen=True, slots=True)
class Play:
    """A story cast with a company, ready to be played. `patient_ids` are by record number; `until` is the present."""

    story: Story
    company: Company
    patient_ids: dict[str, UUID]
    cast: tuple[Enrolled, ...]
    seed: int
    until: datetime

    def at(self, day: date, hour: int, minute: int, seconds: float = 0) -> datetime:
        """Return an instant of a day, told in the health system's own zone."""
        return datetime.combine(day, time(hour, minute), self.story.house.zone) + timedelta(seconds=seconds)

    def before(self, who: str, day: date, seconds: float = 0) -> datetime:
        """Return an instant in the half-hour before somebody's day begins."""
        return shift(self.story.house, who, day)[0] - timedelta(minutes=30) + timedelta(seconds=seconds)

    def after(self, who: str, day: date, seconds: float = 0) -> datetime:
        """Return an instant after somebody's day has ended."""
        return shift(self.story.house, who, day)[1] + timedelta(seconds=60 + seconds)


async def patient_ids(database: Database, company: Company) -> dict[str, UUID]:
    """Return the imported patients by record number."""
    found: dict[str, UUID] = {}
    async with database.tx(company.system) as tx:
        after: UUID | None = None
        while page := await patients.search(tx, after=after, limit=200):
            found |= {line.mrn: line.id for line in page if line.mrn}
            after = page[-1].id
    return found


def month_moments(play: Play, place: int) -> Iterator[Moment]:
    """Yield what belongs to one of the story's months, as far as it has come."""
    story = play.story
    month, days = story.months[place], story.days(story.months[place])
    if not days:
        return
    if place == 0:
        yield Moment(play.at(days[0], 7, 0), MANAGER, _designate_all(play), MORNING)
    if place == 1:
        yield from _handover(play)
    for number, one in enumerate(play.cast):
        yield from _enrolling(play, number, one, days)
        yield from _checks(play, number, one, place)
        if one.part.leaves and Month.of(one.part.leaves[0]) == month:
            day, reason = one.part.leaves
            yield Moment(play.at(day, 16, 55), story.coordinator(one.part, day), _leave(play, one, day, reason))
        if place == 1:
            yield from _deciding(play, one, days)
        if place == 2 and one.part.mended and one.part.turn == "no_copy" and len(days) > 2:
            who = story.coordinator(one.part, days[2])
            yield Moment(play.before(who, days[2], number / 10), who, _copy(one, days[2]))


def _designate_all(play: Play) -> Do:
    """Give everybody a coordinator, those who wait to be asked too; but for the few whom nobody has yet."""
    story = play.story
    waiting = story.waiting[len(story.waiting) // 12 + 1 :]
    given = {one.number: one for one in waiting}
    who = panel(story.house, waiting)
    rosters_by_seat: dict[str, list[UUID]] = {}
    for number, person in given.items():
        rosters_by_seat.setdefault(who[number], []).append(play.patient_ids[person.mrn])
    for one in play.cast:
        if one.part.turn != "unassigned":
            rosters_by_seat.setdefault(one.part.coordinator, []).append(one.patient_id)

    async def do(tx: Tx) -> None:
        for key, mine in sorted(rosters_by_seat.items()):
            await rosters.designate_many(tx, mine, play.company.member(key))

    return do


def _handover(play: Play) -> Iterator[Moment]:
    """When somebody goes on leave, those who cover are given the patients."""
    story = play.story
    house = story.house
    if house.away is None:
        return
    away = house.away
    waiting = [person for person in story.waiting if panel(house, story.waiting)[person.number] == away]

    async def do(tx: Tx) -> None:
        for place, key in enumerate(house.cover):
            mine = [one.patient_id for one in play.cast if one.part.coordinator == away and one.part.later == key]
            mine += [play.patient_ids[one.mrn] for one in waiting if one.number % len(house.cover) == place]
            if mine:
                await rosters.designate_many(tx, mine, play.company.member(key))

    yield Moment(play.at(story.handover_on, 7, 5), MANAGER, do, MORNING)


def _enrolling(play: Play, number: int, one: Enrolled, days: list[date]) -> Iterator[Moment]:
    part = one.part
    if part.joined_on in days:
        day = part.joined_on
        who = play.story.coordinator(part, day)
        if part.turn == "unassigned" or play.story.is_away(who, day):
            who = MANAGER
        yield Moment(play.before(who, day, number % 80 * 20), who, _enroll(play, one))
    if part.consented_on != part.joined_on and part.consented_on in days:
        day = part.consented_on
        who = play.story.coordinator(part, day)
        yield Moment(play.before(who, day, number % 80 * 20), who, _consent(one))


def _enroll(play: Play, one: Enrolled) -> Do:
    async def do(tx: Tx) -> None:
        part = one.part
        today = part.joined_on
        one.enrollment_id = await enrollment.enroll(
            tx,
            one.patient_id,
            part.program,
            play.company.doctors[part.person.doctor],
            started_on=today,
            is_high_risk=True,
            expected_months=12 if part.program == "CCM" else 6,
        )
        visit = {"visit": "annual_wellness" if part.person.number % 3 else "office_visit"}
        await enrollment.record_fact(
            tx, one.patient_id, "initiating-visit", visit, effective_on=part.visit_on, checked_on=today
        )
        if part.consented_on == today and part.turn != "unassigned":
            await _record_consent(tx, one)
            await _record_plan(tx, one)

    return do


def _consent(one: Enrolled) -> Do:
    async def do(tx: Tx) -> None:
        await _record_consent(tx, one)
        await _record_plan(tx, one)

    return do


async def _record_consent(tx: Tx, one: Enrolled) -> None:
    mode = "written" if one.part.person.number % 6 == 0 else "verbal"
    decided_at = tx.now - timedelta(minutes=2)
    await enrollment.record_consent(
        tx, one.enrollment, "accepted", mode=mode, decided_at=decided_at, disclosures=DISCLOSURES
    )


async def _record_plan(tx: Tx, one: Enrolled) -> None:
    part, today = one.part, one.part.consented_on
    plan = {"plan": "comprehensive" if part.program == "CCM" else "disease_specific"}
    await enrollment.record_fact(tx, one.patient_id, "care-plan", plan, effective_on=today, checked_on=today)
    if part.turn != "no_copy":
        await _record_copy(tx, one, today)


async def _record_copy(tx: Tx, one: Enrolled, day: date) -> None:
    how = {"how": ("mail", "portal", "in_person")[one.part.person.number % 3], "to": "patient"}
    await enrollment.record_fact(tx, one.patient_id, "care-plan-copy", how, effective_on=day, checked_on=day)


def _copy(one: Enrolled, day: date) -> Do:
    async def do(tx: Tx) -> None:
        await _record_copy(tx, one, day)

    return do


def _deciding(play: Play, one: Enrolled, days: list[date]) -> Iterator[Moment]:
    """The practitioner's part: what was decided, and which family of codes is billed."""
    if one.part.turn not in {"complex", "own_time"}:
        return
    story = play.story
    doctor = story.house.doctors[one.part.person.doctor].key
    who = next(seat.key for seat in seats_of(story.house) if seat.doctor == doctor)
    day = days[len(days) // 2]

    async def do(tx: Tx) -> None:
        by = {"month": str(story.last), "practitioner_id": str(play.company.doctors[one.part.person.doctor])}
        if one.part.turn == "complex":
            decision = by | {"level": "moderate", "basis": ["problems", "risk"]}
            await enrollment.record_fact(
                tx, one.patient_id, "decision-making", decision, effective_on=day, checked_on=day
            )
        family = "complex" if one.part.turn == "complex" else "practitioner"
        await enrollment.record_fact(tx, one.patient_id, "election", by | {"family": family}, checked_on=day)

    yield Moment(play.before(who, day, one.part.person.number % 80), who, do)


def _checks(play: Play, number: int, one: Enrolled, place: int) -> Iterator[Moment]:
    """Look up what a month asks for: at its end, or in the present one on the first morning, but for one in eight."""
    story, part = play.story, one.part
    days = story.days(story.months[place])
    if part.joined_on > days[-1] or part.until < days[0] or part.turn == "unassigned":
        return
    if place == 2:
        if number % 8 == 0:
            return
        day = max(days[0], part.joined_on)
        who = story.coordinator(part, day)
        yield Moment(play.before(who, day, 1600 + number / 10), who, _check(one, story.months[place], day))
        return
    who = story.coordinator(part, days[-1])
    yield Moment(play.after(who, days[-1], number / 2), who, _check(one, story.months[place], days[-1], place))


def _check(one: Enrolled, month: Month, today: date, place: int = 2) -> Do:
    """What somebody looks up for a month: stays, claims by others, hospice and home health."""

    async def do(tx: Tx) -> None:
        stay = one.part.person.stay if place == 1 else None
        stays = [{"type": "inpatient_hospital", "from": str(stay.first), "to": str(stay.last)}] if stay else []
        other = {"code": "99490", "units": 1, "practitioner": "Riverside Internal Medicine", "same_group": False}
        claims = [other] if place == 1 and one.part.turn == "elsewhere" else []
        found = {
            "facility-stays": {"stays": stays},
            "other-claims": {"claims": claims},
            "hospice-home-health": {"hospice_elected": False, "home_health_episode": False},
        }
        if place == 1 and one.part.turn == "unchecked":
            del found["other-claims"]
        for kind, value in found.items():
            await enrollment.record_fact(tx, one.patient_id, kind, {"month": str(month)} | value, checked_on=today)

    return do


def _leave(play: Play, one: Enrolled, day: date, reason: str) -> Do:
    async def do(tx: Tx) -> None:
        if reason.startswith(BY_CHOICE):
            await enrollment.record_consent(
                tx,
                one.enrollment,
                "revoked",
                mode="verbal",
                decided_at=play.at(day, 16, 50),
                disclosures=DISCLOSURES,
            )
        await enrollment.end_enrollment(tx, one.enrollment, ended_on=day, reason=reason)

    return do


def over(moments: Iterable[Moment], until: datetime) -> Iterator[Moment]:
    """Yield the moments that have come."""
    return (moment for moment in moments if moment.at < until)
