"""What a service company's director sees: counts and hours, asked tenant by tenant inside each wall.

Inside a tenant the question runs as nobody's roster does: no row of a patient is visible to it, so that a count
can come only from tables that hold none. A tenant is asked only while it says itself that the company serves it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from uuid import UUID

from sqlalchemy import func, or_, select

from caretide.identity.models import Account
from caretide.kernel.actor import Actor
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.reports.schemas.company import CompanyPage, StaffFigures, TenantFigures
from caretide.rosters.models import Designation
from caretide.runtime.access import Denied, requires
from caretide.runtime.tx import Tx, bind
from caretide.tenants import queries as tenants
from caretide.tenants.models import CompanyAccount, CompanyService, Member
from caretide.time_log.models import MemberDay


@dataclass(frozen=True, slots=True)
class _Place:
    """One of the company's people in one tenant."""

    account_id: UUID
    weekly_hours: float | None
    patients: int
    seconds_month: int
    seconds_before: int


@requires(Permission.SELF, reads(Data.ACCOUNT))
async def directs(tx: Tx) -> UUID | None:
    """Return the company that the acting account directs; None for everybody else."""
    wanted = select(CompanyAccount.company_id).where(
        CompanyAccount.account_id == tx.actor.account_id, CompanyAccount.is_director
    )
    return (await tx.db.execute(wanted.order_by(CompanyAccount.company_id))).scalars().first()


@requires(Permission.SELF, reads(Data.STAFF))
async def company_page(tx: Tx) -> CompanyPage:
    """Return the figures of the company that the acting account directs; raise Denied for everybody else."""
    company_id = await directs(tx)
    if company_id is None:
        raise Denied(Permission.COMPANY_READ)
    people = await _people(tx, company_id)
    month = Month.of(tx.now.astimezone(UTC).date())
    found: list[TenantFigures] = []
    places: list[_Place] = []
    for tenant in await tenants.tenants(tx):
        await bind(tx.db, Actor("company", tenant.id, frozenset(), tx.actor.account_id, walled=True))
        if not await _serves(tx, company_id):
            continue
        here = await _places(tx, people, month)
        places += here
        found.append(_tenant(tenant.id, tenant.name, here))
    await bind(tx.db, tx.actor)
    return CompanyPage(
        company=(await tenants.company(tx, company_id)).name,
        month=month.title,
        before=month.previous().title,
        tenants=tuple(sorted(found, key=lambda one: one.name)),
        staff=_staff(people, places),
    )


async def _people(tx: Tx, company_id: UUID) -> dict[UUID, str]:
    wanted = select(Account.id, Account.display_name).where(
        CompanyAccount.company_id == company_id, CompanyAccount.account_id == Account.id
    )
    return {row.id: row.display_name for row in (await tx.db.execute(wanted)).all()}


async def _serves(tx: Tx, company_id: UUID) -> bool:
    standing = select(CompanyService.id).where(
        CompanyService.company_id == company_id, CompanyService.ended_at.is_(None)
    )
    return (await tx.db.execute(standing)).first() is not None


async def _places(tx: Tx, people: Iterable[UUID], month: Month) -> list[_Place]:
    """Return the company's people who are at work in the bound tenant, with their panel and seconds."""
    before = month.previous()
    patients = (
        select(func.count())
        .where(
            Designation.tenant_id == Member.tenant_id,
            Designation.member_id == Member.id,
            Designation.valid_from <= tx.now,
            or_(Designation.valid_to.is_(None), Designation.valid_to > tx.now),
        )
        .scalar_subquery()
    )
    seconds = [
        select(func.coalesce(func.sum(MemberDay.seconds), 0))
        .where(
            MemberDay.tenant_id == Member.tenant_id,
            MemberDay.member_id == Member.id,
            MemberDay.day >= one.first,
            MemberDay.day <= one.last,
        )
        .scalar_subquery()
        for one in (month, before)
    ]
    wanted = select(Member.account_id, Member.weekly_hours, patients, *seconds).where(
        Member.account_id.in_(list(people)), Member.status == "active"
    )
    return [_Place(*row) for row in (await tx.db.execute(wanted)).all()]


def _tenant(tenant_id: UUID, name: str, here: Sequence[_Place]) -> TenantFigures:
    return TenantFigures(
        tenant_id=tenant_id,
        name=name,
        staff=len(here),
        patients=sum(one.patients for one in here),
        seconds_month=sum(one.seconds_month for one in here),
        seconds_before=sum(one.seconds_before for one in here),
    )


def _staff(people: dict[UUID, str], places: Iterable[_Place]) -> tuple[StaffFigures, ...]:
    of: defaultdict[UUID, list[_Place]] = defaultdict(list)
    for one in places:
        of[one.account_id].append(one)
    found = [
        StaffFigures(
            account_id=account_id,
            name=people[account_id],
            tenants=len(here),
            patients=sum(one.patients for one in here),
            seconds_month=sum(one.seconds_month for one in here),
            seconds_before=sum(one.seconds_before for one in here),
            hours=sum(known) if (known := [one.weekly_hours for one in here if one.weekly_hours]) else None,
        )
        for account_id, here in of.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.name, str(one.account_id))))
