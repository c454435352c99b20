"""What the present month holds besides work: a clinic that lacks a fact from now on, and a patient who has died."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from caretide.demo.houses import seats_of
from caretide.demo.moments import MORNING, Moment
from caretide.demo.month import Enrolled, Play
from caretide.enrollment import actions as enrollment
from caretide.kernel.permissions import Role
from caretide.runtime.tx import Tx
from caretide.tenants import actions as tenants
from caretide.tenants.queries import ClinicRow

INVITED_BEFORE: Final = timedelta(days=2)


def moments(play: Play, place: int) -> Iterator[Moment]:
    """Yield what the administrator records when the present month begins."""
    story = play.story
    days = story.days(story.months[place])
    if place != 2 or not days:
        return
    admin = next(seat.key for seat in seats_of(story.house) if seat.role is Role.ADMINISTRATOR)
    for site, clinic in zip(story.house.sites, play.company.clinics, strict=True):
        if site.lapse is None:
            continue
        kind, reason = site.lapse

        async def do(tx: Tx, kind: str = kind, reason: str = reason, clinic: ClinicRow = clinic) -> None:
            value = {"value": False, "detail": reason}
            day = story.present.first
            await tenants.record_clinic_fact(tx, clinic.id, kind, value=value, effective_on=day, checked_on=days[0])

        yield Moment(play.at(days[0], 8, 10), admin, do, MORNING)


def deaths(play: Play, dead: Iterable[Enrolled]) -> Iterator[Moment]:
    """Yield the end of the enrollments of those who have died, once the EHR has said so."""
    for one in dead:
        day = one.part.died_on
        if day is None:
            continue

        async def do(tx: Tx, one: Enrolled = one) -> None:
            if one.part.died_on is not None:
                await enrollment.end_enrollment(tx, one.enrollment, ended_on=one.part.died_on, reason="Died")

        who = play.story.coordinator(one.part, day)
        yield Moment(play.until.astimezone(play.story.house.zone), who, do)
