"""Who works for whom: covers, duty for a clinic's calls, a duty waived, who is named for emergencies, who has left."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from caretide.demo.houses import seats_of
from caretide.demo.moments import EVENING, MORNING, Do, Moment
from caretide.demo.month import MANAGER, Play
from caretide.demo.schedule import shift
from caretide.demo.story import Absence
from caretide.kernel.permissions import Role
from caretide.rosters import actions as rosters
from caretide.rosters.actions import NewDuty
from caretide.runtime.tx import Tx
from caretide.tenants import actions as tenants
from caretide.tenants.rules.settings import TenantSettings

ON_CALL: Final[dict[str, tuple[tuple[str, int, tuple[int, ...], int, int], ...]]] = {
    "lakeside": (("lucia", 0, (6, 7), 9, 13), ("mai", 2, (1, 2, 3, 4), 17, 20)),
    "cascadia": (("ben", 0, (6, 7), 10, 14),),
}
"""Seat, clinic, days of the week, hours from and to."""

NAMED: Final = {"lakeside": ("joy", "kasia"), "cascadia": ("ben",)}
"""Seats that the administrator names for emergency access."""
PRIVACY: Final = {"lakeside": "privacy@lakeside.example", "cascadia": ""}

WAIVED: Final = "approve_own_time"
WHY_WAIVED: Final = "Helen is the only manager; the second one starts in January"
WHY_ENDED: Final = "Nobody else could approve while the team was being built up"


def moments(play: Play, place: int) -> Iterator[Moment]:
    """Yield what administrators and managers record of it in one of the story's months."""
    story = play.story
    days = story.days(story.months[place])
    if not days:
        return
    admin = next(seat.key for seat in seats_of(story.house) if seat.role is Role.ADMINISTRATOR)
    if place == 0:
        yield Moment(play.at(days[0], 8, 20), admin, _name(play), MORNING)
        yield from _waiver(play, admin, days[0])
    if place == 1 and story.house.left is not None:
        yield Moment(play.at(days[10], 16, 40), admin, _end_access(play.company.member(story.house.left.key)), EVENING)
    if place == 2:
        for duty in ON_CALL[story.house.key]:
            yield Moment(shift(story.house, MANAGER, days[0])[0], MANAGER, _duty(play, days[0], *duty), MORNING)
    for one in story.absences:
        if play.story.months[place].first <= one.first_on <= play.story.months[place].last:
            yield Moment(_told_at(play, one, days), MANAGER, _cover(play, one))


def _name(play: Play) -> Do:
    """Say whom an emergency is open to, and whom it is told to."""
    key = play.story.house.key

    async def do(tx: Tx) -> None:
        named = tuple(play.company.member(one) for one in NAMED[key])
        await tenants.change_settings(tx, TenantSettings(glass_members=named, privacy_contact=PRIVACY[key]))

    return do


def _waiver(play: Play, admin: str, day: date) -> Iterator[Moment]:
    """Waive separated duties for the only manager: until next year, or until the team stood in the last month."""
    story = play.story
    made: list[UUID] = []
    stands = story.house.left is not None

    async def waive(tx: Tx) -> None:
        ends_on = story.present.last + timedelta(days=31)
        why = WHY_WAIVED if stands else WHY_ENDED
        made.append(await tenants.waive_duty(tx, play.company.member(MANAGER), WAIVED, ends_on, why))

    async def end(tx: Tx) -> None:
        await tenants.end_waiver(tx, made[0])

    yield Moment(play.at(day, 8, 30), admin, waive, MORNING)
    if not stands:
        yield Moment(play.at(story.days(story.last)[3], 8, 30), admin, end, MORNING)


def _end_access(member_id: UUID) -> Do:
    async def do(tx: Tx) -> None:
        await tenants.suspend_member(tx, member_id)

    return do


def _duty(play: Play, day: date, who: str, site: int, weekdays: tuple[int, ...], begins: int, until: int) -> Do:
    async def do(tx: Tx) -> None:
        new = NewDuty(
            clinic_id=play.company.clinics[site].id,
            member_id=play.company.member(who),
            first_on=day,
            weekdays=weekdays,
            from_minute=begins * 60,
            until_minute=until * 60,
        )
        await rosters.add_duty(tx, new)

    return do


def _told_at(play: Play, one: Absence, days: list[date]) -> datetime:
    """Return when the manager arranges a cover: on the working day before, else at the last moment."""
    before = [day for day in days if day < one.first_on]
    return play.after(MANAGER, before[-1], -600) if before else play.until - timedelta(minutes=1)


def _cover(play: Play, one: Absence) -> Do:
    async def do(tx: Tx) -> None:
        absent, cover = play.company.member(one.who), play.company.member(one.cover)
        await rosters.give_cover(tx, absent, cover, one.first_on, one.last_on)

    return do
