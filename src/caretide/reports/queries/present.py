"""The month that each clinic has now, as conditions of prebuilt questions.

Putting a statement together costs the process more than the database needs to answer it, so every question of the Team
pages is put together once for each number of months that run at the same time: one nearly always, two for the hours in
which a month begins in one clinic and not yet in another.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Select, and_, any_, bindparam, exists, false, func, or_, select

from caretide.billing.models import MonthStanding
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.outreach.models import AttemptMonth
from caretide.outreach.rules import STOP_RULE
from caretide.rosters.models import Designation
from caretide.runtime.access import requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow
from caretide.time_log.models import MonthSum


@dataclass(frozen=True)
class Calendar:
    """The present, by each clinic's own calendar; `today` is that of the first clinic."""

    clinics: tuple[ClinicRow, ...]
    months: tuple[tuple[UUID, date], ...]
    today: date

    @property
    def month(self) -> Month:
        """The present month."""
        return Month.of(self.today)

    @cached_property
    def by_month(self) -> tuple[tuple[date, tuple[UUID, ...]], ...]:
        """The clinics of each month that runs somewhere."""
        found: dict[date, list[UUID]] = defaultdict(list)
        for clinic_id, first in self.months:
            found[first].append(clinic_id)
        return tuple((first, tuple(found[first])) for first in sorted(found))

    @property
    def running(self) -> int:
        """How many months run: what `in_months` and `of_months` are put together for."""
        return len(self.by_month)

    @property
    def given(self) -> dict[str, Any]:
        """The parameters of `in_months(.., running)`; `of_months` takes those that it names."""
        if self.running == 1:
            return self.firsts
        clinics = {f"clinics_{place}": ids for place, (_, ids) in enumerate(self.by_month)}
        return self.firsts | clinics

    @property
    def firsts(self) -> dict[str, Any]:
        """The parameters of `of_months(.., running)`."""
        return {f"month_{place}": first for place, (first, _) in enumerate(self.by_month)}


@requires(Permission.TEAM_READ, reads(Data.SETTINGS))
async def calendar(tx: Tx) -> Calendar:
    """Return the clinics and the month that each of them has now."""
    clinics = tuple(await tenants.clinics(tx))
    months = tuple((one.id, Month.of(tx.now.astimezone(one.zone).date()).first) for one in clinics)
    today = tx.now.astimezone(clinics[0].zone).date() if clinics else tx.now.date()
    return Calendar(clinics, months, today)


def in_months(clinic: Any, month: Any, running: int) -> ColumnElement[bool]:
    """Return the condition that a row is of a clinic's present month. The month leads: it leads every index."""
    if running == 1:
        return month == _month(0)
    # No clinic, no month: false.
    ids = (bindparam(f"clinics_{place}", type_=Ids()) for place in range(running))
    return or_(false(), *(and_(month == _month(place), clinic == any_(mine)) for place, mine in enumerate(ids)))


def of_months(month: Any, running: int) -> ColumnElement[bool]:
    """Return the condition that a row is of a month that runs in some clinic."""
    return or_(false(), *(month == _month(place) for place in range(running)))


def _month(place: int) -> ColumnElement[Any]:
    return bindparam(f"month_{place}", type_=Date)


def undesignated() -> ColumnElement[bool]:
    """Return the condition that nobody looks after the patient of a standing, as designations have it this moment."""
    return ~exists().where(
        Designation.tenant_id == MonthStanding.tenant_id,
        Designation.patient_id == MonthStanding.patient_id,
        Designation.valid_from <= func.statement_timestamp(),
        or_(Designation.valid_to.is_(None), Designation.valid_to > func.statement_timestamp()),
    )


def unreached(running: int) -> Select[*tuple[Any, ...]]:
    """Return who was tried as often as the rule asks and reached neither by attempt nor in recorded time."""
    spoken = exists().where(
        MonthSum.tenant_id == AttemptMonth.tenant_id,
        MonthSum.service_month == AttemptMonth.service_month,
        MonthSum.patient_id == AttemptMonth.patient_id,
        MonthSum.last_contact_at.is_not(None),
    )
    return select(AttemptMonth.patient_id).where(
        of_months(AttemptMonth.service_month, running),
        AttemptMonth.contacts == 0,
        AttemptMonth.attempts >= STOP_RULE.attempts,
        ~spoken,
    )
