"""Questions about attempts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, Integer, and_, any_, bindparam, exists, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from caretide.kernel.errors import NotFound
from caretide.kernel.fields import all_shown
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.outreach import rules
from caretide.outreach.models import Attempt, AttemptDay
from caretide.outreach.schemas import (
    AttemptLine,
    AttemptRow,
    AttemptsCard,
    AttemptsPage,
    CallBack,
    MonthAttempts,
    OutcomeChoice,
)
from caretide.patients import queries as patients
from caretide.patients.models import Patient
from caretide.rosters.models import Designation
from caretide.runtime.access import requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.models import Member
from caretide.ui.forms import Option

ROWS: Final = 25
SHOWN: Final = 4
"""How many attempts stand on the patient's page; the rest have a page of their own."""
LOOK_BACK: Final = timedelta(days=62)
"""How far before a month a call back can have been asked for that is still of use."""

_IDS = bindparam("ids", type_=Ids())
_LATER = aliased(Attempt)
_CORRECTION = exists().where(_LATER.tenant_id == Attempt.tenant_id, _LATER.supersedes_id == Attempt.id)
_COUNTS = and_(Attempt.outcome != "mistake", ~_CORRECTION)
_MADE_BY = and_(Member.tenant_id == Attempt.tenant_id, Member.id == Attempt.member_id)
_COLUMNS = (
    Attempt.id,
    Attempt.patient_id,
    Attempt.member_id,
    Member.display_name.label("person"),
    Attempt.at,
    Attempt.channel,
    Attempt.outcome,
    Attempt.is_contact,
    Attempt.call_back_at,
    Attempt.note,
    Attempt.time_entry_id,
    Attempt.supersedes_id,
    Attempt.recorded_at,
    _CORRECTION.label("superseded"),
)


@dataclass(frozen=True, slots=True)
class Tally:
    """Tries, and contacts among them."""

    attempts: int = 0
    contacts: int = 0


@requires(Permission.PATIENT_READ, reads(Data.ATTEMPTS, Data.NOTES))
async def attempts(tx: Tx, patient_id: UUID, page: int = 1) -> tuple[list[AttemptRow], int]:
    """Return one page of a patient's attempts, superseded ones too, the latest first, and how many there are."""
    tx.touch(patient_id)
    asked = {"patient_id": patient_id}
    total: int = (await tx.db.execute(_COUNT, asked)).scalar_one()
    if not total:
        return [], 0
    part = asked | {"size": ROWS, "start": (max(1, page) - 1) * ROWS}
    rows = (await tx.db.execute(_PAGE, part)).all()
    return all_shown((AttemptRow(*row) for row in rows), tx.actor.permissions), total


_THEIRS = Attempt.patient_id == bindparam("patient_id")
_COUNT = select(func.count()).select_from(Attempt).where(_THEIRS)
_PAGE = (
    select(*_COLUMNS)
    .join(Member, _MADE_BY)
    .where(_THEIRS)
    .order_by(Attempt.at.desc(), Attempt.id.desc())
    .limit(bindparam("size", type_=Integer))
    .offset(bindparam("start", type_=Integer))
)


@requires(Permission.PATIENT_READ, reads(Data.ATTEMPTS, Data.NOTES))
async def attempt(tx: Tx, attempt_id: UUID) -> AttemptRow:
    """Return one attempt; NotFound alike for an unknown one and one behind a wall."""
    found = await _rows(tx, Attempt.id == attempt_id, 1)
    if not found:
        raise NotFound("There is no such attempt")
    tx.touch(found[0].patient_id)
    return found[0]


@requires(Permission.PATIENT_READ, reads(Data.ATTEMPTS, Data.NOTES))
async def made_by(tx: Tx, member_id: UUID, page: int = 1) -> list[AttemptRow]:
    """Return one page of the attempts that a member made, the latest first."""
    found = await _rows(tx, Attempt.member_id == member_id, page)
    tx.touch(*(row.patient_id for row in found))
    return found


