"""The lists behind the numbers of the Team page, fifty patients at a time, and the patients whom nobody looks after."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, Select, Uuid, and_, any_, bindparam, func, select

from caretide.billing.models import MonthStanding, StandingCount
from caretide.kernel.errors import NotFound
from caretide.kernel.permissions import Permission, Role
from caretide.kernel.records import Data, reads
from caretide.outreach.models import AttemptMonth
from caretide.outreach.rules import STOP_RULE
from caretide.patients.models import Patient
from caretide.reports.queries.present import Calendar, calendar, in_months, undesignated, unreached
from caretide.reports.queries.team import COUNTED
from caretide.reports.rules import team as rules
from caretide.reports.schemas.team import PatientLine, PatientList, UnassignedPage
from caretide.rosters.actions import DESIGNABLE
from caretide.runtime.access import requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants.models import Member
from caretide.ui.charts import MonthBar
from caretide.ui.filters import minutes, plural
from caretide.ui.forms import Option
from caretide.ui.shell import Tone
from caretide.ui.tables import Column, Filter, Listing, sort_of

COLUMNS: Final = (
    Column("Patient", "name"),
    Column("Minutes this month", "minutes", "wide", falling=True),
    Column("Attempts", "", "number"),
    Column("Last contact"),
    Column("Coordinator"),
    Column("Why here", "urgency"),
)
EXPLAINED: Final = {
    "enrolled": "Everybody with an open month.",
    "reached": "Their counted time has reached the first threshold, whatever else the month still needs.",
    "on-track": "Under the first threshold, but no further from it than the working days left allow.",
    "at-risk": "They lack more than {pace} minutes: more than an even pace to 20 leaves for the working days left.",
    "held": "Consent or another fact is missing: no time helps until it is recorded.",
    "fact": "This blocks their month first.",
    "out-of-reach": "Tried {tries} times or more this month, and not spoken with. {source}.",
}

_IDS = bindparam("ids", type_=Ids())
_TONES: Final[dict[str, Tone]] = {"good": "good", "warn": "warn", "bad": "bad", "info": "info"}
_S = MonthStanding


@dataclass(frozen=True, slots=True)
class Asked:
    """Which list, in which order and which page of it; `member_id` narrows it to one panel, `band` to a part of it."""

    show: str = "enrolled"
    fact: str = ""
    sort: str = ""
    page: int = 1
    member_id: UUID | None = None
    band: str = ""


@requires(Permission.TEAM_READ, reads(Data.DEMOGRAPHICS, Data.MONTH, Data.TIME))
async def patient_list(tx: Tx, asked: Asked) -> PatientList:
    """Return a page of the patients that a number of the Team page stands for."""
    if asked.show not in rules.LISTS:
        raise NotFound("There is no such list")
    now = await calendar(tx)
    query = {"show": asked.show, "fact": asked.fact if asked.show == "fact" else ""}
    listing = Listing(path="/team/patients", columns=COLUMNS, sort=_sort(asked), query=query, id="patients")
    listing, lines = await _page(tx, now, _Kind.of(now, asked), asked, listing)
    title = rules.fact_title(asked.fact) if asked.show == "fact" else rules.LISTS[asked.show]
    said = {"pace": minutes(rules.pace(now.today)), "tries": STOP_RULE.attempts, "source": STOP_RULE.source}
    return PatientList(
        show=asked.show, title=title, explained=EXPLAINED[asked.show].format(**said), listing=listing, lines=lines
    )


@requires(Permission.TEAM_READ, reads(Data.DEMOGRAPHICS, Data.MONTH, Data.TIME))
async def panel(tx: Tx, now: Calendar, asked: Asked) -> PatientList:
    """Return a page of one member's patients."""
    options = (Option("", "All"), *(Option(key, label) for key, label in _PARTS.items()))
    chosen = asked.band if asked.band in _PARTS else ""
    columns = tuple(one for one in COLUMNS if one.label != "Coordinator")
    listing = Listing(
        path=f"/team/{asked.member_id}",
        columns=columns,
        sort=_sort(asked),
        filters=(Filter("band", "Show", options, chosen),),
        id="patients",
    )
    listing, lines = await _page(tx, now, _Kind.of(now, asked, chosen), asked, listing)
    return PatientList(show="panel", title="Patients", explained="", listing=listing, lines=lines)


