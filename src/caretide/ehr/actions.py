"""Taking what the EHR says: new messages become versions and charts, known ones change nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    Delete,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    column,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.dml import ReturningInsert

from caretide.ehr import queries, rules
from caretide.ehr.models import EhrMessage, ImportRun
from caretide.ehr.schemas import Counts
from caretide.kernel.errors import Conflict, Invalid
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, receives
from caretide.patients.models import Allergy, Condition, Coverage, Encounter, Medication, Patient
from caretide.runtime.access import requires
from caretide.runtime.db import TenantTable
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.models import Practitioner
from caretide.tenants.queries import ClinicRow
from tidegate.contract import PatientMessage, PractitionerMessage, canonical, digest, encode

Message = PatientMessage | PractitionerMessage

CHART: Final[dict[rules.RetractedKind, type[TenantTable]]] = {
    "condition": Condition,
    "medication": Medication,
    "allergy": Allergy,
    "coverage": Coverage,
    "encounter": Encounter,
}

# Two imports of one source take turns, batch by batch: neither waits for the other's rows, none is taken twice.
_TAKE_TURNS = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


@dataclass(frozen=True, slots=True)
class News:
    """A message that says something new, the version that it becomes, and whom it is about."""

    message: Message
    digest: str
    version: int
    patient_id: UUID | None = None


@requires(Permission.PATIENT_IMPORT, receives(Data.SETTINGS))
async def start_run(tx: Tx, clinic_id: UUID, source: str) -> UUID:
    """Note that an import begins; return its id."""
    run_id = new_id()
    row = {"id": run_id, "clinic_id": clinic_id, "source": source, "started_at": tx.now}
    await tx.db.execute(insert(ImportRun).values(**row, counts={}))
    return run_id


@requires(Permission.PATIENT_IMPORT, receives(Data.SETTINGS))
async def finish_run(tx: Tx, run_id: UUID, counts: Counts) -> None:
    """Note what an import did. A run without an end was cut off."""
    done = {"counts": counts.figures(), "finished_at": tx.now}
    await tx.db.execute(update(ImportRun).where(ImportRun.id == run_id).values(**done))


@requires(
    Permission.PATIENT_IMPORT,
    receives(
        Data.DEMOGRAPHICS,
        Data.CONTACT,
        Data.CONDITIONS,
        Data.MEDICATIONS,
        Data.ALLERGIES,
        Data.COVERAGE,
        Data.ENCOUNTERS,
        Data.SOURCE,
    ),
)
async def import_messages(tx: Tx, clinic_id: UUID, source: str, messages: Sequence[Message]) -> Counts:
    """Take a batch of messages, each whole or not at all; return what became of them.

    A message whose digest is the newest known one writes nothing. A new one becomes a version in `ehr_messages` and the
    chart as it says; what it no longer names leaves the chart. Patients who belong to another clinic stay there.
    """
    clinic = await tenants.clinic(tx, clinic_id)
    await tx.db.execute(_TAKE_TURNS, {"key": f"ehr {tx.tenant_id} {source}"})
    counts = Counts()
    fit: dict[tuple[str, str], Message] = {}
    for message in messages:
        reason = rules.refusal(message)
        if reason is None:
            fit[kind_of(message), message.source_id] = message
        else:
            counts.refuse(_place(message), reason)
    touched = await _take_or_refuse(tx, clinic, source, list(fit.values()), counts)
    tx.touch(*touched)
    tx.note(clinic=str(clinic_id), source=source, **counts.figures())
    return counts


def kind_of(message: Message) -> str:
    """Return the word under which a message's versions are kept."""
    return "patient" if isinstance(message, PatientMessage) else "practitioner"


def _place(message: Message) -> str:
    return f"{kind_of(message)} {message.source_id}"


async def _take_or_refuse(
    tx: Tx, clinic: ClinicRow, source: str, messages: list[Message], counts: Counts
) -> list[UUID]:
    """Take the batch at once; where the database refuses a value, one by one, so that only its owner is left out."""
    taken = Counts()
    try:
        async with tx.attempt():
            touched = await _take(tx, clinic, source, messages, taken)
    except (Invalid, Conflict):
        if len(messages) == 1:
            counts.refuse(_place(messages[0]), "holds a value that cannot be recorded")
            return []
        return [who for one in messages for who in await _take_or_refuse(tx, clinic, source, [one], counts)]
    counts.add(taken)
    return touched


