"""How a stretch of work becomes rows: cut at the clinic's months, sealed and under a hash."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import insert

from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.runtime.db import cipher
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.time_log.models import TimeEntry
from caretide.time_log.rules import AWAITING, EntryFacts, row_hash, split_by_month

_INSERT_ENTRY = insert(TimeEntry)


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry that was recorded; `awaits` until a second person approves it."""

    id: UUID
    patient_id: UUID
    month: str
    start_time: datetime
    end_time: datetime
    seconds: int
    awaits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """What the entries of one stretch of work share."""

    patient_id: UUID
    coordinator_id: UUID
    account_id: UUID | None
    enrollment_id: UUID
    clinic_id: UUID
    program: str
    staff_role: str
    credential: str


class Kind(NamedTuple):
    """What work is recorded as: the standard type, and the version of the tenant's own name for it, if it has one."""

    activity_type: str
    activity_id: UUID | None = None


_WHOSE = tuple(one.name for one in fields(Whose))


async def insert_entries(
    tx: Tx,
    whose: Whose,
    kind: Kind,
    stretches: Sequence[tuple[datetime, datetime, str]],
    *,
    note: bytes | None,
    reason: bytes | None = None,
    supersedes_id: UUID | None = None,
) -> list[Logged]:
    """Insert stretches (start, end, source) in whole seconds, each cut at the clinic's months."""
    zone = (await tenants.clinic(tx, whose.clinic_id)).zone
    made = [
        EntryFacts(
            id=new_id(),
            tenant_id=tx.tenant_id,
            activity_type=kind.activity_type,
            activity_id=kind.activity_id,
            start_time=piece.start,
            end_time=piece.end,
            service_month=piece.month.first,
            source=source,
            note=note,
            supersedes_id=supersedes_id,
            entry_reason=reason,
            **{name: getattr(whose, name) for name in _WHOSE},
        )
        for start, end, source in stretches
        for piece in split_by_month(start, end, zone)
    ]
    rows = [_row(one) for one in made]
    await tx.db.execute(_INSERT_ENTRY, rows[0] if len(rows) == 1 else rows)
    tx.note(entries=[str(one.id) for one in made])
    return [_logged(one) for one in made]


def sealed(text: str, place: bytes) -> bytes | None:
    """Seal what was written for the place that it is kept in; None where nothing was."""
    return cipher().seal(text.encode(), place) if text else None


_ENTRY_COLUMNS = tuple(one.name for one in fields(EntryFacts) if one.name != "tenant_id")


def _row(entry: EntryFacts) -> dict[str, Any]:
    """Return an entry's columns. The database fills in the tenant from the context; the hash covers it all the same."""
    values = {name: getattr(entry, name) for name in _ENTRY_COLUMNS}
    return {**values, "row_hash": row_hash(entry)}


def _logged(entry: EntryFacts) -> Logged:
    seconds = int((entry.end_time - entry.start_time).total_seconds())
    month, waits = str(Month.of(entry.service_month)), entry.source in AWAITING
    return Logged(entry.id, entry.patient_id, month, entry.start_time, entry.end_time, seconds, waits)
