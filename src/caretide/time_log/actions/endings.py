"""What becomes of running time when its member's access ends."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, delete

from caretide.kernel.actor import Actor
from caretide.kernel.errors import CaretideError
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, creates
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx, bind
from caretide.time_log import queries
from caretide.time_log.models import Timer
from caretide.time_log.recording import Kind, Whose, insert_entries, sealed
from caretide.time_log.rules import told_interval
from caretide.time_log.stopping import FORGET_SIGNS

REASON: Final = "Their access ended while the timer ran; it was stopped at the last sign of life"

_TAKE = delete(Timer).where(Timer.member_id == bindparam("whose")).returning(*Timer.__table__.columns)


@dataclass(frozen=True, slots=True)
class Ended:
    """A timer that was stopped: at which sign of life, and how many seconds were recorded and await approval."""

    at: datetime
    seconds: int


@requires(Permission.MEMBER_WRITE, creates(Data.TIME))
async def end_timer_of(tx: Tx, member_id: UUID, alive_at: datetime | None) -> Ended | None:
    """Stop a member's timer because their access ends; None where none runs.

    It ends at the last sign of life (`alive_at`, none since the timer began counts as none), and is told time: it says
    why, and counts once a second person approved it. Where no time can be recorded, its month being closed or the
    stretch too long for anybody's work, it ends all the same: an access that is to end waits for nothing.

    An administrator may be one who sees no health data: the transaction looks past the roster for this alone.
    """
    seeing = Actor("system", tx.tenant_id, frozenset(), tx.actor.account_id, tx.actor.member_id)
    await bind(tx.db, seeing)
    try:
        timer = (await tx.db.execute(_TAKE, {"whose": member_id})).one_or_none()
        if timer is None:
            return None
        tx.touch(timer.patient_id)
        await tx.db.execute(FORGET_SIGNS, {"timer": timer.id})
        at = max(timer.started_at, min(alive_at or timer.started_at, tx.now))
        whose = Whose(
            patient_id=timer.patient_id,
            coordinator_id=timer.member_id,
            account_id=timer.account_id,
            enrollment_id=timer.enrollment_id,
            clinic_id=timer.clinic_id,
            program=timer.program,
            staff_role=timer.staff_role,
            credential=timer.credential,
        )
        kind = Kind(timer.activity_type, timer.activity_id)
        seconds = await _recorded(tx, whose, kind, timer.started_at, at)
    finally:
        await bind(tx.db, tx.actor)
    tx.note(timer_of=str(member_id), timer_began=timer.started_at.isoformat(), timer_ended=at.isoformat())
    return Ended(at, seconds)


async def _recorded(tx: Tx, whose: Whose, kind: Kind, start: datetime, end: datetime) -> int:
    try:
        async with tx.attempt():
            stretch = told_interval(start, end, tx.now)
            why = sealed(REASON, queries.REASON_PLACE)
            made = await insert_entries(tx, whose, kind, [(*stretch, "manual")], note=None, reason=why)
    except CaretideError:
        return 0
    return sum(one.seconds for one in made)
