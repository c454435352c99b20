"""What the workspace's API gives."""

from datetime import date
from typing import Self
from uuid import UUID

from pydantic import BaseModel

from caretide.workspace.schemas.patient import MonthCard, Severity
from caretide.workspace.schemas.roster import MyDay, RosterRow


class RowOut(BaseModel):
    """A patient of the roster: `seconds` are recorded, `countable` of them count; no program, no thresholds."""

    patient_id: UUID
    name: str
    program: str | None
    seconds: int
    countable: int
    thresholds: list[int]
    reason: str
    tone: str
    last_contact: date | None
    coordinator: str

    @classmethod
    def of(cls, row: RosterRow) -> Self:
        """Return a row as it goes out."""
        return cls(
            patient_id=row.patient_id,
            name=row.name,
            program=row.program,
            seconds=row.bar.recorded if row.bar else 0,
            countable=row.bar.seconds if row.bar else 0,
            thresholds=list(row.bar.thresholds) if row.bar else [],
            reason=row.reason,
            tone=row.tone,
            last_contact=row.last_contact,
            coordinator=row.coordinator,
        )


class DayOut(BaseModel):
    """One page of the roster. `counts` are by the keys that `show` takes.

    `being_ruled` patients changed a moment ago and are given as they stood before; it stops at 5,000.
    """

    month: str
    today: date
    working_days_left: int
    counts: dict[str, int]
    enrolled: list[RowOut]
    not_enrolled: list[RowOut]
    total: int
    page: int
    pages: int
    being_ruled: int

    @classmethod
    def of(cls, day: MyDay) -> Self:
        """Return My day as it goes out."""
        return cls(
            month=str(day.month),
            today=day.today,
            working_days_left=day.working_days_left,
            counts={count.key: count.count for count in day.counts},
            enrolled=[RowOut.of(row) for row in day.rows],
            not_enrolled=[RowOut.of(row) for row in day.candidates],
            total=day.total,
            page=day.page,
            pages=day.pages,
            being_ruled=day.waiting,
        )


class CodeOut(BaseModel):
    """A code that the month to date earns."""

    code: str
    units: int


class ExceptionOut(BaseModel):
    """A named fact that blocks, adjusts or informs."""

    code: str
    severity: Severity
    message: str


class RulingOut(BaseModel):
    """A patient's month with one billing practitioner: as it stands now, or frozen where `closed`.

    `seconds` are recorded, `countable` of them count; `codes` are empty while anything blocks.
    """

    month: str
    program: str
    seconds: int
    countable: int
    thresholds: list[int]
    codes: list[CodeOut]
    exceptions: list[ExceptionOut]
    closed: bool

    @classmethod
    def of(cls, card: MonthCard) -> Self:
        """Return a month as it goes out."""
        return cls(
            month=str(card.month),
            program=card.program,
            seconds=card.bar.recorded,
            countable=card.bar.seconds,
            thresholds=list(card.bar.thresholds),
            codes=[CodeOut(code=one.code, units=one.units) for one in card.codes],
            exceptions=[
                ExceptionOut(code=one.code, severity=one.severity, message=one.message) for one in card.exceptions
            ],
            closed=card.closed,
        )
