"""Keeping what was agreed with an identity provider: steps of the verbs that set one up."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, update

from caretide.identity.keys import account_cipher
from caretide.identity.models import CompanyProvider, Session, TenantProvider
from caretide.identity.provider import described
from caretide.identity.queries.providers import Provider, place_of
from caretide.identity.schemas import ProviderForm
from caretide.kernel.errors import Invalid
from caretide.kernel.ids import new_id
from caretide.kernel.text import ADDRESS_LENGTH, NAME_LENGTH, clean_text
from caretide.runtime.tx import Tx

MOST_VALUES: Final = 20


async def store(
    tx: Tx, known: Provider | None, form: ProviderForm, *, tenant_id: UUID | None, company_id: UUID | None
) -> None:
    """Read a provider's discovery document and keep it with what was agreed; on from now on.

    Exactly one of the owners is given. A provider with another issuer or client is another one: what was signed in by
    the old one ends, and its secret is not carried over.
    """
    owner = tenant_id or company_id
    if owner is None:
        raise Invalid("A provider is somebody's")
    issuer = clean_text(form.issuer, field="issuer", limit=ADDRESS_LENGTH, required=True)
    client_id = clean_text(form.client_id, field="client_id", limit=ADDRESS_LENGTH, required=True)
    secret = clean_text(form.secret, field="client_password", limit=ADDRESS_LENGTH)
    found = await described(tx.stores.reach, issuer)
    is_same = known is not None and (known.issuer, known.client_id) == (issuer, client_id)
    if not secret and known is not None and is_same:
        secret = known.secret or ""
    sealed = (await account_cipher(tx)).seal(secret.encode(), place_of(owner)) if secret else None
    values: dict[str, Any] = {
        "name": clean_text(form.name, field="name", limit=NAME_LENGTH, required=True),
        "issuer": issuer,
        "client_id": client_id,
        "sealed_secret": sealed,
        "authorization_endpoint": found.authorization_endpoint,
        "token_endpoint": found.token_endpoint,
        "jwks_uri": found.jwks_uri,
        "by_post": found.by_post,
        "sends_issuer": found.sends_issuer,
        "algorithms": found.algorithms,
        "acr_values": _values(form.acr, "acr"),
        "amr_values": _values(form.amr, "amr"),
        "keys": found.keys,
        "keys_at": tx.now,
        "is_on": True,
        "changed_at": tx.now,
        "changed_by": tx.actor.member_id if tenant_id else tx.actor.account_id,
    }
    table = TenantProvider if tenant_id else CompanyProvider
    if known is not None:
        await tx.db.execute(_mine(table, company_id).values(**values))
        if not is_same:
            await end_vouched(tx, tenant_id=tenant_id, company_id=company_id)
    else:
        key = {"id": new_id()} if tenant_id else {"company_id": company_id}
        await tx.db.execute(insert(table).values(**key, **values))
    tx.note(issuer=issuer, client_id=client_id, has_secret=bool(secret))


def _mine(table: type[TenantProvider] | type[CompanyProvider], company_id: UUID | None) -> Any:
    """Return an update of the owner's row: the tenant's wall shows one row, a company's is named."""
    return update(table).where(CompanyProvider.company_id == company_id) if company_id else update(table)


def _values(text: str, field: str) -> list[str]:
    found = text.replace(",", " ").split()
    if len(found) > MOST_VALUES or any(len(one) > NAME_LENGTH or not one.isascii() for one in found):
        raise Invalid("Write a few short words with spaces between them", field=field)
    return found


async def switch_off(tx: Tx, *, tenant_id: UUID | None = None, company_id: UUID | None = None) -> int:
    """Stop taking a provider's word, and end the sessions that stand on it; return how many there were."""
    table = TenantProvider if tenant_id else CompanyProvider
    await tx.db.execute(_mine(table, company_id).values(is_on=False, changed_at=tx.now))
    return await end_vouched(tx, tenant_id=tenant_id, company_id=company_id)


async def end_vouched(tx: Tx, *, tenant_id: UUID | None = None, company_id: UUID | None = None) -> int:
    """End the sessions that a tenant's or a company's provider vouched for; return how many there were."""
    theirs = Session.via_tenant == tenant_id if tenant_id else Session.via_company == company_id
    ended = (
        await tx.db.execute(update(Session).where(theirs, Session.ended_at.is_(None)).values(ended_at=tx.now))
    ).rowcount
    tx.note(sessions_ended=ended)
    return ended


async def keep_keys(tx: Tx, provider: Provider, keys: list[Any]) -> None:
    """Keep a provider's newly fetched keys."""
    table = TenantProvider if provider.tenant_id else CompanyProvider
    await tx.db.execute(_mine(table, provider.company_id).values(keys=keys, keys_at=tx.now))
