"""Questions about running timers, recorded time and locked months."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, and_, any_, bindparam, exists, func, or_, select
from sqlalchemy.orm import aliased

from caretide.kernel.fields import Needs, all_shown
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients.models import Patient
from caretide.runtime.access import remembered, requires
from caretide.runtime.db import Ids, cipher
from caretide.runtime.tx import Tx
from caretide.tenants.models import Clinic, Member
from caretide.time_log.models import Draft, MonthLock, MonthSum, TimeApproval, TimeEntry, Timer
from caretide.time_log.rules import ACTIVITY_TYPES, AWAITING, EntryFacts, verify
from caretide.time_log.schemas import ApprovalsPage, AwaitingRow

NOTE_PLACE = b"time_log_entries.note"
"""The place that a note is sealed for."""
Written = Needs(Permission.NOTE_READ)
REASON_PLACE = b"time_log_entries.entry_reason"
"""The place that the reason of a told entry is sealed for."""
PAGE = 50
"""Waiting entries on a page."""

_IDS = bindparam("ids", type_=Ids())


@dataclass(frozen=True, slots=True)
class TimerRow:
    """A running timer of a member."""

    id: UUID
    member_id: UUID
    person: str
    patient_id: UUID
    enrollment_id: UUID
    program: str
    activity_type: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry of a patient. A voided one stays, with its reason and who voided it."""

    id: UUID
    patient_id: UUID
    coordinator_id: UUID
    person: str
    credential: str
    staff_role: str
    enrollment_id: UUID
    program: str
    activity_type: str
    start_time: datetime
    end_time: datetime
    duration_secs: int
    note: Annotated[str | None, Written]
    is_void: bool
    void_reason: Annotated[str | None, Written]
    voided_by: str | None
    voided_at: datetime | None
    source: str = "timer"
    supersedes_id: UUID | None = None
    entry_reason: Annotated[str | None, Written] = None
    decision: str | None = None
    decided_by: str | None = None

    @property
    def awaits(self) -> bool:
        """Whether it stands, but counts for nothing until a second person approves it."""
        return self.source in AWAITING and self.decision is None and not self.is_void


@dataclass(frozen=True, slots=True)
class CloseRow:
    """An entry as the rules need it; `practitioner_id` says which practitioner the member is, if one."""

    id: UUID
    patient_id: UUID
    enrollment_id: UUID
    program: str
    coordinator_id: UUID
    person: str
    credential: str
    staff_role: str
    practitioner_id: UUID | None
    activity_type: str
    start_time: datetime
    end_time: datetime
    duration_secs: int


@dataclass(frozen=True, slots=True)
class MonthSeconds:
    """Recorded seconds of a month: of staff and of practitioners where they can count, and those that never can.

    Sums, before consent, stays and overlapping time are looked at: the ruling has the last word. `awaiting` was entered
    after the fact and counts for nothing until a second person approves it; it is in none of the others.
    """

    staff: int = 0
    practitioner: int = 0
    uncounted: int = 0
    awaiting: int = 0

    @property
    def total(self) -> int:
        """All recorded seconds that stand; what awaits approval is not among them."""
        return self.staff + self.practitioner + self.uncounted


_TIMER = (
    Timer.id,
    Timer.member_id,
    Member.display_name,
    Timer.patient_id,
    Timer.enrollment_id,
    Timer.program,
    Timer.activity_type,
    Timer.started_at,
)
_RUNS_FOR = and_(Member.tenant_id == Timer.tenant_id, Member.id == Timer.member_id)


_LOGGED_BY = and_(Member.tenant_id == TimeEntry.tenant_id, Member.id == TimeEntry.coordinator_id)
_RUNNING = select(*_TIMER).join(Member, _RUNS_FOR).where(Timer.member_id == bindparam("member_id"))
_DECIDED = and_(TimeApproval.tenant_id == TimeEntry.tenant_id, TimeApproval.entry_id == TimeEntry.id)


@requires(Permission.TIME_READ, reads(Data.TIME))
@remembered
async def running_timer(tx: Tx) -> TimerRow | None:
    """Return the acting member's timer in this tenant. One that runs in another tenant is not told of."""
    row = (await tx.db.execute(_RUNNING, {"member_id": tx.actor.member_id})).one_or_none()
    if row is None:
        return None
    tx.touch(row.patient_id)
    return TimerRow(*row)


