"""Signing in by program, and accepting an invitation."""

import hmac
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from caretide.identity import actions as identity
from caretide.identity.actions.providers import account_for
from caretide.identity.queries.policy import check_works_here_alone
from caretide.identity.queries.providers import Provider
from caretide.identity.rules import Site
from caretide.identity.rules.id_tokens import Vouched
from caretide.identity.rules.policy import asks_for_passkey
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Forbidden, Invalid
from caretide.kernel.records import Data, creates, signs_in
from caretide.runtime.access import open_to_all
from caretide.runtime.tx import Tx, bind
from caretide.tenants import queries
from caretide.tenants.models import CompanyAccount, Invitation, Member, Recovery
from caretide.tenants.queries.sign_on import offered_here
from caretide.tenants.rules.recoveries import MOST_TRIES, code_hash


@dataclass(frozen=True, slots=True)
class TokenIssued:
    """A session for a program: its secret, shown once, and the slug of the tenant that it works in."""

    secret: str
    tenant: str


@dataclass(frozen=True, slots=True)
class WrongCode:
    """A new way in was asked for with a wrong code; with no tries left its link is void."""

    left: int

    @property
    def told(self) -> str:
        """What its person is told."""
        if not self.left:
            return "This was the fifth wrong code: the link is void. Ask your administrators for a new one"
        return "This is not the code that was told to you; ask whoever told it"


@open_to_all("nobody is known before they sign in", signs_in(Data.ACCOUNT))
async def sign_in_to(
    tx: Tx, email: str, password: str, code: str, slug: str | None, *, network: str = ""
) -> TokenIssued | identity.Refused:
    """Open a session in one of the account's tenants with two factors, or refuse.

    `code` is the authenticator app's or a recovery code. Raises Invalid where one of several tenants has to be named,
    Forbidden where the account does not work there, or is asked for a passkey, which no program has.
    """
    begun = await identity.sign_in(tx, email, password, network=network, device="A program")
    if isinstance(begun, identity.Refused):
        return begun
    whole = await identity.prove_code(tx, begun.secret, code)
    if isinstance(whole, identity.Refused):
        return whole
    places = await queries.my_places(tx)
    chosen = [place for place in places if slug in {None, place.slug}]
    if not chosen:
        ended = await queries.ended_places(tx)
        if ended and slug is None:
            raise Forbidden(f"Your access to {' and '.join(ended)} has ended; ask an administrator there")
        raise Forbidden(f"You do not work in a tenant '{slug}'" if slug else "You do not work in any tenant")
    if len(chosen) > 1:
        raise Invalid(f"Name one of your tenants: {', '.join(place.slug for place in chosen)}", field="tenant")
    if chosen[0].asks_passkey:
        raise Forbidden(f"'{chosen[0].slug}' asks for a passkey; make a token under Your account on the pages")
    return TokenIssued(await identity.choose_tenant(tx, whole.secret, chosen[0].tenant_id), chosen[0].slug)


@open_to_all("the invited person has no account yet; the token proves the invitation", creates(Data.ACCOUNT))
async def accept_invitation(
    tx: Tx, token: str, password: str, *, code: str = "", network: str = ""
) -> UUID | identity.Refused | WrongCode:
    """Open an account for the invited member, or let an existing one in; return the account's id.

    Refused when the address already has an account and this is not its password; a new way in asks for its `code`.
    Where the tenant asks for a passkey, a new account is not opened by a password: raises Invalid.
    """
    invited = await queries.invitation(tx, token)
    if wrong := await _wrong_code(tx, invited, code):
        return wrong
    email = await queries.address_of_invited(tx, invited)
    await _check_recovery(tx, token, invited)
    if asks_for_passkey(invited.policy, invited.role) and not await queries.has_ways_in(tx, email):
        raise Invalid(f"{invited.tenant_name} asks for a passkey: accept with one", field="password")
    found = await identity.open_account(
        tx,
        email=email,
        name=invited.display_name,
        password=password,
        network=network,
        words=[invited.tenant_name],
        recovered=invited.recovery_id is not None,
    )
    if isinstance(found, identity.Refused):
        tx.note(outcome="refused")
        return found
    await _let_in(tx, token, invited, found)
    return found


