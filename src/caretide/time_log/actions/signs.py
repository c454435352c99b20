"""Signs of life of those whose timers run: what is noted, what is asked, and what an answer does.

Nothing is cut or added silently. A stretch without a sign counts where its person says that they worked; where nobody
says anything it waits for a second person, and a timer that is left alone is stopped at the last sign.
"""

from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.dialects.postgresql import insert as upsert

from caretide.kernel.errors import Conflict
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.time_log import queries
from caretide.time_log.models import Timer, TimerSign
from caretide.time_log.queries import TimerRow
from caretide.time_log.recording import Logged
from caretide.time_log.rules import CALL
from caretide.time_log.stopping import Stretch, record, record_for_review, take

Answer = Literal["keep", "call", "leave_out", "stop"]
"""What a person says of a stretch without a sign: worked, on a call, away and back at it, away and done before it."""

EVERY: Final = timedelta(seconds=10)
"""How often a sign is written at most: a question that waits for minutes needs no finer clock."""
_LIKE: Final = tuple(one.name for one in Timer.__table__.c if one.name not in {"id", "tenant_id", "started_at"})


async def _ask(tx: Tx) -> timedelta:
    return timedelta(minutes=(await tenants.my_tenant(tx)).timer_ask_minutes)


@requires(Permission.TIME_WRITE, changes(Data.TIME))
async def note_sign(tx: Tx, quiet_for: int = 0) -> None:
    """Note that whoever acts gave a sign of life so many seconds ago, if their timer runs here.

    Where that ends a stretch after which the timer asks, the stretch stays noted until they account for it.
    """
    timer = await queries.running_timer(tx)
    if timer is None:
        return
    sign = tx.now - timedelta(seconds=max(0, quiet_for))
    if timer.alive_at is not None and sign - timer.alive_at < EVERY:
        return
    signs = timer.signs
    values: dict[str, object] = {"alive_at": max(sign, timer.started_at)}
    # Of a timer that no page has shown yet there is nothing to go by.
    if timer.alive_at is not None and sign >= signs.asks_at(await _ask(tx)):
        values |= {"away_from": signs.away[0] if signs.away else signs.last, "away_to": sign}
    noted = upsert(TimerSign).values(timer_id=timer.id, **values)
    latest = {**values, "alive_at": func.greatest(TimerSign.alive_at, noted.excluded.alive_at)}
    await tx.db.execute(
        noted.on_conflict_do_update(index_elements=[TimerSign.tenant_id, TimerSign.timer_id], set_=latest)
    )


@requires(Permission.TIME_WRITE, changes(Data.TIME, Data.NOTES))
async def answer_timer(tx: Tx, timer_id: UUID, answer: Answer, quiet_for: int = 0) -> list[Logged]:
    """Account for the stretch without a sign of life of the acting member's timer; return what that recorded.

    `keep`: it was worked, and counts. `call`: so, and the call goes on, which is a sign of life for an hour. `stop`:
    the timer ends where the stretch began. `leave_out`: so, and a new one runs from here on. `quiet_for` are the
    seconds that the page counted: it may have seen somebody leave sooner than it told. Raise Conflict where that timer
    was stopped.
    """
    await note_sign(tx)
    timer = await queries.running_timer(tx)
    if timer is None or timer.id != timer_id:
        raise Conflict("This timer was stopped meanwhile; what it recorded awaits approval where nobody was seen")
    tx.touch(timer.patient_id)
    away = timer.signs.away
    if away is None and quiet_for > 0:
        away = (max(timer.started_at, tx.now - timedelta(seconds=quiet_for)), tx.now)
    tx.note(answer=answer, away_seconds=int((away[1] - away[0]).total_seconds()) if away else 0)
    if answer in {"keep", "call"} or (answer == "leave_out" and away is None):
        values: dict[str, object] = {"away_from": None, "away_to": None}
        if answer == "call":
            values["call_until"] = tx.now + CALL
        await tx.db.execute(update(TimerSign).where(TimerSign.timer_id == timer.id).values(**values))
        return []
    return await _leave_out(tx, timer, away, goes_on=answer == "leave_out")


async def _leave_out(tx: Tx, timer: TimerRow, away: Stretch | None, *, goes_on: bool) -> list[Logged]:
    """Stop a timer where a stretch away began, with what was typed so far; start one like it where that ended."""
    note = await queries.draft_note(tx, timer.id)
    taken = await take(tx, timer.member_id)
    made = await record(tx, taken, away[0] if away else tx.now, note)
    if goes_on and away is not None:
        like = {name: getattr(taken, name) for name in _LIKE}
        await tx.db.execute(insert(Timer).values(**like, id=new_id(), started_at=away[1]))
    return made


@requires(Permission.TIME_WRITE, changes(Data.TIME, Data.NOTES))
async def stop_silent(tx: Tx, timer_id: UUID) -> list[Logged]:
    """Stop the acting member's timer at the last sign of life, if its question waited too long for an answer.

    What it took until then waits for a second person, with the note that was being typed. Run again, it does nothing.
    """
    timer = await queries.running_timer(tx)
    if timer is None or timer.id != timer_id:
        return []
    stops_at = timer.signs.stops_at(await _ask(tx))
    if stops_at is None or stops_at > tx.now:
        return []
    note = await queries.draft_note(tx, timer.id)
    taken = await take(tx, timer.member_id)
    if (taken.alive_at, taken.call_until) != (timer.alive_at, timer.call_until):
        raise Conflict("Somebody gave a sign of life a moment ago")
    last = timer.signs.last
    minutes = int((tx.now - last).total_seconds()) // 60
    why = f"Stopped by Caretide at the last sign of life: nobody answered for {minutes} minutes"
    tx.note(stopped=str(timer.member_id), silent_since=last.isoformat())
    return await record_for_review(tx, taken, last, note, why)
