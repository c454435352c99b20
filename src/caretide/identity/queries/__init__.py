"""Who an account is, what it proves itself with, and what a session's secret stands for."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Row, and_, bindparam, case, func, literal_column, select, update

from caretide.identity.models import Account, Membership, Passkey, RecoveryCode, Session, TotpSeed
from caretide.identity.rules import ABSOLUTE, IDLE, Factor, Stage, ago, is_whole, stage
from caretide.identity.schemas import FactorsOf, PasskeyLine, SessionLine
from caretide.kernel.errors import Unauthenticated
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads, signs_in
from caretide.runtime.access import open_to_all, requires
from caretide.runtime.tx import Tx

_IDLE_MINUTES: ColumnElement[int] = literal_column(
    "(SELECT t.idle_minutes FROM tenants AS t WHERE t.id = sessions.tenant_id)", Integer
).label("idle_minutes")

_SESSION = select(
    Session.account_id,
    Session.tenant_id,
    Session.member_id,
    Session.created_at,
    Session.last_seen_at,
    Account.display_name,
    Account.email,
    Session.amr,
    Session.auth_time,
    Session.id,
    Session.issuer,
    Session.via_tenant,
    Session.via_company,
    # The tenant is not bound yet: this stands outside its wall, kept by the tenant's setting.
    _IDLE_MINUTES,
).where(
    Session.id_hash == bindparam("id_hash"),
    Session.account_id == Account.id,
    Session.ended_at.is_(None),
    Account.ended_at.is_(None),
)
_SEEN = update(Session).where(Session.id_hash == bindparam("hash")).values(last_seen_at=bindparam("now"))

SECOND, AGAIN, WITH_PASSKEY = "/sign-in/second", "/sign-in/again", "/sign-in/with-passkey"
"""The pages that ask for what a session lacks: its second factor; a sign of life after a pause; a passkey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A session that stands, and how far it has come. `auth_time` is when its factors were last given."""

    id: UUID
    account_id: UUID
    tenant_id: UUID | None
    member_id: UUID | None
    display_name: str
    email: str
    amr: frozenset[Factor]
    auth_time: datetime
    last_seen_at: datetime
    issuer: str | None
    via_tenant: UUID | None
    via_company: UUID | None
    stage: Stage


def session_hash(secret: str) -> bytes:
    """Return what is stored of a session's secret."""
    return hashlib.sha256(secret.encode()).digest()


@open_to_all("this is how the actor is found out", signs_in(Data.ACCOUNT))
async def standing(tx: Tx, secret: str) -> Known:
    """Return a session that is not over, however far it has come; raise Unauthenticated otherwise."""
    row = (await tx.db.execute(_SESSION, {"id_hash": session_hash(secret)})).one_or_none()
    idle = timedelta(minutes=row.idle_minutes) if row is not None and row.idle_minutes else IDLE
    at = Stage.OVER if row is None else stage(row.amr, row.created_at, row.last_seen_at, tx.now, idle)
    if row is None or at is Stage.OVER:
        raise Unauthenticated("Your session has ended; sign in again")
    tx.trail.belongs_to(row.id)
    return Known(
        id=row.id,
        account_id=row.account_id,
        tenant_id=row.tenant_id,
        member_id=row.member_id,
        display_name=row.display_name,
        email=row.email,
        amr=frozenset(Factor(one) for one in row.amr),
        auth_time=row.auth_time,
        last_seen_at=row.last_seen_at,
        issuer=row.issuer,
        via_tenant=row.via_tenant,
        via_company=row.via_company,
        stage=at,
    )


@open_to_all("this is how the actor is found out", signs_in(Data.ACCOUNT))
async def session(tx: Tx, secret: str, *, sign_of_life: bool = True) -> Known:
    """Return a session that is open to work in; raise Unauthenticated, naming the page that asks for what it lacks.

    Only a sign of life puts off its end: a page that merely asks whether anything changed gives none.
    """
    found = await standing(tx, secret)
    if found.stage is Stage.PARTIAL:
        raise Unauthenticated("Sign in with your second factor", at=SECOND)
    if found.stage is Stage.IDLE:
        raise Unauthenticated("You were away; confirm that it is you", at=AGAIN)
    # Written at most every ten seconds: the idle limit needs no finer clock, and a read should not always write.
    if sign_of_life and (tx.now - found.last_seen_at).total_seconds() > 10:
        await tx.db.execute(_SEEN, {"hash": session_hash(secret), "now": tx.now})
    return found


