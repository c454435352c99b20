"""Making a tenant and a service company, and letting the one serve the other."""

from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from caretide.identity import queries as identity
from caretide.kernel.errors import Conflict, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, creates
from caretide.kernel.text import NAME_LENGTH, clean_text
from caretide.runtime.access import requires
from caretide.runtime.db import column_cipher
from caretide.runtime.models import TenantKey
from caretide.runtime.tx import Tx, key_place
from caretide.tenants import queries, rules
from caretide.tenants.models import Company, CompanyAccount, CompanyService, Tenant
from caretide.vault.envelope import new_key, wrap_for


@requires(Permission.TENANT_WRITE, creates(Data.SETTINGS))
async def create_tenant(tx: Tx, *, slug: str, name: str, is_generated: bool = False) -> UUID:
    """Make the tenant that the transaction is already bound to, with its first column key; return its id."""
    title = clean_text(name, field="name", limit=NAME_LENGTH)
    if not title:
        raise Invalid("A tenant needs a name", field="name")
    taken = (await tx.db.execute(select(Tenant.id).where(Tenant.slug == rules.check_slug(slug)))).first()
    if taken:
        raise Conflict(f"The slug '{slug}' is taken; choose another")
    values = {"id": tx.tenant_id, "slug": slug, "name": title, "is_generated": is_generated}
    await tx.db.execute(insert(Tenant).values(**values))
    wrapped = wrap_for(tx.stores.keyring, new_key(), key_place(tx.tenant_id))
    await tx.db.execute(insert(TenantKey).values(version=1, wrapped=wrapped))
    column_cipher.set(await tx.load_cipher())
    return tx.tenant_id


@requires(Permission.COMPANY_WRITE, creates(Data.SETTINGS))
async def create_company(tx: Tx, *, slug: str, name: str, is_generated: bool = False) -> UUID:
    """Make a service company; return its id. It sees nothing of any tenant before one says that it serves them."""
    title = clean_text(name, field="name", limit=NAME_LENGTH)
    if not title:
        raise Invalid("A company needs a name", field="name")
    if (await tx.db.execute(select(Company.id).where(Company.slug == rules.check_slug(slug)))).first():
        raise Conflict(f"The slug '{slug}' is taken; choose another")
    company_id = new_id()
    await tx.db.execute(insert(Company).values(id=company_id, slug=slug, name=title, is_generated=is_generated))
    return company_id


@requires(Permission.COMPANY_WRITE, changes(Data.ACCOUNT))
async def join_company(tx: Tx, company_id: UUID, email: str, *, is_director: bool = False) -> None:
    """Say that an account belongs to a company, and whether its person directs it; said anew, the last word stands."""
    account = await identity.account_by_email(tx, email)
    if account is None:
        raise NotFound(f"Nobody signs in with '{email}'; invite them to a tenant first")
    row = {"company_id": company_id, "account_id": account.id, "is_director": is_director, "joined_at": tx.now}
    known = ["company_id", "account_id"]
    joined = upsert(CompanyAccount).values(**row)
    await tx.db.execute(joined.on_conflict_do_update(index_elements=known, set_={"is_director": is_director}))
    tx.note(account_id=account.id)


@requires(Permission.TENANT_WRITE, changes(Data.SETTINGS))
async def serve_tenant(tx: Tx, company_id: UUID) -> None:
    """Say that a company serves the acting tenant from now on; the one that did until now ends. Twice is once."""
    await queries.company(tx, company_id)
    standing = await queries.serving_company(tx)
    if standing is not None and standing.id == company_id:
        return
    ended = update(CompanyService).where(CompanyService.ended_at.is_(None))
    await tx.db.execute(ended.values(ended_at=tx.now))
    await tx.db.execute(insert(CompanyService).values(id=new_id(), company_id=company_id, began_at=tx.now))
    tx.note(company_id=str(company_id))
