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

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    Integer,
    Select,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    column,
    exists,
    func,
    join,
    or_,
    select,
)

from caretide.billing.models import MonthClose, MonthStanding, RuleLimits, StandingMark, StandingMonth
from caretide.billing.queries import evidence
from caretide.billing.queries.scopes import Kept, Scope
from caretide.billing.rules.standing import Ground, Standing, standings
from caretide.enrollment import queries as enrollment
from caretide.enrollment.models import Enrollment
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients.models import Patient
from caretide.runtime.access import requires
from caretide.runtime.db import Ids
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
    "tenants/queries/places.py",
)
"""What a ruling follows from, in this package: changed by an upgrade, it makes every standing stale."""

_IDS = bindparam("ids", type_=Ids())
ClinicMonth = tuple[ClinicRow, Month]


@dataclass(frozen=True, slots=True)
class Overlay:
    """What stands in the place of stored rows: the standings of patients that changed, ruled now.

    `stale` are those patients, enrolled or not. Where too many changed, there are none, and `waiting` says how many
    are shown as they stood; it stops at `COUNTED`.
    """

    stale: tuple[UUID, ...] = ()
    live: tuple[Standing, ...] = ()
    waiting: int = 0


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def present(tx: Tx, clinics: Sequence[ClinicRow]) -> tuple[Kept, ...]:
    """Return each clinic's present month, by its own calendar."""
    return await kept(tx, [(one, Month.of(tx.now.astimezone(one.zone).date())) for one in clinics])


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def kept(tx: Tx, wanted: Sequence[ClinicMonth]) -> tuple[Kept, ...]:
    """Return how far some months are ruled. Three statements, however many."""
    prints = await _fingerprints(tx, wanted)
    states = await _states(tx)
    found: list[Kept] = []
    for clinic, month in wanted:
        state = states.get((clinic.id, month))
        rules = prints[clinic.id, month]
        if state is not None and state.is_closed:
            found.append(Kept(clinic, month, FROZEN, is_complete=bool(state.is_frozen), is_closed=True))
        elif state is None or state.rules != rules:
            found.append(Kept(clinic, month, rules))
        else:
            found.append(Kept(clinic, month, rules, state.filled_to, state.is_complete))
    return tuple(found)


async def _states(tx: Tx) -> dict[tuple[UUID, Month], Any]:
    """Return the months that are ruled in part or wholly, and those closed, which may not be ruled at all."""
    rows = (await tx.db.execute(_STATES)).all()
    return {(row.clinic_id, Month.of(row.service_month)): row for row in rows}


_CLOSED = select(MonthClose.clinic_id, MonthClose.service_month).where(MonthClose.state == "closed").subquery()
_STATES = select(
    func.coalesce(StandingMonth.clinic_id, _CLOSED.c.clinic_id).label("clinic_id"),
    func.coalesce(StandingMonth.service_month, _CLOSED.c.service_month).label("service_month"),
    StandingMonth.rules,
    StandingMonth.filled_to,
    StandingMonth.is_complete,
    StandingMonth.is_frozen,
    _CLOSED.c.clinic_id.is_not(None).label("is_closed"),
).select_from(
    join(
        StandingMonth,
        _CLOSED,
        and_(
            StandingMonth.clinic_id == _CLOSED.c.clinic_id,
            StandingMonth.service_month == _CLOSED.c.service_month,
        ),
        full=True,
    )
)


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def to_keep(tx: Tx) -> tuple[Kept, ...]:
    """Return the months of which standings are kept: each clinic's present one, the one before, and those closed."""
    clinics = await tenants.clinics(tx)
    months: dict[UUID, set[Month]] = {one.id: set() for one in clinics}
    for clinic_id, month in await _states(tx):
        months[clinic_id].add(month)
    for one in clinics:
        now = Month.of(tx.now.astimezone(one.zone).date())
        months[one.id] |= {now, now.previous()}
    return await kept(tx, [(one, month) for one in clinics for month in sorted(months[one.id], reverse=True)])


_LIMITS = select(RuleLimits.id).order_by(RuleLimits.id)
_CLINIC_FACTS = select(
    ClinicFact.clinic_id, ClinicFact.kind, ClinicFact.value, ClinicFact.effective_on, ClinicFact.checked_on
).order_by(ClinicFact.effective_on, ClinicFact.recorded_at)


async def _fingerprints(tx: Tx, wanted: Sequence[ClinicMonth]) -> dict[tuple[UUID, Month], int]:
    """Return what rulings of a clinic's month have in common, as a number: rules, limits, the clinic and its facts.

    Facts of a clinic are about all of its patients, so they are no patient's mark: a changed one changes this.
    """
    limits = [str(one) for one in (await tx.db.execute(_LIMITS)).scalars()]
    facts: dict[UUID, list[Any]] = defaultdict(list)
    for row in (await tx.db.execute(_CLINIC_FACTS)).all():
        facts[row.clinic_id].append(row)
    found: dict[tuple[UUID, Month], int] = {}
    for clinic, month in wanted:
        # Each of them: one that was superseded within the month may hold it still.
        said = [
            _code(),
            *limits,
            repr(clinic),
            *(repr(row) for row in facts[clinic.id] if row.effective_on <= month.last),
        ]
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


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def overlay(tx: Tx, scope: Scope) -> Overlay:
    """Return what changed since it was ruled, ruled now where that is little."""
    stale = await _stale(tx, scope, LIVE + 1)
    if len(stale) > LIVE:
        return Overlay(waiting=len(await _stale(tx, scope, COUNTED)))
    return Overlay(tuple(stale), await live(tx, scope.months, stale) if stale else ())


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def live(tx: Tx, months: Sequence[Kept], patient_ids: Sequence[UUID]) -> tuple[Standing, ...]:
    """Return the standings of patients in some months as they are now: about a dozen statements a clinic and month."""
    clinics = set((await tx.db.execute(_CLINICS_OF, {"ids": patient_ids})).scalars())
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
    asked: dict[str, Any] = {"most": most} if scope.patients is None else {"most": most, "ids": scope.patients}
    named = scope.patients is not None
    found = set((await tx.db.execute(_MARKED_OF if named else _MARKED, asked)).scalars())
    left = [one for one in scope.months if not (one.is_closed or one.is_complete)]
    if left and len(found) < most:
        # After a change of the rules every clinic's month is unfinished: they are asked about together.
        asked |= {
            "clinics": [one.clinic.id for one in left],
            "firsts": [one.month.first for one in left],
            "lasts": [one.month.last for one in left],
            "prints": [one.rules for one in left],
        }
        found |= await _lacking(tx, _LACKING_OF if named else _LACKING, asked, most)
    return sorted(found)[:most]


