"""Signing in by program, and accepting an invitation."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import update

from caretide.identity import actions as identity
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Forbidden, Invalid
from caretide.kernel.records import Data, creates, signs_in
from caretide.runtime.access import open_to_all
from caretide.runtime.tx import Tx, bind
from caretide.tenants import queries
from caretide.tenants.models import Invitation, Member


@dataclass(frozen=True, slots=True)
class TokenIssued:
    """A session for a program: its secret, shown once, and the slug of the tenant that it works in."""

    secret: str
    tenant: str


@open_to_all("nobody is known before they sign in", signs_in(Data.ACCOUNT))
async def sign_in_to(tx: Tx, email: str, password: str, slug: str | None) -> TokenIssued | None:
    """Open a session in one of the account's tenants; None when address or password are refused.

    Raises Invalid where one of several tenants has to be named, Forbidden where the account does not work there.
    """
    signed_in = await identity.sign_in(tx, email, password)
    if signed_in is None:
        return None
    places = await queries.my_places(tx)
    chosen = [place for place in places if slug in {None, place.slug}]
    if not chosen:
        raise Forbidden(f"You do not work in a tenant '{slug}'" if slug else "You do not work in any tenant")
    if len(chosen) > 1:
        raise Invalid(f"Name one of your tenants: {', '.join(place.slug for place in chosen)}", field="tenant")
    await identity.choose_tenant(tx, signed_in.secret, chosen[0].tenant_id)
    return TokenIssued(signed_in.secret, chosen[0].slug)


@open_to_all("the invited person has no account yet; the token proves the invitation", creates(Data.ACCOUNT))
async def accept_invitation(tx: Tx, token: str, password: str) -> UUID | None:
    """Open an account for the invited member, or let an existing one in; return the account's id.

    None when the address already has an account and this is not its password.
    """
    invited = await queries.invitation(tx, token)
    tenant_id = queries.tenant_of_token(token)
    account_id = await identity.open_account(tx, email=invited.email, name=invited.display_name, password=password)
    if account_id is None:
        tx.note(outcome="refused")
        return None
    tx.note(account_id=account_id)
    await identity.join(tx, account_id, tenant_id, invited.member_id)
    await bind(tx.db, Actor("invited", tenant_id, frozenset(), walled=True))
    await tx.db.execute(
        update(Member).where(Member.id == invited.member_id).values(account_id=account_id, status="active")
    )
    await tx.db.execute(update(Invitation).where(Invitation.id == invited.id).values(used_at=tx.now))
    return account_id
