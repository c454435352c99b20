"""How sessions come about: opened with factors, given more, put under a new secret. Steps of the verbs in `actions`."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select, update

from caretide.identity import queries
from caretide.identity.models import LinkedIdentity, Membership, Session
from caretide.identity.rules import PARALLEL, RECENT, Factor, Stage, is_whole, own
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Unauthenticated
from caretide.kernel.ids import new_id
from caretide.runtime.tx import Tx

CONFIRM: Final = "/me/confirm"
"""The page that asks who is signed in to prove it again."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session under a new secret, shown once, and in how many tenants the account works.

    With one, the session is already in it; with several, one has to be chosen. Until it is whole, it opens nothing but
    the page of the second factor, or that of enrolling one.
    """

    secret: str
    account_id: UUID
    tenants: int
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Via:
    """Who vouched for a session, and where it is good for that: in one tenant, or in those that a company serves."""

    issuer: str | None = None
    tenant_id: UUID | None = None
    company_id: UUID | None = None
    auth_time: datetime | None = None


async def opened(
    tx: Tx, account_id: UUID, name: str, amr: Iterable[Factor], device: str, via: Via | None = None
) -> SignedIn:
    """Open a session with the factors that were proved; the transaction is the account's from here on."""
    factors, via = sorted(amr), via or Via()
    places = (await tx.db.execute(select(Membership).where(Membership.account_id == account_id))).all()
    if via.tenant_id is not None:
        places = [place for place in places if place.tenant_id == via.tenant_id]
    only = places[0] if len(places) == 1 else None
    secret, session_id = secrets.token_urlsafe(32), new_id()
    await tx.db.execute(
        insert(Session).values(
            id=session_id,
            id_hash=queries.session_hash(secret),
            account_id=account_id,
            tenant_id=only.tenant_id if only else None,
            member_id=only.member_id if only else None,
            amr=factors,
            auth_time=via.auth_time or tx.now,
            issuer=via.issuer,
            via_tenant=via.tenant_id,
            via_company=via.company_id,
            device=device,
            created_at=tx.now,
            last_seen_at=tx.now,
        )
    )
    tx.trail.belongs_to(session_id)
    whole = is_whole(factors)
    tx.actor = Actor.account(account_id, name) if whole else Actor.entrant(account_id, name)
    if whole:
        await _end_beyond(tx, account_id)
    return SignedIn(secret, account_id, len(places), whole)


async def renewed(tx: Tx, secret: str, **changes: Any) -> str:
    """Change a session and put it under a new secret, which is returned; the old one opens nothing any more."""
    new = secrets.token_urlsafe(32)
    this = update(Session).where(Session.id_hash == queries.session_hash(secret), Session.ended_at.is_(None))
    await tx.db.execute(this.values(id_hash=queries.session_hash(new), last_seen_at=tx.now, **changes))
    return new


async def completed(tx: Tx, secret: str, *proved: Factor) -> SignedIn:
    """Add factors to a session that has just been given them; return it under a new secret.

    One that was begun counts its twelve hours from here; one that idled keeps its end. What was given together has to
    be two factors to count as a recent sign-in, and stands in the place of a passkey that was given before: where a
    tenant asks for one, a password and a code confirm nothing.
    """
    known = await queries.standing(tx, secret)
    factors = known.amr | set(proved)
    if is_whole(proved) and Factor.PASSKEY not in proved:
        factors = factors - {Factor.PASSKEY}
    changes: dict[str, Any] = {"amr": sorted(factors)}
    if known.stage is Stage.PARTIAL:
        changes["created_at"] = tx.now
    if known.stage is Stage.PARTIAL or is_whole(proved):
        changes["auth_time"] = tx.now
    new = await renewed(tx, secret, **changes)
    await _end_beyond(tx, known.account_id)
    if tx.actor.tenant_id is None:
        tx.actor = Actor.account(known.account_id, known.display_name)
    places = await queries.memberships(tx)
    return SignedIn(new, known.account_id, 1 if known.tenant_id else len(places), is_whole(factors))


async def _end_beyond(tx: Tx, account_id: UUID) -> None:
    standing = select(Session.id_hash).where(Session.account_id == account_id, Session.ended_at.is_(None))
    beyond = (await tx.db.execute(standing.order_by(Session.last_seen_at.desc()).offset(PARALLEL))).scalars().all()
    if beyond:
        await tx.db.execute(update(Session).where(Session.id_hash.in_(beyond)).values(ended_at=tx.now))


async def require_recent(tx: Tx, secret: str) -> queries.Known:
    """Return the session if its factors were given within ten minutes; raise Unauthenticated otherwise.

    One with a first factor passes while its account has no second: it is there to enroll one. Whoever vouches for
    somebody in a tenant does not come by what opens all the others: where the account has ways of its own to sign in,
    or somebody else vouches for it too, those have to be given to us.
    """
    known = await queries.standing(tx, secret)
    if known.issuer is not None and not is_whole(own(known.amr)) and not await _is_all_theirs(tx, known):
        raise Unauthenticated("Confirm that it is you, with what you sign in with here", at=CONFIRM)
    if known.stage is Stage.PARTIAL and not (await queries.factors_of(tx, known.account_id)).has_second:
        return known
    if known.stage is not Stage.OPEN or tx.now - known.auth_time > RECENT:
        raise Unauthenticated("Confirm that it is you", at=CONFIRM)
    return known


async def _is_all_theirs(tx: Tx, known: queries.Known) -> bool:
    """Tell whether nothing opens an account but the one who vouched for its session."""
    if (await queries.factors_of(tx, known.account_id)).has_any:
        return False
    others = select(LinkedIdentity.subject).where(
        LinkedIdentity.account_id == known.account_id, LinkedIdentity.issuer != known.issuer
    )
    return (await tx.db.execute(others.limit(1))).first() is None
