"""Members and practitioners."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select

from caretide.kernel.errors import NotFound
from caretide.kernel.permissions import Permission, Role
from caretide.kernel.records import Data, reads
from caretide.runtime.access import remembered, requires
from caretide.runtime.tx import Tx
from caretide.tenants.models import Member, MemberLicense, Practitioner
from caretide.tenants.rules import License, MemberDetails, PractitionerRow


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A person's place in the tenant. `account_id` is None until they accepted."""

    id: UUID
    display_name: str
    email: str
    role: str
    credential: str
    staff_role: str
    status: str
    account_id: UUID | None
    practitioner_id: UUID | None
    weekly_hours: float | None
    created_at: datetime
    suspended_at: datetime | None
    languages: tuple[str, ...]
    licenses: tuple[License, ...]


_MEMBER = tuple(
    Member.__table__.columns[name] for name in MemberRow.__dataclass_fields__ if name not in {"languages", "licenses"}
)


@requires(Permission.MEMBER_READ, reads(Data.STAFF))
@remembered
async def members(tx: Tx) -> list[MemberRow]:
    """Return the tenant's members by name."""
    return await _members(tx)


@requires(Permission.MEMBER_READ, reads(Data.STAFF))
async def member(tx: Tx, member_id: UUID) -> MemberRow:
    """Return one member, at work or not."""
    found = await _members(tx, member_id)
    if not found:
        raise NotFound("There is no such member")
    return found[0]


async def _members(tx: Tx, member_id: UUID | None = None) -> list[MemberRow]:
    wanted = select(*_MEMBER, Member.languages).order_by(Member.display_name, Member.id)
    licensed = select(MemberLicense.__table__).where(MemberLicense.withdrawn_at.is_(None))
    if member_id is not None:
        wanted, licensed = wanted.where(Member.id == member_id), licensed.where(MemberLicense.member_id == member_id)
    rows: Sequence[Any] = (await tx.db.execute(wanted)).all()
    licenses: dict[UUID, list[License]] = {}
    for one in await tx.db.execute(licensed.order_by(MemberLicense.kind, MemberLicense.state)):
        held = License(kind=one.kind, state=one.state, number=one.number, expires_on=one.expires_on)
        licenses.setdefault(one.member_id, []).append(held)
    return [MemberRow(*row, languages=tuple(spoken), licenses=tuple(licenses.get(row[0], ()))) for *row, spoken in rows]


@requires(Permission.MEMBER_READ, reads(Data.STAFF))
async def member_details(tx: Tx, member_id: UUID) -> MemberDetails:
    """Return what is known of a member, as `update_member` takes it."""
    row = await member(tx, member_id)
    return MemberDetails(
        name=row.display_name,
        role=row.role,
        credential=row.credential,
        staff_role=row.staff_role,
        practitioner_id=row.practitioner_id,
        languages=row.languages,
        licenses=row.licenses,
        weekly_hours=row.weekly_hours,
    )


@requires(Permission.MEMBER_READ, reads(Data.STAFF))
async def check_member(tx: Tx, member_id: UUID) -> None:
    """Raise NotFound unless the tenant has this member, at work or not."""
    if (await tx.db.execute(select(Member.id).where(Member.id == member_id))).first() is None:
        raise NotFound("There is no such member")


@requires(Permission.SELF, reads(Data.STAFF))
@remembered
async def myself(tx: Tx) -> Row[UUID, UUID | None, str, str, str, UUID | None]:
    """Return id, account, role, credential, staff role and practitioner of the acting member."""
    return (await tx.db.execute(_MYSELF, {"member_id": tx.member_id})).one()


@requires(Permission.SELF, reads(Data.STAFF))
async def acting_practitioner(tx: Tx) -> UUID | None:
    """Return as which practitioner the acting member decides; None for members of another role, and for no member."""
    may_decide = tx.actor.member_id and Permission.PRACTITIONER_DECIDE in tx.actor.permissions
    me = await myself(tx) if may_decide else None
    return me.practitioner_id if me and me.role == Role.PRACTITIONER else None


_MYSELF = select(
    Member.id, Member.account_id, Member.role, Member.credential, Member.staff_role, Member.practitioner_id
).where(Member.id == bindparam("member_id"))


@requires(Permission.CLINIC_READ, reads(Data.STAFF))
@remembered
async def practitioners(tx: Tx) -> list[PractitionerRow]:
    """Return the practitioners who bill for the tenant: those with a billing group."""
    rows = (await tx.db.execute(_BILLING)).all()
    return [PractitionerRow(*row) for row in rows]


@requires(Permission.CLINIC_READ, reads(Data.STAFF))
async def practitioner(tx: Tx, practitioner_id: UUID) -> PractitionerRow:
    """Return one practitioner."""
    row = (await tx.db.execute(_ONE_PRACTITIONER, {"practitioner_id": practitioner_id})).one_or_none()
    if row is None:
        raise NotFound("There is no such practitioner")
    return PractitionerRow(*row)


_PRACTITIONER = (
    Practitioner.id,
    Practitioner.npi,
    Practitioner.family,
    Practitioner.given,
    Practitioner.kind,
    Practitioner.tin_group,
)
_ONE_PRACTITIONER = select(*_PRACTITIONER).where(Practitioner.id == bindparam("practitioner_id"))
_BILLING = (
    select(*_PRACTITIONER).where(Practitioner.tin_group.is_not(None)).order_by(Practitioner.family, Practitioner.given)
)
