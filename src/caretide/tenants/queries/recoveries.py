"""New ways in that were asked for."""

from typing import Final
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from caretide.kernel.errors import NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants.models import Member, Recovery
from caretide.tenants.rules.recoveries import RecoveryRow

OPERATOR: Final = "Whoever runs this installation"

_WHOSE, _ASKER, _SECOND, _ENDER = (aliased(Member) for _ in range(4))
_RECOVERIES = (
    select(
        *(Recovery.id, Recovery.member_id, _WHOSE.display_name.label("member"), Recovery.reason),
        *(
            Recovery.asked_by.label("asked_by_id"),
            func.coalesce(_ASKER.display_name, OPERATOR).label("asked_by"),
            Recovery.asked_at,
        ),
        *(Recovery.expires_at, Recovery.is_alone),
        *(_SECOND.display_name.label("confirmed_by"), Recovery.confirmed_at),
        *(_ENDER.display_name.label("ended_by"), Recovery.ended_at),
    )
    .join(_WHOSE, and_(_WHOSE.tenant_id == Recovery.tenant_id, _WHOSE.id == Recovery.member_id))
    .outerjoin(_ASKER, and_(_ASKER.tenant_id == Recovery.tenant_id, _ASKER.id == Recovery.asked_by))
    .outerjoin(_SECOND, and_(_SECOND.tenant_id == Recovery.tenant_id, _SECOND.id == Recovery.confirmed_by))
    .outerjoin(_ENDER, and_(_ENDER.tenant_id == Recovery.tenant_id, _ENDER.id == Recovery.ended_by))
    .order_by(Recovery.asked_at.desc(), Recovery.id.desc())
)


@requires(Permission.MEMBER_WRITE, reads(Data.STAFF))
async def recoveries(tx: Tx, member_id: UUID | None = None) -> list[RecoveryRow]:
    """Return every request for a new way in, or those for one member, the latest first."""
    wanted = _RECOVERIES if member_id is None else _RECOVERIES.where(Recovery.member_id == member_id)
    return [RecoveryRow(**row) for row in (await tx.db.execute(wanted)).mappings()]


@requires(Permission.MEMBER_WRITE, reads(Data.STAFF))
async def recovery(tx: Tx, recovery_id: UUID) -> RecoveryRow:
    """Return one request for a new way in."""
    row = (await tx.db.execute(_RECOVERIES.where(Recovery.id == recovery_id))).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such request")
    return RecoveryRow(**row)
