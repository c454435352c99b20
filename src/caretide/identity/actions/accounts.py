"""What is done for an account that cannot sign in any more, and to one that never shall again."""

from uuid import UUID

from sqlalchemy import delete, select, update

from caretide.identity.actions.sessions import end_sessions
from caretide.identity.models import Account, LinkedIdentity, Membership, Passkey, RecoveryCode, Session, TotpSeed
from caretide.identity.notices import tell
from caretide.identity.queries.policy import check_works_here_alone
from caretide.identity.rules import Kind
from caretide.identity.tries import forgotten, of_account, of_password
from caretide.kernel.errors import Conflict, Forbidden, NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, reads, signs_out
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx


@requires(Permission.MEMBER_WRITE, changes(Data.ACCOUNT))
async def take_factors(tx: Tx, account_id: UUID) -> None:
    """Take away what an account signs in with, and end its sessions: a new link lets its person bind it anew."""
    found = await check_factors_can_go(tx, account_id)
    await _take(tx, account_id, found)
    await end_sessions(tx, account_id)
    # It works here alone. A session in no tenant, or with one factor, would bind what was taken away.
    await _end_everywhere(tx, account_id)


async def _take(tx: Tx, account_id: UUID, email: str) -> None:
    """Take away what an account signs in with, whoever vouches for it included, and tell its person.

    A tenant's sign-on that was left would be the only way in, and bind one that opens every other tenant.
    """
    await tx.db.execute(update(Account).where(Account.id == account_id).values(password_hash=None))
    for table in (Passkey, TotpSeed, RecoveryCode, LinkedIdentity):
        await tx.db.execute(delete(table).where(table.account_id == account_id))
    for target in (of_password(email), of_account(Kind.TOTP, account_id), of_account(Kind.RECOVERY, account_id)):
        await forgotten(tx, target)
    tell(tx, email, "reset")


@requires(Permission.COMPANY_WRITE, reads(Data.ACCOUNT))
async def places_to_reset(tx: Tx, email: str) -> list[tuple[UUID, UUID]]:
    """Return tenant and member of each place where an account works that is to be given a new way in.

    Raises Conflict where it has ended, or works nowhere: an invitation gives it one then.
    """
    wanted = select(Account.id, Account.ended_at).where(Account.email == email.strip().lower())
    found = (await tx.db.execute(wanted)).one_or_none()
    if found is None:
        raise NotFound("There is no account with this address")
    if found.ended_at is not None:
        raise Conflict("This account has ended; if it shall open again: caretide accounts reopen")
    places = select(Membership.tenant_id, Membership.member_id).where(Membership.account_id == found.id)
    rows = (await tx.db.execute(places.order_by(Membership.tenant_id))).all()
    if not rows:
        raise Conflict("This account works nowhere; an invitation gives its person a way to sign in")
    return [(row.tenant_id, row.member_id) for row in rows]


@requires(Permission.COMPANY_WRITE, changes(Data.ACCOUNT))
async def reset_account(tx: Tx, email: str) -> None:
    """Take away all that an account signs in with, end its sessions everywhere, and tell its person."""
    found = (await tx.db.execute(select(Account.id).where(Account.email == email.strip().lower()))).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no account with this address")
    await _take(tx, found, email.strip().lower())
    tx.note(reset_account=str(found), sessions_ended=await _end_everywhere(tx, found))


async def _end_everywhere(tx: Tx, account_id: UUID) -> int:
    standing = update(Session).where(Session.account_id == account_id, Session.ended_at.is_(None))
    return (await tx.db.execute(standing.values(ended_at=tx.now))).rowcount


@requires(Permission.MEMBER_WRITE, reads(Data.ACCOUNT))
async def check_factors_can_go(tx: Tx, account_id: UUID) -> str:
    """Return an account's address if the acting tenant may take away what it signs in with.

    Nobody does this to themselves, and no tenant to an account that works in another one too: it would open that one.
    """
    if account_id == tx.actor.account_id:
        raise Forbidden("Ask another administrator: nobody resets their own account")
    found = (await tx.db.execute(select(Account.email).where(Account.id == account_id))).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such account")
    await check_works_here_alone(tx, account_id, tx.tenant_id)
    return found


@requires(Permission.COMPANY_WRITE, signs_out(Data.ACCOUNT))
async def end_account(tx: Tx, email: str) -> list[tuple[UUID, UUID]]:
    """End an account everywhere: no session, token or factor of its opens anything from the next request on.

    Returns tenant and member of each place where it works, whose access is then ended there, one after another: timers
    and tokens are inside the tenants' walls. Ending it twice returns them again.
    """
    found = (await tx.db.execute(select(Account.id).where(Account.email == email.strip().lower()))).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no account with this address")
    await tx.db.execute(update(Account).where(Account.id == found, Account.ended_at.is_(None)).values(ended_at=tx.now))
    tx.note(ended_account=str(found), sessions_ended=await _end_everywhere(tx, found))
    places = select(Membership.tenant_id, Membership.member_id).where(Membership.account_id == found)
    return [
        (row.tenant_id, row.member_id) for row in (await tx.db.execute(places.order_by(Membership.tenant_id))).all()
    ]


@requires(Permission.COMPANY_WRITE, changes(Data.ACCOUNT))
async def reopen_account(tx: Tx, email: str) -> None:
    """Let an ended account sign in again. Where it may work, each tenant says: it reinstates the member."""
    ended = update(Account).where(Account.email == email.strip().lower(), Account.ended_at.is_not(None))
    if not (await tx.db.execute(ended.values(ended_at=None))).rowcount:
        raise NotFound("There is no ended account with this address")
