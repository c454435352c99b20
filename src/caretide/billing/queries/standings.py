"""Lists and counts of patient-months as they stand: stored rows, with those that changed since ruled now.

scope = Scope(await freshness.present(tx, clinics))       # or of some clinics, some patients, an earlier month
over = await freshness.overlay(tx, scope)
counted = await counts(tx, scope, over)                   # a few hundred kinds, however many patients
rows = await page(tx, scope, over, Listed(order="name", size=50))
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, all_, any_, bindparam, func, null, select
from sqlalchemy.orm import InstrumentedAttribute

from caretide.billing.models import MonthStanding, StandingCount
from caretide.billing.queries.freshness import Overlay
from caretide.billing.queries.scopes import Scope, Shape, within
from caretide.billing.rules.standing import Kind, Standing, Sums, tally
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime.access import requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx

Order = Literal["urgency", "name", "minutes", "contact", "amount"]
_Condition = ColumnElement[bool] | InstrumentedAttribute[bool]
_NEVER: Final = datetime.min.replace(tzinfo=UTC)

_NAMES = tuple(field.name for field in fields(Standing))
_COLUMNS = tuple(getattr(MonthStanding, name) for name in _NAMES)
_STALE = bindparam("stale", type_=Ids())


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What of a scope is listed, in which order, and which part. Empty conditions leave nothing out.

    `leads` gives one row a patient: the most urgent of several billing practitioners' months.
    """

    order: Order = "urgency"
    leads: bool = False
    status: str = ""
    bands: frozenset[int] = frozenset()
    under: bool = False
    program: str = ""
    coordinator_id: UUID | None = None
    blocked_by: str = ""
    start: int = 0
    size: int = 50

    @property
    def named(self) -> tuple[str, ...]:
        """The columns of which a value is asked for."""
        return tuple(name for name in ("status", "program", "coordinator_id", "blocked_by") if getattr(self, name))

    def takes(self, one: Standing) -> bool:
        """Whether a standing is on the list: what `_conditions` asks of the database."""
        return (
            (one.leads or not self.leads)
            and self.status in {"", one.status}
            and (not self.bands or one.band in self.bands)
            and (one.is_under or not self.under)
            and self.program in {"", one.program}
            and self.coordinator_id in {None, one.coordinator_id}
            and self.blocked_by in {"", one.blocked_by}
        )


@requires(Permission.MONTH_READ, reads(Data.MONTH))
async def counts(tx: Tx, scope: Scope, over: Overlay, *, by_coordinator: bool = False) -> dict[Kind, Sums]:
    """Return a scope's standings counted by kind; add up the kinds that a page puts together.

    Without `by_coordinator` the kinds of whole clinics name none: hundreds in a big tenant, and not ten thousand.
    """
    if scope.patients is None:
        places = {one.key for one in scope.months}
        asked = {"months": sorted({month.first for _, month in places}), "clinics": {clinic for clinic, _ in places}}
        stored = await _sums(tx, _stored_sums(by_coordinator=by_coordinator), asked)
        gone, live = await _of(tx, scope, over.stale), over.live
        if not by_coordinator:
            gone, live = ([replace(one, coordinator_id=None) for one in some] for some in (gone, live))
        return tally(stored, gone, live)
    return tally(await _sums(tx, _summed(scope.shape), scope.given | {"stale": over.stale}), (), over.live)


@cache
def _stored_sums(*, by_coordinator: bool) -> Select[*tuple[Any, ...]]:
    left_out = set[str]() if by_coordinator else {"coordinator_id"}
    kept = [getattr(StandingCount, name) for name in Kind._fields if name not in left_out]
    keys = [null() if name in left_out else getattr(StandingCount, name) for name in Kind._fields]
    sums = [func.sum(getattr(StandingCount, name)) for name in Sums._fields]
    months = StandingCount.service_month.in_(bindparam("months", expanding=True))
    here = StandingCount.clinic_id == any_(bindparam("clinics", type_=Ids()))
    return select(*keys, *sums).where(months, here).group_by(*kept)


@cache
def _summed(shape: Shape) -> Select[*tuple[Any, ...]]:
    keys = [getattr(MonthStanding, name) for name in Kind._fields]
    leading = func.count().filter(MonthStanding.leads)
    sums = (
        func.count(),
        leading,
        func.count().filter(MonthStanding.leads, MonthStanding.is_under),
        func.sum(MonthStanding.lines),
        func.sum(MonthStanding.countable_secs),
        func.coalesce(func.sum(MonthStanding.amount_cents), 0),
    )
    return select(*keys, *sums).where(within(shape), MonthStanding.patient_id != all_(_STALE)).group_by(*keys)


