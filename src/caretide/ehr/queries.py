"""What the EHR has said so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text, any_, bindparam, select
from sqlalchemy.dialects.postgresql import distinct_on

from caretide.ehr.models import EhrMessage, ImportRun
from caretide.ehr.schemas import ImportOut, ImportsPage, RunOut
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients.models import Patient
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants


@dataclass(frozen=True, slots=True)
class Version:
    """The newest accepted version of a message."""

    number: int
    digest: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A patient who is here already, and where."""

    id: UUID
    clinic_id: UUID


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One accepted version; `body` is the contract message as JSON."""

    version: int
    digest: str
    body: str
    received_at: datetime


_ANY_SOURCE_ID = any_(bindparam("source_ids", type_=ARRAY(Text, dimensions=1)))
_SOURCE = bindparam("source", type_=Text)

_NEWEST = (
    select(EhrMessage.source_id, EhrMessage.version, EhrMessage.digest)
    .ext(distinct_on(EhrMessage.source_id))
    .where(
        EhrMessage.source == _SOURCE,
        EhrMessage.kind == bindparam("kind", type_=Text),
        EhrMessage.source_id == _ANY_SOURCE_ID,
    )
    .order_by(EhrMessage.source_id, EhrMessage.version.desc())
)
_PLACED = select(Patient.source_id, Patient.id, Patient.clinic_id).where(
    Patient.source == _SOURCE, Patient.source_id == _ANY_SOURCE_ID
)


@requires(Permission.PATIENT_IMPORT, reads(Data.SOURCE))
async def newest(tx: Tx, source: str, kind: str, source_ids: Sequence[str]) -> dict[str, Version]:
    """Return number and digest of the newest version of each message that was ever accepted, by source id."""
    asked = {"source": source, "kind": kind, "source_ids": list(source_ids)}
    return {row.source_id: Version(row.version, row.digest) for row in (await tx.db.execute(_NEWEST, asked)).all()}


@requires(Permission.PATIENT_IMPORT, reads(Data.DEMOGRAPHICS, Data.SOURCE))
async def placed(tx: Tx, source: str, source_ids: Sequence[str]) -> dict[str, Placed]:
    """Return id and clinic of the patients who are here already, by source id."""
    asked = {"source": source, "source_ids": list(source_ids)}
    return {row.source_id: Placed(row.id, row.clinic_id) for row in (await tx.db.execute(_PLACED, asked)).all()}


@requires(Permission.CHART_READ, reads(Data.SOURCE))
async def history(tx: Tx, patient_id: UUID) -> list[MessageRow]:
    """Return every version of what the EHR said of a patient, oldest first."""
    wanted = (
        select(EhrMessage.version, EhrMessage.digest, EhrMessage.body, EhrMessage.received_at)
        .where(EhrMessage.patient_id == patient_id)
        .order_by(EhrMessage.version)
    )
    tx.touch(patient_id)
    return [MessageRow(*row) for row in (await tx.db.execute(wanted)).all()]


@requires(Permission.PATIENT_IMPORT, reads(Data.SETTINGS))
async def may_import(tx: Tx) -> None:
    """Refuse those who may not import, before anything of their file is read."""
    del tx


@requires(Permission.PATIENT_IMPORT, reads(Data.SETTINGS))
async def runs(tx: Tx, limit: int = 50) -> list[RunOut]:
    """Return the last imports, newest first."""
    names = {clinic.id: clinic.name for clinic in await tenants.clinics(tx)}
    wanted = (
        select(
            ImportRun.id,
            ImportRun.clinic_id,
            ImportRun.source,
            ImportRun.started_at,
            ImportRun.finished_at,
            ImportRun.counts,
        )
        .order_by(ImportRun.started_at.desc(), ImportRun.id.desc())
        .limit(limit)
    )
    return [
        RunOut(
            id=row.id,
            clinic_id=row.clinic_id,
            clinic=names[row.clinic_id],
            source=row.source,
            started_at=row.started_at,
            finished_at=row.finished_at,
            # Removed are those that the source no longer names.
            patients=sum(count for what, count in row.counts.get("patient", {}).items() if what != "removed"),
            refused=row.counts.get("refused", 0),
        )
        for row in (await tx.db.execute(wanted)).all()
    ]


@requires(Permission.PATIENT_IMPORT, reads(Data.SETTINGS))
async def imports_page(tx: Tx, done: ImportOut | None = None) -> ImportsPage:
    """Return the imports so far, and where the next could go."""
    places = [(str(clinic.id), clinic.name) for clinic in await tenants.clinics(tx)]
    return ImportsPage(clinics=places, runs=await runs(tx), done=done)
