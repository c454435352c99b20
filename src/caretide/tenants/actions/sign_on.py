"""Coming in by an identity provider: back from the way there, to sign in, to link it, or to accept an invitation."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from caretide.identity import actions as identity
from caretide.identity import queries as accounts
from caretide.identity.actions import providers
from caretide.identity.opening import require_recent
from caretide.identity.provider import Back, Heard
from caretide.identity.provider_store import store, switch_off
from caretide.identity.queries.providers import Provider, company_provider, linked_account
from caretide.identity.rules.id_tokens import Vouched
from caretide.identity.schemas import ProviderForm
from caretide.kernel.errors import CaretideError, Conflict, NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, signs_in
from caretide.runtime.access import open_to_all, requires
from caretide.runtime.tx import Tx
from caretide.tenants.actions.entry import accept_vouched
from caretide.tenants.queries import sign_on as queries

GONE = "This way to sign in took too long, or began in another browser. Begin again."
REFUSED = "Your organization's sign-on did not say, in a way that can be relied on, who you are. Begin again."
STRANGER = (
    "Nobody here is linked to this sign-on. Sign in as you do here and link it under Your account, or open the link of"
    " your invitation."
)


@dataclass(frozen=True, slots=True)
class Turned:
    """Somebody who came back from a provider and does not come in; `why` is for people."""

    why: str


@dataclass(frozen=True, slots=True)
class Linked:
    """Somebody whose account the provider vouches for from now on."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Somebody who is in, and where they wanted to go."""

    signed_in: identity.SignedIn
    next: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A way that is used up, and the provider that it went to, as it was before it is asked."""

    back: Back
    provider: Provider


@open_to_all("nobody is known before they sign in", signs_in(Data.ACCOUNT))
async def take_back(tx: Tx, kept: str, state: str, owner: str) -> Taken | None:
    """Use up the way of a browser that is back from a provider; `kept` is its cookie. None where it has no way.

    Nor where it comes back at the address of another tenant's or company's provider (`owner`) than it went to.
    """
    back = await providers.take_way(tx, kept, state)
    if back is not None and not back.led_to(owner):
        tx.note(outcome="refused", why="mixed")
        return None
    provider = await queries.provider_of(tx, back.tenant_id, back.company_id) if back else None
    return Taken(back, provider) if back and provider else None


@open_to_all("nobody is known before they sign in", signs_in(Data.ACCOUNT))
async def come_back(
    tx: Tx, taken: Taken | None, heard: Heard, *, secret: str = "", device: str = ""
) -> Arrived | Linked | Turned:
    """Take in a browser that is back, after its provider was heard; `secret` is that of a session it may have.

    Nothing is raised for what the provider or the browser got wrong. The way is used up already.
    """
    if taken is None:
        tx.note(outcome="refused", why="way")
        return Turned(GONE)
    back = taken.back
    # Looked up anew: it may have been switched off, or changed, while it was asked.
    provider = await queries.provider_of(tx, back.tenant_id, back.company_id)
    if provider is None:
        return Turned(GONE)
    found = await providers.vouched_for(tx, provider, back, heard)
    if isinstance(found, str):
        return Turned(REFUSED)
    try:
        async with tx.attempt():
            if back.purpose == "link":
                return await _linked(tx, back.account_id, found, secret)
            if back.purpose == "join":
                return await _joined(tx, provider, found, back.carried, device)
            return await _entered(tx, provider, found, back.carried, secret, device)
    except CaretideError as error:
        tx.note(outcome="refused", why="account", issuer=provider.issuer)
        return Turned(error.message)


async def _linked(tx: Tx, account_id: UUID | None, found: Vouched, secret: str) -> Linked:
    """Link where the very person who asked for it is still signed in here."""
    known = await accounts.session(tx, secret)
    if account_id is None or known.account_id != account_id:
        raise Conflict(GONE)
    await providers.link(tx, account_id, found.issuer, found.subject)
    return Linked()


async def _joined(tx: Tx, provider: Provider, found: Vouched, carried: Mapping[str, str], device: str) -> Arrived:
    account_id, name = await accept_vouched(tx, carried.get("token", ""), provider, found)
    return Arrived(await providers.enter_vouched(tx, provider, found, account_id, name, device), "/")


async def _entered(
    tx: Tx, provider: Provider, found: Vouched, carried: Mapping[str, str], secret: str, device: str
) -> Arrived:
    account = await linked_account(tx, found.issuer, found.subject)
    if account is None or not await queries.is_good_for(tx, provider, account.id):
        raise NotFound(STRANGER)
    signed_in = await providers.enter_vouched(tx, provider, found, account.id, account.display_name, device)
    if secret:
        # Whoever was away is back under a new session; the old one has no more use.
        await identity.sign_out(tx, secret)
    return Arrived(signed_in, carried.get("next", "/"))


@requires(Permission.SELF_MANAGE, signs_in(Data.ACCOUNT))
async def choose_place(tx: Tx, secret: str, tenant_id: UUID) -> str:
    """Work in one of one's tenants from the next request on; return the session's new secret.

    Raises Conflict where the session stands on the word of somebody whose word is not good there.
    """
    if tenant_id not in {one.tenant_id for one in await queries.open_places(tx, secret)}:
        if tenant_id in {one.tenant_id for one in await accounts.memberships(tx)}:
            raise Conflict("Your sign-in is not good there, or your access there has ended; sign in anew to work there")
        raise NotFound("You do not work in this tenant")
    return await identity.choose_tenant(tx, secret, tenant_id)


@requires(Permission.SELF_MANAGE, changes(Data.SETTINGS))
async def save_my_company_provider(tx: Tx, secret: str, form: ProviderForm) -> None:
    """Set up the identity provider of the company that the acting account directs, or change it.

    Asks for a recent sign-in, with what the account signs in with here: it opens every tenant that the company serves.
    """
    await require_recent(tx, secret)
    company_id = await queries.directed(tx)
    await store(tx, await company_provider(tx, company_id), form, tenant_id=None, company_id=company_id)


@requires(Permission.SELF_MANAGE, changes(Data.SETTINGS))
async def switch_off_my_company_provider(tx: Tx, secret: str) -> int:
    """Take the word of the provider of the company that one directs no more; return how many sessions ended.

    Asks for a recent sign-in, as setting it up does.
    """
    await require_recent(tx, secret)
    return await switch_off(tx, company_id=await queries.directed(tx))
