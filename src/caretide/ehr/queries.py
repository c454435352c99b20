"""What the EHR has said so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text, any_, bindparam, select
from sqlalchemy.dialects.postgresql import distinct_on

from caretide.ehr.models import EhrMessage
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients.models import Patient
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx


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