def draft_place(timer_id: UUID) -> str:
    """Return the place of the note that is typed beside a timer."""
    return f"timer:{timer_id}"


@requires(Permission.TIME_READ, reads(Data.NOTES))
async def draft_note(tx: Tx, timer_id: UUID) -> str:
    """Return what the acting member has typed beside their running timer and not saved; empty where that is nothing."""
    mine = select(Draft.text).where(Draft.place == draft_place(timer_id), Draft.member_id == tx.actor.member_id)
    return (await tx.db.execute(mine)).scalar_one_or_none() or ""


@requires(Permission.TIME_READ, reads(Data.TIME))
async def running_timers(tx: Tx, clinic_id: UUID) -> list[TimerRow]:
    """Return the timers that run at a clinic, the longest first: one that began in a month keeps it from closing."""
    wanted = select(*_TIMER).join(Member, _RUNS_FOR).where(Timer.clinic_id == clinic_id).order_by(Timer.started_at)
    rows = (await tx.db.execute(wanted)).all()
    tx.touch(*(row.patient_id for row in rows))
    return [TimerRow(*row) for row in rows]


@requires(Permission.TIME_READ, reads(Data.TIME, Data.NOTES))
async def entries(tx: Tx, patient_id: UUID, month: Month) -> list[EntryRow]:
    """Return a patient's entries of a month, voided ones too, the latest first."""
    tx.touch(patient_id)
    asked = {"patient_id": patient_id, "month": month.first}
    found = (_with_note(row) for row in (await tx.db.execute(_ENTRIES, asked)).all())
    return all_shown(found, tx.actor.permissions)


_VOIDER, _DECIDER = aliased(Member), aliased(Member)
_ENTRIES = (
    select(
        *(TimeEntry.id, TimeEntry.patient_id, TimeEntry.coordinator_id, Member.display_name, TimeEntry.credential),
        *(TimeEntry.staff_role, TimeEntry.enrollment_id, TimeEntry.program, TimeEntry.activity_type),
        *(TimeEntry.start_time, TimeEntry.end_time, TimeEntry.duration_secs, TimeEntry.note, TimeEntry.is_void),
        *(TimeEntry.void_reason, _VOIDER.display_name.label("voider"), TimeEntry.voided_at, TimeEntry.source),
        *(TimeEntry.supersedes_id, TimeEntry.entry_reason, TimeApproval.decision),
        _DECIDER.display_name.label("decider"),
    )
    .join(Member, _LOGGED_BY)
    .outerjoin(TimeApproval, _DECIDED)
    .outerjoin(_DECIDER, and_(_DECIDER.tenant_id == TimeEntry.tenant_id, _DECIDER.id == TimeApproval.approved_by))
    .outerjoin(_VOIDER, and_(_VOIDER.tenant_id == TimeEntry.tenant_id, _VOIDER.id == TimeEntry.voided_by))
    .where(TimeEntry.patient_id == bindparam("patient_id"), TimeEntry.service_month == bindparam("month"))
    .order_by(TimeEntry.start_time.desc(), TimeEntry.id.desc())
)


def _with_note(row: Row[*tuple[Any, ...]]) -> EntryRow:
    values: dict[str, Any] = dict(zip(EntryRow.__dataclass_fields__, row, strict=True))
    if row.note is not None:
        values["note"] = cipher().open(bytes(row.note), NOTE_PLACE).decode()
    if row.entry_reason is not None:
        values["entry_reason"] = cipher().open(bytes(row.entry_reason), REASON_PLACE).decode()
    return EntryRow(**values)


@requires(Permission.TIME_READ, reads(Data.TIME))
async def is_approved(tx: Tx, entry_id: UUID) -> bool:
    """Tell whether a second person let an entry count."""
    approved = exists().where(TimeApproval.entry_id == entry_id, TimeApproval.decision == "approved")
    return bool((await tx.db.execute(select(approved))).scalar_one())


# Written as the partial index is: PostgreSQL does not see that `IS FALSE` means `NOT`.
_WAITS = and_(TimeEntry.source.in_(AWAITING), ~TimeEntry.is_void, TimeApproval.id.is_(None))
IN_CLOSED_MONTH = exists().where(
    MonthLock.tenant_id == TimeEntry.tenant_id,
    MonthLock.clinic_id == TimeEntry.clinic_id,
    MonthLock.service_month == TimeEntry.service_month,
    MonthLock.released_at.is_(None),
)
"""Whether an entry's month is closed for its clinic: nobody decides over it then."""