_PARTS: Final = dict(zip(("held", "under", "reached", "complete"), rules.SERIES, strict=True))
_BANDS: Final = {"held": rules.HELD, "under": (rules.UNDER,), "reached": (3,), "complete": (4,)}


@requires(Permission.TEAM_READ, reads(Data.DEMOGRAPHICS, Data.ENROLLMENT))
async def unassigned(tx: Tx, page: int = 1) -> UnassignedPage:
    """Return a page of the enrolled patients whom nobody looks after, and who could, with the size of their panels."""
    now = await calendar(tx)
    columns = (
        Column("Choose", kind="action"),
        *(one for one in COLUMNS if one.label in {"Patient", "Minutes this month", "Why here"}),
    )
    plain = tuple(Column(one.label, "", one.kind) for one in columns)
    listing = Listing(path="/team/unassigned", columns=plain, id="unassigned")
    asked = Asked(show="unassigned", sort="name", page=page)
    listing, lines = await _page(tx, now, _Kind.of(now, asked), asked, listing)
    return UnassignedPage(
        listing=listing,
        lines=lines,
        people=await _people(tx, now),
        total=listing.total,
        may_assign=Permission.ROSTER_WRITE in tx.actor.permissions,
    )


def _sort(asked: Asked) -> str:
    return sort_of(asked.sort, COLUMNS, "urgency")


class _Kind(NamedTuple):
    """What of `Asked` decides how a list is put together, so that it is put together once."""

    running: int
    show: str
    sort: str
    part: str
    of_member: bool

    @classmethod
    def of(cls, now: Calendar, asked: Asked, part: str = "") -> "_Kind":
        return cls(now.running, asked.show, _sort(asked), part, asked.member_id is not None)


@cache
def _listed(kind: _Kind) -> Select[*tuple[Any, ...]]:
    """Ask for the ids of the most urgent month of each patient on a list."""
    wanted = select(_S.id).where(in_months(_S.clinic_id, _S.service_month, kind.running), _S.leads)
    if kind.of_member:
        wanted = wanted.where(_S.coordinator_id == bindparam("member_id", type_=Uuid))
    if kind.part:
        wanted = wanted.where(_S.band.in_(_BANDS[kind.part]))
    pace = bindparam("pace", type_=Integer)
    match kind.show:
        case "reached":
            wanted = wanted.where(_S.is_under.is_(False))
        case "on-track":
            wanted = wanted.where(_S.band == rules.UNDER, _S.missing_secs <= pace)
        case "at-risk":
            wanted = wanted.where(_S.band == rules.UNDER, _S.missing_secs > pace)
        case "held":
            wanted = wanted.where(_S.band.in_(rules.HELD))
        case "fact":
            wanted = wanted.where(_S.status == "blocked", _S.blocked_by == bindparam("fact", type_=_S.blocked_by.type))
        case "out-of-reach":
            wanted = wanted.where(_S.patient_id.in_(unreached(kind.running)))
        case "unassigned":
            wanted = wanted.where(_S.coordinator_id.is_(None), undesignated())
        case _:
            pass
    return wanted.order_by(*_order(kind.sort))


@cache
def _counted(kind: _Kind) -> Select[*tuple[Any, ...]]:
    return select(func.count()).select_from(_listed(kind).order_by(None).limit(COUNTED).subquery())


@cache
def _shown(kind: _Kind) -> Select[*tuple[Any, ...]]:
    return _listed(kind).limit(bindparam("size", type_=Integer)).offset(bindparam("start", type_=Integer))


def _order(sort: str) -> tuple[Any, ...]:
    falls = sort.startswith("-")
    last = (_S.name_key, _S.patient_id)
    match sort.removeprefix("-"):
        case "name":
            return (_S.name_key.desc(), _S.patient_id) if falls else last
        case "minutes":
            return (_S.countable_secs.desc() if falls else _S.countable_secs, *last)
        case _:
            return (_S.band.desc(), _S.missing_secs.desc(), *last) if falls else (_S.band, _S.missing_secs, *last)


