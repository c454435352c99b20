"""Questions about running timers, recorded time and locked months; beside them what waits, and kinds of work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import Row, and_, any_, bindparam, exists, func, or_, select
from sqlalchemy.orm import aliased

from caretide.kernel.fields import Needs, all_shown
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime.access import remembered, requires
from caretide.runtime.db import Ids, cipher
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.models import Member
from caretide.time_log.models import Activity, Draft, MonthLock, MonthSum, TimeApproval, TimeEntry, Timer, TimerSign
from caretide.time_log.queries.activities import NAMED_ENTRY as NAMED_ENTRY
from caretide.time_log.queries.activities import NAMED_TIMER as NAMED_TIMER
from caretide.time_log.queries.activities import activities as activities
from caretide.time_log.queries.activities import activities_page as activities_page
from caretide.time_log.queries.activities import activity_named as activity_named
from caretide.time_log.queries.activities import changes_of_activities as changes_of_activities
from caretide.time_log.queries.activities import recorded_words as recorded_words
from caretide.time_log.queries.activities import words as words
from caretide.time_log.queries.approvals import DECIDED, LOGGED_BY
from caretide.time_log.queries.approvals import IN_CLOSED_MONTH as IN_CLOSED_MONTH
from caretide.time_log.queries.approvals import PAGE as PAGE
from caretide.time_log.queries.approvals import REASON_PLACE as REASON_PLACE
from caretide.time_log.queries.approvals import approvals_page as approvals_page
from caretide.time_log.queries.approvals import awaiting as awaiting
from caretide.time_log.queries.approvals import awaiting_count as awaiting_count
from caretide.time_log.queries.approvals import is_approved as is_approved
from caretide.time_log.queries.approvals import waived_in as waived_in
from caretide.time_log.rules import AWAITING, EntryFacts, Signs, verify

NOTE_PLACE = b"time_log_entries.note"
"""The place that a note is sealed for."""
DRAFT_PLACE = "timer:"
"""What the place of a note begins with that is typed beside a timer; the timer's id follows."""
Written = Needs(Permission.NOTE_READ)

_IDS = bindparam("ids", type_=Ids())


@dataclass(frozen=True, slots=True)
class TimerRow:
    """A running timer of a member. `activity_type` is the standard type; `activity` what the tenant calls it.

    `alive_at` is when a page last saw a sign of life, `call_until` the end of a call that was told of, and from
    `away_from` to `away_to` nobody was seen and nobody said why.
    """

    id: UUID
    member_id: UUID
    person: str
    patient_id: UUID
    enrollment_id: UUID
    program: str
    activity_type: str
    started_at: datetime
    activity: str = ""
    alive_at: datetime | None = None
    call_until: datetime | None = None
    away_from: datetime | None = None
    away_to: datetime | None = None

    @property
    def signs(self) -> Signs:
        """What is known of whether its person is there."""
        away = (self.away_from, self.away_to) if self.away_from and self.away_to else None
        return Signs(
            started_at=self.started_at,
            activity_type=self.activity_type,
            alive_at=self.alive_at,
            call_until=self.call_until,
            away=away,
        )


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry of a patient. A voided one stays, with its reason and who voided it.

    `is_waived`: whoever decided over it did so alone, under a waiver of separated duties.
    `activity_type` is the standard type that it counts as; `activity` is what it was recorded as, in the words of then.
    """

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
    is_waived: bool = False
    activity: str = ""
    activity_code: str = ""

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
    activity_id: UUID | None = None
    waiver_id: UUID | None = None


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
    Activity.label,
    *(TimerSign.alive_at, TimerSign.call_until, TimerSign.away_from, TimerSign.away_to),
)
_SIGNS = and_(TimerSign.tenant_id == Timer.tenant_id, TimerSign.timer_id == Timer.id)
_RUNS_FOR = and_(Member.tenant_id == Timer.tenant_id, Member.id == Timer.member_id)


_TIMERS = select(*_TIMER).join(Member, _RUNS_FOR).outerjoin(Activity, NAMED_TIMER).outerjoin(TimerSign, _SIGNS)
_RUNNING = _TIMERS.where(Timer.member_id == bindparam("member_id"))


@requires(Permission.TIME_READ, reads(Data.TIME))
@remembered
async def running_timer(tx: Tx) -> TimerRow | None:
    """Return the acting member's timer in this tenant. One that runs in another tenant is not told of."""
    row = (await tx.db.execute(_RUNNING, {"member_id": tx.actor.member_id})).one_or_none()
    if row is None:
        return None
    tx.touch(row.patient_id)
    return _timer(row)


