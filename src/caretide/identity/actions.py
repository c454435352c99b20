"""Signing in and out, and the making of accounts."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import insert, select, update

from caretide.identity import queries, rules
from caretide.identity.models import Account, Membership, Session
from caretide.kernel.actor import Actor
from caretide.kernel.errors import NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, creates, signs_in, signs_out
from caretide.runtime.access import open_to_all, requires
from caretide.runtime.tx import Tx

# OWASP's floor for argon2id: 19 MiB, two passes, one lane.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@dataclass(frozen=True)
class SignedIn:
    """A new session: its secret, shown once, and in how many tenants the account works.

    With one, the session is already in it; with several, one has to be chosen.
    """

    secret: str
    account_id: UUID
    tenants: int


@open_to_all("nobody is known before they sign in", signs_in(Data.ACCOUNT))
async def sign_in(tx: Tx, email: str, password: str) -> SignedIn | None:
    """Check a password and open a session; None when that is refused, whatever the reason.

    Not raised, because the count of failures must be committed with the answer. One answer for an unknown address, a
    wrong password and a locked account, so that none of them can be told from another. From here on the transaction
    is the account's.
    """
    account = await queries.account_by_email(tx, email)
    # Verified all the same, so that an answer takes as long as for an address that is known.
    is_right = await _verify(account.password_hash if account else _nobodys_hash(), password)
    if account is None:
        tx.note(outcome="refused")
        return None
    if not is_right or _is_locked(account.locked_until, tx.now):
        tx.note(outcome="refused", account_id=account.id)
        if not is_right:
            await _count_failure(tx, account.id)
        return None
    await tx.db.execute(update(Account).where(Account.id == account.id).values(failed_attempts=0, locked_until=None))
    tx.actor = Actor.account(account.id, account.display_name)
    return await _open_session(tx, account.id)


def _is_locked(until: datetime | None, now: datetime) -> bool:
    return until is not None and until > now


async def _count_failure(tx: Tx, account_id: UUID) -> None:
    # Counted in the database, so that guesses made side by side all count.
    more = update(Account).where(Account.id == account_id).values(failed_attempts=Account.failed_attempts + 1)
    failed = (await tx.db.execute(more.returning(Account.failed_attempts))).scalar_one()
    until = rules.lock_until(failed, tx.now)
    await tx.db.execute(update(Account).where(Account.id == account_id).values(locked_until=until))


async def _verify(password_hash: str, password: str) -> bool:
    """Compare in a thread: argon2 is slow on purpose, and other requests should not wait for it."""
    try:
        return await asyncio.to_thread(HASHER.verify, password_hash, password)
    except VerifyMismatchError:
        return False


@cache
def _nobodys_hash() -> str:
    return HASHER.hash(secrets.token_urlsafe())


async def _open_session(tx: Tx, account_id: UUID) -> SignedIn:
    places = (await tx.db.execute(select(Membership).where(Membership.account_id == account_id))).all()
    only = places[0] if len(places) == 1 else None
    secret = secrets.token_urlsafe(32)
    await tx.db.execute(
        insert(Session).values(
            id_hash=queries.session_hash(secret),
            account_id=account_id,
            tenant_id=only.tenant_id if only else None,
            member_id=only.member_id if only else None,
            created_at=tx.now,
            last_seen_at=tx.now,
        )
    )
    return SignedIn(secret, account_id, len(places))


@requires(Permission.SELF, signs_out(Data.ACCOUNT))
async def sign_out(tx: Tx, secret: str) -> None:
    """End a session for good."""
    await tx.db.execute(update(Session).where(Session.id_hash == queries.session_hash(secret)).values(ended_at=tx.now))


@requires(Permission.SELF, signs_in(Data.ACCOUNT))
async def choose_tenant(tx: Tx, secret: str, tenant_id: UUID) -> None:
    """Work in one of one's tenants from the next request on."""
    for place in await queries.memberships(tx):
        if place.tenant_id == tenant_id:
            chosen = {"tenant_id": tenant_id, "member_id": place.member_id}
            await tx.db.execute(update(Session).where(Session.id_hash == queries.session_hash(secret)).values(**chosen))
            return
    raise NotFound("You do not work in this tenant")


@requires(Permission.MEMBER_WRITE, signs_out(Data.ACCOUNT))
async def end_sessions(tx: Tx, account_id: UUID) -> int:
    """End an account's sessions in the acting tenant, at once; those in other tenants are not this one's to end."""
    here = update(Session).where(
        Session.account_id == account_id, Session.tenant_id == tx.tenant_id, Session.ended_at.is_(None)
    )
    return (await tx.db.execute(here.values(ended_at=tx.now))).rowcount


@open_to_all(
    "an invitation is accepted before there is an account; the caller has proved the invitation", creates(Data.ACCOUNT)
)
async def open_account(tx: Tx, *, email: str, name: str, password: str) -> UUID | None:
    """Make an account with a password, or prove an existing one's; return its id.

    None when the address has an account and this is not its password: an invitation is no way around the count of
    failures, which is committed with the answer.
    """
    existing = await queries.account_by_email(tx, email)
    if existing is not None:
        is_right = await _verify(existing.password_hash, password)
        if not is_right:
            await _count_failure(tx, existing.id)
        return existing.id if is_right and not _is_locked(existing.locked_until, tx.now) else None
    rules.check_password(password, email=email, name=name)
    account_id = new_id()
    hashed = await asyncio.to_thread(HASHER.hash, password)
    row = {"id": account_id, "email": email.strip().lower(), "display_name": name, "password_hash": hashed}
    await tx.db.execute(insert(Account).values(**row))
    return account_id


@open_to_all("part of accepting an invitation, which the caller has proved", creates(Data.ACCOUNT))
async def join(tx: Tx, account_id: UUID, tenant_id: UUID, member_id: UUID) -> None:
    """Let an account work in a tenant."""
    await tx.db.execute(insert(Membership).values(account_id=account_id, tenant_id=tenant_id, member_id=member_id))
