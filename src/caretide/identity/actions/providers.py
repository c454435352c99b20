"""Signing in by an identity provider: setting one up, the way there and back, and whom it vouches for."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from caretide.identity import queries
from caretide.identity.models import Account, LinkedIdentity, ProviderFlow, Session
from caretide.identity.notices import tell
from caretide.identity.opening import SignedIn, Via, opened, require_recent
from caretide.identity.passwords import new_account
from caretide.identity.provider import Back, Heard, Way, address, check_standing
from caretide.identity.provider_store import keep_keys, store, switch_off
from caretide.identity.queries.policy import check_unclaimed
from caretide.identity.queries.providers import Provider, company_provider, linked_account, tenant_provider
from caretide.identity.rules import ABSOLUTE, Factor
from caretide.identity.rules.id_tokens import BadTokenError, Expected, Vouched, has_two_factors, read
from caretide.identity.schemas import ProviderForm
from caretide.identity.sessions import require_fresh
from caretide.kernel.errors import Conflict, NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, creates, signs_in
from caretide.runtime.access import open_to_all, requires
from caretide.runtime.tx import Tx

LASTS = timedelta(minutes=10)
"""How long somebody may take at the provider."""


@requires(Permission.TENANT_WRITE, changes(Data.SETTINGS))
async def save_tenant_provider(tx: Tx, form: ProviderForm) -> None:
    """Set up the acting tenant's identity provider, or change it; on from now on. Asks for a recent sign-in."""
    require_fresh(tx)
    await store(tx, await tenant_provider(tx, tx.tenant_id), form, tenant_id=tx.tenant_id, company_id=None)


@requires(Permission.TENANT_WRITE, changes(Data.SETTINGS))
async def switch_off_tenant_provider(tx: Tx) -> int:
    """Take the tenant's provider's word no more; return how many sessions ended that stood on it.

    Asks for a recent sign-in, as setting it up does.
    """
    require_fresh(tx)
    return await switch_off(tx, tenant_id=tx.tenant_id)


@requires(Permission.COMPANY_WRITE, changes(Data.SETTINGS))
async def save_company_provider(tx: Tx, company_id: UUID, form: ProviderForm) -> None:
    """Set up a service company's identity provider, or change it; on from now on."""
    await store(tx, await company_provider(tx, company_id), form, tenant_id=None, company_id=company_id)


@requires(Permission.COMPANY_WRITE, changes(Data.SETTINGS))
async def switch_off_company_provider(tx: Tx, company_id: UUID) -> int:
    """Take a company's provider's word no more; return how many sessions ended that stood on it."""
    return await switch_off(tx, company_id=company_id)


@dataclass(frozen=True, slots=True)
class Begun:
    """A way to a provider: where the browser goes, and what it keeps until it is back."""

    href: str
    kept: str


@open_to_all("nobody is known before they sign in", signs_in(Data.ACCOUNT))
async def begin_way(
    tx: Tx,
    provider: Provider,
    returns_to: str,
    carried: Mapping[str, str],
    *,
    purpose: str = "enter",
    again: bool = False,
) -> Begun:
    """Begin a way to a provider, to sign in or to accept an invitation; linking begins with `begin_link`."""
    return await _begin(tx, provider, returns_to, carried, purpose=purpose, again=again)


@requires(Permission.SELF_MANAGE, signs_in(Data.ACCOUNT))
async def begin_link(tx: Tx, secret: str, provider: Provider, returns_to: str) -> Begun:
    """Begin to have a provider vouch for one's account; asks for a recent sign-in, as every way to sign in does."""
    known = await require_recent(tx, secret)
    return await _begin(tx, provider, returns_to, {}, purpose="link", again=True, account_id=known.account_id)


async def _begin(
    tx: Tx,
    provider: Provider,
    returns_to: str,
    carried: Mapping[str, str],
    *,
    purpose: str,
    again: bool,
    account_id: UUID | None = None,
) -> Begun:
    if not provider.is_on:
        raise NotFound("There is no single sign-on under this name")
    await tx.db.execute(delete(ProviderFlow).where(ProviderFlow.expires_at <= tx.now))
    way = Way.begin(carried)
    whose = {"tenant_id": provider.tenant_id, "company_id": provider.company_id, "account_id": account_id}
    times = {"began_at": tx.now, "expires_at": tx.now + LASTS}
    row = {"digest": way.digest, "purpose": purpose, "is_again": again, **whose, **times}
    await tx.db.execute(insert(ProviderFlow).values(**row))
    return Begun(address(provider, way, returns_to, longest=ABSOLUTE, again=again), way.kept)


@open_to_all("nobody is known before they sign in", signs_in(Data.ACCOUNT))
async def take_way(tx: Tx, kept: str, state: str) -> Back | None:
    """Use up a way that this very browser began; None for any other, for one that is used up, and for one too old."""
    way = Way(kept)
    if not kept or not hmac.compare_digest(state.encode(), way.part("state").encode()):
        return None
    wanted = delete(ProviderFlow).where(ProviderFlow.digest == way.digest).returning(ProviderFlow.__table__)
    row = (await tx.db.execute(wanted)).one_or_none()
    if row is None or row.expires_at <= tx.now:
        return None
    return Back(
        way=way,
        purpose=row.purpose,
        tenant_id=row.tenant_id,
        company_id=row.company_id,
        account_id=row.account_id,
        is_again=row.is_again,
        began_at=row.began_at,
        carried=way.carried,
    )


