"""Ending sessions, changing where they work, and staying in them."""

from uuid import UUID

from sqlalchemy import update

from caretide.identity import queries
from caretide.identity.models import Membership, Session
from caretide.identity.opening import CONFIRM, renewed
from caretide.identity.rules import LONGEST_IDLE
from caretide.identity.sessions import end_others
from caretide.kernel.errors import NotFound, Unauthenticated
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, signs_in, signs_out
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx


@requires(Permission.SIGN_IN, signs_out(Data.ACCOUNT))
async def sign_out(tx: Tx, secret: str) -> None:
    """End a session for good."""
    await tx.db.execute(update(Session).where(Session.id_hash == queries.session_hash(secret)).values(ended_at=tx.now))


@requires(Permission.SIGN_IN, signs_in(Data.ACCOUNT))
async def stay(tx: Tx) -> None:
    """Give a sign of life. Being asked is all: the request itself put off the session's end."""


@requires(Permission.SELF_MANAGE, signs_in(Data.ACCOUNT))
async def choose_tenant(tx: Tx, secret: str, tenant_id: UUID) -> str:
    """Work in one of one's tenants from the next request on; return the session's new secret.

    Where the tenant signed its person out since the session's factors were given, they are asked for again.
    """
    place = next((one for one in await queries.memberships(tx) if one.tenant_id == tenant_id), None)
    if place is None:
        raise NotFound("You do not work in this tenant")
    if place.proved_after is not None and (await queries.standing(tx, secret)).auth_time <= place.proved_after:
        raise Unauthenticated("You were signed out there; confirm that it is you", at=CONFIRM)
    return await renewed(tx, secret, tenant_id=tenant_id, member_id=place.member_id)


@requires(Permission.SIGN_IN, signs_in(Data.ACCOUNT))
async def leave_tenant(tx: Tx, secret: str) -> str:
    """Work in no tenant from the next request on, until one is chosen; return the session's new secret.

    From a session that is open alone: a new secret is a sign of life, which one that was left alone has to be asked.
    """
    await queries.session(tx, secret)
    return await renewed(tx, secret, tenant_id=None, member_id=None)


@requires(Permission.SELF_MANAGE, signs_out(Data.ACCOUNT))
async def end_my_session(tx: Tx, session_id: UUID) -> None:
    """End one of one's own sessions, wherever it is."""
    mine = update(Session).where(
        Session.id == session_id, Session.account_id == tx.actor.account_id, Session.ended_at.is_(None)
    )
    if not (await tx.db.execute(mine.values(ended_at=tx.now))).rowcount:
        raise NotFound("There is no such session")


@requires(Permission.SELF_MANAGE, signs_out(Data.ACCOUNT))
async def end_my_other_sessions(tx: Tx, secret: str) -> int:
    """End all of one's sessions but the one that asks; return how many there were."""
    return 0 if tx.actor.account_id is None else await end_others(tx, tx.actor.account_id, secret)


@requires(Permission.MEMBER_WRITE, signs_out(Data.ACCOUNT))
async def end_sessions(tx: Tx, account_id: UUID) -> int:
    """End an account's sessions in the acting tenant, at once, and have those elsewhere prove themselves to come here.

    Those in other tenants are not this one's to end.
    """
    await _bar(tx, account_id)
    here = update(Session).where(
        Session.account_id == account_id, Session.tenant_id == tx.tenant_id, Session.ended_at.is_(None)
    )
    return (await tx.db.execute(here.values(ended_at=tx.now))).rowcount


@requires(Permission.MEMBER_WRITE, signs_out(Data.ACCOUNT))
async def pause_sessions(tx: Tx, account_id: UUID) -> None:
    """Have an account prove itself anew in the acting tenant, under a new secret: what it may do has changed."""
    await _bar(tx, account_id)
    here = update(Session).where(
        Session.account_id == account_id, Session.tenant_id == tx.tenant_id, Session.ended_at.is_(None)
    )
    await tx.db.execute(here.values(last_seen_at=tx.now - LONGEST_IDLE))


async def _bar(tx: Tx, account_id: UUID) -> None:
    """Let no session of an account into the acting tenant whose factors were given before now."""
    place = update(Membership).where(Membership.account_id == account_id, Membership.tenant_id == tx.tenant_id)
    await tx.db.execute(place.values(proved_after=tx.now))
