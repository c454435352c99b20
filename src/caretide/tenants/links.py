"""One-time links by which a member comes in: made, and made to open nothing. Steps of the verbs in `actions`."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import insert, update

from caretide.kernel.ids import new_id
from caretide.runtime.tx import Tx
from caretide.tenants.models import Invitation

INVITATION_LASTS: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Invited:
    """A new member and the one-time token of the link that lets them in."""

    member_id: UUID
    token: str
    expires_at: datetime


async def void_links(tx: Tx, member_id: UUID) -> int:
    """Have a member's links open nothing any more. Return how many stood."""
    standing = update(Invitation).where(Invitation.member_id == member_id, Invitation.used_at.is_(None))
    return (await tx.db.execute(standing.values(used_at=tx.now))).rowcount


async def link_for(
    tx: Tx, member_id: UUID, *, lasts: timedelta = INVITATION_LASTS, recovery_id: UUID | None = None
) -> Invited:
    """Make a one-time link for a member."""
    # The tenant's id leads the token: the look-up needs a tenant before there is a session.
    token = tx.tenant_id.hex + secrets.token_urlsafe(24)
    expires_at = tx.now + lasts
    digest = hashlib.sha256(token.encode()).digest()
    row = {"member_id": member_id, "recovery_id": recovery_id, "token_hash": digest, "expires_at": expires_at}
    await tx.db.execute(insert(Invitation).values(id=new_id(), **row))
    return Invited(member_id, token, expires_at)
