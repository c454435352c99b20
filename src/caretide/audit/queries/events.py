"""The list of events: filtered and sorted on every field, paged by the last event of the page before."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, cast
from urllib.parse import urlencode
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Row, Select, Text, and_, func, or_, select, tuple_, union_all
from sqlalchemy.dialects.postgresql import array

from caretide.audit.queries.filters import further, label_of, usual
from caretide.audit.rules import fault_of, words
from caretide.audit.schemas import Asked, EventOut, EventPage, EventsPage, PatientName
from caretide.kernel.errors import NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, exports, reads
from caretide.patients.models import Patient
from caretide.runtime.access import requires
from caretide.runtime.db import Base
from caretide.runtime.models import AuditEvent, AuditEventPatient
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries.people import MemberRow
from caretide.ui.forms import Option
from caretide.ui.sheet import csv_text
from caretide.ui.tables import Column, Listing

SIZE: Final = 50
SHEET: Final = 20_000
"""Rows of a CSV at most; who needs more narrows the span."""
COUNTED: Final = 10_000
"""How far a list is counted: beyond, people narrow it."""
DAYS: Final = 30
"""Days back that a list shows where nobody says since when."""
NAMED: Final = 200
"""Patients of an event that its page names."""

_HIDDEN = {"canonical", "leaf", "tenant_id"}
_EVENT = tuple(one for one in AuditEvent.__table__.columns if one.name not in _HIDDEN)

_NO_ID: Final = UUID(int=0)

SORTS: Final[Mapping[str, tuple[str, str, object]]] = {
    "at": ("Time", "at", None),
    "app_at": ("Time by our clock", "app_at", None),
    "member": ("Person", "member_id", _NO_ID),
    "account": ("Account", "account_id", _NO_ID),
    "actor": ("Kind of actor", "actor_kind", None),
    "role": ("Role", "roles", None),
    "verb": ("What", "verb", None),
    "act": ("Act", "act", None),
    "data": ("Data", "data", None),
    "outcome": ("Outcome", "outcome", None),
    "patients": ("Patients", "patients", None),
    "rows": ("Rows", "rows", -1),
    "route": ("Route", "route", None),
    "session": ("Session", "session", ""),
    "request": ("Request", "request_id", _NO_ID),
    "ip": ("Address", "ip", ""),
    "agent": ("Browser", "agent", ""),
    "purpose": ("Purpose", "purpose", ""),
    "glass": ("Break-glass", "glass_id", _NO_ID),
}
"""What `?sort=` may name: how people read it, the column, and what stands for nothing where it may be empty."""

COLUMNS = (
    Column("Time (UTC)", "at", falling=True),
    Column("Who", "member"),
    Column("What", "verb"),
    Column("Data", "data"),
    Column("Patients", "patients", "number", falling=True),
    Column("From", "ip"),
    Column("Outcome", "outcome"),
)

_EQUAL: Final = {
    "member": AuditEvent.member_id,
    "actor": AuditEvent.actor_kind,
    "account": AuditEvent.account_id,
    "session": AuditEvent.session,
    "request": AuditEvent.request_id,
    "ip": AuditEvent.ip,
    "agent": AuditEvent.agent,
    "route": AuditEvent.route,
    "verb": AuditEvent.verb,
    "act": AuditEvent.act,
    "outcome": AuditEvent.outcome,
    "purpose": AuditEvent.purpose,
    "glass": AuditEvent.glass_id,
}

SHEET_COLUMNS: Final = (
    "at", "who", "actor", "roles", "act", "verb", "data", "patients", "rows", "outcome", "purpose", "route", "ip",
    "session", "agent", "request_id", "glass_id", "account_id", "member_id", "asked", "app_at", "id",
)  # fmt: skip


@requires(Permission.AUDIT_READ, reads(Data.AUDIT, Data.STAFF))
async def events(tx: Tx, asked: Asked, size: int = SIZE) -> list[EventOut]:
    """Return one page of the events that are asked for; the newest first unless sorted otherwise."""
    names = {one.id: one for one in await tenants.members(tx)}
    wanted = _wanted(asked, tx.now.date(), await _meant(tx, asked))
    return [out(row, names) for row in (await tx.db.execute(wanted.limit(size))).all()]


@requires(Permission.AUDIT_READ, exports(Data.AUDIT, Data.STAFF))
async def sheet(tx: Tx, asked: Asked) -> str:
    """Return the events that are asked for as CSV, the first 20,000 at most."""
    found = await events(tx, asked, SHEET)
    return csv_text(SHEET_COLUMNS, ([_cell(getattr(one, name)) for name in SHEET_COLUMNS] for one in found))


@requires(Permission.AUDIT_READ, reads(Data.AUDIT, Data.STAFF))
async def events_page(tx: Tx, asked: Asked) -> EventsPage:
    """Return a page of the list with its filters and neighbors."""
    return await page_at(tx, asked, "/audit")


@requires(Permission.AUDIT_READ, reads(Data.AUDIT, Data.STAFF, Data.DEMOGRAPHICS))
async def event_page(tx: Tx, event_id: UUID) -> EventPage:
    """Return one event in full; raise NotFound where there is none."""
    wanted = select(AuditEvent.__table__).where(AuditEvent.id == event_id)
    row = (await tx.db.execute(wanted)).one_or_none()
    if row is None:
        raise NotFound
    kept = (await tx.db.execute(wanted)).mappings().one()
    names = {one.id: one for one in await tenants.members(tx)}
    said = orjson.loads(row.canonical)
    ids = [UUID(one) for one in said["patients"][:NAMED]]
    asked = [UUID(one) for one in said["details"].get("asked", ())]
    here = {*(await tx.db.execute(select(Patient.id).where(Patient.id.in_(asked)))).scalars()}
    return EventPage(
        event=out(row, names),
        named=await _named(tx, ids),
        tried=await _named(tx, [one for one in asked if one in here]),
        others=tuple(str(one) for one in asked if one not in here),
        canonical=bytes(row.canonical).decode(),
        leaf=bytes(row.leaf).hex(),
        fault=fault_of(kept),
    )


@requires(Permission.AUDIT_READ, reads(Data.AUDIT))
async def ids_of(tx: Tx, patient_id: UUID) -> list[str]:
    """Return a patient's id and those of all that hangs on it; none for an id that is no patient's here."""
    if (await tx.db.execute(select(Patient.id).where(Patient.id == patient_id))).first() is None:
        return []
    # Any table of any feature that has rows of a patient, known by its columns: an id of theirs leads to the chart.
    hanging = [
        select(table.c.id).where(table.c.patient_id == patient_id)
        for table in Base.metadata.sorted_tables
        if {"tenant_id", "id", "patient_id"} <= {*table.c.keys()} and table is not AuditEventPatient.__table__
    ]
    found = (await tx.db.execute(union_all(*hanging))).scalars()
    return [str(patient_id), *(str(one) for one in found)]


def asked_for(ids: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition of an event that showed nothing though one of these ids was asked for."""
    return and_(AuditEvent.outcome != "done", AuditEvent.details["asked"].has_any(array([*ids], type_=Text)))


