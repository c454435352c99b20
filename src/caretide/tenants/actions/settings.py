"""What a tenant decides about itself."""

from sqlalchemy import insert

from caretide.kernel.errors import Invalid
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries, rules
from caretide.tenants.models import TenantSetting
from caretide.tenants.rules.settings import TenantSettings, kept


@requires(Permission.TENANT_WRITE, changes(Data.SETTINGS))
async def change_settings(tx: Tx, wanted: TenantSettings) -> list[str]:
    """Record what differs from what stands, from the next request on; return the names of what changed."""
    values, standing = kept(wanted), kept(await queries.settings(tx))
    if values["privacy_contact"]:
        values["privacy_contact"] = rules.check_email(values["privacy_contact"])
    here = {str(one.id) for one in await queries.members(tx) if one.status == "active"}
    if not set(values["glass_members"]) - set(standing["glass_members"]) <= here:
        raise Invalid("Emergency access is for people at work here", field="glass_members")
    changed = [name for name in values if values[name] != standing[name]]
    who = {"recorded_by": tx.actor.member_id, "recorded_at": tx.now}
    rows = [{"id": new_id(), "name": name, "value": values[name], **who} for name in changed]
    if rows:
        await tx.db.execute(insert(TenantSetting), rows)
    tx.note(changed=changed)
    return changed
