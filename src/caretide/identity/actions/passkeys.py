"""Passkeys (WebAuthn): bound to the site's name, and to the holder's finger or PIN, so that one is two factors."""

import hashlib
import json
import secrets
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import webauthn
from sqlalchemy import delete, func, insert, select, update
from webauthn.helpers import base64url_to_bytes, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from caretide.identity import queries
from caretide.identity.models import Account, Challenge, Passkey
from caretide.identity.notices import tell
from caretide.identity.opening import SignedIn, completed, opened, renewed, require_recent
from caretide.identity.passwords import new_account
from caretide.identity.queries.policy import check_unclaimed, is_asked_for_passkey
from caretide.identity.rules import Factor, Site
from caretide.identity.rules.policy import is_by_passkey
from caretide.identity.sessions import end_others
from caretide.kernel.errors import Conflict, Invalid, NotFound, Unauthenticated
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, creates, reads, signs_in
from caretide.kernel.text import clean_text
from caretide.runtime.access import open_to_all, requires
from caretide.runtime.tx import Tx

LASTS: Final = timedelta(minutes=5)
NAME_LENGTH: Final = 60
REFUSED: Final = "This passkey was not accepted; try again, or sign in another way"
"""One sentence for every fault: which check failed is an attacker's business."""

ENTER, ADD = "enter", "add"
"""What a challenge is for."""


