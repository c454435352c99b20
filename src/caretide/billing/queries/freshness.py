"""Which standings hold: what they were ruled by, how far each clinic's month is ruled, and who changed since."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, and_, any_, bindparam, exists, false, func, or_, select

from caretide.billing.models import MonthClose, MonthStanding, RuleLimits, StandingMark, StandingMonth
from caretide.billing.queries import evidence
from caretide.billing.rules.standing import Ground, Standing, standings
from caretide.enrollment import queries as enrollment
from caretide.enrollment.models import Enrollment
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.patients.models import Patient
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.models import ClinicFact
from caretide.tenants.queries import ClinicRow
from caretide.time_log import queries as time_log

LIVE: Final = 25
"""So many patients a page rules itself, where it would show what stood before they changed; more wait for the job."""
COUNTED: Final = 5_000
"""Waiting patients are counted up to here."""
FROZEN: Final = 0
"""The fingerprint of what cannot go stale."""
RULING_CODE: Final = (
    "programs",
    "billing/rules",
    "billing/queries/evidence.py",
    "enrollment/rules.py",
    "patients/rules.py",
)
"""What a ruling follows from, in this package: changed by an upgrade, it makes every standing stale."""

_IDS = bindparam("ids", type_=ARRAY(Uuid, dimensions=1))
ClinicMonth = tuple[ClinicRow, Month]


@dataclass(frozen=True, slots=True)
class Kept:
    """How far a clinic's open or closed month is ruled. `rules` is the fingerprint that its standings should carry."""

    clinic: ClinicRow
    month: Month
    rules: int
    filled_to: UUID | None = None
    is_complete: bool = False
    is_closed: bool = False

    @property
    def key(self) -> tuple[UUID, Month]:
        """The clinic's id and the month."""
        return self.clinic.id, self.month


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose standings are asked for: of some clinics, each in a month; of these the patients named, or all.

    `is_whole` says that no clinic of the tenant is left out.
    """

    months: tuple[Kept, ...]
    patients: tuple[UUID, ...] | None = None
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Overlay:
    """What stands in the place of stored rows: the standings of patients that changed, ruled now.

    `stale` are those patients, enrolled or not. Where too many changed, there are none, and `waiting` says how many
    are shown as they stood; it stops at `COUNTED`.
    """

    stale: tuple[UUID, ...] = ()
    live: tuple[Standing, ...] = ()
    waiting: int = 0


@requires(Permission.MONTH_READ)
async def present(tx: Tx, clinics: Sequence[ClinicRow]) -> tuple[Kept, ...]:
    """Return each clinic's present month, by its own calendar."""
    return await kept(tx, [(one, Month.of(tx.now.astimezone(one.zone).date())) for one in clinics])


@requires(Permission.MONTH_READ)
async def kept(tx: Tx, wanted: Sequence[ClinicMonth]) -> tuple[Kept, ...]:
    """Return how far some months are ruled. Four statements, however many."""
    prints = await _fingerprints(tx, wanted)
    closed = await _closed(tx)
    columns = (StandingMonth.clinic_id, StandingMonth.service_month, StandingMonth.rules, StandingMonth.filled_to)
    rows = (await tx.db.execute(select(*columns, StandingMonth.is_complete, StandingMonth.is_frozen))).all()
    states = {(row.clinic_id, Month.of(row.service_month)): row for row in rows}
    found: list[Kept] = []
    for clinic, month in wanted:
        state = states.get((clinic.id, month))
        if (clinic.id, month) in closed:
            frozen = state is not None and state.is_frozen
            found.append(Kept(clinic, month, FROZEN, is_complete=frozen, is_closed=True))
            continue
        rules = prints[clinic.id, month]
        if state is None or state.rules != rules:
            found.append(Kept(clinic, month, rules))
        else:
            found.append(Kept(clinic, month, rules, state.filled_to, state.is_complete))
    return tuple(found)


