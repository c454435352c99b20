"""What a tenant decides about itself."""

from sqlalchemy import insert

from caretide.identity.queries.policy import have_used_passkey
from caretide.identity.rules.policy import SignInPolicy
from caretide.identity.sessions import require_fresh
from caretide.kernel.errors import Invalid
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission, Role
from caretide.kernel.records import Data, changes
from caretide.runtime.access import requires
from caretide.runtime.mail import Letter
from caretide.runtime.tx import Tx
from caretide.tenants import queries, rules
from caretide.tenants.models import TenantSetting
from caretide.tenants.rules.settings import TITLES, TenantSettings, kept


@requires(Permission.TENANT_WRITE, changes(Data.SETTINGS))
async def change_settings(tx: Tx, wanted: TenantSettings) -> list[str]:
    """Record what differs from what stands, from the next request on; return the names of what changed.

    Asks for a recent sign-in. The other administrators are told, and the privacy contact as it stood before.
    """
    require_fresh(tx)
    values, standing = kept(wanted), kept(await queries.settings(tx))
    if values["privacy_contact"]:
        values["privacy_contact"] = rules.check_email(values["privacy_contact"])
    here = {str(one.id) for one in await queries.members(tx) if one.status == "active"}
    if not set(values["glass_members"]) - set(standing["glass_members"]) <= here:
        raise Invalid("Emergency access is for people at work here", field="glass_members")
    changed = [name for name in values if values[name] != standing[name]]
    if "sign_in_policy" in changed and values["sign_in_policy"] != SignInPolicy.ANY:
        await _nobody_is_locked_out(tx)
    who = {"recorded_by": tx.actor.member_id, "recorded_at": tx.now}
    rows = [{"id": new_id(), "name": name, "value": values[name], **who} for name in changed]
    if rows:
        await tx.db.execute(insert(TenantSetting), rows)
        await _tell(tx, changed, standing["privacy_contact"])
    tx.note(changed=changed)
    return changed


async def _tell(tx: Tx, changed: list[str], contact: str) -> None:
    """Write who changed which settings to those who may not have meant it; what they were set to, the page shows."""
    administering = [one for one in await queries.members(tx) if one.role == Role.ADMINISTRATOR]
    others = {one.email for one in administering if one.status == "active" and one.id != tx.actor.member_id}
    who = tx.actor.name or "The command line"
    text = (
        f"{who} changed: {', '.join(TITLES[name] for name in changed)}. See Administration, Settings, in Caretide. If"
        " you know nothing of it, speak with your colleagues now."
    )
    to = sorted({*others, contact} - {""})
    tx.letters += [Letter(one, "Settings of your organization were changed", text) for one in to]


async def _nobody_is_locked_out(tx: Tx) -> None:
    """Refuse to ask for passkeys before whoever administers has come in by one: they must not be the first to fail.

    The command line, which has none, relies on an administrator at work here.
    """
    mine = [tx.actor.account_id] if tx.actor.account_id is not None else None
    theirs = [
        one.account_id
        for one in await queries.members(tx)
        if one.account_id is not None and one.role == Role.ADMINISTRATOR and one.status == "active"
    ]
    if not await have_used_passkey(tx, theirs if mine is None else mine):
        whose = "Sign in with a passkey of your own" if mine else "Have an administrator sign in with a passkey"
        raise Invalid(f"{whose} once before others are asked for theirs", field="sign_in_policy")
