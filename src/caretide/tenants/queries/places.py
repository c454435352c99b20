"""Tenants, the companies that serve them, and clinics."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select

from caretide.kernel.errors import NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime.access import open_to_all, remembered, requires
from caretide.runtime.tx import Tx
from caretide.tenants.models import Clinic, ClinicFact, Company, CompanyService, Tenant
from caretide.tenants.rules import ClinicRow


@open_to_all(
    "names tenants, which hold no health data; the command line and the tenant switcher need it", reads(Data.SETTINGS)
)
async def tenants(tx: Tx) -> Sequence[Row[UUID, str, str, bool]]:
    """Return id, slug, name and whether its data is generated, of every tenant."""
    wanted = select(Tenant.id, Tenant.slug, Tenant.name, Tenant.is_generated).order_by(Tenant.slug)
    return (await tx.db.execute(wanted)).all()


@open_to_all("resolves a tenant's name to its id before anything of the tenant is read", reads(Data.SETTINGS))
async def tenant_by_slug(tx: Tx, slug: str) -> UUID:
    """Return a tenant's id; raise NotFound naming the command that lists them."""
    found = (await tx.db.execute(select(Tenant.id).where(Tenant.slug == slug))).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no tenant '{slug}'; see `caretide tenants list`")
    return found


@requires(Permission.SELF, reads(Data.SETTINGS))
@remembered
async def my_tenant(tx: Tx) -> Row[str, str, bool, int, int]:
    """Return slug, name, whether the data is generated, and after how many minutes sessions rest and timers ask."""
    return (await tx.db.execute(_MINE, {"tenant_id": tx.tenant_id})).one()


_MINE = select(Tenant.slug, Tenant.name, Tenant.is_generated, Tenant.idle_minutes, Tenant.timer_ask_minutes).where(
    Tenant.id == bindparam("tenant_id")
)


@open_to_all("names service companies, which hold no health data; the command line needs it", reads(Data.SETTINGS))
async def companies(tx: Tx) -> Sequence[Row[UUID, str, str, bool]]:
    """Return id, slug, name and whether it is generated, of every service company."""
    wanted = select(Company.id, Company.slug, Company.name, Company.is_generated).order_by(Company.slug)
    return (await tx.db.execute(wanted)).all()


@open_to_all("names a service company, which holds no health data", reads(Data.SETTINGS))
async def company(tx: Tx, company_id: UUID) -> Row[UUID, str, str]:
    """Return id, slug and name of a company."""
    wanted = select(Company.id, Company.slug, Company.name).where(Company.id == company_id)
    row = (await tx.db.execute(wanted)).one_or_none()
    if row is None:
        raise NotFound("There is no such company; see `caretide companies list`")
    return row


@open_to_all("names a service company, which holds no health data", reads(Data.SETTINGS))
async def company_by_slug(tx: Tx, slug: str) -> UUID:
    """Return a company's id; raise NotFound naming the command that lists them."""
    found = (await tx.db.execute(select(Company.id).where(Company.slug == slug))).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no company '{slug}'; see `caretide companies list`")
    return found


@requires(Permission.SELF, reads(Data.SETTINGS))
async def serving_company(tx: Tx) -> Row[UUID, str, str] | None:
    """Return id, slug and name of the company that serves the tenant; None where it works by itself."""
    wanted = select(Company.id, Company.slug, Company.name).where(
        CompanyService.tenant_id == tx.tenant_id,
        CompanyService.ended_at.is_(None),
        Company.id == CompanyService.company_id,
    )
    return (await tx.db.execute(wanted)).one_or_none()


@requires(Permission.CLINIC_READ, reads(Data.SETTINGS))
@remembered
async def clinics(tx: Tx) -> list[ClinicRow]:
    """Return the tenant's clinics by name."""
    rows = (await tx.db.execute(_CLINICS)).all()
    return [ClinicRow(*row) for row in rows]


@requires(Permission.CLINIC_READ, reads(Data.SETTINGS))
@remembered
async def clinic(tx: Tx, clinic_id: UUID) -> ClinicRow:
    """Return one clinic."""
    row = (await tx.db.execute(_ONE_CLINIC, {"clinic_id": clinic_id})).one_or_none()
    if row is None:
        raise NotFound
    return ClinicRow(*row)


@requires(Permission.CLINIC_READ, reads(Data.SETTINGS))
async def clinic_by_slug(tx: Tx, slug: str) -> ClinicRow:
    """Return the clinic with a slug; raise NotFound naming the command that lists them."""
    row = (await tx.db.execute(select(*_CLINIC).where(Clinic.slug == slug))).one_or_none()
    if row is None:
        raise NotFound(f"There is no clinic '{slug}'; see `caretide clinics list --tenant SLUG`")
    return ClinicRow(*row)


_CLINIC = (
    Clinic.id,
    Clinic.slug,
    Clinic.name,
    Clinic.time_zone,
    Clinic.address,
    Clinic.phone,
    Clinic.tin_group,
    Clinic.provider_type,
    Clinic.place_of_service,
)
_CLINICS = select(*_CLINIC).order_by(Clinic.name)
_ONE_CLINIC = select(*_CLINIC).where(Clinic.id == bindparam("clinic_id"))
_FACTS = (
    select(ClinicFact.__table__)
    .where(ClinicFact.clinic_id == bindparam("clinic_id"), ClinicFact.effective_on <= bindparam("on"))
    .order_by(ClinicFact.effective_on, ClinicFact.recorded_at)
)


@requires(Permission.CLINIC_READ, reads(Data.SETTINGS))
@remembered
async def clinic_facts(tx: Tx, clinic_id: UUID, on: date, since: date | None = None) -> dict[str, ClinicFact]:
    """Return, for each kind, the fact in effect on a day: the newest effective, the last recorded of those.

    With `since` it is what all the days from then on rest on: an element of the service that was missing on one of
    them was missing in that time, so that a fact of it that denies the element comes before the newest.
    """
    rows: Sequence[Any] = (await tx.db.execute(_FACTS, {"clinic_id": clinic_id, "on": on})).all()
    found: dict[str, ClinicFact] = {}
    for kind in {row.kind for row in rows}:
        # Of those in effect from the same day the last recorded holds.
        steps = list({row.effective_on: row for row in rows if row.kind == kind}.values())
        until = [step.effective_on for step in steps[1:]]
        during = [step for step, end in zip(steps, until, strict=False) if since is not None and end > since]
        found[kind] = next((step for step in during if not step.value["value"]), steps[-1])
    return found
