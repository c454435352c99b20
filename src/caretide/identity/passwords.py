"""Passwords hashed and compared: steps of the verbs in `actions`."""

import asyncio
import secrets
from functools import cache
from typing import Final
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import insert, select, update

from caretide.identity import rules
from caretide.identity.models import Account
from caretide.identity.tries import Refused, failed, forgotten, hold, of_network, of_password, succeeded
from caretide.kernel.ids import new_id
from caretide.runtime.tx import Tx

# OWASP's floor for argon2id: 19 MiB, two passes, one lane.
HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


async def try_password(tx: Tx, email: str, password_hash: str | None, password: str, network: str) -> Refused | None:
    """Compare a password; return what is told of a failure, None where it is right."""
    mine = of_password(email)
    targets = (mine, of_network(network)) if network else (mine,)
    resting = await hold(tx, *targets)
    if resting is not None:
        return resting
    # Verified all the same, so that an answer takes as long as for an address that is known.
    is_right = await verified(password_hash or _nobodys_hash(), password)
    if not is_right or password_hash is None or not await _stands(tx, email, password_hash):
        return await failed(tx, *targets)
    await succeeded(tx, mine)
    return None


async def _stands(tx: Tx, email: str, password_hash: str) -> bool:
    """Tell whether a password that was compared is still the account's, and keep it so until this is committed.

    Whoever takes it away meanwhile waits, and then ends the session that it opened.
    """
    this = select(Account.id).where(
        Account.email == email.strip().lower(), Account.password_hash == password_hash, Account.ended_at.is_(None)
    )
    return (await tx.db.execute(this.with_for_update(read=True))).first() is not None


async def verified(password_hash: str, password: str) -> bool:
    """Compare in a thread: argon2 is slow on purpose, and other requests should not wait for it."""
    try:
        return await asyncio.to_thread(HASHER.verify, password_hash, rules.normal(password))
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    return HASHER.hash(secrets.token_urlsafe())


async def set_password(tx: Tx, account_id: UUID, email: str, password: str) -> None:
    """Bind a password that was checked; failures at the last one are forgotten."""
    hashed = await asyncio.to_thread(HASHER.hash, rules.normal(password))
    await tx.db.execute(update(Account).where(Account.id == account_id).values(password_hash=hashed))
    await forgotten(tx, of_password(email))


async def new_account(tx: Tx, *, email: str, name: str, account_id: UUID | None = None) -> UUID:
    """Make an account that has nothing to sign in with yet."""
    made = account_id or new_id()
    await tx.db.execute(insert(Account).values(id=made, email=email.strip().lower(), display_name=name))
    return made