async def _lacking(tx: Tx, wanted: Select[*tuple[Any, ...]], asked: dict[str, Any], most: int) -> set[UUID]:
    """Return who has no standing of today's rules: `most` at least, or all there are.

    To name each once the database would have to read everybody; asked for a few rows more it stops after those.
    """
    # Few patients are in two programs.
    limit = most + most // 4 + 8
    while True:
        rows = (await tx.db.execute(wanted, asked | {"most": limit})).scalars().all()
        found = set(rows)
        if len(rows) < limit or len(found) >= most:
            return found
        limit *= 4


@requires(Permission.MONTH_READ, reads(Data.ENROLLMENT))
async def enrolled(tx: Tx, scope: Scope) -> set[UUID]:
    """Return those of a scope's named patients who are enrolled in its months, whether ruled yet or not."""
    months = dict(one.key for one in scope.months)
    # Asked by patient alone: named as well, the clinics lead the planner to read all of theirs.
    rows = (await tx.db.execute(_ENROLLED, {"ids": scope.patients or ()})).all()
    return {
        patient_id
        for patient_id, clinic_id, started_on, ended_on in rows
        if (month := months.get(clinic_id)) is not None
        and started_on <= month.last
        and (ended_on is None or ended_on >= month.first)
    }


def _prepared(*, named: bool) -> tuple[Select[*tuple[Any, ...]], Select[*tuple[Any, ...]]]:
    """Put together who is marked, and who has no standing of today's rules: of the patients named, or of all."""
    most = bindparam("most", type_=Integer)
    open_ = (
        func.unnest(
            cast(bindparam("clinics", type_=Ids()), Ids()),
            bindparam("firsts", type_=ARRAY(Date)),
            bindparam("lasts", type_=ARRAY(Date)),
            bindparam("prints", type_=ARRAY(BigInteger)),
        )
        .table_valued(
            column("clinic_id", Uuid), column("first", Date), column("last", Date), column("rules", BigInteger)
        )
        .render_derived("unfinished")
    )
    has_standing = exists().where(
        MonthStanding.tenant_id == Enrollment.tenant_id,
        MonthStanding.patient_id == Enrollment.patient_id,
        MonthStanding.practitioner_id == Enrollment.practitioner_id,
        MonthStanding.service_month == open_.c.first,
        MonthStanding.rules == open_.c.rules,
    )
    marked = select(StandingMark.patient_id).distinct().limit(most)
    lacking = (
        select(Enrollment.patient_id)
        .join(open_, open_.c.clinic_id == Enrollment.clinic_id)
        .where(
            Enrollment.started_on <= open_.c.last,
            or_(Enrollment.ended_on.is_(None), Enrollment.ended_on >= open_.c.first),
            ~has_standing,
        )
        .limit(most)
    )
    if not named:
        return marked, lacking
    return marked.where(StandingMark.patient_id == any_(_IDS)), lacking.where(Enrollment.patient_id == any_(_IDS))


_MARKED, _LACKING = _prepared(named=False)
_MARKED_OF, _LACKING_OF = _prepared(named=True)
_CLINICS_OF = select(Enrollment.clinic_id).where(Enrollment.patient_id == any_(_IDS)).distinct()
_ENROLLED = select(Enrollment.patient_id, Enrollment.clinic_id, Enrollment.started_on, Enrollment.ended_on).where(
    Enrollment.patient_id == any_(_IDS)
)


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def marked(tx: Tx, most: int) -> dict[UUID, list[UUID]]:
    """Return the marks of `most` patients at most, by patient."""
    some = select(StandingMark.patient_id).distinct().limit(most).scalar_subquery()
    wanted = select(StandingMark.patient_id, StandingMark.id).where(StandingMark.patient_id.in_(some))
    found: dict[UUID, list[UUID]] = defaultdict(list)
    for row in (await tx.db.execute(wanted)).all():
        found[row.patient_id].append(row.id)
    return dict(found)


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def after(tx: Tx, one: Kept, most: int) -> list[UUID]:
    """Return the clinic's next patients, by id, who are to be ruled for a month."""
    wanted = select(Patient.id).where(Patient.clinic_id == one.clinic.id).order_by(Patient.id).limit(most)
    if one.filled_to is not None:
        wanted = wanted.where(Patient.id > one.filled_to)
    return list((await tx.db.execute(wanted)).scalars())


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def is_due(tx: Tx) -> bool:
    """Tell whether anything is to be ruled again, filled or frozen."""
    if (
        await tx.db.execute(select(func.count()).select_from(select(StandingMark.id).limit(1).subquery()))
    ).scalar_one():
        return True
    return not all(one.is_complete for one in await to_keep(tx))