@open_to_all("the invited person has no account yet; the token proves the invitation", creates(Data.ACCOUNT))
async def accept_with_passkey(tx: Tx, token: str, site: Site, answer: str, *, code: str = "") -> UUID | WrongCode:
    """Open an account for the invited member whose way to sign in is a passkey; return its id.

    A new way in asks for its `code`.
    """
    invited = await queries.invitation(tx, token)
    if wrong := await _wrong_code(tx, invited, code):
        return wrong
    email = await queries.address_of_invited(tx, invited)
    await _check_recovery(tx, token, invited)
    account_id = await identity.open_account_with_passkey(
        tx, site, answer, email=email, name=invited.display_name, recovered=invited.recovery_id is not None
    )
    await _let_in(tx, token, invited, account_id)
    return account_id


@open_to_all("the token proves the invitation, the provider its person", creates(Data.ACCOUNT))
async def accept_vouched(tx: Tx, token: str, provider: Provider, found: Vouched) -> tuple[UUID, str]:
    """Let the invited person in by a provider's word, as far as it is one that the tenant takes; return account, name.

    Somebody whom a service company vouches for is one of its people from then on.
    """
    invited = await queries.invitation(tx, token)
    if invited.recovery_id is not None:
        raise Conflict("This link gives a new way in: make a passkey, or choose a password, and link your sign-on then")
    if all(one.issuer != found.issuer for one, _ in await offered_here(tx, queries.tenant_of_token(token))):
        raise Conflict("This organization does not take that sign-on")
    account_id = await account_for(tx, found, email=invited.email, name=invited.display_name)
    await _let_in(tx, token, invited, account_id)
    if provider.company_id is not None:
        joined = upsert(CompanyAccount).values(
            company_id=provider.company_id, account_id=account_id, is_director=False, joined_at=tx.now
        )
        await tx.db.execute(joined.on_conflict_do_nothing())
    return account_id, invited.display_name


async def _wrong_code(tx: Tx, invited: queries.Invited, code: str) -> WrongCode | None:
    """Count a wrong code of a new way in, and return it; the fifth makes its link void. None where nothing is wrong.

    Counted before it is compared: guesses side by side are as many as they are.
    """
    if invited.recovery_id is None:
        return None
    this = update(Recovery).where(Recovery.id == invited.recovery_id, Recovery.tries < MOST_TRIES)
    counted = this.values(tries=Recovery.tries + 1).returning(Recovery.code_hash, Recovery.tries)
    row = (await tx.db.execute(counted)).one_or_none()
    if row is not None and hmac.compare_digest(row.code_hash, code_hash(invited.recovery_id, code)):
        return None
    tx.note(outcome="refused", recovery_id=str(invited.recovery_id))
    left = 0 if row is None else MOST_TRIES - row.tries
    if not left:
        await tx.db.execute(update(Invitation).where(Invitation.id == invited.id).values(used_at=tx.now))
    return WrongCode(left)


async def _check_recovery(tx: Tx, token: str, invited: queries.Invited) -> None:
    """Raise Conflict where one tenant's administrators gave a new way in to who works elsewhere too by now.

    They hold link and code between them. What whoever runs the installation gave is for every place.
    """
    if invited.recovery_id is None or invited.account_id is None:
        return
    asked_by = select(Recovery.asked_by).where(Recovery.id == invited.recovery_id)
    if (await tx.db.execute(asked_by)).scalar_one() is not None:
        await check_works_here_alone(tx, invited.account_id, queries.tenant_of_token(token))


async def _let_in(tx: Tx, token: str, invited: queries.Invited, account_id: UUID) -> None:
    tx.note(account_id=account_id)
    tenant_id = queries.tenant_of_token(token)
    await identity.join(tx, account_id, tenant_id, invited.member_id)
    await bind(tx.db, Actor("invited", tenant_id, frozenset(), walled=True))
    await tx.db.execute(
        update(Member).where(Member.id == invited.member_id).values(account_id=account_id, status="active")
    )
    await tx.db.execute(update(Invitation).where(Invitation.id == invited.id).values(used_at=tx.now))
