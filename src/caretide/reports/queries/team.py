"""The Team page: the tenant's month in numbers, and its members, fifty at a time.

A hundred thousand patients must not make it slow. So it reads sums (`standing_counts`, `member_days`, `attempt_days`,
`attempt_months`), ranges of indexes, and one page of members: as many statements for one member as for five hundred.
Months are shown as they were ruled last; how many wait to be ruled again stands beside them.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import ARRAY, Date, Integer, ScalarSelect, Select, and_, bindparam, func, select, true

from caretide.billing.models import MonthStanding, StandingCount, StandingMark
from caretide.kernel.calendar import days_of_work
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients.models import Patient
from caretide.reports.queries import team_members
from caretide.reports.queries.present import Calendar, calendar, in_months, undesignated, unreached
from caretide.reports.queries.team_members import Wanted
from caretide.reports.rules import team as rules
from caretide.reports.schemas.team import Fact, Figures, MemberFigures, RunningTimer, TeamMetrics, TeamPage, Tile
from caretide.rosters import queries as rosters
from caretide.rosters.models import Cover
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants.models import Member
from caretide.time_log.models import Activity, Timer
from caretide.time_log.queries import NAMED_TIMER, words
from caretide.ui.charts import Bar, BarChart

COUNTED: Final = 5_000
"""Unassigned and waiting patients are counted up to here."""
TIMERS: Final = 10


@dataclass(frozen=True, slots=True)
class _Sums:
    """Patients by band, by what blocks them first, and those who reached the first threshold."""

    bands: dict[int, int]
    facts: dict[str | None, int]
    under: int

    @property
    def enrolled(self) -> int:
        return sum(self.bands.values())


@requires(Permission.TEAM_READ, reads(Data.STAFF, Data.TIME, Data.MONTH))
async def team(tx: Tx, wanted: Wanted) -> TeamPage:
    """Return the Team page with one page of members, sorted as asked for."""
    now = await calendar(tx)
    sums = await _sums(tx, now)
    waits = await team_members.awaiting(tx)
    figures = await _figures(tx, now, sums, sum(waits.values()))
    listing, members = await team_members.page(tx, now, wanted, waits)
    timers, running = await _timers(tx)
    rights = tx.actor.permissions
    return TeamPage(
        month=now.month,
        today=now.today,
        figures=figures,
        tiles=_tiles(figures),
        listing=listing,
        members=members,
        facts=_fact_chart(_facts(sums)),
        timers=timers,
        running=running,
        load=_load_chart(figures),
        goal=f"Goal {rules.SERVED.good}%: {rules.SERVED.source}",
        may_stop=Permission.ROSTER_WRITE in rights,
        may_assign=Permission.ROSTER_WRITE in rights,
        has_patients=figures.enrolled > 0 or await _has_patients(tx),
        reviews=await rosters.due_reviews(tx, {one.id for one in now.clinics}, now.month),
        may_review=Permission.GLASS_REVIEW in rights,
    )


@requires(Permission.TEAM_READ, reads(Data.STAFF, Data.TIME, Data.MONTH))
async def team_metrics(tx: Tx, page: int = 1) -> TeamMetrics:
    """Return the figures of the Team page for programs."""
    now = await calendar(tx)
    sums = await _sums(tx, now)
    waits = await team_members.awaiting(tx)
    listing, members = await team_members.page(tx, now, Wanted(page=page), waits)
    _, running = await _timers(tx)
    return TeamMetrics(
        figures=await _figures(tx, now, sums, sum(waits.values())),
        facts=_facts(sums),
        running_timers=running,
        members=tuple(
            MemberFigures(
                id=one.id,
                name=one.name,
                panel=one.panel,
                held=one.progress.bars[0].values[0],
                under=one.progress.bars[0].values[1],
                reached=one.progress.bars[0].values[2],
                complete=one.progress.bars[0].values[3],
                seconds_today=one.today,
                seconds_week=one.week,
                seconds_month=one.month,
                attempts=one.attempts,
                contacts=one.contacts,
                voided=one.voided,
                awaiting=one.awaiting,
            )
            for one in members
        ),
        total_members=listing.total,
        page=listing.page,
        pages=listing.pages,
    )


async def _sums(tx: Tx, now: Calendar) -> _Sums:
    bands: dict[int, int] = {}
    facts: dict[str | None, int] = {}
    under = 0
    if not now.months:
        return _Sums(bands, facts, under)
    for row in (await tx.db.execute(_by_band(now.running), now.given)).all():
        bands[row.band] = bands.get(row.band, 0) + row.patients
        under += row.under
        if row.status == "blocked":
            facts[row.blocked_by] = facts.get(row.blocked_by, 0) + row.patients
    return _Sums(bands, facts, under)


@cache
def _by_band(running: int) -> Select[*tuple[Any, ...]]:
    kept = (StandingCount.band, StandingCount.status, StandingCount.blocked_by)
    patients = func.sum(StandingCount.patients).label("patients")
    under = func.sum(StandingCount.under).label("under")
    here = in_months(StandingCount.clinic_id, StandingCount.service_month, running)
    return select(*kept, patients, under).where(here).group_by(*kept)


async def _figures(tx: Tx, now: Calendar, sums: _Sums, waits: int) -> Figures:
    days = days_of_work(now.today, now.month.last)
    asked = now.given | {"pace": rules.pace(now.today), "days": days}
    found = (await tx.db.execute(_numbers(now.running), asked)).one()
    return Figures(
        month=str(now.month),
        working_days_left=len(days),
        enrolled=sums.enrolled,
        at_threshold=sums.enrolled - sums.under,
        on_track=max(0, sums.bands.get(rules.UNDER, 0) - found.behind),
        at_risk=found.behind,
        held=sum(sums.bands.get(band, 0) for band in rules.HELD),
        out_of_reach=found.out_of_reach,
        unassigned=found.unassigned,
        awaiting=waits if Permission.TIME_APPROVE in tx.actor.permissions else None,
        needed_seconds=int(found.needed),
        available_seconds=rules.available_seconds(float(found.weekly), len(days), float(found.away)),
        members_without_hours=found.silent,
        waiting=found.waiting,
    )


@cache
def _numbers(running: int) -> Select[*tuple[Any, ...]]:
    """Ask in one statement for what no sum that is kept says: each number by an index of its own.

    Behind are those under threshold who lack more than the pace allows; needed is what all of those lack, in seconds.
    """
    hours, pace = _HOURS.subquery(), _missing(running).subquery()
    return select(
        pace.c.behind,
        pace.c.needed,
        hours.c.weekly,
        _AWAY.label("away"),
        hours.c.silent,
        _counted(unreached(running)).label("out_of_reach"),
        _counted(_unassigned(running)).label("unassigned"),
        _counted(select(StandingMark.patient_id).distinct()).label("waiting"),
    ).select_from(pace.join(hours, true()))


def _counted(wanted: Select[*tuple[Any, ...]]) -> ScalarSelect[int]:
    """Ask how many there are, counted up to `COUNTED`."""
    return select(func.count()).select_from(wanted.limit(COUNTED).subquery()).scalar_subquery()


def _missing(running: int) -> Select[*tuple[Any, ...]]:
    late = func.count().filter(MonthStanding.missing_secs > bindparam("pace", type_=Integer))
    needed = func.coalesce(func.sum(MonthStanding.missing_secs), 0)
    return select(late.label("behind"), needed.label("needed")).where(
        in_months(MonthStanding.clinic_id, MonthStanding.service_month, running),
        MonthStanding.leads,
        MonthStanding.band == rules.UNDER,
    )


def _unassigned(running: int) -> Select[*tuple[Any, ...]]:
    here = in_months(MonthStanding.clinic_id, MonthStanding.service_month, running)
    nobodys = select(MonthStanding.patient_id).where(here, MonthStanding.leads, MonthStanding.coordinator_id.is_(None))
    return nobodys.where(undesignated())


_HOURS = select(
    func.coalesce(func.sum(Member.weekly_hours), 0).label("weekly"),
    func.count().filter(Member.weekly_hours.is_(None)).label("silent"),
).where(Member.status == "active", Member.role == "coordinator")
_DAY = func.unnest(bindparam("days", type_=ARRAY(Date))).column_valued("day")
# A day on which somebody else works a member's roster is none of theirs.
_AWAY = (
    select(func.coalesce(func.sum(Member.weekly_hours), 0))
    .join(Cover, and_(Cover.tenant_id == Member.tenant_id, Cover.absent_id == Member.id))
    .where(_DAY.between(Cover.first_on, Cover.last_on))
    .where(Member.status == "active", Member.role == "coordinator", Cover.ended_at.is_(None))
    .scalar_subquery()
)
_ANYBODY = select(Patient.id).limit(1)


async def _has_patients(tx: Tx) -> bool:
    return (await tx.db.execute(_ANYBODY)).first() is not None


async def _timers(tx: Tx) -> tuple[tuple[RunningTimer, ...], int]:
    """Return the timers that run longest, and how many run."""
    rows = (await tx.db.execute(_RUNNING)).all()
    tx.touch(*(row.patient_id for row in rows))
    found: list[RunningTimer] = []
    for row in rows:
        elapsed = max(0, int((tx.now - row.started_at).total_seconds()))
        found.append(
            RunningTimer(
                member_id=row.member_id,
                person=row.display_name,
                patient_id=row.patient_id,
                patient=row.patient,
                activity=words(row.activity_type, row.label),
                elapsed=elapsed,
                is_long=elapsed >= rules.LONG,
            )
        )
    return tuple(found), rows[0].running if rows else 0


_RUNNING = (
    select(
        Timer.member_id,
        Member.display_name,
        Timer.patient_id,
        func.trim(Patient.given + " " + Patient.family).label("patient"),
        Timer.activity_type,
        Activity.label,
        Timer.started_at,
        func.count().over().label("running"),
    )
    .join(Member, and_(Member.tenant_id == Timer.tenant_id, Member.id == Timer.member_id))
    .join(Patient, and_(Patient.tenant_id == Timer.tenant_id, Patient.id == Timer.patient_id))
    .outerjoin(Activity, NAMED_TIMER)
    .order_by(Timer.started_at)
    .limit(TIMERS)
)


def _tiles(figures: Figures) -> tuple[Tile, ...]:
    """Return the numbers in the order in which a manager asks; each opens its list."""
    served = rules.share(figures.at_threshold, figures.enrolled)
    found = [
        Tile(key="enrolled", label="Enrolled", figure=figures.enrolled),
        Tile(
            key="reached",
            label="At threshold",
            figure=figures.at_threshold,
            tone="good",
            note=served.partition("(")[2][:-1],
        ),
        Tile(key="on-track", label="On track", figure=figures.on_track, tone="info"),
        Tile(key="at-risk", label="At risk", figure=figures.at_risk, tone="warn"),
        Tile(key="held", label="Held by a fact", figure=figures.held, tone="bad"),
        Tile(key="out-of-reach", label="Out of reach", figure=figures.out_of_reach, tone="warn"),
    ]
    tiles = [_tile(one, f"/team/patients?show={one.key}") for one in found]
    tiles.append(
        _tile(Tile(key="unassigned", label="Unassigned", figure=figures.unassigned, tone="bad"), "/team/unassigned")
    )
    if figures.awaiting is not None:
        tiles.append(
            _tile(Tile(key="awaiting", label="Awaiting approval", figure=figures.awaiting, tone="warn"), "/approvals")
        )
    return tuple(tiles)


def _tile(one: Tile, href: str) -> Tile:
    """Return a tile with its address; nothing to do has no color."""
    tone = one.tone if one.figure else "neutral"
    figure = f"{one.figure:,}+" if one.figure == COUNTED else one.figure
    return Tile(key=one.key, label=one.label, figure=figure, href=href, tone=tone, note=one.note)


def _facts(sums: _Sums) -> tuple[Fact, ...]:
    found = [
        Fact(code=code or "", title=rules.fact_title(code), patients=many) for code, many in sums.facts.items() if many
    ]
    return tuple(sorted(found, key=lambda one: (-one.patients, one.title)))


def _fact_chart(facts: tuple[Fact, ...]) -> BarChart:
    bars = (Bar(one.title, (one.patients,), href=f"/team/patients?show=fact&fact={one.code}") for one in facts)
    return BarChart(
        title="What blocks months first", bars=tuple(bars), series=("Patients",), tones=("bad",), unit="patients"
    )


def _load_chart(figures: Figures) -> BarChart:
    needed, available = figures.needed_seconds, figures.available_seconds
    known = available > 0 or not figures.members_without_hours or not figures.working_days_left
    return BarChart(
        title="Hours needed and hours available",
        bars=(
            Bar("Needed to 20 min", (needed,), rules.hours(needed)),
            Bar("Available", (available,), rules.hours(available) if known else "not known"),
        ),
        series=("Hours",),
        tones=("warn" if known and needed > available else "2",),
    )