async def _meant(tx: Tx, asked: Asked) -> list[str]:
    return await ids_of(tx, asked.patient) if asked.patient else []


async def _named(tx: Tx, ids: Sequence[UUID]) -> tuple[PatientName, ...]:
    """Return the patients by name, for readers who may see patients; what they saw so is on record in turn."""
    if Permission.PATIENT_READ not in tx.actor.permissions:
        return tuple(PatientName(one, "") for one in ids)
    wanted = select(Patient.id, Patient.family, Patient.given).where(Patient.id.in_(ids))
    known = {row.id: f"{row.family}, {row.given}" for row in (await tx.db.execute(wanted)).all()}
    tx.touch(*known)
    return tuple(PatientName(one, known.get(one, "")) for one in ids)


@requires(Permission.AUDIT_READ, reads(Data.AUDIT, Data.STAFF))
async def page_at(tx: Tx, asked: Asked, path: str) -> EventsPage:
    """Return a page of the list that stands at an address: all events, or those of one patient."""
    people = await tenants.members(tx)
    names = {one.id: one for one in people}
    today, ids = tx.now.date(), await _meant(tx, asked)
    found = _narrowed(select(AuditEvent.id), asked, today, ids).limit(COUNTED).subquery()
    total = (await tx.db.execute(select(func.count()).select_from(found))).scalar_one()
    rows = (await tx.db.execute(_wanted(asked, today, ids).limit(SIZE + 1))).all()
    shown = [out(row, names) for row in rows[:SIZE]]
    sort = _sort(asked)
    query = {name: value for name, value in _query(asked).items() if name != "patient" or path == "/audit"}
    filters = usual(asked, people)
    shown_beside = {"sort", "since", "until", *(one.name for one in filters)}
    narrowed = {name: value for name, value in query.items() if name not in shown_beside}
    span = {name: value for name, value in query.items() if name in {"since", "until"}}
    listing = Listing(
        path=path, columns=COLUMNS, sort=sort, filters=filters, query={**span, **narrowed}, id="events", total=total
    )
    return EventsPage(
        listing=listing,
        events=tuple(shown),
        asked=asked,
        since=_since(asked, today),
        more=_address(path, {**query, "after": str(shown[-1].id)}) if len(rows) > SIZE else "",
        first=_address(path, query) if asked.after else "",
        sheet=_address(f"{path}.csv", query),
        narrowed=tuple(
            (label_of(name), value, _address(path, {k: v for k, v in query.items() if k != name}))
            for name, value in narrowed.items()
        ),
        further=further(query, has_patient=path == "/audit"),
        sorts=tuple(Option(key, label) for key, (label, *_) in SORTS.items()),
    )