@requires(Permission.MONTH_READ)
async def to_keep(tx: Tx) -> tuple[Kept, ...]:
    """Return the months of which standings are kept: each clinic's present one, the one before, and those closed."""
    clinics = await tenants.clinics(tx)
    closed = await _closed(tx)
    asked = (await tx.db.execute(select(StandingMonth.clinic_id, StandingMonth.service_month))).all()
    months: dict[UUID, set[Month]] = {one.id: set() for one in clinics}
    for clinic_id, month in [*closed, *((row.clinic_id, Month.of(row.service_month)) for row in asked)]:
        months[clinic_id].add(month)
    for one in clinics:
        now = Month.of(tx.now.astimezone(one.zone).date())
        months[one.id] |= {now, now.previous()}
    return await kept(tx, [(one, month) for one in clinics for month in sorted(months[one.id], reverse=True)])


async def _closed(tx: Tx) -> set[tuple[UUID, Month]]:
    wanted = select(MonthClose.clinic_id, MonthClose.service_month).where(MonthClose.state == "closed")
    return {(row.clinic_id, Month.of(row.service_month)) for row in (await tx.db.execute(wanted)).all()}


async def _fingerprints(tx: Tx, wanted: Sequence[ClinicMonth]) -> dict[tuple[UUID, Month], int]:
    """Return what rulings of a clinic's month have in common, as a number: rules, limits, the clinic and its facts.

    Facts of a clinic are about all of its patients, so they are no patient's mark: a changed one changes this.
    """
    limits = [str(one) for one in (await tx.db.execute(select(RuleLimits.id).order_by(RuleLimits.id))).scalars()]
    columns = (ClinicFact.clinic_id, ClinicFact.kind, ClinicFact.value, ClinicFact.effective_on, ClinicFact.checked_on)
    ordered = select(*columns).order_by(ClinicFact.effective_on, ClinicFact.recorded_at)
    facts: dict[UUID, list[Any]] = defaultdict(list)
    for row in (await tx.db.execute(ordered)).all():
        facts[row.clinic_id].append(row)
    found: dict[tuple[UUID, Month], int] = {}
    for clinic, month in wanted:
        standing = {row.kind: row for row in facts[clinic.id] if row.effective_on <= month.last}
        said = [_code(), *limits, repr(clinic), *(repr(standing[kind]) for kind in sorted(standing))]
        digest = hashlib.sha256("\0".join(said).encode()).digest()
        # A number that PostgreSQL's bigint holds, and never that of a frozen month.
        found[clinic.id, month] = int.from_bytes(digest[:8], signed=True) or 1
    return found


@cache
def _code() -> str:
    """Return the digest of the code and data that rulings follow from, read once."""
    total = hashlib.sha256()
    for name in RULING_CODE:
        for content in _contents(resources.files("caretide").joinpath(*name.split("/"))):
            total.update(content)
    return total.hexdigest()


def _contents(place: Traversable) -> Iterable[bytes]:
    if place.is_file():
        yield place.read_bytes()
        return
    for inner in sorted(place.iterdir(), key=lambda one: one.name):
        if inner.is_dir() and inner.name != "__pycache__":
            yield from _contents(inner)
        elif inner.name.endswith((".py", ".json")):
            yield inner.read_bytes()


@requires(Permission.MONTH_READ)
async def overlay(tx: Tx, scope: Scope) -> Overlay:
    """Return what changed since it was ruled, ruled now where that is little."""
    stale = await _stale(tx, scope, LIVE + 1)
    if len(stale) > LIVE:
        return Overlay(waiting=len(await _stale(tx, scope, COUNTED)))
    return Overlay(tuple(stale), await live(tx, scope.months, stale) if stale else ())


@requires(Permission.MONTH_READ)
async def live(tx: Tx, months: Sequence[Kept], patient_ids: Sequence[UUID]) -> tuple[Standing, ...]:
    """Return the standings of patients in some months as they are now: about a dozen statements a clinic and month."""
    where = select(Enrollment.clinic_id).where(Enrollment.patient_id == any_(_IDS)).distinct()
    clinics = set((await tx.db.execute(where, {"ids": list(patient_ids)})).scalars())
    concerned = [one for one in months if one.clinic.id in clinics and not one.is_closed]
    if not concerned:
        return ()
    packs, lists = await evidence.packs(tx), enrollment.chronic_lists()
    contacts = await time_log.last_contact(tx, patient_ids)
    found: list[Standing] = []
    for one in concerned:
        judged = await evidence.judged(tx, one.clinic, one.month, patient_ids)
        found += standings(judged, Ground(packs, lists, one.rules, contacts))
    return tuple(found)


