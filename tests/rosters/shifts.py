"""Covers and duties for the tests: the walls read the database's own clock, so the present is the real one."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from caretide.kernel.actor import Actor
from caretide.patients.models import Patient
from caretide.rosters import actions
from caretide.runtime.tx import Database
from tests.cast import Cast
from tests.database import HandClock

CHICAGO = ZoneInfo("America/Chicago")


def be_now(clock: HandClock) -> date:
    """Set the clock to the real present; return today in the clinic's calendar."""
    clock.now = datetime.now(UTC)
    return clock.now.astimezone(CHICAGO).date()


async def seen(database: Database, actor: Actor) -> set[UUID]:
    """Return the patients whom the database shows to an actor."""
    async with database.tx(actor) as tx:
        return set((await tx.db.execute(select(Patient.id))).scalars())


async def covered(database: Database, cast: Cast, first_on: date, days: int = 1) -> UUID:
    """Have the other coordinator's roster worked by the coordinator; return the cover's id."""
    absent, cover = cast.other_coordinator.member_id, cast.coordinator.member_id
    assert absent is not None
    assert cover is not None
    async with database.tx(cast.manager) as tx:
        return await actions.give_cover(tx, absent, cover, first_on, first_on + timedelta(days=days - 1))


async def designated(database: Database, cast: Cast, patient_id: UUID, to: Actor) -> None:
    """Give a patient to a member."""
    async with database.tx(cast.manager) as tx:
        await actions.designate(tx, patient_id, to.member_id or UUID(int=0))
