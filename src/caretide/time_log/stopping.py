"""How a running timer ends: who deletes its row has stopped it, and what it was becomes entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Text, bindparam, cast, delete, select

from caretide.kernel.errors import NotFound
from caretide.kernel.text import REASON_LENGTH, clean_text
from caretide.runtime.tx import WRITING, Tx
from caretide.time_log import queries
from caretide.time_log.models import Draft, Timer, TimerSign
from caretide.time_log.recording import Kind, Logged, Whose, insert_entries, sealed
from caretide.time_log.rules import told_interval, whole_seconds, worked

UNANSWERED = "Nobody said whether this stretch was worked: no sign of life in it"

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class ToldEnd:
    """When the work of a timer ended that ran on (aware, not in the future), and why it did."""

    end: datetime
    reason: str


FORGET_SIGNS = delete(TimerSign).where(TimerSign.timer_id == bindparam("timer"))

# One statement takes the timer, what is known of its signs and the note beside it: they go with it.
_TAKEN = delete(Timer).where(Timer.member_id == bindparam("whose")).returning(*Timer.__table__.columns).cte("taken")
_SIGNS = (
    delete(TimerSign)
    .where(TimerSign.tenant_id == _TAKEN.c.tenant_id, TimerSign.timer_id == _TAKEN.c.id)
    .returning(TimerSign.timer_id, TimerSign.alive_at, TimerSign.call_until, TimerSign.away_from, TimerSign.away_to)
    .cte("signs")
)
_DRAFT = (
    delete(Draft)
    .where(Draft.tenant_id == _TAKEN.c.tenant_id, Draft.place == queries.DRAFT_PLACE + cast(_TAKEN.c.id, Text))
    .returning(Draft.id)
    .cte("draft")
)
_STOP_TIMER = (
    select(_TAKEN, *(_SIGNS.c[name] for name in ("alive_at", "call_until", "away_from", "away_to")))
    .outerjoin(_SIGNS, _SIGNS.c.timer_id == _TAKEN.c.id)
    .add_cte(_DRAFT)
    .execution_options(**WRITING)
)


async def record(tx: Tx, timer: Row[*tuple[Any, ...]], end: datetime, note: str) -> list[Logged]:
    """Record a timer that was taken, up to an end; a stretch away waits for approval as an entry of its own."""
    away: Stretch | None = (timer.away_from, min(timer.away_to, end)) if timer.away_from else None
    if away is not None and away[1] <= away[0]:
        away = None
    note_sealed = sealed(note, queries.NOTE_PLACE)
    taken = [(*one, "timer") for one in worked(timer.started_at, end, away)]
    made = await insert_entries(tx, whose(timer), kind(timer), taken, note=note_sealed) if taken else []
    return [*made, *await _record_told(tx, timer, [away] if away else [], UNANSWERED)]


async def record_for_review(tx: Tx, timer: Row[*tuple[Any, ...]], end: datetime, note: str, why: str) -> list[Logged]:
    """Record a timer that was taken, up to an end: all of it waits for approval, with the reason."""
    away: Stretch | None = (timer.away_from, timer.away_to) if timer.away_from else None
    made = await _record_told(tx, timer, worked(timer.started_at, end, away), why, note)
    return [*made, *await _record_told(tx, timer, [away] if away else [], UNANSWERED)]


async def _record_told(
    tx: Tx, timer: Row[*tuple[Any, ...]], stretches: Sequence[Stretch], why: str, note: str = ""
) -> list[Logged]:
    told = [(*whole, "manual") for one in stretches if (whole := whole_seconds(*one)) is not None]
    if not told:
        return []
    both = sealed(note, queries.NOTE_PLACE), sealed(why, queries.REASON_PLACE)
    return await insert_entries(tx, whose(timer), kind(timer), told, note=both[0], reason=both[1])


async def end_told(tx: Tx, member_id: UUID, told: ToldEnd, note: str) -> list[Logged]:
    """Stop a timer at a told end: what is recorded waits for approval."""
    why = clean_text(told.reason, field="reason", limit=REASON_LENGTH, required=True)
    timer = await take(tx, member_id)
    stretch = told_interval(timer.started_at, told.end, tx.now)
    tx.note(stopped=str(member_id), ran_until=tx.now.isoformat())
    both = sealed(note, queries.NOTE_PLACE), sealed(why, queries.REASON_PLACE)
    stretches = [(*stretch, "manual")]
    return await insert_entries(tx, whose(timer), kind(timer), stretches, note=both[0], reason=both[1])


async def take(tx: Tx, member_id: UUID) -> Row[*tuple[Any, ...]]:
    """Delete a member's timer and return what it was; a transaction that fails leaves it running."""
    # Whoever deletes the row has stopped it: a second tab finds nothing, and records nothing twice.
    timer = (await tx.db.execute(_STOP_TIMER, {"whose": member_id})).one_or_none()
    if timer is None:
        raise NotFound("No timer is running")
    tx.touch(timer.patient_id)
    return timer


def kind(timer: Row[*tuple[Any, ...]]) -> Kind:
    """Return what a timer's time is recorded as."""
    return Kind(timer.activity_type, timer.activity_id)


def whose(timer: Row[*tuple[Any, ...]]) -> Whose:
    """Return whose time a timer's is, and for whom."""
    return Whose(
        patient_id=timer.patient_id,
        coordinator_id=timer.member_id,
        account_id=timer.account_id,
        enrollment_id=timer.enrollment_id,
        clinic_id=timer.clinic_id,
        program=timer.program,
        staff_role=timer.staff_role,
        credential=timer.credential,
    )
