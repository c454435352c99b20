"""The month's page, put together."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from caretide.billing.queries import closes, evidence, lists
from caretide.billing.queries.closes import ClinicStatus
from caretide.billing.queries.lists import RuledMonth
from caretide.billing.rules.words import anchor, title
from caretide.billing.schemas import (
    BlockedGroup,
    CloseProgress,
    CodeUnits,
    ExceptionLine,
    MonthPage,
    MonthState,
    MonthTotals,
    RulingRow,
)
from caretide.kernel.errors import NotFound
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow
from caretide.ui.forms import Option

ROWS: Final = 50
MONTHS_BACK: Final = 12


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a month is looked at: one clinic by id or all, `ready` or `blocked`, and which page of it."""

    clinic: str = ""
    show: str = ""
    page: int = 1


@requires(Permission.MONTH_READ)
async def default_month(tx: Tx) -> Month:
    """Return the last full month: what billing works on."""
    clinics = await tenants.clinics(tx)
    today = tx.now.astimezone(clinics[0].zone).date() if clinics else tx.now.date()
    return Month.of(today).previous()


@requires(Permission.MONTH_READ)
async def month_page(tx: Tx, month: Month, wanted: Wanted) -> MonthPage:
    """Return the month of one clinic or of all: live where it is open, frozen where it is closed."""
    everywhere = await tenants.clinics(tx)
    chosen = _chosen(everywhere, wanted.clinic)
    states = {state.clinic_id: state for state in await closes.status(tx, month)}
    rows: list[RuledMonth] = []
    counted: set[UUID] = set()
    for clinic in chosen:
        found = (
            await lists.closed_months(tx, clinic.id, month)
            if states[clinic.id].state == "closed"
            else await lists.live_months(tx, clinic, month)
        )
        counted |= {clinic.id} if found else set()
        rows += found
    mine = [states[clinic.id] for clinic in chosen]
    state = _state(_concerned(mine, counted))
    ready = [row for row in rows if row.status == "ready"]
    blocked = [row for row in rows if row.status == "blocked"]
    show: Literal["ready", "blocked"] = "blocked" if wanted.show == "blocked" else "ready"
    shown = ready if show == "ready" else blocked
    pages = max(1, -(-len(shown) // ROWS))
    page = min(max(1, wanted.page), pages)
    part = [_row(row, month) for row in shown[(page - 1) * ROWS : page * ROWS]]
    may_close, why_not = _may_close(tx, month, chosen)
    return MonthPage(
        month=month,
        months=_months(month, await default_month(tx)),
        clinics=tuple(Option(str(clinic.id), clinic.name) for clinic in everywhere),
        clinic=wanted.clinic,
        state=state,
        totals=_totals(rows),
        show=show,
        ready=tuple(part) if show == "ready" else (),
        blocked=_groups(part) if show == "blocked" else (),
        page=page,
        pages=pages,
        progress=_progress(mine, len(rows)) if state == "closing" else None,
        closed_at=_closed_at(mine, chosen),
        may_close=may_close,
        why_not=why_not,
        provisional=(await evidence.packs(tx)).at(month) is None,
    )


def _chosen(clinics: Sequence[ClinicRow], wanted: str) -> list[ClinicRow]:
    chosen = [clinic for clinic in clinics if wanted in {"", str(clinic.id)}]
    if wanted and not chosen:
        raise NotFound
    return chosen


def _concerned(states: Sequence[ClinicStatus], counted: set[UUID]) -> list[ClinicStatus]:
    """Return the clinics that the month is about: one that was opened since has nothing to close."""
    return [one for one in states if one.state != "open" or one.clinic_id in counted] or list(states)


def _state(states: Sequence[ClinicStatus]) -> MonthState:
    """Return the state of several clinics together: closed only when nothing of any is left."""
    if states and all(state.done for state in states):
        return "closed"
    return "closing" if any(state.state != "open" and not state.done for state in states) else "open"


def _progress(states: Sequence[ClinicStatus], total: int) -> CloseProgress:
    ruled = sum(state.ready + state.blocked for state in states)
    return CloseProgress(done=ruled, total=total, records_done=sum(state.records for state in states))


def _closed_at(states: Sequence[ClinicStatus], clinics: Sequence[ClinicRow]) -> str:
    ends = [
        state.closed_at.astimezone(clinic.zone)
        for state, clinic in zip(states, clinics, strict=True)
        if state.closed_at is not None
    ]
    return f"{max(ends):%B} {max(ends).day}, {max(ends).year}" if ends else ""


def _may_close(tx: Tx, month: Month, clinics: Sequence[ClinicRow]) -> tuple[bool, str]:
    if Permission.MONTH_CLOSE not in tx.actor.permissions:
        return False, "Billing closes the month"
    running = [clinic for clinic in clinics if tx.now < month.bounds(clinic.zone)[1]]
    if running or not clinics:
        return False, f"{month.title} is not over yet"
    return True, ""


def _months(month: Month, newest: Month) -> tuple[Option, ...]:
    """Return the current month and the dozen before it, and the one that is looked at."""
    found = [newest.next()]
    while len(found) <= MONTHS_BACK:
        found.append(found[-1].previous())
    return tuple(Option(str(one), one.title) for one in sorted({*found, month}, reverse=True))


def _totals(rows: Sequence[RuledMonth]) -> MonthTotals:
    return MonthTotals(
        patients=len({row.patient_id for row in rows}),
        ready=sum(row.status == "ready" for row in rows),
        blocked=sum(row.status == "blocked" for row in rows),
        lines=sum(len(row.lines) for row in rows),
        seconds=sum(row.seconds for row in rows if row.status == "ready"),
        amount=sum(cents or 0 for row in rows for _, _, cents in row.lines),
    )


def _row(row: RuledMonth, month: Month) -> RulingRow:
    known = [cents for _, _, cents in row.lines if cents is not None]
    return RulingRow(
        patient_id=row.patient_id,
        name=row.name,
        practitioner=row.practitioner,
        program=row.program,
        seconds=row.seconds,
        codes=tuple(CodeUnits(code=code, units=units) for code, units, _ in row.lines),
        amount=sum(known) if known else None,
        service_date=row.service_date,
        exceptions=tuple(_exception(row.patient_id, month, *found) for found in row.exceptions),
        document_id=row.document_id,
    )


def _exception(
    patient_id: UUID, month: Month, code: str, severity: str, message: str, fact: str | None
) -> ExceptionLine:
    place = anchor(code, fact)
    return ExceptionLine(
        code=code,
        severity="block" if severity == "block" else "adjust" if severity == "adjust" else "info",
        title=title(code),
        message=message[:1].upper() + message[1:],
        fix=f"/patients/{patient_id}?month={month}#{place}" if place else "",
    )


def _groups(rows: Sequence[RulingRow]) -> tuple[BlockedGroup, ...]:
    """Group blocked rows by the first thing that blocks each; the largest group first."""
    by_code: dict[str, list[RulingRow]] = defaultdict(list)
    for row in rows:
        blocks = [found.code for found in row.exceptions if found.severity == "block"]
        by_code[blocks[0] if blocks else "PROVISIONAL_PACK"].append(row)
    ordered = sorted(by_code.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(BlockedGroup(code=code, title=title(code), rows=tuple(found)) for code, found in ordered)