async def _rows(tx: Tx, which: ColumnElement[bool], page: int) -> list[AttemptRow]:
    wanted = select(*_COLUMNS).join(Member, _MADE_BY).where(which)
    wanted = wanted.order_by(Attempt.at.desc(), Attempt.id.desc()).limit(ROWS).offset((max(1, page) - 1) * ROWS)
    return all_shown((AttemptRow(*row) for row in (await tx.db.execute(wanted)).all()), tx.actor.permissions)


@requires(Permission.PATIENT_READ, reads(Data.ATTEMPTS))
async def month_attempts(tx: Tx, patient_ids: Sequence[UUID], month: Month) -> dict[UUID, MonthAttempts]:
    """Return the attempts of a month, by patient; who was not tried lately is absent. One statement."""
    since = month.bounds(ZoneInfo("UTC"))[0] - LOOK_BACK
    given = {"ids": patient_ids, "since": since, "first": month.first, "last": month.last}
    rows = (await tx.db.execute(_OF_MONTH, given)).all()
    tx.touch(*(row.patient_id for row in rows))
    return {row[0]: MonthAttempts(*row[1:]) for row in rows}


def _last(column: Any) -> ColumnElement[Any]:
    return func.array_agg(aggregate_order_by(column, Attempt.at.desc(), Attempt.id.desc()))[1]


_IN_MONTH = Attempt.day >= bindparam("first", type_=Date)
_OF_MONTH = (
    select(
        Attempt.patient_id,
        func.count().filter(_IN_MONTH).label("attempts"),
        func.count().filter(_IN_MONTH, Attempt.is_contact).label("contacts"),
        func.max(Attempt.at).label("last_at"),
        _last(Attempt.channel).label("last_channel"),
        _last(Attempt.outcome).label("last_outcome"),
        _last(Attempt.call_back_at).label("call_back_at"),
    )
    .where(
        Attempt.patient_id == any_(_IDS),
        Attempt.at >= bindparam("since"),
        Attempt.day <= bindparam("last", type_=Date),
        _COUNTS,
    )
    .group_by(Attempt.patient_id)
)


@requires(Permission.PATIENT_READ, reads(Data.ATTEMPTS, Data.DEMOGRAPHICS))
async def call_backs(tx: Tx, member_id: UUID, until: datetime) -> list[CallBack]:
    """Return the calls due until an instant to the patients whom a member looks after, the earliest first.

    Any later attempt answers the wish: what followed from that one holds then.
    """
    since, corrected = aliased(Attempt), aliased(Attempt)
    answered = exists().where(
        since.tenant_id == Attempt.tenant_id,
        since.patient_id == Attempt.patient_id,
        since.at > Attempt.at,
        since.outcome != "mistake",
        ~exists().where(corrected.tenant_id == since.tenant_id, corrected.supersedes_id == since.id),
    )
    theirs = and_(
        Designation.tenant_id == Attempt.tenant_id,
        Designation.patient_id == Attempt.patient_id,
        Designation.valid_from <= tx.now,
        or_(Designation.valid_to.is_(None), Designation.valid_to > tx.now),
    )
    name = func.trim(Patient.given + " " + Patient.family)
    wanted = (
        select(Attempt.patient_id, name, Patient.clinic_id, Designation.member_id, Attempt.call_back_at, Attempt.id)
        .join(Designation, theirs)
        .join(Patient, and_(Patient.tenant_id == Attempt.tenant_id, Patient.id == Attempt.patient_id))
        .where(
            Designation.member_id == member_id,
            Patient.is_deceased.is_(False),
            Attempt.call_back_at <= until,
            Attempt.call_back_at > until - LOOK_BACK,
            _COUNTS,
            ~answered,
        )
        .order_by(Attempt.call_back_at, Attempt.id)
    )
    rows = (await tx.db.execute(wanted)).all()
    tx.touch(*(row[0] for row in rows))
    return [CallBack(*row) for row in rows]


@requires(Permission.PATIENT_READ, reads(Data.ATTEMPTS, Data.DEMOGRAPHICS))
async def my_call_backs(tx: Tx, days: int = 1) -> list[CallBack]:
    """Return the calls due to the acting member's own patients within some days, 60 at most."""
    return await call_backs(tx, tx.member_id, tx.now + timedelta(days=max(0, min(days, 60))))


