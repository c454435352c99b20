"""Who saw a chart, and who tried to."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from caretide.audit.queries import events
from caretide.audit.schemas import Asked, EventsPage, Tried, Viewer
from caretide.kernel.errors import NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import HEALTH, Data, exports, reads
from caretide.patients import queries as patients
from caretide.patients.models import Patient
from caretide.runtime.access import requires
from caretide.runtime.models import AuditEvent, AuditEventPatient
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants

_SPAN = (
    func.count().label("events"),
    func.min(AuditEvent.at).label("first"),
    func.max(AuditEvent.at).label("last"),
)


@requires(Permission.AUDIT_READ, reads(Data.AUDIT, Data.STAFF, Data.DEMOGRAPHICS, Data.CONTACT))
async def chart_page(tx: Tx, patient_id: UUID, asked: Asked) -> EventsPage:
    """Return who saw a patient's data, ever, and the events of the span that is asked for."""
    who = await patients.patient(tx, patient_id)
    asked = asked.model_copy(update={"patient": patient_id})
    page = await events.page_at(tx, asked, f"/patients/{patient_id}/audit")
    return EventsPage(
        **{name: getattr(page, name) for name in ("listing", "events", "asked", "since", "more", "first", "sheet")},
        narrowed=page.narrowed,
        further=page.further,
        sorts=page.sorts,
        patient_id=patient_id,
        patient_name=who.name,
        viewers=tuple(await viewers(tx, patient_id)),
        tries=tuple(await tries(tx, patient_id)),
    )


@requires(Permission.AUDIT_READ, exports(Data.AUDIT, Data.STAFF))
async def chart_sheet(tx: Tx, patient_id: UUID, asked: Asked) -> str:
    """Return a patient's events as CSV."""
    await _check(tx, patient_id)
    tx.touch(patient_id)
    return await events.sheet(tx, asked.model_copy(update={"patient": patient_id}))


@requires(Permission.AUDIT_READ, reads(Data.AUDIT, Data.STAFF))
async def viewers(tx: Tx, patient_id: UUID) -> list[Viewer]:
    """Return who received a patient's data or changed it, those with the latest event first."""
    await _check(tx, patient_id)
    tx.touch(patient_id)
    # By classes too, so that the database need not unfold them: there are few sets of them.
    keys = (AuditEvent.member_id, AuditEvent.actor_kind, AuditEvent.roles, AuditEvent.data)
    wanted = (
        select(*keys, *_SPAN)
        .where(AuditEventPatient.patient_id == patient_id, AuditEvent.id == AuditEventPatient.id)
        .where(AuditEvent.tenant_id == AuditEventPatient.tenant_id, AuditEvent.outcome == "done")
        .group_by(*keys)
    )
    names = {one.id: one.display_name for one in await tenants.members(tx)}
    found: dict[UUID | str, list[Any]] = {}
    for row in (await tx.db.execute(wanted)).all():
        found.setdefault(row.member_id or row.actor_kind, []).append(row)
    lines = [_viewer(rows, names.get(rows[0].member_id, "Caretide")) for rows in found.values()]
    return sorted(lines, key=lambda one: one.last, reverse=True)


@requires(Permission.AUDIT_READ, reads(Data.AUDIT, Data.STAFF))
async def tries(tx: Tx, patient_id: UUID) -> list[Tried]:
    """Return who asked for a patient's chart, or for what hangs on it, and was shown nothing; the latest first."""
    await _check(tx, patient_id)
    tx.touch(patient_id)
    keys = (AuditEvent.member_id, AuditEvent.actor_kind, AuditEvent.roles, AuditEvent.outcome)
    wanted = (
        select(*keys, *_SPAN, func.array_agg(AuditEvent.route.distinct()).label("routes"))
        .where(events.asked_for(await events.ids_of(tx, patient_id)))
        .group_by(*keys)
    )
    names = {one.id: one.display_name for one in await tenants.members(tx)}
    lines = [
        Tried(
            who=names.get(row.member_id) or events.name_of(row.actor_kind),
            member_id=row.member_id,
            roles=", ".join(row.roles),
            outcome=row.outcome,
            events=row.events,
            first=row.first,
            last=row.last,
            routes=tuple(row.routes),
        )
        for row in (await tx.db.execute(wanted)).all()
    ]
    return sorted(lines, key=lambda one: one.last, reverse=True)


async def _check(tx: Tx, patient_id: UUID) -> None:
    """Raise NotFound for a patient who is nobody's here: nothing is put on record of an id that was made up."""
    if (await tx.db.execute(select(Patient.id).where(Patient.id == patient_id))).first() is None:
        raise NotFound("There is no such patient")


def _viewer(rows: list[Any], name: str) -> Viewer:
    return Viewer(
        who=name,
        member_id=rows[0].member_id,
        roles=", ".join(sorted({role for row in rows for role in row.roles})),
        events=sum(row.events for row in rows),
        first=min(row.first for row in rows),
        last=max(row.last for row in rows),
        data=tuple(sorted({one for row in rows for one in row.data if one in HEALTH})),
    )
