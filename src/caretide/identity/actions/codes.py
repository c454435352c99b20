"""Codes as a second factor: those of an authenticator app (TOTP, RFC 6238), and those that are kept for a bad day."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pyotp import random_base32
from pyotp.totp import TOTP
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from caretide.identity import queries
from caretide.identity.keys import account_cipher
from caretide.identity.models import RecoveryCode, TotpSeed
from caretide.identity.notices import tell
from caretide.identity.opening import SignedIn, completed, renewed, require_recent
from caretide.identity.passwords import try_password
from caretide.identity.rules import STEP, Factor, Kind, Stage
from caretide.identity.sessions import end_others
from caretide.identity.tries import Refused, failed, forgotten, hold, of_account, succeeded
from caretide.kernel.errors import Conflict, Invalid
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, creates, signs_in
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx

WINDOW: Final = (-1, 0, 1)
"""Steps around the present whose codes are taken: clocks differ."""
CODES: Final = 10
_PLACE: Final = b"totp_seeds.sealed"
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are taken for another when written down."""


@dataclass(frozen=True, slots=True)
class NewSeed:
    """What an authenticator app is given: as text to type, and as an address for its camera."""

    secret: str
    uri: str


@requires(Permission.SIGN_IN, creates(Data.ACCOUNT))
async def begin_totp(tx: Tx, secret: str) -> NewSeed:
    """Make a seed for an authenticator app. It counts once a code of it was given; one that counts stays till then."""
    known = await require_recent(tx, secret)
    seed = await _unconfirmed(tx, known.account_id)
    if seed is None:
        seed = random_base32()
        sealed = (await account_cipher(tx)).seal(seed.encode(), _PLACE + known.account_id.bytes)
        fresh = {"sealed": sealed, "last_step": 0, "confirmed_at": None, "created_at": tx.now}
        made = insert(TotpSeed).values(account_id=known.account_id, **fresh)
        # A seed that counts is not overwritten by one that nobody has scanned yet.
        kept = made.on_conflict_do_update(
            index_elements=[TotpSeed.account_id], set_=fresh, where=TotpSeed.confirmed_at.is_(None)
        )
        if not (await tx.db.execute(kept)).rowcount:
            raise Conflict("An authenticator app is set up already; remove it first")
    uri = TOTP(seed).provisioning_uri(name=known.email, issuer_name="Caretide")
    return NewSeed(seed, uri)


async def _unconfirmed(tx: Tx, account_id: UUID) -> str | None:
    """Return the seed that waits for its first code, for an hour: a page that is loaded again shows the same."""
    row = (await tx.db.execute(select(TotpSeed).where(TotpSeed.account_id == account_id))).one_or_none()
    if row is None or row.confirmed_at is not None or (tx.now - row.created_at).total_seconds() > 3600:
        return None
    return await _opened(tx, account_id, row.sealed)


async def _opened(tx: Tx, account_id: UUID, sealed: bytes) -> str:
    return (await account_cipher(tx)).open(sealed, _PLACE + account_id.bytes).decode()


@requires(Permission.SIGN_IN, creates(Data.ACCOUNT))
async def confirm_totp(tx: Tx, secret: str, code: str) -> SignedIn:
    """Bind the authenticator app by its first code. Raises Invalid for a wrong one.

    The session gets a new secret; every other one of the account ends.
    """
    known = await require_recent(tx, secret)
    seed = await _unconfirmed(tx, known.account_id)
    if seed is None:
        raise Conflict("This took too long; begin again")
    step = matching_step(seed, code, tx.now)
    if step is None:
        raise Invalid("This is not the code that the app shows now; is the clock of the phone right?", field="code")
    bound = update(TotpSeed).where(TotpSeed.account_id == known.account_id)
    await tx.db.execute(bound.values(confirmed_at=tx.now, last_step=step))
    await forgotten(tx, of_account(Kind.TOTP, known.account_id))
    await end_others(tx, known.account_id, secret)
    tell(tx, known.email, "totp")
    return await completed(tx, secret, Factor.TOTP)


def matching_step(seed: str, code: str, now: datetime) -> int | None:
    """Return the time step whose code this is, of those around the present; None where it is of none of them."""
    given = "".join(code.split())
    app, present = TOTP(seed), int(now.timestamp()) // STEP
    found = [present + off for off in WINDOW if secrets.compare_digest(app.generate_otp(present + off), given)]
    return found[-1] if found else None


