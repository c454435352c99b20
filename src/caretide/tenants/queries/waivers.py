"""Waivers of separated duties."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import aliased

from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime.access import remembered, requires
from caretide.runtime.tx import Tx
from caretide.tenants import schemas
from caretide.tenants.models import DutyWaiver, Member
from caretide.tenants.queries.people import members
from caretide.tenants.rules import ROLES
from caretide.tenants.rules.waivers import DUTIES, WaiverRow, fits
from caretide.ui.forms import Option

_WHOSE, _BY, _ENDER = aliased(Member), aliased(Member), aliased(Member)
_WAIVERS = (
    select(
        *(DutyWaiver.id, DutyWaiver.duty, DutyWaiver.member_id, _WHOSE.display_name.label("member")),
        *(DutyWaiver.reason, _BY.display_name.label("granted_by"), DutyWaiver.granted_at, DutyWaiver.ends_on),
        *(_ENDER.display_name.label("ended_by"), DutyWaiver.ended_at),
    )
    .join(_WHOSE, and_(_WHOSE.tenant_id == DutyWaiver.tenant_id, _WHOSE.id == DutyWaiver.member_id))
    .join(_BY, and_(_BY.tenant_id == DutyWaiver.tenant_id, _BY.id == DutyWaiver.granted_by))
    .outerjoin(_ENDER, and_(_ENDER.tenant_id == DutyWaiver.tenant_id, _ENDER.id == DutyWaiver.ended_by))
    .order_by(DutyWaiver.granted_at.desc(), DutyWaiver.id.desc())
)


@requires(Permission.MEMBER_READ, reads(Data.STAFF))
@remembered
async def waivers(tx: Tx) -> list[WaiverRow]:
    """Return every waiver that was ever recorded, the latest first."""
    return [WaiverRow(**row) for row in (await tx.db.execute(_WAIVERS)).mappings()]


@requires(Permission.MEMBER_READ, reads(Data.STAFF))
async def waivers_named(tx: Tx, ids: Iterable[UUID | None]) -> dict[UUID, WaiverRow]:
    """Return the waivers that decisions name; asks nothing where none is named."""
    named = set(ids) - {None}
    return {one.id: one for one in await waivers(tx) if one.id in named} if named else {}


@requires(Permission.MEMBER_READ, reads(Data.STAFF))
async def my_waiver(tx: Tx, duty: str) -> WaiverRow | None:
    """Return the waiver by which the acting member may do something alone now, if one stands."""
    mine = (one for one in await waivers(tx) if one.duty == duty and one.member_id == tx.actor.member_id)
    return next((one for one in mine if one.state(tx.now) == "stands"), None)


@requires(Permission.TENANT_WRITE, reads(Data.STAFF))
async def waivers_page(tx: Tx) -> schemas.WaiversPage:
    """Return the waivers, and for whom one could be recorded."""
    return schemas.WaiversPage(
        lines=tuple(
            schemas.WaiverLine(
                id=one.id,
                member=one.member,
                duty=DUTIES[one.duty],
                reason=one.reason,
                state=one.state(tx.now),
                granted_by=one.granted_by,
                granted_at=one.granted_at,
                ends_on=one.ends_on,
                ended_by=one.ended_by,
                ended_at=one.ended_at,
            )
            for one in await waivers(tx)
        ),
        duties=tuple(Option(key, label) for key, label in DUTIES.items()),
        people=tuple(
            Option(str(one.id), f"{one.display_name}, {ROLES[one.role]}")
            for one in await members(tx)
            if one.status == "active" and any(fits(duty, one.role) for duty in DUTIES)
        ),
    )
