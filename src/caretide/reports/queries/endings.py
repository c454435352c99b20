"""What ended with people's access: one person's, or all of it for whoever else has to be told."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import aliased

from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.reports.schemas.people import EndingOut
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants.models import AccessEnding, Member

MOST: Final = 200

_WHO, _BY = aliased(Member), aliased(Member)


def _endings() -> Select[*tuple[Any, ...]]:
    return (
        select(
            AccessEnding.id,
            AccessEnding.member_id,
            _WHO.display_name.label("name"),
            _WHO.email,
            AccessEnding.ended_at,
            _BY.display_name.label("ended_by"),
            AccessEnding.sessions,
            AccessEnding.tokens,
            AccessEnding.links,
            AccessEnding.had_timer,
            AccessEnding.timer_ended_at,
            AccessEnding.timer_seconds,
        )
        .join(_WHO, (_WHO.tenant_id == AccessEnding.tenant_id) & (_WHO.id == AccessEnding.member_id))
        .outerjoin(_BY, (_BY.tenant_id == AccessEnding.tenant_id) & (_BY.id == AccessEnding.ended_by))
    )


@requires(Permission.ENDING_READ, reads(Data.STAFF))
async def access_endings(tx: Tx, since: datetime | None = None, after: UUID | None = None) -> list[EndingOut]:
    """Return the events `workforce.access_ended`, oldest first and 200 at most, from a moment or after an event on."""
    wanted = _endings().order_by(AccessEnding.ended_at, AccessEnding.id).limit(MOST)
    if since is not None:
        wanted = wanted.where(AccessEnding.ended_at >= since)
    if after is not None:
        last = select(AccessEnding.ended_at, AccessEnding.id).where(AccessEnding.id == after)
        row = (await tx.db.execute(last)).one_or_none()
        if row is None:
            return []
        wanted = wanted.where(tuple_(AccessEnding.ended_at, AccessEnding.id) > tuple_(row.ended_at, row.id))
    return [EndingOut.model_validate(dict(row)) for row in (await tx.db.execute(wanted)).mappings()]


@requires(Permission.MEMBER_WRITE, reads(Data.STAFF))
async def endings_of(tx: Tx, member_id: UUID) -> tuple[EndingOut, ...]:
    """Return what ended each time that a person's access did, the latest first."""
    wanted = _endings().where(AccessEnding.member_id == member_id).order_by(AccessEnding.ended_at.desc())
    return tuple(EndingOut.model_validate(dict(row)) for row in (await tx.db.execute(wanted)).mappings())
