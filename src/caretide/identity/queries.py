"""Who an account is, and what a session's secret stands for."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, and_, bindparam, func, select, update

from caretide.identity.models import Account, Membership, Session
from caretide.identity.rules import ABSOLUTE, IDLE, is_alive
from caretide.kernel.errors import Unauthenticated
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads, signs_in
from caretide.runtime.access import open_to_all, requires
from caretide.runtime.tx import Tx

_SESSION = select(
    Session.account_id,
    Session.tenant_id,
    Session.member_id,
    Session.created_at,
    Session.last_seen_at,
    Account.display_name,
).where(
    Session.id_hash == bindparam("id_hash"),
    Session.account_id == Account.id,
    Session.ended_at.is_(None),
)
_SEEN = update(Session).where(Session.id_hash == bindparam("hash")).values(last_seen_at=bindparam("now"))


def session_hash(secret: str) -> bytes:
    """Return what is stored of a session's secret."""
    return hashlib.sha256(secret.encode()).digest()


@open_to_all("this is how the actor is found out", signs_in(Data.ACCOUNT))
async def session(tx: Tx, secret: str) -> Row[UUID, UUID | None, UUID | None, datetime, datetime, str]:
    """Return account, tenant, member, times and display name of a living session; raise Unauthenticated otherwise."""
    id_hash = session_hash(secret)
    row = (await tx.db.execute(_SESSION, {"id_hash": id_hash})).one_or_none()
    if row is None or not is_alive(row.created_at, row.last_seen_at, tx.now):
        raise Unauthenticated("Your session has ended; sign in again")
    # Written at most once a minute: the idle limit needs no finer clock, and a read should not always write.
    if (tx.now - row.last_seen_at).total_seconds() > 60:
        await tx.db.execute(_SEEN, {"hash": id_hash, "now": tx.now})
    return row


@open_to_all("sign-in compares the password of an account that nobody has proved to own yet", reads(Data.ACCOUNT))
async def account_by_email(tx: Tx, email: str) -> Row[UUID, str, str, int, datetime | None] | None:
    """Return id, display name, password hash, failed attempts and lock of the account with an address."""
    wanted = select(
        Account.id, Account.display_name, Account.password_hash, Account.failed_attempts, Account.locked_until
    ).where(Account.email == email.strip().lower())
    return (await tx.db.execute(wanted)).one_or_none()


@requires(Permission.SELF, reads(Data.ACCOUNT))
async def memberships(tx: Tx) -> Sequence[Row[UUID, UUID]]:
    """Return tenant and member of each place where the acting account works."""
    wanted = select(Membership.tenant_id, Membership.member_id).where(Membership.account_id == tx.actor.account_id)
    return (await tx.db.execute(wanted.order_by(Membership.tenant_id))).all()


@dataclass(frozen=True, slots=True)
class Seen:
    """An account in the acting tenant: when it was last here, and how many of its sessions are alive now."""

    account_id: UUID
    at: datetime
    sessions: int


@requires(Permission.MEMBER_WRITE, reads(Data.ACCOUNT))
async def seen_here(tx: Tx) -> dict[UUID, Seen]:
    """Return by account when each was last here; who never was is absent."""
    alive = and_(
        Session.ended_at.is_(None), Session.last_seen_at > tx.now - IDLE, Session.created_at > tx.now - ABSOLUTE
    )
    wanted = (
        select(Session.account_id, func.max(Session.last_seen_at), func.count().filter(alive))
        .where(Session.tenant_id == tx.tenant_id)
        .group_by(Session.account_id)
    )
    return {row[0]: Seen(*row) for row in (await tx.db.execute(wanted)).all()}