def _timer(row: Row[*tuple[Any, ...]]) -> TimerRow:
    values: dict[str, Any] = dict(zip(TimerRow.__dataclass_fields__, row, strict=True))
    values["activity"] = words(row.activity_type, row.label)
    return TimerRow(**values)


def draft_place(timer_id: UUID) -> str:
    """Return the place of the note that is typed beside a timer."""
    return f"{DRAFT_PLACE}{timer_id}"


@requires(Permission.TIME_READ, reads(Data.NOTES))
async def draft_note(tx: Tx, timer_id: UUID) -> str:
    """Return what the acting member has typed beside their running timer and not saved; empty where that is nothing."""
    mine = select(Draft.text).where(Draft.place == draft_place(timer_id), Draft.member_id == tx.actor.member_id)
    return (await tx.db.execute(mine)).scalar_one_or_none() or ""


@requires(Permission.TIME_READ, reads(Data.TIME))
async def running_timers(tx: Tx, clinic_id: UUID) -> list[TimerRow]:
    """Return the timers that run at a clinic, the longest first: one that began in a month keeps it from closing."""
    wanted = _TIMERS.where(Timer.clinic_id == clinic_id).order_by(Timer.started_at)
    rows = (await tx.db.execute(wanted)).all()
    tx.touch(*(row.patient_id for row in rows))
    return [_timer(row) for row in rows]


@requires(Permission.TIME_READ, reads(Data.TIME))
async def silent_timers(tx: Tx) -> list[tuple[UUID, UUID]]:
    """Return the timers whose question waited too long for an answer, each with the member whose it is."""
    ask = timedelta(minutes=(await tenants.my_tenant(tx)).timer_ask_minutes)
    found = [_timer(row) for row in (await tx.db.execute(_TIMERS.where(TimerSign.alive_at < tx.now - ask))).all()]
    stopping = [one for one in found if (at := one.signs.stops_at(ask)) is not None and at <= tx.now]
    tx.touch(*(one.patient_id for one in stopping))
    return [(one.id, one.member_id) for one in stopping]


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
        *(_DECIDER.display_name.label("decider"), TimeApproval.waiver_id.is_not(None).label("waived")),
        *(Activity.label, Activity.code),
    )
    .join(Member, LOGGED_BY)
    .outerjoin(Activity, NAMED_ENTRY)
    .outerjoin(TimeApproval, DECIDED)
    .outerjoin(_DECIDER, and_(_DECIDER.tenant_id == TimeEntry.tenant_id, _DECIDER.id == TimeApproval.approved_by))
    .outerjoin(_VOIDER, and_(_VOIDER.tenant_id == TimeEntry.tenant_id, _VOIDER.id == TimeEntry.voided_by))
    .where(TimeEntry.patient_id == bindparam("patient_id"), TimeEntry.service_month == bindparam("month"))
    .order_by(TimeEntry.start_time.desc(), TimeEntry.id.desc())
)


def _with_note(row: Row[*tuple[Any, ...]]) -> EntryRow:
    values: dict[str, Any] = dict(zip(EntryRow.__dataclass_fields__, row, strict=True))
    values["activity"] = words(row.activity_type, row.label)
    values["activity_code"] = row.code or row.activity_type
    if row.note is not None:
        values["note"] = cipher().open(bytes(row.note), NOTE_PLACE).decode()
    if row.entry_reason is not None:
        values["entry_reason"] = cipher().open(bytes(row.entry_reason), REASON_PLACE).decode()
    return EntryRow(**values)


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
        *(TimeEntry.activity_id, TimeApproval.waiver_id),
    )
    .join(Member, LOGGED_BY)
    .outerjoin(TimeApproval, DECIDED)
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