async def _stale(tx: Tx, scope: Scope, most: int) -> list[UUID]:
    """Return patients who are marked, or have no standing of today's rules, `most` at most."""
    marks = select(StandingMark.patient_id).distinct().limit(most)
    if scope.patients is not None:
        marks = marks.where(StandingMark.patient_id == any_(_IDS))
    asked = {} if scope.patients is None else {"ids": list(scope.patients)}
    found = set((await tx.db.execute(marks, asked)).scalars())
    for one in scope.months:
        if one.is_closed or one.is_complete or len(found) >= most:
            continue
        lacking = select(Enrollment.patient_id).where(*_lacking(one)).distinct().limit(most)
        if scope.patients is not None:
            lacking = lacking.where(Enrollment.patient_id == any_(_IDS))
        found.update((await tx.db.execute(lacking, asked)).scalars())
    return sorted(found)[:most]


@requires(Permission.MONTH_READ)
async def enrolled(tx: Tx, scope: Scope) -> set[UUID]:
    """Return those of a scope's named patients who are enrolled in its months, whether ruled yet or not."""
    touching = or_(false(), *(and_(*_touching(one)) for one in scope.months))
    wanted = select(Enrollment.patient_id).where(Enrollment.patient_id == any_(_IDS), touching)
    return set((await tx.db.execute(wanted, {"ids": list(scope.patients or ())})).scalars())


def _touching(one: Kept) -> tuple[ColumnElement[bool], ...]:
    return (
        Enrollment.clinic_id == one.clinic.id,
        Enrollment.started_on <= one.month.last,
        or_(Enrollment.ended_on.is_(None), Enrollment.ended_on >= one.month.first),
    )


def _lacking(one: Kept) -> tuple[ColumnElement[bool], ...]:
    has_standing = exists().where(
        MonthStanding.tenant_id == Enrollment.tenant_id,
        MonthStanding.patient_id == Enrollment.patient_id,
        MonthStanding.practitioner_id == Enrollment.practitioner_id,
        MonthStanding.service_month == one.month.first,
        MonthStanding.rules == one.rules,
    )
    return (*_touching(one), ~has_standing)


@requires(Permission.MONTH_READ)
async def marked(tx: Tx, most: int) -> dict[UUID, list[UUID]]:
    """Return the marks of `most` patients at most, by patient."""
    some = select(StandingMark.patient_id).distinct().limit(most).scalar_subquery()
    wanted = select(StandingMark.patient_id, StandingMark.id).where(StandingMark.patient_id.in_(some))
    found: dict[UUID, list[UUID]] = defaultdict(list)
    for row in (await tx.db.execute(wanted)).all():
        found[row.patient_id].append(row.id)
    return dict(found)


@requires(Permission.MONTH_READ)
async def after(tx: Tx, one: Kept, most: int) -> list[UUID]:
    """Return the clinic's next patients, by id, who are to be ruled for a month."""
    wanted = select(Patient.id).where(Patient.clinic_id == one.clinic.id).order_by(Patient.id).limit(most)
    if one.filled_to is not None:
        wanted = wanted.where(Patient.id > one.filled_to)
    return list((await tx.db.execute(wanted)).scalars())


@requires(Permission.MONTH_READ)
async def is_due(tx: Tx) -> bool:
    """Tell whether anything is to be ruled again, filled or frozen."""
    if (
        await tx.db.execute(select(func.count()).select_from(select(StandingMark.id).limit(1).subquery()))
    ).scalar_one():
        return True
    return not all(one.is_complete for one in await to_keep(tx))


def within(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that picks a scope's months, and its patients by the parameter `ids`."""
    by_month: dict[Month, list[UUID]] = defaultdict(list)
    for one in scope.months:
        by_month[one.month].append(one.clinic.id)
    if not by_month:
        return false()
    if scope.is_whole and len(by_month) == 1:
        # One month for the whole tenant: without naming clinics an index gives the order as well.
        (month,) = by_month
        where = MonthStanding.service_month == month.first
    else:
        where = or_(
            *(
                and_(MonthStanding.service_month == month.first, MonthStanding.clinic_id.in_(ids))
                for month, ids in by_month.items()
            )
        )
    return where if scope.patients is None else and_(where, MonthStanding.patient_id == any_(_IDS))
