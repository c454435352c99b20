"""Making and revoking the tokens of programs, and the service accounts that own some of them."""

import hashlib
import secrets
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update

from caretide.identity import rules
from caretide.identity.models import ApiToken, ServiceAccount
from caretide.identity.notices import tell
from caretide.identity.opening import require_recent
from caretide.identity.schemas import ServiceForm, TokenForm, TokenMade
from caretide.kernel.errors import Conflict, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import SERVICE, Permission, token_scopes
from caretide.kernel.records import Data, changes, creates
from caretide.kernel.text import DETAIL_LENGTH, NAME_LENGTH, clean_text
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx

MOST_TOKENS = 50
"""Tokens that one owner may have standing: more is a program that makes a new one each time."""


@requires(Permission.SELF_MANAGE, creates(Data.ACCOUNT))
async def create_token(tx: Tx, secret: str, new: TokenForm, *, mode: str = "development") -> TokenMade:
    """Make a token for a program that acts as the acting member; asks for a recent sign-in, as a factor does.

    A token makes none: `secret` is a session's. Its text is returned here and kept nowhere.
    """
    known = await require_recent(tx, secret)
    whose = {"member_id": tx.member_id, "account_id": known.account_id}
    made = await _make(tx, new, token_scopes(tx.actor.permissions), mode, **whose)
    tell(tx, known.email, "token")
    return made


@requires(Permission.MEMBER_WRITE, creates(Data.ACCOUNT))
async def create_service_account(tx: Tx, new: ServiceForm) -> UUID:
    """Make a service account: a program's name, which can have tokens and never signs in."""
    name = clean_text(new.name, field="name", limit=NAME_LENGTH, required=True)
    purpose = clean_text(new.purpose, field="purpose", limit=DETAIL_LENGTH)
    standing = select(ServiceAccount.id).where(ServiceAccount.name == name, ServiceAccount.ended_at.is_(None))
    if (await tx.db.execute(standing)).first() is not None:
        raise Conflict("There is a service account of this name")
    made = new_id()
    row = {"id": made, "name": name, "purpose": purpose, "created_by": tx.actor.member_id, "created_at": tx.now}
    await tx.db.execute(insert(ServiceAccount).values(**row))
    tx.note(service_id=str(made))
    return made


@requires(Permission.MEMBER_WRITE, creates(Data.ACCOUNT))
async def create_service_token(
    tx: Tx, secret: str, service_id: UUID, new: TokenForm, *, mode: str = "development"
) -> TokenMade:
    """Make a token of a service account; asks for a recent sign-in of the administrator, and never for a token's.

    The command line has no session: whoever runs it holds the installation.
    """
    if tx.actor.kind != "system":
        await require_recent(tx, secret)
    found = (
        await tx.db.execute(
            select(ServiceAccount.ended_at).where(ServiceAccount.id == service_id).with_for_update(read=True)
        )
    ).one_or_none()
    if found is None:
        raise NotFound("There is no such service account")
    if found.ended_at is not None:
        raise Conflict("This service account has ended; make another one")
    return await _make(tx, new, token_scopes(SERVICE), mode, service_id=service_id)


async def _make(tx: Tx, new: TokenForm, offered: frozenset[Permission], mode: str, **whose: UUID) -> TokenMade:
    name = clean_text(new.name, field="name", limit=NAME_LENGTH, required=True)
    scopes = rules.check_scopes(new.scopes, offered)
    networks = rules.check_networks(new.networks)
    expires_at = tx.now + rules.check_lifetime(new.days)
    owner = "member_id" if "member_id" in whose else "service_id"
    mine = select(ApiToken.id).where(
        getattr(ApiToken, owner) == whose[owner], ApiToken.revoked_at.is_(None), ApiToken.expires_at > tx.now
    )
    if len((await tx.db.execute(mine.limit(MOST_TOKENS))).all()) == MOST_TOKENS:
        raise Conflict(f"There are {MOST_TOKENS} tokens already; revoke some first")
    made = new_id()
    text = rules.token_text(
        mode, tx.tenant_id, made, "".join(secrets.choice(rules.SECRET_LETTERS) for _ in range(rules.SECRET_LENGTH))
    )
    row: dict[str, Any] = {"id": made, "name": name, "scopes": scopes, "networks": networks, **whose}
    row |= {"secret_hash": hashlib.sha256(text.encode()).digest(), "created_by": tx.actor.member_id}
    await tx.db.execute(insert(ApiToken).values(**row, created_at=tx.now, expires_at=expires_at))
    tx.note(token_id=str(made), scopes=scopes)
    return TokenMade(id=made, token=text, expires_at=expires_at)


@requires(Permission.SELF_MANAGE, changes(Data.ACCOUNT))
async def revoke_my_token(tx: Tx, token_id: UUID) -> None:
    """Revoke one of the acting member's tokens, from the next request on."""
    await _revoke_one(tx, token_id, ApiToken.member_id == tx.member_id)


@requires(Permission.MEMBER_WRITE, changes(Data.ACCOUNT))
async def revoke_token(tx: Tx, token_id: UUID) -> None:
    """Revoke any token of the tenant, from the next request on."""
    await _revoke_one(tx, token_id)


async def _revoke_one(tx: Tx, token_id: UUID, *whose: Any) -> None:
    known = select(ApiToken.revoked_at).where(ApiToken.id == token_id, *whose)
    row = (await tx.db.execute(known)).one_or_none()
    if row is None:
        raise NotFound("There is no such token")
    tx.note(token_id=str(token_id))
    # Revoked twice is revoked once.
    if row.revoked_at is None:
        await _revoke(tx, ApiToken.id == token_id)


async def _revoke(tx: Tx, *which: Any) -> int:
    standing = update(ApiToken).where(ApiToken.revoked_at.is_(None), *which)
    return (await tx.db.execute(standing.values(revoked_at=tx.now, revoked_by=tx.actor.member_id))).rowcount


@requires(Permission.MEMBER_WRITE, changes(Data.ACCOUNT))
async def end_service_account(tx: Tx, service_id: UUID) -> int:
    """End a service account and revoke its tokens; return how many there were."""
    found = (await tx.db.execute(select(ServiceAccount.ended_at).where(ServiceAccount.id == service_id))).one_or_none()
    if found is None:
        raise NotFound("There is no such service account")
    this = update(ServiceAccount).where(ServiceAccount.id == service_id, ServiceAccount.ended_at.is_(None))
    await tx.db.execute(this.values(ended_at=tx.now, ended_by=tx.actor.member_id))
    revoked = await _revoke(tx, ApiToken.service_id == service_id)
    tx.note(service_id=str(service_id), tokens_revoked=revoked)
    return revoked


@requires(Permission.MEMBER_WRITE, changes(Data.ACCOUNT))
async def end_tokens(tx: Tx, member_id: UUID) -> int:
    """Revoke a member's tokens in the acting tenant; return how many stood."""
    return await _revoke(tx, ApiToken.member_id == member_id, ApiToken.expires_at > tx.now)
