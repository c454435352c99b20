"""The month's page, put together."""

from calendar import month_name
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal
from uuid import UUID

from caretide.billing.queries import closes, evidence, freshness, lists, standings
from caretide.billing.queries.closes import CloseMark, marks_of
from caretide.billing.queries.lists import RuledMonth, blocked_by, row_of, rows
from caretide.billing.queries.scopes import Scope
from caretide.billing.queries.standings import Listed, Order
from caretide.billing.rules.standing import Kind, Standing, Sums
from caretide.billing.rules.words import explained, title
from caretide.billing.schemas import (
    SORTS,
    BlockedGroup,
    CloseProgress,
    MonthPage,
    MonthState,
    MonthTotals,
    NoMonth,
    RulingRow,
)
from caretide.kernel.errors import NotFound
from caretide.kernel.ids import parse_id
from caretide.kernel.month import FIRST_YEAR, LAST_YEAR, Month, is_month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.rosters import queries as rosters
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow
from caretide.time_log import queries as time_log
from caretide.ui.forms import Option

ROWS: Final = 50
READ: Final = 2_000
"""So many patient-months of a month that closed a moment ago are read row by row; more are shown once its lists are."""
MONTHS_BACK: Final = 12
FIRST_MONTH: Final = Month(2015, 1)
"""The month from which on Medicare pays for chronic care management (CY 2015 Physician Fee Schedule, 79 FR 67547)."""