_OTHERS: Final = {"system": "Caretide", "job": "Caretide", "service": "A service account"}
"""Kinds of actors who are no member, as people read them."""


def name_of(kind: str) -> str:
    """Return what acted where it was no member, as people read it."""
    return _OTHERS.get(kind, "Unknown")


def out(row: Row[*tuple[Any, ...]], names: Mapping[UUID, MemberRow]) -> EventOut:
    """Return a row of the trail as people read it."""
    member = names.get(row.member_id) if row.member_id else None
    return EventOut(
        id=row.id,
        at=row.at,
        app_at=row.app_at,
        who=member.display_name if member else name_of(row.actor_kind),
        actor=row.actor_kind,
        account_id=row.account_id,
        member_id=row.member_id,
        roles=row.roles,
        session=row.session,
        request_id=row.request_id,
        ip=row.ip,
        agent=row.agent,
        route=row.route,
        verb=row.verb,
        # One alone where two are asked for is told wherever the event is.
        label=words(row.verb) + (", by one administrator alone" if row.details.get("alone") else ""),
        act=row.act,
        data=row.data,
        outcome=row.outcome,
        purpose=row.purpose,
        glass_id=row.glass_id,
        rows=row.rows,
        patients=row.patients,
        details=row.details,
    )


def _since(asked: Asked, today: date) -> date:
    return asked.since or (asked.until or today) - timedelta(days=DAYS)


def _narrowed(wanted: Select[Any], asked: Asked, today: date, ids: Sequence[str]) -> Select[Any]:
    """Narrow a question to what is asked for; a span of time always, so that an index leads to it."""
    start = datetime.combine(_since(asked, today), time(), UTC)
    wanted = wanted.where(AuditEvent.at >= start)
    if asked.until:
        wanted = wanted.where(AuditEvent.at < datetime.combine(asked.until, time(), UTC) + timedelta(days=1))
    for name, column in _EQUAL.items():
        if value := getattr(asked, name):
            wanted = wanted.where(column == value)
    if asked.app_since:
        wanted = wanted.where(AuditEvent.app_at >= datetime.combine(asked.app_since, time(), UTC))
    if asked.app_until:
        wanted = wanted.where(AuditEvent.app_at < datetime.combine(asked.app_until, time(), UTC) + timedelta(days=1))
    if asked.role:
        wanted = wanted.where(AuditEvent.roles.any_() == asked.role)
    if asked.data:
        wanted = wanted.where(AuditEvent.data.any_() == asked.data)
    for name, column in (("patients", AuditEvent.patients), ("rows", AuditEvent.rows)):
        if (least := getattr(asked, name)) is not None:
            wanted = wanted.where(column >= least)
    if asked.patient:
        of_patient = select(AuditEventPatient.id).where(AuditEventPatient.patient_id == asked.patient)
        named = AuditEvent.id.in_(of_patient)
        wanted = wanted.where(or_(named, asked_for(ids)) if ids else named)
    return wanted


def _wanted(asked: Asked, today: date, ids: Sequence[str]) -> Select[Any]:
    sort = _sort(asked)
    key, falls = _key(AuditEvent.__table__, sort), sort.startswith("-")
    wanted = _narrowed(select(*_EVENT), asked, today, ids)
    if asked.after is not None:
        last = AuditEvent.__table__.alias()
        place = tuple_(select(_key(last, sort)).where(last.c.id == asked.after).scalar_subquery(), asked.after)
        here = tuple_(key, AuditEvent.id)
        wanted = wanted.where(here < place if falls else here > place)
    both = (key, AuditEvent.id)
    return wanted.order_by(*((one.desc() for one in both) if falls else both))


def _key(table: Any, sort: str) -> ColumnElement[Any]:
    """Return what is compared of a row."""
    _, column, nothing = SORTS[sort.removeprefix("-")]
    return table.c[column] if nothing is None else func.coalesce(table.c[column], nothing)


def _sort(asked: Asked) -> str:
    return asked.sort if asked.sort.removeprefix("-") in SORTS else "-at"


def _query(asked: Asked) -> dict[str, str]:
    said = asked.model_dump(exclude={"after"}, exclude_none=True)
    return {name: str(value) for name, value in said.items() if value != ""}


def _address(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return " ".join(cast("list[str]", value)) if isinstance(value, list) else value
