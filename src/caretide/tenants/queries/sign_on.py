"""By which identity providers one may come in, and where a session on a provider's word is good."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select

from caretide.identity import queries as identity
from caretide.identity.queries.providers import Provider, company_provider, my_links, tenant_provider
from caretide.identity.schemas import MyLinksPage, OfferedProvider, ProviderView, SignOnPage
from caretide.kernel.actor import Actor
from caretide.kernel.errors import NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime.access import Denied, open_to_all, requires
from caretide.runtime.tx import Tx, bind
from caretide.tenants.models import Company, CompanyAccount, CompanyService, Member, Tenant
from caretide.tenants.queries.entry import Place, my_places
from caretide.tenants.queries.places import my_tenant

UNKNOWN: Final = "No single sign-on is set up under this name; ask your administrator how it is written"
RETURNS: Final = "/sign-in/sso/return"


def returns_to(base_url: str, owner: UUID) -> str:
    """Return where the provider of a tenant or company sends people back to: each has an address of its own.

    What comes back at one is never given to another: a provider that leads its visitors on to somebody else's would be
    handed their codes (RFC 9700, section 4.4, mix-up).
    """
    return f"{base_url}{RETURNS}/{owner.hex}"


@open_to_all("signing in by a provider comes before anybody is known", reads(Data.SETTINGS))
async def provider_at(tx: Tx, slug: str) -> Provider:
    """Return the provider of the tenant or company with a slug; raise NotFound, in one way for whatever is lacking."""
    name = slug.strip().lower()
    tenant_id = (await tx.db.execute(select(Tenant.id).where(Tenant.slug == name))).scalar_one_or_none()
    found = await _tenants(tx, tenant_id) if tenant_id is not None else None
    if found is None:
        company_id = (await tx.db.execute(select(Company.id).where(Company.slug == name))).scalar_one_or_none()
        found = await company_provider(tx, company_id) if company_id is not None else None
    if found is None or not found.is_on:
        raise NotFound(UNKNOWN)
    return found


async def _tenants(tx: Tx, tenant_id: UUID) -> Provider | None:
    await bind(tx.db, Actor("sign-on", tenant_id, frozenset(), walled=True))
    return await tenant_provider(tx, tenant_id)


@open_to_all("signing in by a provider comes before anybody is known", reads(Data.SETTINGS))
async def provider_of(tx: Tx, tenant_id: UUID | None, company_id: UUID | None) -> Provider | None:
    """Return a tenant's or a company's provider; None where it has none. A tenant's is looked for inside its wall."""
    if tenant_id is not None:
        return await _tenants(tx, tenant_id)
    return await company_provider(tx, company_id) if company_id is not None else None


@open_to_all("an invitation is read before there is an account; the caller has bound its tenant", reads(Data.SETTINGS))
async def offered_here(tx: Tx, tenant_id: UUID) -> list[tuple[OfferedProvider, Provider]]:
    """Return the providers that are on for the bound tenant: its own, and that of the company that serves it."""
    found: list[tuple[OfferedProvider, Provider]] = []
    own = await tenant_provider(tx, tenant_id)
    served = select(CompanyService.company_id).where(CompanyService.ended_at.is_(None))
    company_id = (await tx.db.execute(served)).scalar_one_or_none()
    theirs = await company_provider(tx, company_id) if company_id is not None else None
    for whose, one in (("tenant", own), ("company", theirs)):
        if one is not None and one.is_on:
            found.append((OfferedProvider(whose=whose, name=one.name, issuer=one.issuer), one))
    return found


@open_to_all("whom a provider vouches for is looked for before anybody is known", reads(Data.STAFF))
async def is_good_for(tx: Tx, provider: Provider, account_id: UUID) -> bool:
    """Tell whether a provider's word is good for an account: at work in its tenant, or one of its company's people."""
    if provider.company_id is not None:
        belongs = select(CompanyAccount.account_id).where(
            CompanyAccount.company_id == provider.company_id, CompanyAccount.account_id == account_id
        )
        return (await tx.db.execute(belongs)).first() is not None
    if provider.tenant_id is None:
        return False
    await bind(tx.db, Actor("sign-on", provider.tenant_id, frozenset(), walled=True))
    at_work = select(Member.id).where(Member.account_id == account_id, Member.status == "active")
    return (await tx.db.execute(at_work)).first() is not None