@requires(Permission.TIME_APPROVE, reads(Data.TIME))
async def awaiting_count(tx: Tx, *, closed: bool = False) -> int:
    """Return how many entries wait for a second person in months that are open, or in closed ones."""
    wanted = select(func.count()).select_from(TimeEntry).outerjoin(TimeApproval, _DECIDED)
    where = IN_CLOSED_MONTH if closed else ~IN_CLOSED_MONTH
    return (await tx.db.execute(wanted.where(_WAITS, where))).scalar_one()


@requires(Permission.TIME_APPROVE, reads(Data.TIME, Data.NOTES, Data.DEMOGRAPHICS))
async def awaiting(tx: Tx, page: int = 1) -> list[AwaitingRow]:
    """Return a page of the entries that wait for a second person: in open months first."""
    enterer = aliased(Member)
    wanted = (
        select(
            *(TimeEntry.id, TimeEntry.patient_id, Patient.given, Patient.family, TimeEntry.coordinator_id),
            *(Member.display_name, TimeEntry.entered_by, enterer.display_name.label("enterer"), TimeEntry.program),
            *(TimeEntry.activity_type, TimeEntry.start_time, TimeEntry.end_time, TimeEntry.duration_secs),
            *(TimeEntry.entry_reason, TimeEntry.supersedes_id, Clinic.time_zone, IN_CLOSED_MONTH.label("closed")),
        )
        .join(Member, _LOGGED_BY)
        .join(Patient, and_(Patient.tenant_id == TimeEntry.tenant_id, Patient.id == TimeEntry.patient_id))
        .join(Clinic, and_(Clinic.tenant_id == TimeEntry.tenant_id, Clinic.id == TimeEntry.clinic_id))
        .outerjoin(enterer, and_(enterer.tenant_id == TimeEntry.tenant_id, enterer.id == TimeEntry.entered_by))
        .outerjoin(TimeApproval, _DECIDED)
        .where(_WAITS)
        # What can still be decided first: nobody decides over a closed month.
        .order_by(IN_CLOSED_MONTH, TimeEntry.start_time, TimeEntry.id)
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    )
    rows = (await tx.db.execute(wanted)).all()
    tx.touch(*(row.patient_id for row in rows))
    return [_awaiting(tx, row) for row in rows]


def _awaiting(tx: Tx, row: Row[*tuple[Any, ...]]) -> AwaitingRow:
    kind = ACTIVITY_TYPES.get(row.activity_type)
    return AwaitingRow(
        id=row.id,
        patient_id=row.patient_id,
        patient=f"{row.given} {row.family}".strip(),
        coordinator_id=row.coordinator_id,
        person=row.display_name,
        entered_by=row.enterer if row.entered_by != row.coordinator_id else None,
        program=row.program,
        activity_type=row.activity_type,
        activity=kind.label if kind else row.activity_type,
        start_time=row.start_time,
        end_time=row.end_time,
        duration_secs=row.duration_secs,
        reason=cipher().open(bytes(row.entry_reason), REASON_PLACE).decode(),
        is_correction=row.supersedes_id is not None,
        zone=ZoneInfo(row.time_zone),
        is_others=tx.actor.member_id not in {None, row.coordinator_id, row.entered_by},
        is_closed=row.closed,
    )


