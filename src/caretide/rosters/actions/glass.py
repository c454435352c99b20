"""Using emergency access, ending it, and reviewing what somebody else did with it."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import TIMESTAMP, Boolean, Text, Uuid, bindparam, insert, text

from caretide.identity.opening import require_recent
from caretide.kernel.errors import Conflict, Forbidden, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission, Role
from caretide.kernel.records import Data, changes, creates, decides
from caretide.rosters import queries
from caretide.rosters.models import GlassReview
from caretide.rosters.rules.emergency import CATEGORIES, MINUTES, VERDICTS, checked_reason, checked_verdict
from caretide.runtime.access import requires
from caretide.runtime.db import Encrypted
from caretide.runtime.mail import Letter
from caretide.runtime.trail import EMERGENCY
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants

_OPEN: Final = (
    text("SELECT ctx.break_glass(:opening_id, :patient_id, :category, :reason) AS until")
    .bindparams(
        bindparam("opening_id", type_=Uuid),
        bindparam("patient_id", type_=Uuid),
        bindparam("category", type_=Text),
        bindparam("reason", type_=Encrypted("glass_openings.reason")),
    )
    .columns(until=TIMESTAMP(timezone=True))
)
_END: Final = (
    text("SELECT ctx.end_glass(:opening_id) AS ended")
    .bindparams(bindparam("opening_id", type_=Uuid))
    .columns(ended=Boolean)
)


@requires(Permission.GLASS_USE, creates(Data.ROSTER, Data.DEMOGRAPHICS))
async def open_glass(tx: Tx, secret: str, patient_id: UUID, category: str, reason: str) -> UUID:
    """Open a patient's record for an hour at most; return the id of the use.

    For those whom the tenant named, with the two factors of the session `secret` given within ten minutes: raises
    Unauthenticated naming the page that asks for them. The tenant's privacy contact is written to at once.
    """
    found = await queries.beyond(tx, patient_id)
    await require_recent(tx, secret)
    kept = checked_reason(category, reason)
    if found.is_visible:
        raise Conflict("You see this patient already; open the record as usual")
    opening_id = new_id()
    asked = {"opening_id": opening_id, "patient_id": patient_id, "category": category, "reason": kept}
    until: datetime = (await tx.db.execute(_OPEN, asked)).scalar_one()
    tx.touch(patient_id)
    tx.note(category=category, minutes=MINUTES)
    tx.trail.glass_id, tx.trail.purpose = opening_id, EMERGENCY
    await _tell(
        tx,
        "Emergency access was used",
        f"{tx.actor.name} opened a patient's record by emergency access: {CATEGORIES[category].lower()}. It ends by "
        f"itself at {until:%H:%M} UTC on {until:%B %d, %Y}. The reason stands under Team, Emergency access, where "
        f"somebody else reviews it within two working days.",
    )
    return opening_id


@requires(Permission.PATIENT_READ, changes(Data.ROSTER))
async def end_glass(tx: Tx, opening_id: UUID) -> None:
    """End one's own use before the hour is over, or anybody's for those who review."""
    mine = any(one.id == opening_id for one in await queries.my_glasses(tx))
    if not mine and Permission.GLASS_REVIEW not in tx.actor.permissions:
        raise NotFound("This emergency access is not open")
    if not (await tx.db.execute(_END, {"opening_id": opening_id})).scalar_one():
        raise NotFound("This emergency access is not open")
    tx.note(opening_id=str(opening_id))


@requires(Permission.GLASS_REVIEW, decides(Data.ROSTER))
async def review_glass(tx: Tx, opening_id: UUID, verdict: str, note: str = "") -> None:
    """Sign the review of what somebody else did; nobody reviews their own use, which the database refuses as well."""
    found = await queries.glass_use(tx, opening_id)
    kept = checked_verdict(verdict, note)
    if found.used_by == tx.member_id:
        raise Forbidden("Somebody else reviews your own use of emergency access")
    if found.verdict is not None:
        raise Conflict("This use is reviewed already")
    if found.is_open(tx.now):
        raise Conflict("This emergency access is still open; review it when it has ended")
    row = {"opening_id": opening_id, "used_by": found.used_by, "reviewed_by": tx.member_id, "verdict": verdict}
    await tx.db.execute(insert(GlassReview).values(id=new_id(), **row, note=kept, reviewed_at=tx.now))
    tx.note(opening_id=str(opening_id), verdict=verdict)
    if verdict == "not_appropriate":
        await _tell(
            tx,
            f"Emergency access was found {VERDICTS[verdict].lower()}",
            f"{tx.actor.name} reviewed a use of emergency access by {found.name}. What was found stands under Team, "
            "Emergency access.",
        )


async def _tell(tx: Tx, subject: str, words: str) -> None:
    """Write to the tenant's privacy contact, or to every manager while none is named; without health data.

    To the administrators where there is no manager either. Nobody is told of their own use alone.
    """
    contact = (await tenants.settings(tx)).privacy_contact
    people = [one for one in await tenants.members(tx) if one.status == "active"]
    mine = [one.email for one in people if one.id == tx.actor.member_id]
    others = {
        role: [one.email for one in people if one.role == role and one.email not in mine]
        for role in (Role.MANAGER, Role.ADMINISTRATOR)
    }
    tenant = await tenants.my_tenant(tx)
    named = [contact] if contact and contact not in mine else []
    for address in named or others[Role.MANAGER] or others[Role.ADMINISTRATOR]:
        tx.letters.append(Letter(address, f"{subject} ({tenant.name})", words))