@requires(Permission.SELF_MANAGE, reads(Data.ACCOUNT))
async def open_places(tx: Tx, secret: str) -> list[Place]:
    """Return the tenants that a session opens now: on a provider's word its own tenant, or those its company serves."""
    known = await identity.standing(tx, secret)
    found: list[Place] = []
    for place in await my_places(tx):
        if known.via_tenant not in {None, place.tenant_id}:
            continue
        if known.via_company is not None and not await _is_served(tx, known.via_company, place):
            continue
        found.append(place)
    await bind(tx.db, tx.actor)
    return found


async def _is_served(tx: Tx, company_id: UUID, place: Place) -> bool:
    await bind(tx.db, Actor("account", place.tenant_id, frozenset(), walled=True))
    standing = select(CompanyService.id).where(
        CompanyService.company_id == company_id, CompanyService.ended_at.is_(None)
    )
    return (await tx.db.execute(standing)).first() is not None


@requires(Permission.SELF_MANAGE, reads(Data.ACCOUNT))
async def my_providers(tx: Tx) -> list[tuple[OfferedProvider, Provider]]:
    """Return the providers that can vouch for the acting account: the tenant's that it is in, and its companies'."""
    found: list[tuple[OfferedProvider, Provider]] = []
    if tx.actor.tenant_id is not None:
        found = [one for one in await offered_here(tx, tx.actor.tenant_id) if one[0].whose == "tenant"]
    mine = select(CompanyAccount.company_id).where(CompanyAccount.account_id == tx.actor.account_id)
    for company_id in (await tx.db.execute(mine)).scalars().all():
        one = await company_provider(tx, company_id)
        if one is not None and one.is_on:
            found.append((OfferedProvider(whose="company", name=one.name, issuer=one.issuer), one))
    return found


@requires(Permission.SELF_MANAGE, reads(Data.ACCOUNT))
async def links_page(tx: Tx) -> MyLinksPage:
    """Return who vouches for the acting account, and who could."""
    links = await my_links(tx)
    known = {one.issuer for one in links}
    offered = tuple(one for one, _ in await my_providers(tx) if one.issuer not in known)
    return MyLinksPage(links=links, offered=offered)


@requires(Permission.TENANT_WRITE, reads(Data.SETTINGS))
async def sign_on_page(tx: Tx, base_url: str) -> SignOnPage:
    """Return how the acting tenant's provider is set up."""
    tenant = await my_tenant(tx)
    places = returns_to(base_url, tx.tenant_id), _enters_at(base_url, tenant.slug)
    return _page(tenant.name, "/admin/sign-on", places, await tenant_provider(tx, tx.tenant_id))


@requires(Permission.SELF_MANAGE, reads(Data.ACCOUNT))
async def directed(tx: Tx) -> UUID:
    """Return the company that the acting account directs; raise Denied for everybody else."""
    wanted = select(CompanyAccount.company_id).where(
        CompanyAccount.account_id == tx.actor.account_id, CompanyAccount.is_director
    )
    found = (await tx.db.execute(wanted.order_by(CompanyAccount.company_id))).scalars().first()
    if found is None:
        raise Denied(Permission.COMPANY_WRITE)
    return found


@requires(Permission.SELF_MANAGE, reads(Data.SETTINGS))
async def company_sign_on_page(tx: Tx, base_url: str) -> SignOnPage:
    """Return how the provider of the company that the acting account directs is set up."""
    company_id = await directed(tx)
    row = (await tx.db.execute(select(Company.slug, Company.name).where(Company.id == company_id))).one()
    places = returns_to(base_url, company_id), _enters_at(base_url, row.slug)
    return _page(row.name, "/company/sign-on", places, await company_provider(tx, company_id))


def _enters_at(base_url: str, slug: str) -> str:
    return f"{base_url}/sign-in/sso?at={slug}"


def _page(of: str, action: str, places: tuple[str, str], provider: Provider | None) -> SignOnPage:
    """Return the page; `places` are where people come back to, and where they begin."""
    return SignOnPage(
        of=of,
        action=action,
        returns_to=places[0],
        enters_at=places[1],
        provider=None if provider is None else _view(provider),
    )


def _view(provider: Provider) -> ProviderView:
    places: Sequence[str] = (provider.authorization_endpoint, provider.token_endpoint, provider.jwks_uri)
    return ProviderView(
        name=provider.name,
        issuer=provider.issuer,
        client_id=provider.client_id,
        has_secret=provider.secret is not None,
        acr=" ".join(provider.acr_values),
        amr=" ".join(provider.amr_values),
        hosts=tuple(sorted({urlsplit(one).hostname or "" for one in places})),
        algorithms=", ".join(provider.algorithms),
        keys=len(provider.keys),
        keys_at=provider.keys_at,
        is_on=provider.is_on,
        changed_at=provider.changed_at,
    )