@open_to_all("sign-in compares the password of an account that nobody has proved to own yet", reads(Data.ACCOUNT))
async def account_by_email(tx: Tx, email: str) -> Row[UUID, str, str, str | None] | None:
    """Return id, e-mail, display name and password hash of the account with an address; an ended one shows no hash."""
    standing = case((Account.ended_at.is_(None), Account.password_hash)).label("password_hash")
    wanted = select(Account.id, Account.email, Account.display_name, standing)
    return (await tx.db.execute(wanted.where(Account.email == email.strip().lower()))).one_or_none()


@open_to_all("a new way in is to the account that its member has, whatever address invited them", reads(Data.ACCOUNT))
async def address_of(tx: Tx, account_id: UUID) -> str:
    """Return the address that an account signs in with."""
    return (await tx.db.execute(select(Account.email).where(Account.id == account_id))).scalar_one()


@open_to_all("what an account can prove itself with decides how it is asked", reads(Data.ACCOUNT))
async def factors_of(tx: Tx, account_id: UUID) -> FactorsOf:
    """Return what an account can prove itself with."""
    keys = select(func.count()).select_from(Passkey).where(Passkey.account_id == account_id)
    seeds = select(func.count()).select_from(TotpSeed)
    seeds = seeds.where(TotpSeed.account_id == account_id, TotpSeed.confirmed_at.is_not(None))
    codes = select(func.count()).select_from(RecoveryCode)
    codes = codes.where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))
    password = select(Account.password_hash.is_not(None)).where(Account.id == account_id)
    parts = (keys.scalar_subquery(), seeds.scalar_subquery(), codes.scalar_subquery(), password.scalar_subquery())
    passkeys, has_totp, left, has_password = (await tx.db.execute(select(*parts))).one()
    return FactorsOf(passkeys=passkeys, has_totp=bool(has_totp), codes_left=left, has_password=bool(has_password))


@requires(Permission.SELF, reads(Data.ACCOUNT))
async def my_passkeys(tx: Tx) -> tuple[PasskeyLine, ...]:
    """Return the acting account's passkeys, oldest first."""
    wanted = select(Passkey.id, Passkey.name, Passkey.created_at, Passkey.last_used_at)
    rows = (
        await tx.db.execute(wanted.where(Passkey.account_id == tx.actor.account_id).order_by(Passkey.created_at))
    ).all()
    return tuple(
        PasskeyLine(
            id=row.id,
            name=row.name,
            added_on=row.created_at.date(),
            used=ago(row.last_used_at, tx.now) if row.last_used_at else "",
        )
        for row in rows
    )


@requires(Permission.SELF_MANAGE, reads(Data.ACCOUNT))
async def my_sessions(tx: Tx, secret: str) -> tuple[SessionLine, ...]:
    """Return the acting account's sessions that stand, the one that asks first, then those last used."""
    wanted = select(
        Session.id, Session.id_hash, Session.device, Session.amr, Session.created_at, Session.last_seen_at
    ).where(
        Session.account_id == tx.actor.account_id, Session.ended_at.is_(None), Session.created_at > tx.now - ABSOLUTE
    )
    rows = (await tx.db.execute(wanted.order_by(Session.last_seen_at.desc()))).all()
    mine = session_hash(secret)
    lines = [
        SessionLine(
            id=row.id,
            device=row.device or "A browser",
            opened=ago(row.created_at, tx.now),
            seen=ago(row.last_seen_at, tx.now),
            is_this=row.id_hash == mine,
            is_idle=tx.now - row.last_seen_at >= IDLE,
        )
        for row in rows
        if is_whole(row.amr)
    ]
    return tuple(sorted(lines, key=lambda line: not line.is_this))


@requires(Permission.SELF, reads(Data.ACCOUNT))
async def memberships(tx: Tx) -> Sequence[Row[UUID, UUID, datetime | None]]:
    """Return tenant and member of each place where the acting account works, and since when it has to be proved."""
    return (await tx.db.execute(_MEMBERSHIPS, {"account_id": tx.actor.account_id})).all()


_MEMBERSHIPS = (
    select(Membership.tenant_id, Membership.member_id, Membership.proved_after)
    .where(Membership.account_id == bindparam("account_id"))
    .order_by(Membership.tenant_id)
)


@requires(Permission.MEMBER_WRITE, reads(Data.ACCOUNT))
async def last_sign_of_life(tx: Tx, account_id: UUID) -> datetime | None:
    """Return when an account last gave a sign of life in the acting tenant, in whichever session."""
    here = select(func.max(Session.last_seen_at))
    here = here.where(Session.account_id == account_id, Session.tenant_id == tx.tenant_id)
    return (await tx.db.execute(here)).scalar_one()


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