async def _take(tx: Tx, clinic: ClinicRow, source: str, messages: list[Message], counts: Counts) -> list[UUID]:
    people = [message for message in messages if isinstance(message, PatientMessage)]
    clinicians = [message for message in messages if isinstance(message, PractitionerMessage)]
    news = await _take_practitioners(tx, source, clinicians, counts) if clinicians else []
    if people:
        news += await _take_patients(tx, clinic, source, people, counts)
    if news:
        await _keep(tx, source, news)
    return [item.patient_id for item in news if item.patient_id]


async def _take_practitioners(tx: Tx, source: str, messages: list[PractitionerMessage], counts: Counts) -> list[News]:
    known = await queries.newest(tx, source, "practitioner", [message.source_id for message in messages])
    news = [item for message in messages if (item := _news(message, known, counts))]
    # One NPI can have two records. Rows go in by NPI, so that imports of two sources cannot wait for each other.
    fresh = {item.message.source_id for item in news}
    rows = {str(message.npi): rules.practitioner_row(message) for message in messages if message.source_id in fresh}
    if rows:
        full = [{"id": new_id(), "updated_at": tx.now, **rows[npi]} for npi in sorted(rows)]
        await tx.db.execute(_SAVE_PRACTITIONERS, _columns(full))
    return news


def _news(message: Message, known: dict[str, queries.Version], counts: Counts, **about: UUID) -> News | None:
    """Return what is new about a message, None when it is known; count it either way."""
    found = digest(message)
    last = known.get(message.source_id)
    tally = counts.tallies[kind_of(message)]
    if last is None:
        tally.created += 1
        return News(message, found, 1, **about)
    if last.digest == found:
        tally.unchanged += 1
        return None
    tally.updated += 1
    return News(message, found, last.number + 1, **about)


async def _take_patients(
    tx: Tx, clinic: ClinicRow, source: str, messages: list[PatientMessage], counts: Counts
) -> list[News]:
    ids = [message.source_id for message in messages]
    known = await queries.newest(tx, source, "patient", ids)
    placed = await queries.placed(tx, source, ids)
    counts.elsewhere += [who for who, there in placed.items() if there.clinic_id != clinic.id]
    news: list[News] = []
    charts: dict[rules.RetractedKind, list[rules.Row]] = {kind: [] for kind in CHART}
    people: list[rules.Row] = []
    for message in messages:
        here = placed.get(message.source_id)
        patient_id = here.id if here else new_id()
        item = _news(message, known, counts, patient_id=patient_id)
        chart = rules.chart_rows(message, clinic.zone)
        if item is None:
            for kind, rows in chart.items():
                counts.tallies[kind].unchanged += len(rows)
            continue
        news.append(item)
        people.append(
            {"id": patient_id, "clinic_id": clinic.id, "source": source, "source_id": message.source_id}
            | rules.patient_row(message)
            | {"updated_at": tx.now}
        )
        for kind, rows in chart.items():
            charts[kind] += [{"id": new_id(), "patient_id": patient_id, **row} for row in rows]
    if people:
        await tx.db.execute(_SAVE_PATIENTS, _columns(people))
        seen_before = [placed[item.message.source_id].id for item in news if item.message.source_id in placed]
        for kind, rows in charts.items():
            await _take_chart(tx, kind, rows, seen_before, counts)
    return news


async def _take_chart(
    tx: Tx, kind: rules.RetractedKind, rows: list[rules.Row], seen_before: list[UUID], counts: Counts
) -> None:
    """Bring one table of the chart to what the messages say."""
    tally = counts.tallies[kind]
    if seen_before:
        kept = {"owners": [row["patient_id"] for row in rows], "kept": [row["source_id"] for row in rows]}
        gone = await tx.db.execute(_FORGET[kind], {"patient_ids": seen_before, **kept})
        tally.removed += gone.rowcount
    if rows:
        written = [row.is_new for row in (await tx.db.execute(_SAVE_CHART[kind], _columns(rows))).all()]
        tally.created += sum(written)
        tally.updated += len(written) - sum(written)
        tally.unchanged += len(rows) - len(written)