async def _page(
    tx: Tx, now: Calendar, kind: _Kind, asked: Asked, listing: Listing
) -> tuple[Listing, tuple[PatientLine, ...]]:
    """Return a page of a list: counted up to `COUNTED`, its ids sorted within an index, its rows read last."""
    if not now.months:
        return listing, ()
    given = now.given | {"member_id": asked.member_id, "fact": asked.fact, "pace": rules.pace(now.today)}
    listing = listing.at(asked.page, (await tx.db.execute(_counted(kind), given)).scalar_one())
    part = given | {"size": listing.size, "start": listing.offset}
    ids = list((await tx.db.execute(_shown(kind), part)).scalars())
    return listing, await _lines(tx, now, ids)


_TRIED = and_(
    AttemptMonth.tenant_id == _S.tenant_id,
    AttemptMonth.patient_id == _S.patient_id,
    AttemptMonth.service_month == _S.service_month,
)
_ROWS = (
    select(
        _S.__table__, Patient.given, Patient.family, Member.display_name, AttemptMonth.attempts, AttemptMonth.contacts
    )
    .join(Patient, and_(Patient.tenant_id == _S.tenant_id, Patient.id == _S.patient_id))
    .outerjoin(Member, and_(Member.tenant_id == _S.tenant_id, Member.id == _S.coordinator_id))
    .outerjoin(AttemptMonth, _TRIED)
    .where(_S.id == any_(_IDS))
)


async def _lines(tx: Tx, now: Calendar, ids: Sequence[UUID]) -> tuple[PatientLine, ...]:
    rows = {row.id: row for row in (await tx.db.execute(_ROWS, {"ids": ids})).all()}
    zones = {one.id: one.zone for one in now.clinics}
    tx.touch(*(row.patient_id for row in rows.values()))
    return tuple(_line(rows[one], zones[rows[one].clinic_id]) for one in ids)


def _line(row: Any, zone: ZoneInfo) -> PatientLine:
    uncounted = max(0, row.recorded_secs - row.countable_secs)
    return PatientLine(
        patient_id=row.patient_id,
        name=f"{row.given} {row.family}".strip(),
        program=row.program,
        bar=MonthBar(row.countable_secs, tuple(row.thresholds), uncounted),
        reason=row.reason,
        tone=_TONES.get(row.tone, "neutral"),
        coordinator=row.display_name or "",
        attempts=row.attempts or 0,
        contacts=row.contacts or 0,
        last_contact=row.last_contact_at.astimezone(zone).date() if row.last_contact_at else None,
    )


async def _people(tx: Tx, now: Calendar) -> tuple[Option, ...]:
    """Return who may be given patients: coordinators first, the smallest panel first."""
    if not now.running:
        return ()
    rows = (await tx.db.execute(_givable(now.running), now.given)).all()
    return tuple(Option(str(row.id), _panel_of(row)) for row in rows)


@cache
def _givable(running: int) -> Select[*tuple[Any, ...]]:
    size = (
        select(StandingCount.coordinator_id.label("id"), func.sum(StandingCount.patients).label("patients"))
        .where(in_months(StandingCount.clinic_id, StandingCount.service_month, running))
        .group_by(StandingCount.coordinator_id)
        .subquery()
    )
    many = func.coalesce(size.c.patients, 0)
    return (
        select(Member.id, Member.display_name, Member.credential, Member.weekly_hours, many.label("patients"))
        .outerjoin(size, size.c.id == Member.id)
        .where(Member.status == "active", Member.role.in_(sorted(role.value for role in DESIGNABLE)))
        .order_by((Member.role == Role.COORDINATOR.value).desc(), many, Member.display_name)
    )


def _panel_of(row: Any) -> str:
    name = f"{row.display_name}, {row.credential}" if row.credential else row.display_name
    per_week = f", {row.weekly_hours:g} h a week" if row.weekly_hours else ""
    return f"{name} ({plural(int(row.patients), 'patient')}{per_week})"
