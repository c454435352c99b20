"""A timer that somebody else is about to stop."""

from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, select

from caretide.kernel.errors import NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.reports.schemas.timers import StopPage
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants.models import Clinic, Member
from caretide.time_log.models import Timer


@requires(Permission.ROSTER_WRITE, reads(Data.TIME))
async def stop_page(tx: Tx, member_id: UUID, action: str, back: str) -> StopPage:
    """Return a member's running timer, for the form that posts to `action`; raise NotFound where none runs."""
    wanted = (
        select(Timer.patient_id, Timer.started_at, Member.display_name, Clinic.time_zone)
        .join(Member, and_(Member.tenant_id == Timer.tenant_id, Member.id == Timer.member_id))
        .join(Clinic, and_(Clinic.tenant_id == Timer.tenant_id, Clinic.id == Timer.clinic_id))
        .where(Timer.member_id == member_id)
    )
    row = (await tx.db.execute(wanted)).one_or_none()
    if row is None:
        raise NotFound("No timer is running")
    tx.touch(row.patient_id)
    elapsed = max(0, int((tx.now - row.started_at).total_seconds()))
    zone = ZoneInfo(row.time_zone)
    return StopPage(member_id, row.display_name, row.started_at, elapsed, zone, action, back)
