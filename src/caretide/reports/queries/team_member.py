"""One member of the team, as a manager looks at them: their patients, their time by kind of work, their attempts."""

from collections.abc import Sequence
from datetime import UTC
from functools import cache
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Date, Select, Uuid, and_, any_, bindparam, func, select

from caretide.kernel.errors import NotFound
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.outreach import queries as outreach
from caretide.outreach.rules import OUTCOMES
from caretide.patients.models import Patient
from caretide.reports.queries import team_lists, team_members
from caretide.reports.queries.present import Calendar, calendar, of_months
from caretide.reports.queries.team_lists import Asked
from caretide.reports.schemas.team import MemberPage, TeamMember, Tile, TriedLine, VoidedLine
from caretide.rosters import queries as rosters
from caretide.rosters.rules import DESIGNABLE
from caretide.runtime.access import requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.time_log.models import Activity, TimeEntry
from caretide.time_log.queries import NAMED_ENTRY, words
from caretide.ui.charts import Bar, BarChart
from caretide.ui.filters import spent
from caretide.ui.shell import Tone

TRIED: Final = 8
"""How many of the latest attempts stand on the page, and of the latest entries that were voided."""

_IDS = bindparam("ids", type_=Ids())
_VOIDED = (
    select(
        TimeEntry.patient_id,
        func.trim(Patient.given + " " + Patient.family).label("patient"),
        TimeEntry.service_month,
        TimeEntry.start_time,
        TimeEntry.duration_secs,
    )
    .join(Patient, and_(Patient.tenant_id == TimeEntry.tenant_id, Patient.id == TimeEntry.patient_id))
    .where(
        TimeEntry.coordinator_id == bindparam("member_id", type_=Uuid),
        TimeEntry.is_void,
        TimeEntry.service_month >= bindparam("since", type_=Date),
    )
    .order_by(TimeEntry.start_time.desc(), TimeEntry.id)
    .limit(TRIED)
)
_NAMES = select(Patient.id, func.trim(Patient.given + " " + Patient.family)).where(Patient.id == any_(_IDS))


@requires(Permission.TEAM_READ, reads(Data.STAFF, Data.TIME, Data.MONTH, Data.DEMOGRAPHICS))
async def member_page(tx: Tx, asked: Asked) -> MemberPage:
    """Return one member's page; NotFound for nobody of this tenant."""
    now = await calendar(tx)
    member_id = asked.member_id
    found = await team_members.one(tx, member_id, now) if member_id else None
    if found is None or member_id is None:
        raise NotFound("There is no such member")
    zone = now.clinics[0].zone if now.clinics else ZoneInfo("UTC")
    who = await tenants.member(tx, member_id)
    covers = [one for one in await rosters.covers(tx) if member_id in {one.absent_id, one.cover_id}]
    works = who.status == "active" and who.role in DESIGNABLE
    return MemberPage(
        member=found,
        role=who.role,
        zone=zone,
        tiles=_tiles(found),
        patients=await team_lists.panel(tx, now, asked),
        activities=await _activities(tx, now, member_id),
        tried=await _tried(tx, member_id),
        voided=await _voided(tx, member_id, now.month.previous()),
        today=now.today,
        covers=tuple(one for one in covers if one.state(tx.now) != "over"),
        may_cover=works and Permission.ROSTER_WRITE in tx.actor.permissions,
    )


def _tiles(member: TeamMember) -> tuple[Tile, ...]:
    """Return the numbers of a panel, each of which opens its part, and those of the member's work."""
    held, under, reached, complete = member.progress.bars[0].values
    home = f"/team/{member.id}"
    return (
        Tile(key="panel", label="Panel", figure=member.panel, href=home),
        Tile(
            key="reached",
            label="At threshold",
            figure=reached,
            href=f"{home}?band=reached",
            note=_percent(reached, member.panel),
        ),
        Tile(key="complete", label="Complete", figure=complete, href=f"{home}?band=complete"),
        Tile(key="under", label="Under threshold", figure=under, href=f"{home}?band=under", tone=_tone("warn", under)),
        Tile(key="held", label="Held by a fact", figure=held, href=f"{home}?band=held", tone=_tone("bad", held)),
        Tile(key="today", label="Today", figure=spent(member.today)),
        Tile(
            key="reach",
            label="Reached per attempt",
            figure=_percent(member.contacts, member.attempts) or "–",
            note=f"{member.contacts} of {member.attempts}" if member.attempts else "",
        ),
    )


def _percent(part: int, whole: int) -> str:
    return f"{part * 100 // whole}%" if whole else ""


def _tone(tone: Tone, figure: int) -> Tone:
    return tone if figure else "neutral"


async def _activities(tx: Tx, now: Calendar, member_id: UUID) -> BarChart:
    """Return the month's time by kind of work, the most first."""
    if not now.running:
        rows: Sequence[Any] = ()
    else:
        rows = (await tx.db.execute(_by_activity(now.running), now.firsts | {"member_id": member_id})).all()
    bars = tuple(Bar(words(row.activity_type, row.label), (row.seconds,), spent(row.seconds)) for row in rows)
    return BarChart(title="Time by activity", bars=bars, series=("Seconds",), tones=("2",))


@cache
def _by_activity(running: int) -> Select[*tuple[Any, ...]]:
    seconds = func.sum(TimeEntry.duration_secs).label("seconds")
    return (
        select(TimeEntry.activity_type, Activity.label, seconds)
        .outerjoin(Activity, NAMED_ENTRY)
        .where(
            TimeEntry.coordinator_id == bindparam("member_id", type_=Uuid),
            ~TimeEntry.is_void,
            of_months(TimeEntry.service_month, running),
        )
        .group_by(TimeEntry.activity_type, Activity.label)
        .order_by(seconds.desc(), TimeEntry.activity_type, Activity.label)
    )


async def _tried(tx: Tx, member_id: UUID) -> tuple[TriedLine, ...]:
    """Return the latest attempts that stand, with the names of those who were tried."""
    made = [one for one in await outreach.made_by(tx, member_id) if not one.superseded and one.outcome != "mistake"][
        :TRIED
    ]
    rows = (await tx.db.execute(_NAMES, {"ids": [one.patient_id for one in made]})).all()
    names = {row[0]: row[1] for row in rows}
    return tuple(
        TriedLine(
            patient_id=one.patient_id,
            patient=names.get(one.patient_id, ""),
            at=one.at.astimezone(UTC),
            outcome=OUTCOMES[one.outcome].label,
            tone="good" if one.is_contact else "neutral",
        )
        for one in made
    )


async def _voided(tx: Tx, member_id: UUID, since: Month) -> tuple[VoidedLine, ...]:
    """Return the latest time that was taken back, of a month and those after it."""
    rows = (await tx.db.execute(_VOIDED, {"member_id": member_id, "since": since.first})).all()
    tx.touch(*(row.patient_id for row in rows))
    return tuple(
        VoidedLine(
            patient_id=row.patient_id,
            patient=row.patient,
            month=Month.of(row.service_month),
            at=row.start_time,
            seconds=row.duration_secs,
        )
        for row in rows
    )
