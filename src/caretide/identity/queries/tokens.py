"""Tokens of programs: whose they are, how they stand, and what one that is shown stands for."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, func, select, update

from caretide.identity.models import Account, ApiToken, ServiceAccount
from caretide.identity.rules import USED_EVERY, ago, is_from, token_place
from caretide.identity.schemas import AllTokensPage, ServiceOut, ServicePage, TokenLine, TokenMade, TokenOut, TokensPage
from caretide.kernel.errors import NotFound, Unauthenticated
from caretide.kernel.permissions import SERVICE, Permission, token_scopes
from caretide.kernel.records import Data, reads, signs_in
from caretide.runtime.access import open_to_all, requires
from caretide.runtime.tx import Tx
from caretide.ui.forms import Option
from caretide.ui.shell import Tone

SPENT: Final = "This token was revoked, has expired or never was; make a new one"
"""One sentence for every token that opens nothing: none can be told from another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A token that stands: its owner is a member with an account, or a service account."""

    id: UUID
    member_id: UUID | None
    account_id: UUID | None
    service_id: UUID | None
    name: str
    scopes: tuple[str, ...]


_SHOWN = (
    select(
        ApiToken.id,
        ApiToken.member_id,
        ApiToken.account_id,
        ApiToken.service_id,
        ApiToken.scopes,
        ApiToken.networks,
        ApiToken.expires_at,
        ApiToken.last_used_at,
        ApiToken.revoked_at,
        Account.ended_at.label("account_ended_at"),
        ServiceAccount.name.label("service_name"),
        ServiceAccount.ended_at.label("service_ended_at"),
    )
    .outerjoin(Account, Account.id == ApiToken.account_id)
    .outerjoin(
        ServiceAccount,
        (ServiceAccount.tenant_id == ApiToken.tenant_id) & (ServiceAccount.id == ApiToken.service_id),
    )
    .where(ApiToken.id == bindparam("token_id"), ApiToken.secret_hash == bindparam("hash"))
)
_USED = update(ApiToken).where(ApiToken.id == bindparam("token_id")).values(last_used_at=bindparam("now"))


@open_to_all(
    "this is how the actor is found out; the caller has bound the tenant that the token names", signs_in(Data.ACCOUNT)
)
async def token_behind(tx: Tx, secret: str, secret_hash: bytes) -> Shown:
    """Return a token that stands, and note its use; raise Unauthenticated otherwise.

    Whether its owner may still work here, and what they may do, is for the caller to ask.
    """
    place = token_place(secret)
    if place is None:
        raise Unauthenticated(SPENT)
    row = (await tx.db.execute(_SHOWN, {"token_id": place[1], "hash": secret_hash})).one_or_none()
    ended = row is None or row.revoked_at or row.account_ended_at or row.service_ended_at
    if row is None or ended or row.expires_at <= tx.now or not is_from(tx.trail.origin.ip, row.networks):
        raise Unauthenticated(SPENT)
    if row.last_used_at is None or tx.now - row.last_used_at > USED_EVERY:
        await tx.db.execute(_USED, {"token_id": row.id, "now": tx.now})
    return Shown(
        id=row.id,
        member_id=row.member_id,
        account_id=row.account_id,
        service_id=row.service_id,
        name=row.service_name or "",
        scopes=tuple(row.scopes),
    )


def _tokens() -> Select[*tuple[Any, ...]]:
    return (
        select(
            ApiToken.id,
            ApiToken.name,
            func.coalesce(ServiceAccount.name, Account.display_name).label("owner"),
            ApiToken.service_id,
            ApiToken.scopes,
            ApiToken.networks,
            ApiToken.created_at,
            ApiToken.expires_at,
            ApiToken.last_used_at,
            ApiToken.revoked_at,
        )
        .outerjoin(Account, Account.id == ApiToken.account_id)
        .outerjoin(
            ServiceAccount,
            (ServiceAccount.tenant_id == ApiToken.tenant_id) & (ServiceAccount.id == ApiToken.service_id),
        )
        .order_by(ApiToken.revoked_at.is_not(None), ApiToken.created_at.desc(), ApiToken.id)
    )


@requires(Permission.SELF_MANAGE, reads(Data.ACCOUNT))
async def my_tokens(tx: Tx) -> list[TokenOut]:
    """Return the acting member's tokens in this tenant, those that stand first."""
    rows = (await tx.db.execute(_tokens().where(ApiToken.member_id == tx.member_id))).all()
    return [_out(tx, row) for row in rows]