async def _sums(tx: Tx, wanted: Select[*tuple[Any, ...]], asked: Mapping[str, Any]) -> dict[Kind, Sums]:
    width = len(Kind._fields)
    rows = (await tx.db.execute(wanted, asked)).all()
    return {Kind(*row[:width]): Sums(*(int(value) for value in row[width:])) for row in rows}


async def _of(tx: Tx, scope: Scope, patient_ids: tuple[UUID, ...]) -> list[Standing]:
    """Return the stored standings of some patients of a scope."""
    if not patient_ids:
        return []
    named = Scope(scope.months, patient_ids, is_whole=scope.is_whole)
    rows = (await tx.db.execute(_all(named.shape), named.given)).all()
    return [Standing(**dict(zip(_NAMES, row, strict=True))) for row in rows]


@cache
def _all(shape: Shape) -> Select[*tuple[Any, ...]]:
    return select(*_COLUMNS).where(within(shape))


@requires(Permission.MONTH_READ, reads(Data.MONTH, Data.DEMOGRAPHICS))
async def page(tx: Tx, scope: Scope, over: Overlay, listed: Listed) -> list[Standing]:
    """Return a part of a list. The patients on it are touched."""
    # A live row may belong anywhere: as many stored rows before the part can move into it as there are live ones.
    live = [one for one in over.live if listed.takes(one)]
    before = min(listed.start, len(live))
    asked = scope.given | {name: getattr(listed, name) for name in listed.named}
    asked |= {"start": listed.start - before, "size": before + listed.size}
    if over.stale:
        asked["stale"] = over.stale
    wanted = _listed(scope.shape, _Kind.of(listed), changed=bool(over.stale))
    stored = [Standing(**dict(zip(_NAMES, row, strict=True))) for row in (await tx.db.execute(wanted, asked)).all()]
    merged = sorted([*stored, *live], key=_KEYS[listed.order])[before : before + listed.size]
    tx.touch(*(one.patient_id for one in merged))
    return merged


class _Kind(NamedTuple):
    """What of `Listed` decides how a question is put, so that it is put together once."""

    order: Order
    leads: bool
    bands: frozenset[int]
    under: bool
    is_ready: bool
    named: tuple[str, ...]

    @classmethod
    def of(cls, listed: Listed) -> "_Kind":
        return cls(listed.order, listed.leads, listed.bands, listed.under, listed.status == "ready", listed.named)


@cache
def _listed(shape: Shape, kind: _Kind, *, changed: bool) -> Select[*tuple[Any, ...]]:
    """Put together a list: ids alone first, so that a whole tenant is sorted within an index, then the rows shown."""
    wanted = select(MonthStanding.id).where(within(shape), *_conditions(kind))
    if changed:
        wanted = wanted.where(MonthStanding.patient_id != all_(_STALE))
    order = _sql_order(kind.order)
    # Nothing blocks what is ready: named first, it is what the month's index has before the names.
    wanted = wanted.order_by(MonthStanding.blocked_by, *order) if kind.is_ready else wanted.order_by(*order)
    some = wanted.offset(bindparam("start", type_=Integer)).limit(bindparam("size", type_=Integer))
    return select(*_COLUMNS).where(MonthStanding.id.in_(some)).order_by(*order)


def _conditions(kind: _Kind) -> list[_Condition]:
    found: list[_Condition] = []
    if kind.leads:
        found.append(MonthStanding.leads)
    if kind.bands:
        found.append(MonthStanding.band.in_(sorted(kind.bands)))
    if kind.under:
        found.append(MonthStanding.is_under)
    columns = [getattr(MonthStanding, name) for name in kind.named]
    return [*found, *(column == bindparam(column.key, type_=column.type) for column in columns)]


_LAST = (MonthStanding.name_key, MonthStanding.patient_id, MonthStanding.practitioner_id)


def _sql_order(order: Order) -> tuple[Any, ...]:
    if order == "urgency":
        return MonthStanding.band, MonthStanding.missing_secs, *_LAST
    if order == "minutes":
        return MonthStanding.countable_secs.desc(), *_LAST
    if order == "contact":
        return MonthStanding.last_contact_at.nulls_first(), *_LAST
    if order == "amount":
        return MonthStanding.amount_cents.desc().nulls_last(), *_LAST
    return _LAST


def _last(one: Standing) -> tuple[Any, ...]:
    return one.name_key, one.patient_id, one.practitioner_id


_KEYS: Final[Mapping[Order, Callable[[Standing], tuple[Any, ...]]]] = {
    "urgency": lambda one: (one.band, one.missing_secs, *_last(one)),
    "name": _last,
    "minutes": lambda one: (-one.countable_secs, *_last(one)),
    "contact": lambda one: (one.last_contact_at or _NEVER, *_last(one)),
    "amount": lambda one: (one.amount_cents is None, -(one.amount_cents or 0), *_last(one)),
}
"""Order -> what `_sql_order` sorts by, for rows that are ruled now."""
