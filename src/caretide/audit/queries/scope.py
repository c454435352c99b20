"""The patients whom a breach concerns, from the trail's bytes alone (45 CFR 164.404, 164.410)."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, tuple_

from caretide.audit.rules import seen_in
from caretide.audit.schemas import SeenOut
from caretide.kernel.errors import Invalid
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, exports
from caretide.runtime.access import requires
from caretide.runtime.models import AuditEvent
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants

BATCH = 1000


@requires(Permission.AUDIT_READ, exports(Data.AUDIT, Data.STAFF))
async def breach_scope(
    tx: Tx, *, since: datetime, until: datetime, actor: str = "", session: str = ""
) -> list[SeenOut]:
    """Return every patient whose data an actor or a session received in a span, with classes and counts.

    `actor` is a member's or an account's id, or an address; `session` is what the audit calls a session or a token.
    Without either it is everybody in the tenant.
    """
    if since >= until:
        raise Invalid("The span ends before it begins")
    whose = [one async for one in _whose(tx, actor, session)]
    found = seen_in([one async for one in _documents(tx, since, until, whose)])
    tx.note(patients=len(found))
    lines = [
        SeenOut(patient_id=one.patient_id, events=one.events, first=one.first, last=one.last, data=one.data)
        for one in found.values()
    ]
    tx.touch(*found)
    return sorted(lines, key=lambda one: (one.first, one.patient_id))


async def _whose(tx: Tx, actor: str, session: str) -> AsyncIterator[ColumnElement[bool]]:
    if session:
        yield AuditEvent.session == session
    if not actor:
        return
    if "@" in actor:
        people = [one for one in await tenants.members(tx) if one.email.lower() == actor.strip().lower()]
        if not people:
            raise Invalid(f"Nobody here has the address {actor}")
        yield AuditEvent.member_id.in_([one.id for one in people])
        return
    try:
        id_ = UUID(actor)
    except ValueError:
        raise Invalid(f"'{actor}' is no id of a member or an account, and no address") from None
    yield or_(AuditEvent.member_id == id_, AuditEvent.account_id == id_)


async def _documents(
    tx: Tx, since: datetime, until: datetime, whose: list[ColumnElement[bool]]
) -> AsyncIterator[bytes]:
    """Yield the bytes of the events that concern patients, a batch at a time."""
    place: tuple[datetime, UUID] | None = None
    base = (
        select(AuditEvent.at, AuditEvent.id, AuditEvent.canonical)
        .where(AuditEvent.at >= since, AuditEvent.at < until, AuditEvent.patients > 0, *whose)
        .order_by(AuditEvent.at, AuditEvent.id)
        .limit(BATCH)
    )
    while True:
        wanted = base if place is None else base.where(tuple_(AuditEvent.at, AuditEvent.id) > tuple_(*place))
        rows = (await tx.db.execute(wanted)).all()
        for row in rows:
            yield bytes(row.canonical)
        if len(rows) < BATCH:
            return
        place = (rows[-1].at, rows[-1].id)
