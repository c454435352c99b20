"""Whose standings are asked for, and as which condition of a prebuilt question."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Uuid, and_, any_, bindparam, false, or_

from caretide.billing.models import MonthStanding
from caretide.kernel.month import Month
from caretide.runtime.db import Ids
from caretide.tenants.queries import ClinicRow

_IDS = bindparam("ids", type_=Ids())


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

    @property
    def shape(self) -> "Shape":
        """What a question for this scope looks like, whichever clinics and patients it names."""
        by_month = self._by_month
        whole = self.is_whole and len(by_month) == 1
        one_clinic = () if whole else tuple(len(ids) == 1 for ids in by_month.values())
        return Shape(one_clinic, is_whole=whole, is_named=self.patients is not None)

    @property
    def given(self) -> dict[str, Any]:
        """The parameters of `within(scope.shape)`."""
        asked: dict[str, Any] = {} if self.patients is None else {"ids": self.patients}
        shape = self.shape
        for place, (month, ids) in enumerate(self._by_month.items()):
            asked[f"month_{place}"] = month.first
            if not shape.is_whole:
                asked[f"clinics_{place}"] = ids[0] if shape.one_clinic[place] else ids
        return asked

    @property
    def _by_month(self) -> dict[Month, list[UUID]]:
        found: dict[Month, list[UUID]] = defaultdict(list)
        for one in self.months:
            found[one.month].append(one.clinic.id)
        return found


class Shape(NamedTuple):
    """What of a scope decides how a question is put, so that it is put together once: see `within`.

    `one_clinic` says of each month whether it is that of one clinic alone.
    """

    one_clinic: tuple[bool, ...]
    is_whole: bool
    is_named: bool


@cache
def within(shape: Shape) -> ColumnElement[bool]:
    """Return the condition that picks a scope's months and patients; `Scope.given` has its parameters."""
    if shape.is_whole:
        # One month for the whole tenant: without naming clinics an index gives the order as well.
        where = MonthStanding.service_month == _month(0)
    else:
        where = or_(false(), *(_of_clinics(place, alone=one) for place, one in enumerate(shape.one_clinic)))
    return and_(where, MonthStanding.patient_id == any_(_IDS)) if shape.is_named else where


def _month(place: int) -> ColumnElement[Any]:
    return bindparam(f"month_{place}", type_=Date)


def _of_clinics(place: int, *, alone: bool) -> ColumnElement[bool]:
    # One clinic is compared, and not looked for among several: then an index gives the order.
    whose = bindparam(f"clinics_{place}", type_=Uuid) if alone else any_(bindparam(f"clinics_{place}", type_=Ids()))
    return and_(MonthStanding.service_month == _month(place), MonthStanding.clinic_id == whose)
