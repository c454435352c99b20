"""What waits for a second person."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, and_, bindparam, exists, func, select
from sqlalchemy.orm import aliased

from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients.models import Patient
from caretide.runtime.access import requires
from caretide.runtime.db import cipher
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.models import Clinic, Member
from caretide.tenants.rules.waivers import WaiverRow
from caretide.time_log.models import Activity, MonthLock, TimeApproval, TimeEntry
from caretide.time_log.queries.activities import NAMED_ENTRY, words
from caretide.time_log.rules import AWAITING
from caretide.time_log.schemas import ApprovalsPage, AwaitingRow, WaivedUse

PAGE = 50
"""Waiting entries on a page."""
REASON_PLACE = b"time_log_entries.entry_reason"
"""The place that the reason of a told entry is sealed for."""
LOGGED_BY = and_(Member.tenant_id == TimeEntry.tenant_id, Member.id == TimeEntry.coordinator_id)
"""Whose time an entry is."""
DECIDED = and_(TimeApproval.tenant_id == TimeEntry.tenant_id, TimeApproval.entry_id == TimeEntry.id)
"""What was decided over an entry."""


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
    wanted = select(func.count()).select_from(TimeEntry).outerjoin(TimeApproval, DECIDED)
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
            *(
                Activity.label,
                TimeEntry.entry_reason,
                TimeEntry.supersedes_id,
                Clinic.time_zone,
                IN_CLOSED_MONTH.label("closed"),
            ),
        )
        .join(Member, LOGGED_BY)
        .join(Patient, and_(Patient.tenant_id == TimeEntry.tenant_id, Patient.id == TimeEntry.patient_id))
        .join(Clinic, and_(Clinic.tenant_id == TimeEntry.tenant_id, Clinic.id == TimeEntry.clinic_id))
        .outerjoin(enterer, and_(enterer.tenant_id == TimeEntry.tenant_id, enterer.id == TimeEntry.entered_by))
        .outerjoin(TimeApproval, DECIDED)
        .outerjoin(Activity, NAMED_ENTRY)
        .where(_WAITS)
        # What can still be decided first: nobody decides over a closed month.
        .order_by(IN_CLOSED_MONTH, TimeEntry.start_time, TimeEntry.id)
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    )
    rows = (await tx.db.execute(wanted)).all()
    tx.touch(*(row.patient_id for row in rows))
    is_mine = any(tx.actor.member_id in {row.coordinator_id, row.entered_by} for row in rows)
    waiver = await tenants.my_waiver(tx, "approve_own_time") if is_mine else None
    return [_awaiting(tx, row, waiver) for row in rows]


def _awaiting(tx: Tx, row: Row[*tuple[Any, ...]], waiver: WaiverRow | None) -> AwaitingRow:
    is_others = tx.actor.member_id not in {None, row.coordinator_id, row.entered_by}
    return AwaitingRow(
        id=row.id,
        patient_id=row.patient_id,
        patient=f"{row.given} {row.family}".strip(),
        coordinator_id=row.coordinator_id,
        person=row.display_name,
        entered_by=row.enterer if row.entered_by != row.coordinator_id else None,
        program=row.program,
        activity_type=row.activity_type,
        activity=words(row.activity_type, row.label),
        start_time=row.start_time,
        end_time=row.end_time,
        duration_secs=row.duration_secs,
        reason=cipher().open(bytes(row.entry_reason), REASON_PLACE).decode(),
        is_correction=row.supersedes_id is not None,
        zone=ZoneInfo(row.time_zone),
        is_others=is_others,
        waived_until=waiver.ends_on if waiver and not is_others else None,
        is_closed=row.closed,
    )


@requires(Permission.TIME_APPROVE, reads(Data.TIME, Data.NOTES, Data.DEMOGRAPHICS))
async def approvals_page(tx: Tx, page: int) -> ApprovalsPage:
    """Return a page of approvals; the last one for a number beyond it."""
    waiting, closed = await awaiting_count(tx), await awaiting_count(tx, closed=True)
    pages = max(1, -(-(waiting + closed) // PAGE))
    page = min(max(page, 1), pages)
    return ApprovalsPage(lines=tuple(await awaiting(tx, page)), waiting=waiting, closed=closed, page=page, pages=pages)


_WAIVED = (
    select(
        TimeApproval.waiver_id,
        func.count().label("entries"),
        func.coalesce(func.sum(TimeEntry.duration_secs).filter(~TimeEntry.is_void), 0).label("seconds"),
    )
    .join(TimeEntry, DECIDED)
    .where(TimeApproval.waiver_id.is_not(None), TimeEntry.service_month == bindparam("month"))
    .group_by(TimeApproval.waiver_id)
)


@requires(Permission.TIME_READ, reads(Data.TIME, Data.STAFF))
async def waived_in(tx: Tx, month: Month, clinic_ids: Sequence[UUID] | None = None) -> list[WaivedUse]:
    """Return what was decided in a month under waivers of separated duties: at some clinics or all, by waiver."""
    wanted = _WAIVED if clinic_ids is None else _WAIVED.where(TimeEntry.clinic_id.in_(clinic_ids))
    rows = (await tx.db.execute(wanted, {"month": month.first})).all()
    named = await tenants.waivers_named(tx, [row.waiver_id for row in rows])
    return [WaivedUse(waiver=named[row.waiver_id], entries=row.entries, seconds=row.seconds) for row in rows]