@requires(Permission.MEMBER_WRITE, reads(Data.ACCOUNT))
async def tokens(tx: Tx, *, service_id: UUID | None = None) -> list[TokenOut]:
    """Return the tenant's tokens, or one service account's, those that stand first."""
    wanted = _tokens() if service_id is None else _tokens().where(ApiToken.service_id == service_id)
    return [_out(tx, row) for row in (await tx.db.execute(wanted)).all()]


@requires(Permission.MEMBER_WRITE, reads(Data.ACCOUNT))
async def standing_tokens(tx: Tx, member_id: UUID) -> int:
    """Return how many of a member's tokens stand."""
    wanted = select(func.count()).where(
        ApiToken.member_id == member_id, ApiToken.revoked_at.is_(None), ApiToken.expires_at > tx.now
    )
    return (await tx.db.execute(wanted)).scalar_one()


def _out(tx: Tx, row: Row[*tuple[Any, ...]]) -> TokenOut:
    state = "revoked" if row.revoked_at else "expired" if row.expires_at <= tx.now else "active"
    return TokenOut(
        id=row.id,
        name=row.name,
        owner=row.owner,
        service=row.service_id is not None,
        state=state,
        scopes=tuple(row.scopes),
        networks=tuple(row.networks),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


@requires(Permission.MEMBER_WRITE, reads(Data.ACCOUNT))
async def services(tx: Tx, service_id: UUID | None = None) -> list[ServiceOut]:
    """Return the tenant's service accounts by name, those that stand first; with an id that one, or raise NotFound."""
    standing = (
        select(func.count())
        .where(
            ApiToken.tenant_id == ServiceAccount.tenant_id,
            ApiToken.service_id == ServiceAccount.id,
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at > tx.now,
        )
        .scalar_subquery()
        .label("tokens")
    )
    columns = (ServiceAccount.id, ServiceAccount.name, ServiceAccount.purpose, standing)
    wanted = select(*columns, ServiceAccount.created_at, ServiceAccount.ended_at)
    if service_id is not None:
        wanted = wanted.where(ServiceAccount.id == service_id)
    rows = (await tx.db.execute(wanted.order_by(ServiceAccount.ended_at.is_not(None), ServiceAccount.name))).mappings()
    found = [ServiceOut.model_validate(dict(row)) for row in rows]
    if service_id is not None and not found:
        raise NotFound("There is no such service account")
    return found


STATES: Final[dict[str, tuple[str, Tone]]] = {
    "active": ("In use", "good"),
    "expired": ("Expired", "neutral"),
    "revoked": ("Revoked", "neutral"),
}
LIFETIMES: Final = tuple(Option(str(days), f"{days} days") for days in (7, 30, 90, 180, 365))


def _line(tx: Tx, token: TokenOut) -> TokenLine:
    label, tone = STATES[token.state]
    if token.state == "active" and token.expires_at - tx.now < _SOON:
        label, tone = "Expires soon", "warn"
    used = ago(token.last_used_at, tx.now) if token.last_used_at else "never"
    return TokenLine(token=token, state=label, tone=tone, used=used, may_revoke=token.state == "active")


_SOON: Final = timedelta(days=14)


def _options(offered: frozenset[Permission]) -> tuple[Option, ...]:
    return tuple(Option(one, one) for one in sorted(offered))


@requires(Permission.SELF_MANAGE, reads(Data.ACCOUNT))
async def tokens_page(tx: Tx, made: TokenMade | None = None) -> TokensPage:
    """Return the acting member's tokens and what the next one can be given."""
    lines = tuple(_line(tx, one) for one in await my_tokens(tx))
    return TokensPage(tokens=lines, scopes=_options(token_scopes(tx.actor.permissions)), lifetimes=LIFETIMES, made=made)


@requires(Permission.MEMBER_WRITE, reads(Data.ACCOUNT))
async def all_tokens_page(tx: Tx) -> AllTokensPage:
    """Return the tenant's tokens and service accounts."""
    lines = tuple(_line(tx, one) for one in await tokens(tx))
    return AllTokensPage(tokens=lines, services=tuple(await services(tx)))


@requires(Permission.MEMBER_WRITE, reads(Data.ACCOUNT))
async def service_page(tx: Tx, service_id: UUID, made: TokenMade | None = None) -> ServicePage:
    """Return one service account with its tokens, and what the next one can be given."""
    (service,) = await services(tx, service_id)
    lines = tuple(_line(tx, one) for one in await tokens(tx, service_id=service_id))
    return ServicePage(
        service=service, tokens=lines, scopes=_options(token_scopes(SERVICE)), lifetimes=LIFETIMES, made=made
    )
