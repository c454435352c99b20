"""What verbs ask of the session behind them, and do to an account's others: steps, no verbs."""

from uuid import UUID

from sqlalchemy import delete, update

from caretide.identity import queries
from caretide.identity.models import Session, TotpSeed
from caretide.identity.opening import CONFIRM
from caretide.identity.rules import RECENT
from caretide.kernel.errors import Unauthenticated
from caretide.runtime.tx import Tx

PROGRAMS = frozenset({"token", "service"})


def require_fresh(tx: Tx) -> None:
    """Raise Unauthenticated unless whoever acts gave their factors within ten minutes.

    For what changes who may do what in a tenant: a session that lies open, or was stolen, must not be enough. A token
    proves nobody's presence and is refused; the command line and a job have no session, and nothing is asked of them.
    Where an account's own ways to sign in are changed, `opening.require_recent` asks for more.
    """
    at = tx.actor.proved_at
    if tx.actor.kind in PROGRAMS or (at is not None and tx.now - at > RECENT):
        raise Unauthenticated("Confirm that it is you", at=CONFIRM)


def is_fresh(tx: Tx) -> bool:
    """Return whether `require_fresh` would let whoever acts pass: what a page says before it is asked."""
    at = tx.actor.proved_at
    return at is None or tx.now - at <= RECENT


async def end_others(tx: Tx, account_id: UUID, secret: str) -> int:
    """End every session of an account but the one of this secret, in all tenants; return how many there were.

    An authenticator app that nobody has confirmed is forgotten: one of them may have begun it, and knows its seed.
    """
    await tx.db.execute(delete(TotpSeed).where(TotpSeed.account_id == account_id, TotpSeed.confirmed_at.is_(None)))
    others = update(Session).where(
        Session.account_id == account_id,
        Session.id_hash != queries.session_hash(secret),
        Session.ended_at.is_(None),
    )
    ended = (await tx.db.execute(others.values(ended_at=tx.now))).rowcount
    tx.note(sessions_ended=ended)
    return ended
