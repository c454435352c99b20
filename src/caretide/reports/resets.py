"""A new way in by whoever runs the installation: the account first, then each tenant where its person works."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from caretide.identity import actions as identity
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict
from caretide.kernel.text import REASON_LENGTH, clean_text
from caretide.runtime.installation import Installation
from caretide.tenants import actions, queries


@dataclass(frozen=True, slots=True)
class Reset:
    """What is shown once, and in how many tenants it was recorded."""

    link: str
    code: str
    expires_at: datetime
    tenants: int


async def reset(ours: Installation, email: str, reason: str) -> Reset:
    """Take away everything that an account signs in with; return the link and the code that bind it anew.

    One transaction for the account and one for each tenant. Whatever stops it in between, nothing opens the account any
    more, and doing it again finishes it: the links of before are void then. Refused before anything is taken where
    nobody is to be let in: an account that ended, that works nowhere, or whose access has ended in every tenant.
    """
    clean_text(reason, field="reason", limit=REASON_LENGTH, required=True)
    async with ours.database.tx(Actor.operator()) as tx:
        places = await identity.places_to_reset(tx, email)
    active: list[UUID] = []
    for tenant_id, member_id in places:
        async with ours.database.tx(Actor.system(tenant_id)) as tx:
            if (await queries.member(tx, member_id)).status == "active":
                active.append(tenant_id)
    if not active:
        raise Conflict("This person's access has ended in every tenant; one of them reinstates the member first")
    async with ours.database.tx(Actor.operator()) as tx:
        await identity.reset_account(tx, email)
    base, given = ours.settings.base_url, list[Reset]()
    for tenant_id, member_id in places:
        async with ours.database.tx(Actor.system(tenant_id)) as tx:
            made = await actions.record_reset(tx, member_id, reason, with_link=tenant_id == active[0])
        if made.invited is not None:
            link = f"{base}/invitations/{made.invited.token}"
            given.append(Reset(link, made.code, made.expires_at, len(places)))
    return given[0]