@requires(Permission.TIME_APPROVE, reads(Data.TIME, Data.NOTES, Data.DEMOGRAPHICS))
async def approvals_page(tx: Tx, page: int) -> ApprovalsPage:
    """Return a page of approvals; the last one for a number beyond it."""
    waiting, closed = await awaiting_count(tx), await awaiting_count(tx, closed=True)
    pages = max(1, -(-(waiting + closed) // PAGE))
    page = min(max(page, 1), pages)
    return ApprovalsPage(lines=tuple(await awaiting(tx, page)), waiting=waiting, closed=closed, page=page, pages=pages)


@requires(Permission.TIME_READ, reads(Data.TIME))
async def month_seconds(
    tx: Tx, patient_ids: Sequence[UUID] | None, month: Month
) -> dict[tuple[UUID, str], MonthSeconds]:
    """Return the month's live seconds by patient and program: of those named, or of all; sums that triggers keep.

    Who has none is absent.
    """
    wanted = select(
        MonthSum.patient_id,
        MonthSum.program,
        MonthSum.staff_secs,
        MonthSum.practitioner_secs,
        MonthSum.uncounted_secs,
        MonthSum.awaiting_secs,
    ).where(MonthSum.service_month == month.first, MonthSum.entries > 0)
    if patient_ids is not None:
        wanted = wanted.where(MonthSum.patient_id == any_(_IDS))
    rows = (await tx.db.execute(wanted, {} if patient_ids is None else {"ids": list(patient_ids)})).all()
    found = {(row[0], row[1]): MonthSeconds(*row[2:]) for row in rows}
    tx.touch(*(patient_id for patient_id, _ in found))
    return found


@requires(Permission.TIME_READ, reads(Data.TIME))
async def entries_for_close(
    tx: Tx, clinic_id: UUID, month: Month, patient_ids: Sequence[UUID] | None = None
) -> list[CloseRow]:
    """Return a clinic's live entries of a month, by patient and time: of the patients named, or of all. No notes.

    Time that nobody approved yet is not among them: a ruling never rests on it.
    """
    asked: dict[str, Any] = {"clinic_id": clinic_id, "month": month.first}
    if patient_ids is not None:
        asked["ids"] = patient_ids
    rows = (await tx.db.execute(_COUNTING if patient_ids is None else _COUNTING_OF, asked)).all()
    tx.touch(*{row.patient_id for row in rows})
    return [CloseRow(*row) for row in rows]


_COUNTING = (
    select(
        *(TimeEntry.id, TimeEntry.patient_id, TimeEntry.enrollment_id, TimeEntry.program, TimeEntry.coordinator_id),
        *(Member.display_name, TimeEntry.credential, TimeEntry.staff_role, Member.practitioner_id),
        *(TimeEntry.activity_type, TimeEntry.start_time, TimeEntry.end_time, TimeEntry.duration_secs),
    )
    .join(Member, _LOGGED_BY)
    .outerjoin(TimeApproval, _DECIDED)
    .where(
        TimeEntry.clinic_id == bindparam("clinic_id"),
        TimeEntry.service_month == bindparam("month"),
        TimeEntry.is_void.is_(False),
        or_(TimeEntry.source.not_in(AWAITING), TimeApproval.decision == "approved"),
    )
    .order_by(TimeEntry.patient_id, TimeEntry.start_time, TimeEntry.id)
)
_COUNTING_OF = _COUNTING.where(TimeEntry.patient_id == any_(_IDS))


@requires(Permission.TIME_READ, reads(Data.TIME))
async def last_contact(tx: Tx, patient_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """Return when each patient was last reached, as far as recorded time tells; who never was is absent."""
    rows = (await tx.db.execute(_CONTACTS, {"ids": patient_ids})).all()
    tx.touch(*(row.patient_id for row in rows))
    return {patient_id: at for patient_id, at in rows if at is not None}


_CONTACTS = (
    select(MonthSum.patient_id, func.max(MonthSum.last_contact_at))
    .where(MonthSum.patient_id == any_(_IDS), MonthSum.last_contact_at.is_not(None))
    .group_by(MonthSum.patient_id)
)


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def is_locked(tx: Tx, clinic_id: UUID, month: Month) -> bool:
    """Tell whether a clinic's month is locked."""
    asked = {"clinic_id": clinic_id, "month": month.first}
    return bool((await tx.db.execute(_LOCKED, asked)).scalar_one())


_LOCKED = select(
    exists().where(
        MonthLock.clinic_id == bindparam("clinic_id"),
        MonthLock.service_month == bindparam("month"),
        MonthLock.released_at.is_(None),
    )
)


@requires(Permission.AUDIT_READ, reads(Data.TIME))
async def altered(tx: Tx, month: Month) -> list[UUID]:
    """Return the month's entries, voided ones too, that are no longer what was inserted: their hash does not fit."""
    names = list(EntryFacts.__dataclass_fields__)
    columns = [TimeEntry.__table__.columns[name] for name in names]
    wanted = select(*columns, TimeEntry.row_hash).where(TimeEntry.service_month == month.first)
    rows = (await tx.db.execute(wanted.order_by(TimeEntry.id))).all()
    tx.note(month=str(month), checked=len(rows))
    return [row.id for row in rows if not verify(EntryFacts(**dict(zip(names, row, strict=False))), row.row_hash)]
