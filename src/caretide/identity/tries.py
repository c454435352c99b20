"""Counting failed tries, in the database: by authenticator and by network address."""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from caretide.identity.models import Failures
from caretide.identity.rules import GROWS_FROM, NETWORK_FORGETS, Kind, rest_after
from caretide.kernel.actor import Actor
from caretide.runtime.tx import Database, Tx


@dataclass(frozen=True, slots=True)
class Target:
    """What a try is counted against. `subject` is a hash: an address that nobody has is not written down either."""

    kind: Kind
    subject: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A try that opened nothing. `seconds` have to pass before the next; `disabled` means that none will help."""

    seconds: int = 0
    disabled: bool = False


def of_password(email: str) -> Target:
    """Return the target of tries at an address's password, whether or not anybody has it."""
    return Target(Kind.PASSWORD, hashlib.sha256(email.strip().lower().encode()).digest())


def of_account(kind: Kind, account_id: UUID) -> Target:
    """Return the target of tries at an account's second factor."""
    return Target(kind, hashlib.sha256(account_id.bytes).digest())


def of_network(address: str) -> Target:
    """Return the target of all tries from a network address."""
    return Target(Kind.NETWORK, hashlib.sha256(address.encode()).digest())


_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def hold(tx: Tx, *targets: Target) -> Refused | None:
    """Begin a try: wait for others at the same authenticator, then say whether it rests. None lets the try go on.

    Side by side, guesses would all be judged before the first of them was counted.
    """
    for target in targets:
        if target.kind is not Kind.NETWORK:
            await tx.db.execute(_ONE_AT_A_TIME, {"name": f"{target.kind}:{target.subject.hex()}"})
    asked = [(one.kind, one.subject) for one in targets]
    wanted = select(func.max(Failures.rest_until), func.max(Failures.disabled_at))
    rest, disabled = (await tx.db.execute(wanted.where(tuple_(Failures.kind, Failures.subject).in_(asked)))).one()
    return _refused(rest, disabled, tx.now) if disabled or (rest and rest > tx.now) else None


def _refused(rest: datetime | None, disabled: object, now: datetime) -> Refused:
    seconds = math.ceil((rest - now).total_seconds()) if rest else 0
    return Refused(max(0, seconds), disabled=disabled is not None)


async def failed(tx: Tx, *targets: Target) -> Refused:
    """Count a failure against each target; return what follows from it."""
    until: datetime | None = None
    disabled: datetime | None = None
    for target in targets:
        row = {"kind": target.kind, "subject": target.subject, "failures": 1, "last_at": tx.now}
        more = insert(Failures).values(**row)
        count = Failures.failures + 1
        if target.kind is Kind.NETWORK:
            stale = update(Failures).where(
                Failures.kind == target.kind,
                Failures.subject == target.subject,
                Failures.last_at < tx.now - NETWORK_FORGETS,
            )
            await tx.db.execute(stale.values(failures=0, rest_until=None))
        more = more.on_conflict_do_update(
            index_elements=[Failures.kind, Failures.subject], set_={"failures": count, "last_at": tx.now}
        )
        failures = (await tx.db.execute(more.returning(Failures.failures))).scalar_one()
        follows = rest_after(target.kind, failures, tx.now)
        off = tx.now if follows.disabled else None
        this = update(Failures).where(Failures.kind == target.kind, Failures.subject == target.subject)
        await tx.db.execute(this.values(rest_until=follows.until, disabled_at=off))
        until = max((one for one in (until, follows.until) if one), default=None)
        disabled = disabled or off
    return _refused(until, disabled, tx.now)


async def succeeded(tx: Tx, target: Target) -> None:
    """Forget failures in a row. Those at a TOTP seed stand until it is bound anew; they only stop resting."""
    mine = Failures.kind == target.kind, Failures.subject == target.subject
    if target.kind is Kind.TOTP:
        await tx.db.execute(update(Failures).where(*mine).values(rest_until=None))
    else:
        await forgotten(tx, target)


async def forget_old_tries(database: Database, now: datetime) -> int:
    """Delete what is of no use any more, or a stranger would fill the disk address by address; return how many rows.

    A network's failures after the hour that they count; a password's few after a month, whether or not anybody has
    the address: four tries a month are no guessing.
    """
    stale = or_(
        and_(Failures.kind == Kind.NETWORK, Failures.last_at < now - NETWORK_FORGETS),
        and_(
            Failures.kind == Kind.PASSWORD, Failures.failures < GROWS_FROM, Failures.last_at < now - timedelta(days=30)
        ),
    )
    async with database.tx(Actor.nobody()) as tx:
        return (await tx.db.execute(delete(Failures).where(stale))).rowcount


async def forgotten(tx: Tx, target: Target) -> None:
    """Begin anew: the authenticator was bound again."""
    await tx.db.execute(delete(Failures).where(Failures.kind == target.kind, Failures.subject == target.subject))