@open_to_all("nobody is known before they sign in", signs_in(Data.ACCOUNT))
async def passkey_question(tx: Tx, site: Site, account_id: UUID | None = None) -> str:
    """Return what the browser asks a passkey to sign, as JSON. With an account, one of its own passkeys."""
    challenge = await _new_challenge(tx, ENTER, account_id)
    keys = await _descriptors(tx, account_id) if account_id else None
    options = webauthn.generate_authentication_options(
        rp_id=site.name,
        challenge=challenge,
        allow_credentials=keys,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


@open_to_all("nobody is known before they sign in", signs_in(Data.ACCOUNT))
async def sign_in_by_passkey(tx: Tx, site: Site, answer: str, *, device: str = "") -> SignedIn:
    """Open a session by a passkey alone. Raises Invalid where it is not accepted.

    No failure of anybody's is asked about: a passkey cannot be guessed, so no attacker shuts its holder out.
    """
    account_id = await _proved(tx, site, answer)
    tx.note(account_id=account_id)
    wanted = select(Account.display_name).where(Account.id == account_id, Account.ended_at.is_(None))
    name = (await tx.db.execute(wanted)).scalar_one_or_none()
    if name is None:
        raise Invalid(REFUSED)
    return await opened(tx, account_id, name, {Factor.PASSKEY}, device)


@requires(Permission.SIGN_IN, signs_in(Data.ACCOUNT))
async def prove_passkey(tx: Tx, secret: str, site: Site, answer: str) -> SignedIn:
    """Give a passkey to a session: second factor, after a pause, or to confirm who is there. It gets a new secret."""
    known = await queries.standing(tx, secret)
    if await _proved(tx, site, answer) != known.account_id:
        raise Invalid(REFUSED)
    return await completed(tx, secret, Factor.PASSKEY)


async def _proved(tx: Tx, site: Site, answer: str) -> UUID:
    """Check an answer in every respect, note the use of its passkey, and return whose it is."""
    sent, challenge = await _answered(tx, answer, ENTER)
    wanted = select(Passkey).where(Passkey.credential_id == _credential_id(sent)).with_for_update()
    key = (await tx.db.execute(wanted)).one_or_none()
    if key is None:
        raise Invalid(REFUSED)
    try:
        found = webauthn.verify_authentication_response(
            credential=sent,
            expected_challenge=challenge,
            expected_rp_id=site.name,
            expected_origin=site.origin,
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
    except WebAuthnException:
        raise Invalid(REFUSED) from None
    used = update(Passkey).where(Passkey.id == key.id)
    await tx.db.execute(used.values(sign_count=found.new_sign_count, last_used_at=tx.now))
    return key.account_id


@requires(Permission.SIGN_IN, reads(Data.ACCOUNT))
async def passkey_offer(tx: Tx, secret: str, site: Site) -> str:
    """Return what the browser makes a new passkey from, as JSON; asks for a recent sign-in."""
    known = await _may_add(tx, secret)
    return await _offer(tx, site, known.account_id, known.email, known.display_name)


async def _may_add(tx: Tx, secret: str) -> queries.Known:
    """Return the session if it may bind a passkey: where a tenant asks for one, only the first comes by other means.

    Otherwise password and code, which can be phished, would make what that tenant asks for in their stead.
    """
    known = await require_recent(tx, secret)
    if is_by_passkey(known.amr) or not (await queries.factors_of(tx, known.account_id)).passkeys:
        return known
    if await is_asked_for_passkey(tx, known.account_id):
        raise Unauthenticated("Use a passkey that you have before you add another", at=queries.WITH_PASSKEY)
    return known


@open_to_all(
    "an invitation is accepted before there is an account; the caller has proved the invitation", reads(Data.ACCOUNT)
)
async def first_passkey_offer(tx: Tx, site: Site, *, email: str, name: str) -> str:
    """Return what the browser makes the first passkey of a new account from, as JSON.

    Raises Conflict where the address has an account: that one has to be proved.
    """
    existing = await queries.account_by_email(tx, email)
    if existing is not None and (await queries.factors_of(tx, existing.id)).has_any:
        raise Conflict("This address has an account already; prove it first")
    return await _offer(tx, site, existing.id if existing else new_id(), email, name)


async def _offer(tx: Tx, site: Site, account_id: UUID, email: str, name: str) -> str:
    challenge = await _new_challenge(tx, ADD, account_id)
    options = webauthn.generate_registration_options(
        rp_id=site.name,
        rp_name="Caretide",
        user_id=account_id.bytes,
        user_name=email,
        user_display_name=name,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=await _descriptors(tx, account_id),
    )
    return webauthn.options_to_json(options)


@requires(Permission.SIGN_IN, creates(Data.ACCOUNT))
async def add_passkey(tx: Tx, secret: str, site: Site, answer: str, name: str) -> SignedIn:
    """Bind a passkey to the account; the session has it as a factor from here on, under a new secret."""
    known = await _may_add(tx, secret)
    await _bind(tx, site, answer, name, known.account_id)
    tell(tx, known.email, "passkey")
    return await completed(tx, secret, Factor.PASSKEY)


@open_to_all(
    "an invitation is accepted before there is an account; the caller has proved the invitation", creates(Data.ACCOUNT)
)
async def open_account_with_passkey(
    tx: Tx, site: Site, answer: str, *, email: str, name: str, recovered: bool = False
) -> UUID:
    """Make an account whose first way to sign in is a passkey; return its id. `recovered`: see `open_account`."""
    existing = await queries.account_by_email(tx, email)
    if existing is None:
        account_id = await new_account(tx, email=email, name=name, account_id=await _meant_for(tx, answer))
    elif (await queries.factors_of(tx, existing.id)).has_any:
        raise Conflict("This address has an account already; prove it first")
    else:
        await check_unclaimed(tx, existing.id, recovered=recovered)
        account_id = existing.id
    await _bind(tx, site, answer, "", account_id)
    tell(tx, email, "passkey")
    return account_id


async def _bind(tx: Tx, site: Site, answer: str, name: str, account_id: UUID) -> None:
    sent, challenge = await _answered(tx, answer, ADD, account_id)
    try:
        found = webauthn.verify_registration_response(
            credential=sent,
            expected_challenge=challenge,
            expected_rp_id=site.name,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except WebAuthnException:
        raise Invalid(REFUSED) from None
    count = select(func.count()).select_from(Passkey).where(Passkey.account_id == account_id)
    number = (await tx.db.execute(count)).scalar_one() + 1
    row = {"credential_id": found.credential_id, "public_key": found.credential_public_key}
    called = clean_text(name, field="name", limit=NAME_LENGTH) or f"Passkey {number}"
    await tx.db.execute(
        insert(Passkey).values(
            id=new_id(), account_id=account_id, sign_count=found.sign_count, name=called, created_at=tx.now, **row
        )
    )


@requires(Permission.SIGN_IN, changes(Data.ACCOUNT))
async def rename_passkey(tx: Tx, passkey_id: UUID, name: str) -> None:
    """Call one of one's passkeys by another name."""
    called = clean_text(name, field="name", limit=NAME_LENGTH)
    if not called:
        raise Invalid("Give it a name", field="name")
    mine = update(Passkey).where(Passkey.id == passkey_id, Passkey.account_id == tx.actor.account_id)
    if not (await tx.db.execute(mine.values(name=called))).rowcount:
        raise NotFound("There is no such passkey")


@requires(Permission.SIGN_IN, changes(Data.ACCOUNT))
async def remove_passkey(tx: Tx, secret: str, passkey_id: UUID) -> str:
    """Take a passkey away; refused for the last one where nobody could sign in without it, or a tenant asks for one.

    Every other session of the account ends: what the passkey opened is not told apart. This one goes on under the new
    secret that is returned.
    """
    known = await require_recent(tx, secret)
    # Two that are taken away side by side wait for each other: one of them is the last.
    await tx.db.execute(select(Account.id).where(Account.id == known.account_id).with_for_update())
    left = await queries.factors_of(tx, known.account_id)
    if left.passkeys == 1 and not (left.has_password and left.has_totp):
        raise Conflict("This is the only way you sign in; add another passkey, or a password and an app, first")
    if left.passkeys == 1 and await is_asked_for_passkey(tx, known.account_id):
        raise Conflict("An organization that you work in asks for a passkey; add another one first")
    mine = delete(Passkey).where(Passkey.id == passkey_id, Passkey.account_id == known.account_id)
    if not (await tx.db.execute(mine)).rowcount:
        raise NotFound("There is no such passkey")
    await end_others(tx, known.account_id, secret)
    tell(tx, known.email, "passkey-gone")
    return await renewed(tx, secret)


async def _descriptors(tx: Tx, account_id: UUID) -> list[PublicKeyCredentialDescriptor]:
    wanted = select(Passkey.credential_id).where(Passkey.account_id == account_id)
    return [PublicKeyCredentialDescriptor(id=one) for one in (await tx.db.execute(wanted)).scalars()]


async def _new_challenge(tx: Tx, purpose: str, account_id: UUID | None) -> bytes:
    await tx.db.execute(delete(Challenge).where(Challenge.expires_at < tx.now))
    challenge = secrets.token_bytes(32)
    digest = hashlib.sha256(challenge).digest()
    row = {"purpose": purpose, "account_id": account_id, "expires_at": tx.now + LASTS}
    await tx.db.execute(insert(Challenge).values(digest=digest, **row))
    return challenge


def _challenge_of(answer: str) -> tuple[dict[str, Any], bytes]:
    """Return an answer and the challenge that it says it signed; raise Invalid for what is neither."""
    try:
        sent = json.loads(answer)
        return sent, parse_client_data_json(base64url_to_bytes(sent["response"]["clientDataJSON"])).challenge
    except (ValueError, TypeError, LookupError, AttributeError, WebAuthnException):
        raise Invalid(REFUSED) from None


def _credential_id(sent: dict[str, Any]) -> bytes:
    try:
        return base64url_to_bytes(sent["id"])
    except (ValueError, TypeError, LookupError, AttributeError):
        raise Invalid(REFUSED) from None


async def _answered(tx: Tx, answer: str, purpose: str, account_id: UUID | None = None) -> tuple[dict[str, Any], bytes]:
    """Return an answer and its challenge, which is used up: it was ours, for this purpose, and still fresh."""
    sent, challenge = _challenge_of(answer)
    ours = delete(Challenge).where(
        Challenge.digest == hashlib.sha256(challenge).digest(),
        Challenge.purpose == purpose,
        Challenge.expires_at > tx.now,
    )
    if account_id is not None:
        ours = ours.where(Challenge.account_id == account_id)
    if not (await tx.db.execute(ours)).rowcount:
        raise Invalid("This took too long; try again")
    return sent, challenge


async def _meant_for(tx: Tx, answer: str) -> UUID:
    """Return the account that a new passkey was offered to, which is not made yet."""
    _, challenge = _challenge_of(answer)
    wanted = select(Challenge.account_id).where(Challenge.digest == hashlib.sha256(challenge).digest())
    found = (await tx.db.execute(wanted)).scalar_one_or_none()
    if found is None:
        raise Invalid("This took too long; try again")
    return found