@open_to_all(
    "nobody is known before they sign in; what is returned is what the provider proved", signs_in(Data.ACCOUNT)
)
async def vouched_for(tx: Tx, provider: Provider, back: Back, heard: Heard) -> Vouched | str:
    """Return whom a provider vouches for in what was heard from it, or in a word why nobody.

    Not raised: that the way is used up is committed either way.
    """
    try:
        return await _read(tx, provider, back, heard)
    except BadTokenError as error:
        tx.note(outcome="refused", why=error.why, issuer=provider.issuer)
        return error.why


async def _read(tx: Tx, provider: Provider, back: Back, heard: Heard) -> Vouched:
    if heard.why:
        raise BadTokenError(heard.why)
    # Once more: nothing held it while it was asked.
    check_standing(provider, back)
    if heard.keys is not None:
        await keep_keys(tx, provider, heard.keys)
    expected = Expected(
        issuer=provider.issuer,
        client_id=provider.client_id,
        nonce=back.way.part("nonce"),
        now=tx.now,
        longest=ABSOLUTE,
        since=back.began_at if back.is_again else None,
    )
    return read(heard.token, provider.keys if heard.keys is None else heard.keys, provider.algorithms, expected)


@open_to_all(
    "nobody is known before they sign in; the caller has proved whom the provider vouches for", signs_in(Data.ACCOUNT)
)
async def enter_vouched(
    tx: Tx, provider: Provider, found: Vouched, account_id: UUID, name: str, device: str
) -> SignedIn:
    """Open a session on a provider's word, good where that provider's word counts and nowhere else."""
    this = update(LinkedIdentity).where(LinkedIdentity.issuer == found.issuer, LinkedIdentity.subject == found.subject)
    if not (await tx.db.execute(this.values(last_used_at=tx.now))).rowcount:
        raise Conflict("This sign-on was taken from your account just now")
    twice = has_two_factors(found, provider.acr_values, provider.amr_values)
    via = Via(
        issuer=found.issuer,
        tenant_id=provider.tenant_id,
        company_id=provider.company_id,
        auth_time=min(found.auth_time, tx.now),
    )
    tx.note(account_id=account_id, issuer=found.issuer, two_factors=twice)
    return await opened(tx, account_id, name, {Factor.VOUCHED_TWICE if twice else Factor.VOUCHED}, device, via)


@open_to_all(
    "the caller has proved the account, or its invitation, and whom the provider vouches for", creates(Data.ACCOUNT)
)
async def link(tx: Tx, account_id: UUID, issuer: str, subject: str) -> None:
    """Let an issuer vouch for an account from now on; raise Conflict where this subject is somebody else's."""
    row = {"issuer": issuer, "subject": subject, "account_id": account_id, "linked_at": tx.now}
    await tx.db.execute(upsert(LinkedIdentity).values(**row).on_conflict_do_nothing())
    wanted = select(LinkedIdentity.account_id).where(LinkedIdentity.issuer == issuer, LinkedIdentity.subject == subject)
    if (await tx.db.execute(wanted)).scalar_one() != account_id:
        raise Conflict("This sign-on belongs to another account here")
    tx.note(linked=str(account_id), issuer=issuer)
    email = (await tx.db.execute(select(Account.email).where(Account.id == account_id))).scalar_one()
    tell(tx, email, "linked")


@requires(Permission.SELF_MANAGE, changes(Data.ACCOUNT))
async def unlink(tx: Tx, secret: str, issuer: str) -> None:
    """Have an issuer vouch for one's account no more, and end the sessions that stand on its word.

    Refused where nothing else would be left to sign in with.
    """
    known = await require_recent(tx, secret)
    mine = LinkedIdentity.account_id == known.account_id
    others = (await tx.db.execute(select(LinkedIdentity.issuer).where(mine, LinkedIdentity.issuer != issuer))).first()
    if others is None and not (await queries.factors_of(tx, known.account_id)).has_any:
        raise Conflict("Add a passkey or a password first: without this one you could not sign in")
    if not (await tx.db.execute(delete(LinkedIdentity).where(mine, LinkedIdentity.issuer == issuer))).rowcount:
        raise NotFound("Nobody of this name vouches for your account")
    theirs = update(Session).where(
        Session.account_id == known.account_id, Session.issuer == issuer, Session.ended_at.is_(None)
    )
    await tx.db.execute(theirs.values(ended_at=tx.now))
    tell(tx, known.email, "unlinked")


@open_to_all("an invitation is accepted before there is an account; the caller has proved both", creates(Data.ACCOUNT))
async def account_for(tx: Tx, found: Vouched, *, email: str, name: str) -> UUID:
    """Return the account that an invited person has by a provider's word, made where there is none; it is linked.

    An address alone proves nothing: whoever has it already, with a way to sign in, proves that first and links then.
    """
    linked = await linked_account(tx, found.issuer, found.subject)
    existing = await queries.account_by_email(tx, email)
    if linked is not None and (existing is None or existing.id != linked.id):
        raise Conflict("You are known here under another address; ask for an invitation to that one")
    if linked is None and existing is not None and (await queries.factors_of(tx, existing.id)).has_any:
        raise Conflict("This address has an account already: accept with its password, and link your sign-on then")
    if linked is None and existing is not None:
        await check_unclaimed(tx, existing.id, recovered=False)
    account_id = existing.id if existing is not None else await new_account(tx, email=email, name=name)
    if linked is None:
        await link(tx, account_id, found.issuer, found.subject)
    return account_id


@open_to_all(
    "signing in by a provider comes before anybody is known; the caller has bound the tenant", signs_in(Data.ACCOUNT)
)
async def provider_of_way(tx: Tx, back: Back) -> Provider | None:
    """Return the provider that a way went to; its tenant is bound already, where it is a tenant's."""
    if back.tenant_id is not None:
        return await tenant_provider(tx, back.tenant_id)
    return await company_provider(tx, back.company_id) if back.company_id is not None else None