async def _keep(tx: Tx, source: str, news: list[News]) -> None:
    """Keep the messages as they were accepted."""
    rows = [
        {
            "id": new_id(),
            "source": source,
            "kind": kind_of(item.message),
            "source_id": item.message.source_id,
            "version": item.version,
            "digest": item.digest,
            "body": _body(item.message),
            "patient_id": item.patient_id,
            "received_at": tx.now,
        }
        for item in news
    ]
    await tx.db.execute(_KEEP, _columns(rows))


def _body(message: Message) -> str:
    return encode(canonical(message) if isinstance(message, PatientMessage) else message).decode()


# --- A batch is one statement a table: rows travel as one array a column. ---


def _columns(rows: list[rules.Row]) -> dict[str, list[Any]]:
    return {f"all_{name}": [row[name] for row in rows] for name in rows[0]}


def _unnested(table: type[TenantTable], names: Sequence[str]) -> Select[*tuple[Any, ...]]:
    types = {name: table.__table__.c[name].type for name in names}
    arrays = [bindparam(f"all_{name}", type_=ARRAY(kind, dimensions=1)) for name, kind in types.items()]
    parts = [column(name, kind) for name, kind in types.items()]
    rows = func.unnest(*arrays).table_valued(*parts).render_derived(name="rows")
    return select(*(rows.c[name] for name in names))


def _insert(table: type[TenantTable], names: Sequence[str]) -> Insert:
    return upsert(table).from_select(list(names), _unnested(table, names), include_defaults=False)


def _save(table: type[TenantTable], names: Sequence[str], key: Sequence[str], fixed: Sequence[str] = ()) -> Insert:
    """Return an upsert by `key`; of a row that is there, all follows but its id, its key and what is `fixed`.

    A row that says what is there already is left alone, and not returned.
    """
    statement = _insert(table, names)
    followers = [name for name in names if name not in {"id", *key, *fixed}]
    now = tuple_(*(table.__table__.c[name] for name in followers))
    then = tuple_(*(statement.excluded[name] for name in followers))
    return statement.on_conflict_do_update(
        index_elements=["tenant_id", *key],
        set_={name: statement.excluded[name] for name in followers},
        where=now.is_distinct_from(then),
    )


def _save_part(kind: rules.RetractedKind) -> ReturningInsert[bool]:
    names = ("id", "patient_id", *rules.COLUMNS[kind])
    # `old` is the row before the statement (PostgreSQL 18, RETURNING): there is none where one was inserted.
    was_new = literal_column("old.id IS NULL", Boolean).label("is_new")
    return _save(CHART[kind], names, ("patient_id", "source_id")).returning(was_new)


def _forget(table: type[TenantTable]) -> Delete:
    """Return the deletion of what patients' charts no longer name: every row of theirs that is not among the kept."""
    there = table.__table__.c
    arrays = (bindparam("owners", type_=ARRAY(Uuid, dimensions=1)), bindparam("kept", type_=ARRAY(Text, dimensions=1)))
    parts = (column("owner", Uuid), column("source_id", Text))
    kept = func.unnest(*arrays).table_valued(*parts).render_derived(name="kept_rows")
    named = exists().where(kept.c.owner == there.patient_id, kept.c.source_id == there.source_id)
    whose = there.patient_id == any_(bindparam("patient_ids", type_=ARRAY(Uuid, dimensions=1)))
    return delete(table).where(whose, ~named)


_SAVE_PATIENTS = _save(
    Patient,
    ("id", "clinic_id", "source", "source_id", *rules.COLUMNS["patient"], "updated_at"),
    ("source", "source_id"),
    fixed=("clinic_id",),
)
_SAVE_PRACTITIONERS = _save(Practitioner, ("id", *rules.COLUMNS["practitioner"], "updated_at"), ("npi",))
_SAVE_CHART = {kind: _save_part(kind) for kind in CHART}
_FORGET = {kind: _forget(table) for kind, table in CHART.items()}
_KEEP = _insert(
    EhrMessage,
    ("id", "source", "kind", "source_id", "version", "digest", "body", "patient_id", "received_at"),
)
