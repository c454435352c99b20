"""Identity providers: a tenant's, a company's, and whom they vouch for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, select

from caretide.identity.keys import account_cipher
from caretide.identity.models import Account, CompanyProvider, LinkedIdentity, TenantProvider
from caretide.identity.schemas import LinkLine
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime.access import open_to_all, requires
from caretide.runtime.tx import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An identity provider that is used: whose it is, what it is called, and how it is talked to."""

    tenant_id: UUID | None
    company_id: UUID | None
    name: str
    issuer: str
    client_id: str
    secret: str | None
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    by_post: bool
    sends_issuer: bool
    algorithms: tuple[str, ...]
    acr_values: tuple[str, ...]
    amr_values: tuple[str, ...]
    keys: tuple[Any, ...]
    keys_at: datetime
    is_on: bool
    changed_at: datetime

    @property
    def owner(self) -> UUID:
        """Whose it is: exactly one of the two."""
        return cast("UUID", self.tenant_id or self.company_id)


def place_of(owner: UUID) -> bytes:
    """Return what a client's secret is bound to: moved to another owner's row it does not open."""
    return b"providers.sealed_secret" + owner.bytes


@open_to_all(
    "signing in by a provider comes before anybody is known; the caller has bound the tenant", reads(Data.SETTINGS)
)
async def tenant_provider(tx: Tx, tenant_id: UUID) -> Provider | None:
    """Return the provider of the tenant that the transaction is bound to, on or off; None where it has none."""
    row = (await tx.db.execute(select(TenantProvider.__table__))).one_or_none()
    return None if row is None else await _provider(tx, row, tenant_id=tenant_id)


@open_to_all("signing in by a provider comes before anybody is known", reads(Data.SETTINGS))
async def company_provider(tx: Tx, company_id: UUID) -> Provider | None:
    """Return a service company's provider, on or off; None where it has none."""
    wanted = select(CompanyProvider.__table__).where(CompanyProvider.company_id == company_id)
    row = (await tx.db.execute(wanted)).one_or_none()
    return None if row is None else await _provider(tx, row, company_id=company_id)


async def _provider(
    tx: Tx, row: Row[*tuple[Any, ...]], *, tenant_id: UUID | None = None, company_id: UUID | None = None
) -> Provider:
    secret = None
    owner = tenant_id or company_id
    if row.sealed_secret is not None and owner is not None:
        secret = (await account_cipher(tx)).open(bytes(row.sealed_secret), place_of(owner)).decode()
    return Provider(
        tenant_id=tenant_id,
        company_id=company_id,
        name=row.name,
        issuer=row.issuer,
        client_id=row.client_id,
        secret=secret,
        authorization_endpoint=row.authorization_endpoint,
        token_endpoint=row.token_endpoint,
        jwks_uri=row.jwks_uri,
        by_post=row.by_post,
        sends_issuer=row.sends_issuer,
        algorithms=tuple(row.algorithms),
        acr_values=tuple(row.acr_values),
        amr_values=tuple(row.amr_values),
        keys=tuple(row.keys),
        keys_at=row.keys_at,
        is_on=row.is_on,
        changed_at=row.changed_at,
    )


@open_to_all("signing in by a provider comes before anybody is known", reads(Data.ACCOUNT))
async def linked_account(tx: Tx, issuer: str, subject: str) -> Row[UUID, str, str] | None:
    """Return id, e-mail and name of the account that an issuer's subject is, unless it has ended."""
    wanted = select(Account.id, Account.email, Account.display_name).where(
        LinkedIdentity.issuer == issuer,
        LinkedIdentity.subject == subject,
        LinkedIdentity.account_id == Account.id,
        Account.ended_at.is_(None),
    )
    return (await tx.db.execute(wanted)).one_or_none()


@requires(Permission.SELF, reads(Data.ACCOUNT))
async def my_links(tx: Tx) -> tuple[LinkLine, ...]:
    """Return by which issuers the acting account is vouched for."""
    wanted = select(LinkedIdentity.issuer, LinkedIdentity.linked_at, LinkedIdentity.last_used_at)
    rows = (await tx.db.execute(wanted.where(LinkedIdentity.account_id == tx.actor.account_id))).all()
    return tuple(LinkLine(issuer=row.issuer, linked_on=row.linked_at.date()) for row in rows)