@requires(Permission.SIGN_IN, changes(Data.ACCOUNT))
async def remove_totp(tx: Tx, secret: str) -> str:
    """Take the authenticator app away; refused where nothing else would be left beside the password.

    Every other session of the account ends; this one goes on under the new secret that is returned.
    """
    known = await require_recent(tx, secret)
    if not (await queries.factors_of(tx, known.account_id)).passkeys:
        raise Conflict("Add a passkey first: without a second factor nobody signs in")
    await tx.db.execute(delete(TotpSeed).where(TotpSeed.account_id == known.account_id))
    await forgotten(tx, of_account(Kind.TOTP, known.account_id))
    await end_others(tx, known.account_id, secret)
    tell(tx, known.email, "totp-gone")
    return await renewed(tx, secret)


@requires(Permission.SIGN_IN, signs_in(Data.ACCOUNT))
async def prove_code(tx: Tx, secret: str, code: str) -> SignedIn | Refused:
    """Give the second factor by a code, of the app or for a bad day; return the session, whole, under a new secret.

    The count of failures is committed with a refusal, so it is not raised.
    """
    known = await queries.standing(tx, secret)
    if known.stage is not Stage.PARTIAL:
        raise Conflict("You are signed in already")
    factor = await _try_code(tx, known, code)
    return factor if isinstance(factor, Refused) else await completed(tx, secret, factor)


@requires(Permission.SIGN_IN, signs_in(Data.ACCOUNT))
async def confirm_identity(tx: Tx, secret: str, password: str, code: str, *, network: str = "") -> SignedIn | Refused:
    """Give password and code again, as before a change of what one signs in with; the session gets a new secret."""
    known = await queries.standing(tx, secret)
    account = await queries.account_by_email(tx, known.email)
    hashed = account.password_hash if account else None
    factor = await try_password(tx, known.email, hashed, password, network) or await _try_code(tx, known, code)
    if isinstance(factor, Refused):
        tx.note(outcome="refused")
        return factor
    return await completed(tx, secret, Factor.PASSWORD, factor)


async def _try_code(tx: Tx, known: queries.Known, code: str) -> Factor | Refused:
    """Use a code up and return what it was, or count the failure."""
    given = "".join(code.split()).lower()
    kind, factor = (Kind.TOTP, Factor.TOTP) if given.isdecimal() else (Kind.RECOVERY, Factor.RECOVERY)
    target = of_account(kind, known.account_id)
    resting = await hold(tx, target)
    if resting is None:
        use = _use_totp if kind is Kind.TOTP else _use_recovery
        if await use(tx, known.account_id, given):
            await succeeded(tx, target)
            if factor is Factor.RECOVERY:
                tell(tx, known.email, "recovery")
            tx.note(factor=factor)
            return factor
        resting = await failed(tx, target)
        if resting.disabled:
            tell(tx, known.email, "disabled")
    tx.note(outcome="refused", factor=factor)
    return resting


async def _use_totp(tx: Tx, account_id: UUID, code: str) -> bool:
    seed = (await tx.db.execute(select(TotpSeed).where(TotpSeed.account_id == account_id))).one_or_none()
    if seed is None or seed.confirmed_at is None:
        return False
    step = matching_step(await _opened(tx, account_id, seed.sealed), code, tx.now)
    if step is None:
        return False
    # Each time step once: of two requests with the same code, the second changes no row.
    used = update(TotpSeed).where(TotpSeed.account_id == account_id, TotpSeed.last_step < step)
    return (await tx.db.execute(used.values(last_step=step))).rowcount == 1


async def _use_recovery(tx: Tx, account_id: UUID, code: str) -> bool:
    this = update(RecoveryCode).where(
        RecoveryCode.account_id == account_id,
        RecoveryCode.code_hash == _code_hash(account_id, code),
        RecoveryCode.used_at.is_(None),
    )
    return (await tx.db.execute(this.values(used_at=tx.now))).rowcount == 1


@requires(Permission.SIGN_IN, creates(Data.ACCOUNT))
async def new_recovery_codes(tx: Tx, secret: str) -> tuple[str, ...]:
    """Return ten new codes, shown once; older ones are of no use any more."""
    known = await require_recent(tx, secret)
    await tx.db.execute(delete(RecoveryCode).where(RecoveryCode.account_id == known.account_id))
    codes = tuple("-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3)) for _ in range(CODES))
    rows = [{"account_id": known.account_id, "code_hash": _code_hash(known.account_id, code)} for code in codes]
    await tx.db.execute(insert(RecoveryCode), rows)
    await forgotten(tx, of_account(Kind.RECOVERY, known.account_id))
    tell(tx, known.email, "codes")
    return codes


def _code_hash(account_id: UUID, code: str) -> bytes:
    """Return what is stored of a code: 59 random bits need no slow hash."""
    return hashlib.sha256(account_id.bytes + code.replace("-", "").encode()).digest()