@requires(Permission.TIME_READ, reads(Data.ATTEMPTS))
async def member_attempts(tx: Tx, member_ids: Sequence[UUID], since: date, until: date) -> dict[UUID, Tally]:
    """Return how often members tried and reached somebody from one day to another, both included. One statement."""
    wanted = (
        select(AttemptDay.member_id, func.sum(AttemptDay.attempts), func.sum(AttemptDay.contacts))
        .where(AttemptDay.member_id == any_(_IDS), AttemptDay.day.between(since, until))
        .group_by(AttemptDay.member_id)
    )
    rows = (await tx.db.execute(wanted, {"ids": list(member_ids)})).all()
    return {who: Tally(tries, reached) for who, tries, reached in rows}


@requires(Permission.PATIENT_READ, reads(Data.ATTEMPTS, Data.NOTES))
async def attempts_card(tx: Tx, patient_id: UUID, zone: ZoneInfo, *, has_died: bool) -> AttemptsCard:
    """Return the present month's attempts of a patient who was read before, with the form for another.

    Nothing is due to somebody who has died; that the family was told can still be recorded.
    """
    today = tx.now.astimezone(zone).date()
    rows, total = await attempts(tx, patient_id)
    lately = await month_attempts(tx, [patient_id], Month.of(today)) if total else {}
    month = lately.get(patient_id, MonthAttempts())
    step = None if has_died else _next(month, zone)
    due = None if has_died else month.call_back_at
    return AttemptsCard(
        patient_id=patient_id,
        zone=zone,
        today=today,
        attempts=month.attempts,
        contacts=month.contacts,
        progress=rules.progress(month.attempts),
        enough=rules.STOP_RULE.attempts,
        rule=rules.STOP_RULE.source,
        next_step=step.text if step else "",
        next_kind=step.kind if step else "",
        due=due,
        overdue=due is not None and due < tx.now,
        lines=tuple(_line(tx, row) for row in rows if not row.superseded and row.outcome != "mistake")[:SHOWN],
        total=total,
        may_record=Permission.TIME_WRITE in tx.actor.permissions and tx.actor.member_id is not None,
        channels=tuple(Option(code, label) for code, label in rules.CHANNELS.items()),
        outcomes=tuple(OutcomeChoice(one.code, one.label, one.key) for one in rules.CHOICES),
    )


@requires(Permission.PATIENT_READ, reads(Data.ATTEMPTS, Data.NOTES, Data.DEMOGRAPHICS))
async def attempts_page(tx: Tx, patient_id: UUID, page: int = 1) -> AttemptsPage:
    """Return every attempt of a patient, a page at a time, below the card of the present month."""
    who = await patients.patient(tx, patient_id)
    zone = (await tenants.clinic(tx, who.clinic_id)).zone
    rows, total = await attempts(tx, patient_id, page)
    pages = max(1, -(-total // ROWS))
    return AttemptsPage(
        name=who.name,
        card=await attempts_card(tx, patient_id, zone, has_died=who.is_deceased),
        lines=tuple(_line(tx, row) for row in rows),
        total=total,
        page=min(max(1, page), pages),
        pages=pages,
        corrections=tuple(Option(one.code, one.label) for one in rules.OUTCOMES.values()),
    )


def _next(month: MonthAttempts, zone: ZoneInfo) -> rules.NextStep | None:
    """Return what follows from the last attempt; None where there was none lately."""
    if month.last_at is None:
        return None
    return rules.next_step(month.last_outcome, month.last_at.astimezone(zone).time(), month.attempts, month.contacts)


def _line(tx: Tx, row: AttemptRow) -> AttemptLine:
    mine = row.member_id == tx.actor.member_id and Permission.TIME_WRITE in tx.actor.permissions
    outcome = rules.OUTCOMES[row.outcome]
    return AttemptLine(
        attempt_id=row.id,
        at=row.at,
        channel=rules.CHANNELS[row.channel],
        outcome=outcome.label,
        tone="good" if outcome.is_contact else "bad" if outcome.is_notice else "neutral",
        person=row.person,
        note=row.note or "",
        call_back_at=row.call_back_at,
        superseded=row.superseded,
        is_correction=row.supersedes_id is not None,
        may_correct=mine and not row.superseded,
    )
