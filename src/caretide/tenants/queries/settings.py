"""What a tenant decided about itself, and how that came about."""

from typing import Any

from sqlalchemy import ScalarSelect, and_, select
from sqlalchemy.dialects.postgresql import distinct_on

from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime.access import remembered, requires
from caretide.runtime.tx import Tx
from caretide.tenants.models import Member, TenantSetting
from caretide.tenants.rules.settings import Change, TenantSettings, kept, read_settings


def standing(name: str) -> ScalarSelect[Any]:
    """Return the value of a setting as part of another question; null where nobody decided."""
    newest = TenantSetting.recorded_at.desc(), TenantSetting.id.desc()
    return select(TenantSetting.value).where(TenantSetting.name == name).order_by(*newest).limit(1).scalar_subquery()


@requires(Permission.SELF, reads(Data.SETTINGS))
@remembered
async def settings(tx: Tx) -> TenantSettings:
    """Return the tenant's settings as they stand."""
    wanted = (
        select(TenantSetting.name, TenantSetting.value)
        .where(TenantSetting.tenant_id == tx.tenant_id)
        .ext(distinct_on(TenantSetting.name))
        .order_by(TenantSetting.name, TenantSetting.recorded_at.desc(), TenantSetting.id.desc())
    )
    return read_settings({row.name: row.value for row in (await tx.db.execute(wanted)).all()})


@requires(Permission.TENANT_READ, reads(Data.SETTINGS))
async def changes_of_settings(tx: Tx) -> list[Change]:
    """Return every change that was ever made, the latest first."""
    wanted = (
        select(TenantSetting.name, TenantSetting.value, Member.display_name, TenantSetting.recorded_at)
        .outerjoin(Member, and_(Member.tenant_id == TenantSetting.tenant_id, Member.id == TenantSetting.recorded_by))
        .order_by(TenantSetting.recorded_at, TenantSetting.id)
    )
    standing_before, found = kept(TenantSettings()), list[Change]()
    for name, value, by, at in (await tx.db.execute(wanted)).all():
        found.append(Change(name, standing_before[name], value, by, at))
        standing_before[name] = value
    return found[::-1]
