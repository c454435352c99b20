"""What an administrator does for an account that cannot sign in any more."""

from uuid import UUID

from sqlalchemy import delete, select, update

from caretide.identity.actions.sessions import end_sessions
from caretide.identity.models import Account, Membership, Passkey, RecoveryCode, TotpSeed
from caretide.identity.notices import tell
from caretide.identity.rules import Kind
from caretide.identity.tries import forgotten, of_account, of_password
from caretide.kernel.errors import Conflict, Forbidden, NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx


@requires(Permission.MEMBER_WRITE, changes(Data.ACCOUNT))
async def take_factors(tx: Tx, account_id: UUID) -> None:
    """Take away everything that an account signs in with, and end its sessions: a new link lets its person bind anew.

    Nobody does this to themselves, and no tenant to an account that works in another one too: it would open that one.
    """
    if account_id == tx.actor.account_id:
        raise Forbidden("Ask another administrator: nobody resets their own account")
    found = (await tx.db.execute(select(Account.email).where(Account.id == account_id))).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such account")
    places = (await tx.db.execute(select(Membership.tenant_id).where(Membership.account_id == account_id))).scalars()
    if set(places) != {tx.tenant_id}:
        raise Conflict("This person works elsewhere too; whoever runs this installation can reset the account")
    await tx.db.execute(update(Account).where(Account.id == account_id).values(password_hash=None))
    for table in (Passkey, TotpSeed, RecoveryCode):
        await tx.db.execute(delete(table).where(table.account_id == account_id))
    for target in (of_password(found), of_account(Kind.TOTP, account_id), of_account(Kind.RECOVERY, account_id)):
        await forgotten(tx, target)
    await end_sessions(tx, account_id)
    tell(tx, found, "reset")
