"""Recording an attempt, and correcting one."""

from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, insert, select

from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, creates
from caretide.kernel.text import clean_text
from caretide.outreach.models import Attempt
from caretide.outreach.rules import CHANNELS, CHOICES, FURTHEST_BACK, FURTHEST_CALL_BACK, OUTCOMES
from caretide.outreach.schemas import NOTE_LENGTH, AttemptForm, CallBackForm, CorrectionForm
from caretide.patients import queries as patients
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.time_log.models import TimeEntry

# Built once: building a small statement costs more than running it.
_INSERT_ATTEMPT = insert(Attempt)
_THEIR_ENTRY = select(TimeEntry.id).where(
    TimeEntry.id == bindparam("entry_id"), TimeEntry.patient_id == bindparam("patient_id")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A try as it will be stored."""

    channel: str
    outcome: str
    at: datetime
    call_back_at: datetime | None
    note: str
    time_entry_id: UUID | None = None
    supersedes_id: UUID | None = None


@requires(Permission.TIME_WRITE, creates(Data.ATTEMPTS, Data.NOTES))
async def record_attempt(
    tx: Tx,
    patient_id: UUID,
    channel: str,
    outcome: str,
    at: datetime | None = None,
    call_back_at: datetime | None = None,
    note: str = "",
    *,
    time_entry_id: UUID | None = None,
) -> UUID:
    """Record a try to reach a patient, in the acting member's own name; return its id.

    `at` is now unless it is given, never later and at most 31 days earlier. `call_back_at` belongs to the outcome
    `call_back`, which needs it. `time_entry_id` names an entry of the same patient, if time was recorded for the try.
    """
    if outcome not in {one.code for one in CHOICES}:
        raise Invalid("Choose one of the listed outcomes", field="outcome")
    if channel not in CHANNELS:
        raise Invalid("Choose one of the listed ways", field="channel")
    made = _Made(
        channel=channel,
        outcome=outcome,
        at=_when(tx, at),
        call_back_at=call_back_at,
        note=note,
        time_entry_id=time_entry_id,
    )
    return await _insert(tx, patient_id, made)


@requires(Permission.TIME_WRITE, changes(Data.ATTEMPTS, Data.NOTES))
async def correct_attempt(
    tx: Tx, attempt_id: UUID, outcome: str, call_back_at: datetime | None = None, note: str = ""
) -> UUID:
    """Record how one's own try ended in truth; return the id of the correction, which supersedes it once.

    The outcome `mistake` says that the try never was. Both rows stay.
    """
    if outcome not in OUTCOMES:
        raise Invalid("Choose one of the listed outcomes", field="outcome")
    wanted = select(Attempt.patient_id, Attempt.member_id, Attempt.channel, Attempt.at, Attempt.time_entry_id)
    row = (await tx.db.execute(wanted.where(Attempt.id == attempt_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such attempt")
    if row.member_id != tx.member_id:
        raise Forbidden("Only the person who made an attempt can correct it")
    superseded = select(Attempt.id).where(Attempt.supersedes_id == attempt_id)
    if (await tx.db.execute(superseded)).first() is not None:
        raise Conflict("This attempt was corrected before; correct the later one")
    made = _Made(
        channel=row.channel,
        outcome=outcome,
        at=row.at,
        call_back_at=call_back_at,
        note=note,
        time_entry_id=row.time_entry_id,
        supersedes_id=attempt_id,
    )
    return await _insert(tx, row.patient_id, made)


@requires(Permission.TIME_WRITE, creates(Data.ATTEMPTS, Data.NOTES))
async def record_from_form(tx: Tx, patient_id: UUID, form: AttemptForm) -> UUID:
    """Record what the form of a page says; its times are local to the patient's clinic."""
    zone = await _zone(tx, patient_id)
    at = _instant(form.made_on, form.made_time, zone, ("made_on", "made_time"))
    call_back_at = _call_back(form, zone)
    try:
        return await record_attempt(tx, patient_id, form.channel, form.outcome, at, call_back_at, form.note)
    except Invalid as error:
        raise _by_form(error) from None


@requires(Permission.TIME_WRITE, changes(Data.ATTEMPTS, Data.NOTES))
async def correct_from_form(tx: Tx, patient_id: UUID, attempt_id: UUID, form: CorrectionForm) -> UUID:
    """Correct one of the patient's attempts as the form of a page says."""
    zone = await _zone(tx, patient_id)
    wanted = select(Attempt.id).where(Attempt.id == attempt_id, Attempt.patient_id == patient_id)
    if (await tx.db.execute(wanted)).one_or_none() is None:
        raise NotFound("There is no such attempt")
    try:
        return await correct_attempt(tx, attempt_id, form.outcome, _call_back(form, zone), form.note)
    except Invalid as error:
        raise _by_form(error) from None


async def _zone(tx: Tx, patient_id: UUID) -> ZoneInfo:
    return (await tenants.clinic(tx, (await patients.patient(tx, patient_id)).clinic_id)).zone


def _call_back(form: CallBackForm, zone: ZoneInfo) -> datetime | None:
    # A form without script shows its call back fields always: what is left in them by another outcome says nothing.
    if form.model_dump().get("outcome") != "call_back":
        return None
    return _instant(form.call_back_on, form.call_back_time, zone, ("call_back_on", "call_back_time"))


def _instant(day: date | None, hour: time | None, zone: ZoneInfo, fields: tuple[str, str]) -> datetime | None:
    """Return a local day and time as an instant, None where both were left empty; half of it is refused by field."""
    if day is None and hour is None:
        return None
    if day is None:
        raise Invalid("Say on which day", field=fields[0])
    if hour is None:
        raise Invalid("Say at what time", field=fields[1])
    return datetime.combine(day, hour.replace(tzinfo=None), zone)


def _by_form(error: Invalid) -> Invalid:
    """Return a refusal under the name that the form has for its field."""
    places = {"at": "made_on", "call_back_at": "call_back_on"}
    return Invalid(error.message, field=places.get(error.field or "", error.field))


async def _insert(tx: Tx, patient_id: UUID, made: _Made) -> UUID:
    """Store a try; NotFound alike for an unknown patient and one behind a wall."""
    who = await patients.patient(tx, patient_id)
    text = clean_text(made.note, field="note", limit=NOTE_LENGTH)
    _check_call_back(made)
    if made.time_entry_id is not None:
        await _check_entry(tx, patient_id, made.time_entry_id)
    zone = (await tenants.clinic(tx, who.clinic_id)).zone
    attempt_id = new_id()
    row = {
        "id": attempt_id,
        "patient_id": patient_id,
        "member_id": tx.member_id,
        "at": made.at,
        "day": made.at.astimezone(zone).date(),
        "channel": made.channel,
        "outcome": made.outcome,
        "call_back_at": made.call_back_at,
        "note": text or None,
        "time_entry_id": made.time_entry_id,
        "supersedes_id": made.supersedes_id,
    }
    await tx.db.execute(_INSERT_ATTEMPT, row)
    tx.touch(patient_id)
    tx.note(attempt_id=str(attempt_id))
    return attempt_id


def _when(tx: Tx, at: datetime | None) -> datetime:
    found = at or tx.now
    if found.tzinfo is None:
        raise Invalid("Give the time with its zone", field="at")
    if found > tx.now:
        raise Invalid("This has not happened yet", field="at")
    if found < tx.now - FURTHEST_BACK:
        raise Invalid(f"Attempts are recorded within {FURTHEST_BACK.days} days", field="at")
    return found


def _check_call_back(made: _Made) -> None:
    """Raise unless a call back has its time, and nothing else has one."""
    if made.outcome != "call_back":
        if made.call_back_at is not None:
            raise Invalid("A time to call back belongs to 'asked to call back' alone", field="call_back_at")
        return
    if made.call_back_at is None:
        raise Invalid("Say when to call back", field="call_back_at")
    if made.call_back_at.tzinfo is None:
        raise Invalid("Give the time with its zone", field="call_back_at")
    if not made.at < made.call_back_at <= made.at + FURTHEST_CALL_BACK:
        raise Invalid(f"Call back after the attempt, within {FURTHEST_CALL_BACK.days} days", field="call_back_at")


async def _check_entry(tx: Tx, patient_id: UUID, entry_id: UUID) -> None:
    if (await tx.db.execute(_THEIR_ENTRY, {"entry_id": entry_id, "patient_id": patient_id})).one_or_none() is None:
        raise NotFound("There is no such entry")
