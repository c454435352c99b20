"""Locking a clinic's month, and releasing it."""

from uuid import UUID

from sqlalchemy import insert, update

from caretide.kernel.errors import Conflict
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, decides
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.time_log import queries
from caretide.time_log.models import MonthLock


@requires(Permission.MONTH_CLOSE, decides(Data.MONTH))
async def lock_month(tx: Tx, clinic_id: UUID, month: Month) -> bool:
    """Lock a clinic's month: no entry is added to it or voided in it from then on. Return False if it already was.

    Raise Conflict while a timer runs that began in the month or before: its time could never be recorded.
    """
    await tenants.clinic(tx, clinic_id)
    tx.note(clinic_id=str(clinic_id), month=str(month))
    if await queries.is_locked(tx, clinic_id, month):
        return False
    who = {"locked_by": tx.actor.member_id, "locked_at": tx.now}
    await tx.db.execute(insert(MonthLock).values(id=new_id(), clinic_id=clinic_id, service_month=month.first, **who))
    return True


@requires(Permission.MONTH_CLOSE, decides(Data.MONTH))
async def unlock_month(tx: Tx, clinic_id: UUID, month: Month) -> None:
    """Release a clinic's month; the lock stays on record with who released it."""
    released = update(MonthLock).where(
        MonthLock.clinic_id == clinic_id, MonthLock.service_month == month.first, MonthLock.released_at.is_(None)
    )
    who = {"released_by": tx.actor.member_id, "released_at": tx.now}
    if (await tx.db.execute(released.values(**who))).rowcount == 0:
        raise Conflict(f"{month.title} is not closed for this clinic")
    tx.note(clinic_id=str(clinic_id), month=str(month))
