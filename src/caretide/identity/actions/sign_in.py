"""Signing in by password, making accounts, and coming back after a pause."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from caretide.identity import queries, rules
from caretide.identity.models import Membership
from caretide.identity.notices import tell
from caretide.identity.opening import SignedIn, completed, opened, renewed, require_recent
from caretide.identity.passwords import new_account, set_password, try_password
from caretide.identity.queries.policy import check_unclaimed, is_asked_for_passkey
from caretide.identity.rules import Factor
from caretide.identity.rules.policy import is_by_passkey
from caretide.identity.sessions import end_others
from caretide.identity.tries import Refused
from caretide.kernel.errors import Unauthenticated
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, creates, signs_in
from caretide.runtime.access import open_to_all, requires
from caretide.runtime.tx import Tx


@open_to_all("nobody is known before they sign in", signs_in(Data.ACCOUNT))
async def sign_in(tx: Tx, email: str, password: str, *, network: str = "", device: str = "") -> SignedIn | Refused:
    """Check a password and open a session with that one factor, or refuse.

    Not raised, because the count of failures must be committed with the answer. One answer for an unknown address, a
    wrong password and a resting one, so that none of them can be told from another. `network` is the address that
    asks. From here on the transaction is the account's.
    """
    account = await queries.account_by_email(tx, email)
    if account is not None:
        tx.note(account_id=account.id)
    refused = await try_password(tx, email, account.password_hash if account else None, password, network)
    if refused is not None or account is None:
        tx.note(outcome="refused")
        return refused or Refused()
    return await opened(tx, account.id, account.display_name, {Factor.PASSWORD}, device)


@requires(Permission.SIGN_IN, signs_in(Data.ACCOUNT))
async def resume_by_password(tx: Tx, secret: str, password: str, *, network: str = "") -> SignedIn | Refused:
    """Come back to a session after a pause: what is left of it is one factor, and the password is the other.

    Not to one that was opened by a passkey where the tenant asks for one: that is given again.
    """
    known = await queries.standing(tx, secret)
    if is_by_passkey(known.amr) and await is_asked_for_passkey(tx, known.account_id, known.tenant_id):
        raise Unauthenticated("Your organization asks for a passkey; come back by yours", at=queries.AGAIN)
    account = await queries.account_by_email(tx, known.email)
    refused = await try_password(tx, known.email, account.password_hash if account else None, password, network)
    if refused is not None:
        tx.note(outcome="refused")
        return refused
    return await completed(tx, secret, Factor.PASSWORD)


@requires(Permission.SIGN_IN, changes(Data.ACCOUNT))
async def change_password(
    tx: Tx, secret: str, password: str, *, current: str = "", network: str = "", words: Iterable[str] = ()
) -> str | Refused:
    """Put a new password in place of the `current` one, or a first one; asks for a recent sign-in.

    Every other session of the account ends; this one goes on under the new secret that is returned. Tokens stand: they
    were made within ten minutes of a sign-in, and a program should not stop unseen. A wrong current password is
    refused and counts as a try, as at sign-in.
    """
    known = await require_recent(tx, secret)
    rules.check_password(password, email=known.email, name=known.display_name, words=words)
    account = await queries.account_by_email(tx, known.email)
    if account is not None and account.password_hash is not None:
        refused = await try_password(tx, known.email, account.password_hash, current, network)
        if refused is not None:
            tx.note(outcome="refused")
            return refused
    await set_password(tx, known.account_id, known.email, password)
    await end_others(tx, known.account_id, secret)
    tell(tx, known.email, "password")
    return await renewed(tx, secret)


@open_to_all(
    "an invitation is accepted before there is an account; the caller has proved the invitation", creates(Data.ACCOUNT)
)
async def open_account(
    tx: Tx,
    *,
    email: str,
    name: str,
    password: str,
    network: str = "",
    words: Iterable[str] = (),
    recovered: bool = False,
) -> UUID | Refused:
    """Make an account with a password, or prove an existing one's; return its id.

    Refused when the address has an account and this is not its password: an invitation is no way around the count of
    failures, which is committed with the answer. An account that was taken everything to sign in with gets the
    password as a new one by the link of that recovery (`recovered`), and by no invitation to elsewhere.
    """
    existing = await queries.account_by_email(tx, email)
    if existing is None:
        rules.check_password(password, email=email, name=name, words=words)
        account_id = await new_account(tx, email=email, name=name)
        await set_password(tx, account_id, email, password)
        return account_id
    if not (await queries.factors_of(tx, existing.id)).has_any:
        await check_unclaimed(tx, existing.id, recovered=recovered)
        rules.check_password(password, email=email, name=name, words=words)
        await set_password(tx, existing.id, email, password)
        return existing.id
    refused = await try_password(tx, email, existing.password_hash, password, network)
    return refused or existing.id


@open_to_all("part of accepting an invitation, which the caller has proved", creates(Data.ACCOUNT))
async def join(tx: Tx, account_id: UUID, tenant_id: UUID, member_id: UUID) -> None:
    """Let an account work in a tenant."""
    place = insert(Membership).values(account_id=account_id, tenant_id=tenant_id, member_id=member_id)
    # Who was given a new way in works there already.
    await tx.db.execute(place.on_conflict_do_nothing())


@open_to_all("part of accepting an invitation, which the caller has proved", signs_in(Data.ACCOUNT))
async def enter(tx: Tx, account_id: UUID, name: str, factor: Factor, device: str = "") -> SignedIn:
    """Open a session for somebody who has just accepted an invitation with a factor."""
    return await opened(tx, account_id, name, {factor}, device)
