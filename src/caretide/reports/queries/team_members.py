"""The members of the team: one page of them, each with the month of their panel, their time and their attempts."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Integer, Select, Uuid, and_, any_, bindparam, exists, func, or_, select

from caretide.billing.models import StandingCount
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.outreach.models import AttemptDay
from caretide.reports.queries.present import Calendar, in_months, of_months
from caretide.reports.rules import team as rules
from caretide.reports.schemas.team import TeamMember
from caretide.runtime.access import requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants.models import Member
from caretide.time_log.models import MemberDay, TimeApproval, TimeEntry
from caretide.time_log.queries import IN_CLOSED_MONTH
from caretide.ui.charts import Bar, BarChart, Spark
from caretide.ui.filters import spent
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
    tx: Tx, now: Calendar, wanted: Wanted, waits: Mapping[UUID, int]
) -> tuple[Listing, tuple[TeamMember, ...]]:
    """Return a page of the members who look after patients; `waits` are entries that wait for approval, by member."""
    listing = Listing(path="/team", columns=COLUMNS, sort=sort_of(wanted.sort, COLUMNS, "name"), id="members")
    total: int = (await tx.db.execute(_how_many(now.running), now.firsts)).scalar_one()
    listing = listing.at(wanted.page, total)
    asked = now.given | {"first": now.month.first, "today": now.today, "size": listing.size, "start": listing.offset}
    rows = (await tx.db.execute(_sorted(listing.sort, now.running), asked)).all()
    found = await _facts(tx, [row.id for row in rows], now)
    return listing, tuple(_member(row, found, now.today, waits) for row in rows)


@requires(Permission.TEAM_READ, reads(Data.STAFF, Data.TIME, Data.MONTH))
async def one(tx: Tx, member_id: UUID, now: Calendar) -> TeamMember | None:
    """Return one member's month, at work or not; None for an unknown one."""
    row = (await tx.db.execute(_ONE, {"member_id": member_id})).one_or_none()
    if row is None:
        return None
    return _member(row, await _facts(tx, [member_id], now), now.today, await awaiting(tx))


_MEMBER = (Member.id, Member.display_name, Member.credential, Member.weekly_hours)
_ONE = select(*_MEMBER).where(Member.id == bindparam("member_id", type_=Uuid))
_FIRST = bindparam("first", type_=Date)
_TODAY = bindparam("today", type_=Date)


def _at_work(running: int) -> Select[*tuple[Any, ...]]:
    """Ask for coordinators at work, and for whoever else at work has a panel."""
    at_work = Member.role == "coordinator"
    if running:
        panel = exists().where(
            StandingCount.tenant_id == Member.tenant_id,
            StandingCount.coordinator_id == Member.id,
            of_months(StandingCount.service_month, running),
        )
        at_work = or_(at_work, panel)
    return select(*_MEMBER).where(Member.status == "active", at_work)


@cache
def _how_many(running: int) -> Select[*tuple[Any, ...]]:
    return select(func.count()).select_from(_at_work(running).subquery())


@cache
def _sorted(sort: str, running: int) -> Select[*tuple[Any, ...]]:
    """Ask for a page of members by one figure: only that one is added up for everybody."""
    key, falls = sort.removeprefix("-"), sort.startswith("-")
    wanted = _at_work(running).limit(bindparam("size", type_=Integer)).offset(bindparam("start", type_=Integer))
    last = (Member.display_name, Member.id)
    if key == "name" or not running:
        return wanted.order_by(Member.display_name.desc() if falls else Member.display_name, Member.id)
    if key in {"panel", "progress"}:
        figure = func.sum(StandingCount.patients)
        if key == "progress":
            figure = func.sum(StandingCount.patients - StandingCount.under) * 1000 / func.nullif(figure, 0)
        of = select(StandingCount.coordinator_id.label("id"), figure.label("figure"))
        of = of.where(_here(running)).group_by(StandingCount.coordinator_id)
    elif key == "time":
        of = select(MemberDay.member_id.label("id"), func.sum(MemberDay.seconds).label("figure"))
        of = of.where(MemberDay.day.between(_FIRST, _TODAY)).group_by(MemberDay.member_id)
    else:
        figure = func.sum(AttemptDay.contacts) * 1000 / func.nullif(func.sum(AttemptDay.attempts), 0)
        of = select(AttemptDay.member_id.label("id"), figure.label("figure"))
        of = of.where(AttemptDay.day.between(_FIRST, _TODAY)).group_by(AttemptDay.member_id)
    ranked = of.subquery()
    order = func.coalesce(ranked.c.figure, 0)
    return wanted.outerjoin(ranked, ranked.c.id == Member.id).order_by(order.desc() if falls else order, *last)


def _here(running: int) -> ColumnElement[bool]:
    return in_months(StandingCount.clinic_id, StandingCount.service_month, running)


async def _facts(tx: Tx, ids: list[UUID], now: Calendar) -> _Facts:
    """Return what the members of a page did: four statements, however many they are."""
    found = _Facts()
    first = now.month.first
    asked: dict[str, Any] = {"ids": ids, "first": first, "today": now.today}
    if now.running:
        bands = (await tx.db.execute(_bands(now.running), {"ids": ids} | now.given)).all()
        for who, band, many in bands:
            found.bands[who][band] = many
    week = now.today - timedelta(days=now.today.weekday())
    for who, day, seconds in (await tx.db.execute(_DAYS, asked | {"first": min(first, week)})).all():
        found.days[who][day] = seconds
    for who, made, reached in (await tx.db.execute(_TRIES, asked)).all():
        found.tries[who] = (made, reached)
    for who, many in (await tx.db.execute(_VOIDED, {"ids": ids, "first": first})).all():
        found.voided[who] = many
    return found


@cache
def _bands(running: int) -> Select[*tuple[Any, ...]]:
    kept = (StandingCount.coordinator_id, StandingCount.band)
    wanted = select(*kept, func.sum(StandingCount.patients)).group_by(*kept)
    return wanted.where(StandingCount.coordinator_id == any_(_IDS), _here(running))


_DAYS = select(MemberDay.member_id, MemberDay.day, MemberDay.seconds).where(
    MemberDay.member_id == any_(_IDS), MemberDay.day.between(_FIRST, _TODAY)
)
_TRIES = (
    select(AttemptDay.member_id, func.sum(AttemptDay.attempts), func.sum(AttemptDay.contacts))
    .where(AttemptDay.member_id == any_(_IDS), AttemptDay.day.between(_FIRST, _TODAY))
    .group_by(AttemptDay.member_id)
)
_VOIDED = (
    select(TimeEntry.coordinator_id, func.count())
    .where(TimeEntry.coordinator_id == any_(_IDS), TimeEntry.is_void, TimeEntry.service_month == _FIRST)
    .group_by(TimeEntry.coordinator_id)
)


@requires(Permission.TEAM_READ, reads(Data.TIME))
async def awaiting(tx: Tx) -> dict[UUID, int]:
    """Return how many entries of each member wait for a second person, in months that are open."""
    rows = (await tx.db.execute(_AWAITING)).all()
    return {row[0]: row[1] for row in rows}


_DECIDED = exists().where(TimeApproval.tenant_id == TimeEntry.tenant_id, TimeApproval.entry_id == TimeEntry.id)
_AWAITING = (
    select(TimeEntry.coordinator_id, func.count())
    .where(_AFTERWARDS, ~_DECIDED, ~IN_CLOSED_MONTH)
    .group_by(TimeEntry.coordinator_id)
)


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
            tuple(float(value) for value in by_day),
            f"{spent(sum(by_day))} this month, at most {spent(max(by_day))} a day",
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
