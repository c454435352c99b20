"""Whether the trail holds: every leaf worked out anew, every column compared with its bytes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text, tuple_

from caretide.audit.rules import fault_of
from caretide.audit.schemas import Verified
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime.access import requires
from caretide.runtime.models import AuditEvent
from caretide.runtime.tx import Tx

BATCH = 2000

# Patients that the bytes name and the table does not, or the other way round; the first by time.
_PARTED = text(
    """
    WITH said AS (
        SELECT e.id, CAST(named.patient AS uuid) AS patient_id
        FROM audit_events AS e,
        jsonb_array_elements_text(CAST(convert_from(e.canonical, 'UTF8') AS jsonb) -> 'patients') AS named(patient)
    ), parted AS (
        (SELECT id, patient_id FROM said EXCEPT SELECT id, patient_id FROM audit_event_patients)
        UNION ALL
        (SELECT id, patient_id FROM audit_event_patients EXCEPT SELECT id, patient_id FROM said)
    )
    SELECT parted.id, e.at FROM parted LEFT JOIN audit_events AS e ON e.id = parted.id
    ORDER BY e.at NULLS FIRST, parted.id LIMIT 1
    """
)


@requires(Permission.AUDIT_READ, reads(Data.AUDIT))
async def verify(tx: Tx) -> Verified:
    """Check every event of the tenant, by time; stop at the first that does not hold and name it.

    Events that are missing altogether leave no trace here: that is for the seals to find.
    """
    counted = 0
    place: tuple[datetime, UUID] | None = None
    base = select(AuditEvent.__table__).order_by(AuditEvent.at, AuditEvent.id).limit(BATCH)
    while True:
        wanted = base if place is None else base.where(tuple_(AuditEvent.at, AuditEvent.id) > tuple_(*place))
        rows = (await tx.db.execute(wanted)).mappings().all()
        for row in rows:
            if fault := fault_of(row):
                return Verified(events=counted, fault=fault, event_id=row["id"], at=row["at"])
            counted += 1
        if len(rows) < BATCH:
            break
        place = (rows[-1]["at"], rows[-1]["id"])
    parted = (await tx.db.execute(_PARTED)).one_or_none()
    if parted is not None:
        fault = "the table of patients says something else than the bytes"
        return Verified(events=counted, fault=fault, event_id=parted.id, at=parted.at)
    return Verified(events=counted)
