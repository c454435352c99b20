"""The members of the team: one page of them, each with the month of their panel, their time and their attempts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, and_, any_, bindparam, exists, func, or_, select, tuple_

from caretide.billing.models import StandingCount
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.outreach.models import AttemptDay
from caretide.reports.rules import team as rules
from caretide.reports.schemas.team import TeamMember
from caretide.runtime.access import requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants.models import Member
from caretide.time_log.models import MemberDay, TimeApproval, TimeEntry
from caretide.time_log.queries import IN_CLOSED_MONTH
from caretide.ui.charts import Bar, BarChart, Spark
from caretide.ui.filters import hms
from caretide.ui.tables import Column, Listing, sort_of

COLUMNS: Final = (
    Column("Member", "name"),
    Column("Panel", "panel", "number", falling=True),
    Column("Month progress", "progress", "wide"),
    Column("Today", "", "number"),
    Column("Week", "", "number"),
    Column("Month", "time", "number", falling=True),
    Column("By day"),
    Column("Reached per attempt", "reach", "number", falling=True),
    Column("Awaiting", "", "number"),
    Column("Voided", "", "number"),
)

Months = Sequence[tuple[Any, date]]
_IDS = bindparam("ids", type_=Ids())
# Written as the partial index is: PostgreSQL does not see that `IS FALSE` means `NOT`.
_AFTERWARDS = and_(TimeEntry.source.in_(("manual", "correction_adding")), ~TimeEntry.is_void)


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the members are sorted (a key of `COLUMNS`, with a minus for downward), and which page of them."""

    sort: str = ""
    page: int = 1


