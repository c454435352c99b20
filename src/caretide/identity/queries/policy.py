"""Where an account has to come in by a passkey, and who holds one."""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Label, Select, Text, Uuid, bindparam, column, func, literal_column, select, table

from caretide.identity.models import Account, Membership, Passkey
from caretide.identity.rules.policy import asks_for_passkey
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime.access import open_to_all, requires
from caretide.runtime.tx import Tx, bind

# Members and settings are the tenants', further up: what is asked of them here goes by their rows.
_MEMBERS: Final = table("members", column("id", Uuid), column("role"), column("status"))
_POLICY: Final[Label[str]] = literal_column(
    "(SELECT s.value #>> '{}' FROM tenant_settings AS s WHERE s.name = 'sign_in_policy'"
    " ORDER BY s.recorded_at DESC, s.id DESC LIMIT 1)",
    Text,
).label("policy")
_PLACE: Final[Select[Any, Any]] = select(_MEMBERS.c.role, _POLICY).where(
    _MEMBERS.c.id == bindparam("member_id"), _MEMBERS.c.status == "active"
)


@open_to_all("what an account may take away or add is decided by where it works", reads(Data.ACCOUNT))
async def is_asked_for_passkey(tx: Tx, account_id: UUID, only: UUID | None = None) -> bool:
    """Tell whether a tenant in which an account works asks it for a passkey; each is asked inside its own wall.

    `only` names the one tenant that matters.
    """
    places = select(Membership.tenant_id, Membership.member_id).where(Membership.account_id == account_id)
    if only is not None:
        places = places.where(Membership.tenant_id == only)
    rows = (await tx.db.execute(places.order_by(Membership.tenant_id))).all()
    try:
        for tenant_id, member_id in rows:
            await bind(tx.db, Actor("account", tenant_id, frozenset(), member_id=member_id, walled=True))
            found: Any = (await tx.db.execute(_PLACE, {"member_id": member_id})).one_or_none()
            if found is not None and asks_for_passkey(found.policy, found.role):
                return True
    finally:
        await bind(tx.db, tx.actor)
    return False


@requires(Permission.SIGN_IN, reads(Data.ACCOUNT))
async def places_of_mine(tx: Tx) -> int:
    """Return in how many tenants the acting account has a place."""
    wanted = select(func.count()).select_from(Membership).where(Membership.account_id == tx.actor.account_id)
    return (await tx.db.execute(wanted)).scalar_one()


@requires(Permission.TENANT_WRITE, reads(Data.ACCOUNT))
async def have_used_passkey(tx: Tx, account_ids: Collection[UUID]) -> bool:
    """Tell whether one of some accounts holds a passkey that it has signed in with."""
    used = select(Passkey.id).where(Passkey.account_id.in_(account_ids), Passkey.last_used_at.is_not(None))
    return (await tx.db.execute(used.limit(1))).first() is not None


@open_to_all("who may bind a first factor is decided before anybody is known", reads(Data.ACCOUNT))
async def check_unclaimed(tx: Tx, account_id: UUID, *, recovered: bool) -> None:
    """Raise Conflict where an account without a way to sign in works somewhere, unless its recovery was proved.

    Another tenant's invitation would open that place: whoever sends it knows no more of the person than an address.
    """
    places = select(Membership.member_id).where(Membership.account_id == account_id)
    if not recovered and (await tx.db.execute(places.limit(1))).first() is not None:
        raise Conflict("This address has an account already; sign in, and add a way to sign in here, first")


@open_to_all("who may give an account a new way in is decided by where it works", reads(Data.ACCOUNT))
async def check_works_here_alone(tx: Tx, account_id: UUID, tenant_id: UUID) -> None:
    """Raise Conflict where an account works in any tenant but this one: a new way in would open the others.

    The account's row is held, so that nobody lets it in elsewhere meanwhile.
    """
    await tx.db.execute(select(Account.id).where(Account.id == account_id).with_for_update())
    places = (await tx.db.execute(select(Membership.tenant_id).where(Membership.account_id == account_id))).scalars()
    if set(places) != {tenant_id}:
        raise Conflict("This person works elsewhere too; whoever runs this installation can reset the account")
