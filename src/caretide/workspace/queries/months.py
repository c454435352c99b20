"""One patient's month: the ruling as it stands while the month is open, the frozen one once it is closed."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from caretide.billing.models import ClaimLine, MonthException, PatientMonth
from caretide.billing.queries import closes, evidence
from caretide.billing.rules.evidence import Judged
from caretide.billing.rules.standing import FIRST_THRESHOLD, UNRECORDED, marks_of, recorded_seconds
from caretide.billing.rules.words import anchor
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients import queries as patients
from caretide.programs.month_bar import thresholds
from caretide.programs.packs import Packs
from caretide.programs.ruling import ExceptionCode
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow
from caretide.time_log import queries as time_log
from caretide.time_log.queries import EntryRow
from caretide.ui.charts import MonthBar
from caretide.workspace.rules.day import working_days_left
from caretide.workspace.schemas.patient import MonthCard, RulingCode, RulingException

ORDER: Final = {"block": 0, "adjust": 1, "info": 2}


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def patient_month(tx: Tx, patient_id: UUID, month: Month) -> tuple[MonthCard, ...]:
    """Return a patient's month; NotFound alike for an unknown patient and one behind a wall."""
    who = await patients.patient(tx, patient_id)
    clinic = await tenants.clinic(tx, who.clinic_id)
    return await month_cards(tx, patient_id, clinic, month, await time_log.entries(tx, patient_id, month))


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def month_cards(
    tx: Tx, patient_id: UUID, clinic: ClinicRow, month: Month, entries: Sequence[EntryRow]
) -> tuple[MonthCard, ...]:
    """Return a card for each billing practitioner's month; `entries` are the patient's of that month."""
    cards = await _cards(tx, patient_id, clinic, month, [entry for entry in entries if not entry.awaits])
    waiting = [entry for entry in entries if entry.awaits]
    return tuple(
        replace(card, awaiting=sum(entry.duration_secs for entry in waiting if entry.program == card.program))
        for card in cards
    )


async def _cards(
    tx: Tx, patient_id: UUID, clinic: ClinicRow, month: Month, entries: Sequence[EntryRow]
) -> tuple[MonthCard, ...]:
    if (await closes.close_states(tx, month)).get(clinic.id) == "closed":
        return await _frozen(tx, patient_id, month, entries)
    today = tx.now.astimezone(clinic.zone).date()
    left = working_days_left(today) if Month.of(today) == month else 0
    return tuple(_live(one, left) for one in await evidence.judged(tx, clinic, month, [patient_id]))


def bar_of(judged: Judged) -> MonthBar:
    """Return the bar of a month: what the ruling counts, and what else was recorded in its program."""
    return _bar(judged.ruling.countable_seconds, recorded_seconds(judged), marks_of(judged))


def _bar(countable: int, recorded: int, marks: tuple[int, ...]) -> MonthBar:
    return MonthBar(countable, marks, uncounted=max(0, recorded - countable))


def _live(judged: Judged, days_left: int) -> MonthCard:
    ruling = judged.ruling
    return MonthCard(
        month=ruling.month,
        program=ruling.program,
        bar=bar_of(judged),
        codes=tuple(RulingCode(code=line.code, units=line.units) for line in ruling.codes),
        exceptions=_exceptions((one.code, one.severity, one.message, one.fact) for one in ruling.exceptions),
        days_left=days_left,
        has_died=judged.evidence.chart.is_deceased,
    )


def _exceptions(rows: Iterable[tuple[str, str, str, str | None]]) -> tuple[RulingException, ...]:
    """Return exceptions as the page has them: what blocks first."""
    found = [
        RulingException(
            code=str(code),
            severity="block" if severity == "block" else "adjust" if severity == "adjust" else "info",
            message=message[:1].upper() + message[1:],
            fix=anchor(code, fact),
            unrecorded=UNRECORDED.get(fact, fact) if fact and code == ExceptionCode.FACT_UNKNOWN else "",
        )
        for code, severity, message, fact in rows
    ]
    return tuple(sorted(found, key=lambda one: ORDER[one.severity]))


async def _frozen(tx: Tx, patient_id: UUID, month: Month, entries: Sequence[EntryRow]) -> tuple[MonthCard, ...]:
    wanted = select(PatientMonth.id, PatientMonth.program, PatientMonth.countable_seconds, PatientMonth.ruling).where(
        PatientMonth.patient_id == patient_id, PatientMonth.service_month == month.first
    )
    rows = (await tx.db.execute(wanted.order_by(PatientMonth.id))).all()
    tx.touch(patient_id)
    packs = await evidence.packs(tx)
    return tuple([await _closed(tx, row, month, entries, packs) for row in rows])


async def _closed(tx: Tx, row: Any, month: Month, entries: Sequence[EntryRow], packs: Packs) -> MonthCard:
    lines = select(ClaimLine.code, ClaimLine.units).where(ClaimLine.patient_month_id == row.id)
    found = select(MonthException.code, MonthException.severity, MonthException.message, MonthException.fact)
    exceptions = found.where(MonthException.patient_month_id == row.id).order_by(MonthException.position)
    program, marks = _ladder(row.program.split("+"), row.ruling.get("family") or "", packs, month)
    recorded = sum(one.duration_secs for one in entries if not one.is_void and one.program == program)
    return MonthCard(
        month=month,
        program=program,
        bar=_bar(row.countable_seconds, recorded, marks),
        codes=tuple(
            RulingCode(code=line.code, units=line.units)
            for line in (await tx.db.execute(lines.order_by(ClaimLine.position))).all()
        ),
        exceptions=_exceptions(
            (one.code, one.severity, one.message, one.fact) for one in (await tx.db.execute(exceptions)).all()
        ),
        closed=True,
    )


def _ladder(programs: Sequence[str], family: str, packs: Packs, month: Month) -> tuple[str, tuple[int, ...]]:
    """Return the program that a month was billed in, and the thresholds of its family, or else of clinical staff."""
    program = next((one for one in programs if family.startswith(one.lower())), programs[0])
    ticks = thresholds(program, packs, month, family=family.removeprefix(f"{program.lower()}_"))
    marks = tuple(tick.seconds for tick in ticks or thresholds(program, packs, month))
    return program, marks or FIRST_THRESHOLD
