"""Having somebody work another's roster for a while."""

from datetime import date
from uuid import UUID

from sqlalchemy import insert, select, update

from caretide.kernel.errors import Conflict, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, creates
from caretide.rosters import queries
from caretide.rosters.models import Cover
from caretide.rosters.queries.covers import calendar_of
from caretide.rosters.rules.shifts import DESIGNABLE, check_cover, cover_span
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants.models import Member


@requires(Permission.ROSTER_WRITE, creates(Data.ROSTER))
async def give_cover(tx: Tx, absent_id: UUID, cover_id: UUID, first_on: date, last_on: date) -> UUID:
    """Have a member work another's roster from one day to another, both included; return the cover's id.

    Days are those of the calendar of the clinic of most of the roster's patients. It ends by itself.
    """
    if absent_id == cover_id:
        raise Invalid("Nobody covers themselves; choose somebody else", field="cover_id")
    await _check_at_work(tx, {absent_id: "absent_id", cover_id: "cover_id"})
    clinic = await calendar_of(tx, absent_id)
    span = cover_span(first_on, last_on, tx.now, clinic.zone)
    check_cover(await queries.covers(tx), absent_id, cover_id, span)
    new = new_id()
    values = {
        "absent_id": absent_id,
        "cover_id": cover_id,
        "clinic_id": clinic.id,
        "first_on": first_on,
        "last_on": last_on,
        "starts_at": span[0],
        "ends_at": span[1],
        "recorded_by": tx.actor.member_id,
        "recorded_at": tx.now,
    }
    await tx.db.execute(insert(Cover).values(id=new, **values))
    tx.note(cover=str(new), absent_id=str(absent_id), cover_id=str(cover_id), days=f"{first_on}/{last_on}")
    return new


@requires(Permission.ROSTER_WRITE, changes(Data.ROSTER))
async def end_cover(tx: Tx, cover_id: UUID) -> None:
    """End a cover now; one that is still to come does not come."""
    found = await queries.cover(tx, cover_id)
    if found.state(tx.now) == "over":
        raise Conflict("This cover is over")
    ended = {"ended_at": max(tx.now, found.starts_at), "ended_by": tx.actor.member_id}
    await tx.db.execute(update(Cover).where(Cover.id == cover_id, Cover.ended_at.is_(None)).values(**ended))
    tx.note(cover=str(cover_id), absent_id=str(found.absent_id), cover_id=str(found.cover_id))


async def _check_at_work(tx: Tx, fields: dict[UUID, str]) -> None:
    """Raise unless these members work here and look after patients. Their rows are locked: two covers wait in turn."""
    wanted = select(Member.id, Member.role, Member.status, Member.display_name).where(Member.id.in_(sorted(fields)))
    rows = {row.id: row for row in (await tx.db.execute(wanted.order_by(Member.id).with_for_update())).all()}
    for member_id, field in fields.items():
        row = rows.get(member_id)
        if row is None:
            raise NotFound("There is no such member")
        if row.status != "active":
            hint = "give the patients to somebody else" if field == "absent_id" else "choose somebody who is"
            raise Invalid(f"This member is not active; {hint}", field=field)
        if row.role not in DESIGNABLE:
            raise Invalid("Rosters are those of coordinators, managers and practitioners", field=field)