_ORDERS: Final[Mapping[str, Order]] = {"name": "name", "minutes": "minutes", "amount": "amount"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a month is looked at: one clinic by id or all, `ready` or `blocked`, in an order, and which page of it.

    A program and a coordinator's id narrow it; empty leaves nothing out.
    """

    clinic: str = ""
    show: str = ""
    page: int = 1
    sort: str = ""
    program: str = ""
    coordinator: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many patient-months a clinic has, and how many of them are ready."""

    months: int = 0
    ready: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A page of a month's rows with its sums: `groups` are sizes by what blocks, `counted` the rows of each clinic.

    `programs` are those that the rows can be narrowed to, `unlisted` the patient-months closed and not in lists yet.
    """

    totals: MonthTotals
    rows: tuple[RulingRow, ...]
    groups: Mapping[str, int] = field(default_factory=dict[str, int])
    counted: Mapping[UUID, Counted] = field(default_factory=dict[UUID, Counted])
    programs: frozenset[str] = frozenset()
    page: int = 1
    pages: int = 1
    waiting: int = 0
    unlisted: int = 0


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def default_month(tx: Tx) -> Month:
    """Return the last full month: what billing works on."""
    clinics = await tenants.clinics(tx)
    today = tx.now.astimezone(clinics[0].zone).date() if clinics else tx.now.date()
    return Month.of(today).previous()


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def no_month(tx: Tx, text: str) -> NoMonth | None:
    """Return why a month of an address has no page: not begun, or before care management. None where it has one.

    What is no month at all, `2026-13`, is left to `Month.parse`.
    """
    if not is_month(text):
        return None
    last = await default_month(tx)
    title = f"{month_name[int(text[5:])]} {int(text[:4])}"
    # Written alike, months compare as text.
    if text < str(FIRST_MONTH):
        why = f"Medicare has paid for care management since {FIRST_MONTH.title}: no month before it is billed."
    elif text > str(last.next()):
        why = f"{title} has not begun. Its page appears with its first day."
    else:
        return None
    beyond = not FIRST_YEAR <= int(text[:4]) <= LAST_YEAR
    return NoMonth(title=title, text=why, present=last.next(), last=last, is_out_of_reach=beyond)


@requires(Permission.MONTH_READ, reads(Data.MONTH, Data.DEMOGRAPHICS, Data.TIME, Data.STAFF, Data.SETTINGS))
async def month_page(tx: Tx, month: Month, wanted: Wanted) -> MonthPage:
    """Return the month of one clinic or of all: as it stands where it is open, frozen where it is closed."""
    everywhere = await tenants.clinics(tx)
    chosen = _chosen(everywhere, wanted.clinic)
    show: Literal["ready", "blocked"] = "blocked" if wanted.show == "blocked" else "ready"
    board = await _board(tx, month, chosen, replace(wanted, show=show))
    marks = {mark.clinic_id: mark for mark in await marks_of(tx, month)}
    concerned = _concerned(
        [marks.get(clinic.id) for clinic in chosen], [clinic.id in board.counted for clinic in chosen]
    )
    state = _state(concerned)
    may_close, why_not = _may_close(tx, month, chosen, wanted)
    return MonthPage(
        month=month,
        months=_months(month, await default_month(tx)),
        clinics=tuple(Option(str(clinic.id), clinic.name) for clinic in everywhere),
        clinic=wanted.clinic,
        state=state,
        totals=board.totals,
        show=show,
        sort=wanted.sort if wanted.sort in SORTS else "name",
        program=wanted.program,
        coordinator=wanted.coordinator,
        programs=tuple(Option(one, one) for one in sorted(board.programs)),
        coordinators=await _coordinators(tx, wanted.coordinator),
        ready=board.rows if show == "ready" else (),
        blocked=_groups(board.rows, board.groups) if show == "blocked" else (),
        page=board.page,
        pages=board.pages,
        progress=_progress(marks, board.counted) if state == "closing" else None,
        closed_at=_closed_at([marks.get(clinic.id) for clinic in chosen], chosen),
        may_close=may_close,
        why_not=why_not,
        provisional=(await evidence.packs(tx)).at(month) is None,
        waiting=board.waiting,
        unlisted=board.unlisted,
        waived=tuple(await time_log.waived_in(tx, month, [clinic.id for clinic in chosen] if wanted.clinic else None)),
        reviews=await rosters.due_reviews(tx, {clinic.id for clinic in chosen}, month),
        may_review=Permission.GLASS_REVIEW in tx.actor.permissions,
    )


async def _board(tx: Tx, month: Month, clinics: Sequence[ClinicRow], wanted: Wanted) -> Board:
    months = await freshness.kept(tx, [(clinic, month) for clinic in clinics])
    unlisted = [one.clinic.id for one in months if one.is_closed and not one.is_complete]
    frozen = await closes.count_frozen(tx, unlisted, month) if unlisted else 0
    if unlisted and frozen <= READ:
        # Closed a moment ago: until its lists are made of what was frozen, that is read row by row.
        return await _whole(tx, month, clinics, wanted)
    scope = Scope(months, is_whole=not wanted.clinic)
    over = await freshness.overlay(tx, scope)
    counted = await standings.counts(tx, scope, over, by_coordinator=bool(wanted.coordinator))
    mine = {kind: sums for kind, sums in counted.items() if _is_wanted(kind, wanted)}
    groups = _sizes(mine, wanted.show)
    total = sum(groups.values())
    pages = max(1, -(-total // ROWS))
    page = min(max(1, wanted.page), pages)
    found: list[Standing] = []
    for reason, start, size in parts(groups, (page - 1) * ROWS, ROWS):
        listed = Listed(
            order=_ORDERS.get(wanted.sort, "name"),
            status=wanted.show,
            blocked_by=reason,
            program=wanted.program,
            coordinator_id=parse_id(wanted.coordinator) if wanted.coordinator else None,
            start=start,
            size=size,
        )
        found += await standings.page(tx, scope, over, listed)
    return Board(
        totals=_totals(mine),
        rows=await rows(tx, month, found),
        groups=groups,
        counted=_by_clinic((kind.clinic_id, kind.status, sums.months) for kind, sums in counted.items()),
        programs=frozenset(kind.program for kind, sums in counted.items() if sums.months),
        page=page,
        pages=pages,
        waiting=over.waiting,
        unlisted=frozen,
    )


async def _coordinators(tx: Tx, chosen: str) -> tuple[Option, ...]:
    """Return who looks after patients, without asking who has rows in the month: that would be a sum for each."""
    found = await rosters.designees(tx, parse_id(chosen) if chosen else None)
    return tuple(Option(str(member_id), name) for member_id, name in found)


def _is_wanted(kind: Kind, wanted: Wanted) -> bool:
    coordinator = str(kind.coordinator_id or "")
    return wanted.program in {"", kind.program} and wanted.coordinator in {"", coordinator}


def _sizes(counted: Mapping[Kind, Sums], status: str) -> dict[str, int]:
    """Return how many months of a status each thing blocks (one group of those ready): the largest first."""
    sizes: Counter[str] = Counter()
    for kind, sums in counted.items():
        if kind.status == status and sums.months:
            sizes[kind.blocked_by or ""] += sums.months
    return dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0])))


def parts(groups: Mapping[str, int], start: int, size: int) -> Iterator[tuple[str, int, int]]:
    """Yield which parts of which groups make up a page: group, where in it, how many."""
    for name, length in groups.items():
        if start < length and size > 0:
            taken = min(size, length - start)
            yield name, start, taken
            size -= taken
        start = max(0, start - length)


async def _whole(tx: Tx, month: Month, clinics: Sequence[ClinicRow], wanted: Wanted) -> Board:
    """Return the board from every row of the month."""
    states = await closes.close_states(tx, month)
    ruled: list[RuledMonth] = []
    counted: list[tuple[UUID, str, int]] = []
    for clinic in clinics:
        found = (
            await lists.closed_months(tx, clinic.id, month)
            if states.get(clinic.id) == "closed"
            else await lists.live_months(tx, clinic, month)
        )
        counted += [(clinic.id, row.status, 1) for row in found]
        ruled += found
    shown = [row_of(row, month) for row in ruled if row.status == wanted.show]
    pages = max(1, -(-len(shown) // ROWS))
    page = min(max(1, wanted.page), pages)
    return Board(
        totals=_summed(ruled),
        rows=tuple(shown[(page - 1) * ROWS : page * ROWS]),
        groups=dict(Counter(blocked_by(row) for row in shown)),
        counted=_by_clinic(counted),
        page=page,
        pages=pages,
    )


def _chosen(clinics: Sequence[ClinicRow], wanted: str) -> list[ClinicRow]:
    chosen = [clinic for clinic in clinics if wanted in {"", str(clinic.id)}]
    if wanted and not chosen:
        raise NotFound
    return chosen


def _concerned(marks: Sequence[CloseMark | None], counted: Sequence[bool]) -> list[CloseMark | None]:
    """Return the closes that the month is about: a clinic that was opened since has nothing to close."""
    return [mark for mark, has_rows in zip(marks, counted, strict=True) if mark or has_rows] or list(marks)


def _state(marks: Sequence[CloseMark | None]) -> MonthState:
    """Return the state of several clinics together: closed only when nothing of any is left."""
    if marks and all(mark and mark.done for mark in marks):
        return "closed"
    return "closing" if any(mark and not mark.done for mark in marks) else "open"


def _by_clinic(counted: Iterable[tuple[UUID, str, int]]) -> dict[UUID, Counted]:
    """Return how many rows each clinic has, of counts by clinic and status; none for one without any."""
    found: dict[UUID, Counted] = {}
    for clinic_id, status, months in counted:
        if months:
            before = found.get(clinic_id, Counted())
            ready = months if status == "ready" else 0
            found[clinic_id] = Counted(before.months + months, before.ready + ready)
    return found


def _progress(marks: Mapping[UUID, CloseMark], counted: Mapping[UUID, Counted]) -> CloseProgress:
    """Return how far a close has come, without counting again: a clinic is ruled whole, or not yet."""
    closed = [(marks[one], rows) for one, rows in counted.items() if one in marks and marks[one].state == "closed"]
    return CloseProgress(
        done=sum(rows.months for _, rows in closed),
        total=sum(rows.months for rows in counted.values()),
        records_done=sum(rows.ready - mark.unrendered for mark, rows in closed),
    )


def _closed_at(marks: Sequence[CloseMark | None], clinics: Sequence[ClinicRow]) -> str:
    ends = [
        mark.closed_at.astimezone(clinic.zone)
        for mark, clinic in zip(marks, clinics, strict=True)
        if mark and mark.closed_at is not None
    ]
    return f"{max(ends):%b} {max(ends).day}, {max(ends).year}" if ends else ""


def _may_close(tx: Tx, month: Month, clinics: Sequence[ClinicRow], wanted: Wanted) -> tuple[bool, str]:
    if Permission.MONTH_CLOSE not in tx.actor.permissions:
        return False, "Billing closes the month"
    if wanted.program or wanted.coordinator:
        # The question before a close tells sums, and these are not those of the month.
        return False, "Show everybody's to close the month"
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


def _totals(counted: Mapping[Kind, Sums]) -> MonthTotals:
    ready = [sums for kind, sums in counted.items() if kind.status == "ready"]
    return MonthTotals(
        patients=sum(sums.patients for sums in counted.values()),
        ready=sum(sums.months for sums in ready),
        blocked=sum(sums.months for sums in counted.values()) - sum(sums.months for sums in ready),
        lines=sum(sums.lines for sums in counted.values()),
        seconds=sum(sums.countable_secs for sums in ready),
        amount=sum(sums.amount_cents for sums in counted.values()),
    )


def _summed(rows: Sequence[RuledMonth]) -> MonthTotals:
    return MonthTotals(
        patients=len({row.patient_id for row in rows}),
        ready=sum(row.status == "ready" for row in rows),
        blocked=sum(row.status == "blocked" for row in rows),
        lines=sum(len(row.lines) for row in rows),
        seconds=sum(row.seconds for row in rows if row.status == "ready"),
        amount=sum(cents or 0 for row in rows for _, _, cents in row.lines),
    )


def _groups(shown: Sequence[RulingRow], sizes: Mapping[str, int]) -> tuple[BlockedGroup, ...]:
    """Group blocked rows by the first thing that blocks each; the largest group first."""
    by_code: dict[str, list[RulingRow]] = defaultdict(list)
    for row in shown:
        by_code[blocked_by(row)].append(row)
    ordered = sorted(by_code, key=lambda code: (-sizes[code], code))
    return tuple(
        BlockedGroup(
            code=code, title=title(code), rows=tuple(by_code[code]), total=sizes[code], explained=explained(code)
        )
        for code in ordered
    )