@dataclass(slots=True)
class _Facts:
    """What is known of the members of a page, by member."""

    bands: dict[UUID | None, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    days: dict[UUID, dict[date, int]] = field(default_factory=lambda: defaultdict(dict))
    tries: dict[UUID, tuple[int, int]] = field(default_factory=dict[UUID, tuple[int, int]])
    voided: dict[UUID, int] = field(default_factory=dict[UUID, int])


@requires(Permission.TEAM_READ, reads(Data.STAFF, Data.TIME, Data.MONTH))
async def page(
    tx: Tx, months: Months, today: date, wanted: Wanted, waits: Mapping[UUID, int]
) -> tuple[Listing, tuple[TeamMember, ...]]:
    """Return a page of the members who look after patients; `waits` are entries that wait for approval, by member."""
    listing = Listing(path="/team", columns=COLUMNS, sort=sort_of(wanted.sort, COLUMNS, "name"), id="members")
    everybody = _at_work(months)
    total: int = (await tx.db.execute(select(func.count()).select_from(everybody.subquery()))).scalar_one()
    listing = listing.at(wanted.page, total)
    shown = _sorted(everybody, listing.sort, months, today).limit(listing.size).offset(listing.offset)
    rows = (await tx.db.execute(shown)).all()
    found = await _facts(tx, [row.id for row in rows], months, today)
    return listing, tuple(_member(row, found, today, waits) for row in rows)


@requires(Permission.TEAM_READ, reads(Data.STAFF, Data.TIME, Data.MONTH))
async def one(tx: Tx, member_id: UUID, months: Months, today: date) -> TeamMember | None:
    """Return one member's month, at work or not; None for an unknown one."""
    wanted = select(Member.id, Member.display_name, Member.credential, Member.weekly_hours).where(
        Member.id == member_id
    )
    row = (await tx.db.execute(wanted)).one_or_none()
    if row is None:
        return None
    return _member(row, await _facts(tx, [member_id], months, today), today, await awaiting(tx))


def _at_work(months: Months) -> Select[*tuple[Any, ...]]:
    """Ask for coordinators at work, and for whoever else at work has a panel."""
    panel = exists().where(
        StandingCount.tenant_id == Member.tenant_id,
        StandingCount.coordinator_id == Member.id,
        StandingCount.service_month.in_(sorted({first for _, first in months})),
    )
    wanted = select(Member.id, Member.display_name, Member.credential, Member.weekly_hours)
    return wanted.where(Member.status == "active", or_(Member.role == "coordinator", panel))


def _sorted(wanted: Select[*tuple[Any, ...]], sort: str, months: Months, today: date) -> Select[*tuple[Any, ...]]:
    """Sort by one figure: only that one is added up for everybody."""
    key, falls = sort.removeprefix("-"), sort.startswith("-")
    last = (Member.display_name, Member.id)
    if key == "name":
        return wanted.order_by(Member.display_name.desc() if falls else Member.display_name, Member.id)
    first = Month.of(today).first
    if key in {"panel", "progress"}:
        figure = func.sum(StandingCount.patients)
        if key == "progress":
            figure = func.sum(StandingCount.patients - StandingCount.under) * 1000 / func.nullif(figure, 0)
        of = select(StandingCount.coordinator_id.label("id"), figure.label("figure"))
        of = of.where(_here(months)).group_by(StandingCount.coordinator_id)
    elif key == "time":
        of = select(MemberDay.member_id.label("id"), func.sum(MemberDay.seconds).label("figure"))
        of = of.where(MemberDay.day.between(first, today)).group_by(MemberDay.member_id)
    else:
        figure = func.sum(AttemptDay.contacts) * 1000 / func.nullif(func.sum(AttemptDay.attempts), 0)
        of = select(AttemptDay.member_id.label("id"), figure.label("figure"))
        of = of.where(AttemptDay.day.between(first, today)).group_by(AttemptDay.member_id)
    ranked = of.subquery()
    order = func.coalesce(ranked.c.figure, 0)
    return wanted.outerjoin(ranked, ranked.c.id == Member.id).order_by(order.desc() if falls else order, *last)


def _here(months: Months) -> Any:
    return tuple_(StandingCount.clinic_id, StandingCount.service_month).in_(months)


async def _facts(tx: Tx, ids: list[UUID], months: Months, today: date) -> _Facts:
    """Return what the members of a page did: five statements, however many they are."""
    found = _Facts()
    asked = {"ids": ids}
    first = Month.of(today).first
    week = today - timedelta(days=today.weekday())
    bands = select(StandingCount.coordinator_id, StandingCount.band, func.sum(StandingCount.patients))
    bands = bands.where(StandingCount.coordinator_id == any_(_IDS), _here(months))
    for who, band, many in (
        await tx.db.execute(bands.group_by(StandingCount.coordinator_id, StandingCount.band), asked)
    ).all():
        found.bands[who][band] = many
    days = select(MemberDay.member_id, MemberDay.day, MemberDay.seconds)
    days = days.where(MemberDay.member_id == any_(_IDS), MemberDay.day.between(min(first, week), today))
    for who, day, seconds in (await tx.db.execute(days, asked)).all():
        found.days[who][day] = seconds
    tries = select(AttemptDay.member_id, func.sum(AttemptDay.attempts), func.sum(AttemptDay.contacts))
    tries = tries.where(AttemptDay.member_id == any_(_IDS), AttemptDay.day.between(first, today))
    for who, made, reached in (await tx.db.execute(tries.group_by(AttemptDay.member_id), asked)).all():
        found.tries[who] = (made, reached)
    voided = select(TimeEntry.coordinator_id, func.count())
    voided = voided.where(TimeEntry.coordinator_id == any_(_IDS), TimeEntry.is_void, TimeEntry.service_month == first)
    for who, many in (await tx.db.execute(voided.group_by(TimeEntry.coordinator_id), asked)).all():
        found.voided[who] = many
    return found


@requires(Permission.TEAM_READ, reads(Data.TIME))
async def awaiting(tx: Tx) -> dict[UUID, int]:
    """Return how many entries of each member wait for a second person, in months that are open."""
    decided = exists().where(TimeApproval.tenant_id == TimeEntry.tenant_id, TimeApproval.entry_id == TimeEntry.id)
    wanted = select(TimeEntry.coordinator_id, func.count()).where(_AFTERWARDS, ~decided, ~IN_CLOSED_MONTH)
    rows = (await tx.db.execute(wanted.group_by(TimeEntry.coordinator_id))).all()
    return {row[0]: row[1] for row in rows}


def _member(row: Any, found: _Facts, today: date, waits: Mapping[UUID, int]) -> TeamMember:
    days, first = found.days[row.id], Month.of(today).first
    week = today - timedelta(days=today.weekday())
    made, reached = found.tries.get(row.id, (0, 0))
    by_day = tuple(days.get(first + timedelta(days=ahead), 0) for ahead in range((today - first).days + 1))
    values = rules.parts(found.bands[row.id])
    return TeamMember(
        id=row.id,
        name=row.display_name,
        credential=row.credential,
        weekly_hours=row.weekly_hours,
        panel=sum(values),
        progress=progress_chart(row.display_name, values),
        today=days.get(today, 0),
        week=sum(seconds for day, seconds in days.items() if day >= week),
        month=sum(by_day),
        trend=Spark(
            tuple(float(value) for value in by_day), f"{hms(sum(by_day))} this month, at most {hms(max(by_day))} a day"
        ),
        attempts=made,
        contacts=reached,
        voided=found.voided.get(row.id, 0),
        awaiting=waits.get(row.id, 0),
    )


def progress_chart(name: str, values: tuple[int, int, int, int]) -> BarChart:
    """Return a panel's month as one stacked bar, as long as its place."""
    bar = Bar(name, values)
    return BarChart(
        title=f"Month of {name}", bars=(bar,), series=rules.SERIES, tones=rules.TONES, whole=max(1, bar.total)
    )
