"""Under which names a tenant offers kinds of work, how that came about, and what an entry was recorded as."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import and_, bindparam, select

from caretide.kernel.errors import Invalid
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime.access import remembered, requires
from caretide.runtime.tx import Tx
from caretide.tenants.models import Member
from caretide.time_log.models import Activity, TimeEntry, Timer
from caretide.time_log.rules import ACTIVITY_TYPES, Offering, offerings
from caretide.time_log.schemas import ActivitiesPage, ActivityChange, ActivityLine
from caretide.ui.forms import Option

NAMED_ENTRY = and_(Activity.tenant_id == TimeEntry.tenant_id, Activity.id == TimeEntry.activity_id)
"""Whose words an entry has; for an outer join."""
NAMED_TIMER = and_(Activity.tenant_id == Timer.tenant_id, Activity.id == Timer.activity_id)
"""Whose words a running timer has; for an outer join."""


def words(activity_type: str, label: str | None) -> str:
    """Return what work was recorded as: the tenant's own words for it, or those of the standard type."""
    kind = ACTIVITY_TYPES.get(activity_type)
    return label or (kind.label if kind else activity_type)


# A few dozen rows: those that stand are sorted out from those that stood here, where the rules do it.
# The tenant is named, though the wall would do it: whoever has chosen none is told so.
_VERSIONS = (
    select(Activity.code, Activity.label, Activity.standard, Activity.is_offered, Activity.version, Activity.id)
    .where(Activity.tenant_id == bindparam("tenant_id"))
    .order_by(Activity.version)
)


@requires(Permission.SELF, reads(Data.SETTINGS))
@remembered
async def activities(tx: Tx) -> dict[str, Offering]:
    """Return the tenant's kinds of work by code, those that are not offered any more too."""
    return offerings(
        Offering(
            code=row.code,
            label=row.label,
            standard=ACTIVITY_TYPES[row.standard],
            is_offered=row.is_offered,
            version=row.version,
            id=row.id,
        )
        for row in (await tx.db.execute(_VERSIONS, {"tenant_id": tx.tenant_id})).all()
    )


@requires(Permission.SELF, reads(Data.SETTINGS))
async def activity_named(tx: Tx, code: str) -> Offering:
    """Return what is offered under a code; raise Invalid for what is not, or not any more."""
    found = (await activities(tx)).get(code)
    if found is None:
        raise Invalid("Choose one of the listed activities", field="activity_type")
    if not found.is_offered:
        raise Invalid(
            f"'{found.label}' is no longer offered here. Choose one of the listed activities", field="activity_type"
        )
    return found


@requires(Permission.TIME_READ, reads(Data.SETTINGS))
async def recorded_words(tx: Tx, ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Return the words behind versions that entries point at; asks nothing where none points at any."""
    if not any(ids):
        return {}
    return {row.id: row.label for row in (await tx.db.execute(_VERSIONS, {"tenant_id": tx.tenant_id})).all()}


@requires(Permission.TENANT_READ, reads(Data.SETTINGS, Data.STAFF))
async def changes_of_activities(tx: Tx) -> list[ActivityChange]:
    """Return every version that was ever recorded, the latest first."""
    wanted = (
        select(Activity, Member.display_name)
        .outerjoin(Member, and_(Member.tenant_id == Activity.tenant_id, Member.id == Activity.recorded_by))
        .order_by(Activity.recorded_at, Activity.id)
    )
    before: dict[str, tuple[str, bool]] = {code: (kind.label, True) for code, kind in ACTIVITY_TYPES.items()}
    found: list[ActivityChange] = []
    for row in (await tx.db.execute(wanted)).all():
        label, is_offered = before.get(row.code, ("", False))
        found.append(
            ActivityChange(
                code=row.code,
                standard=row.standard,
                before=label,
                was_offered=is_offered,
                label=row.label,
                is_offered=row.is_offered,
                by=row.display_name,
                at=row.recorded_at,
            )
        )
        before[row.code] = (row.label, row.is_offered)
    return found[::-1]


@requires(Permission.TENANT_WRITE, reads(Data.SETTINGS, Data.STAFF))
async def activities_page(tx: Tx) -> ActivitiesPage:
    """Return what the administrator's page of activities shows."""
    standing = (await activities(tx)).values()
    return ActivitiesPage(
        lines=tuple(
            ActivityLine(
                code=one.code,
                label=one.label,
                stands_on=one.standard.label if one.words_id else "",
                counts=one.standard.counts,
                is_offered=one.is_offered,
            )
            for one in standing
        ),
        changes=tuple(await changes_of_activities(tx)),
        standards=tuple(
            Option(kind.code, kind.label if kind.counts else f"{kind.label} (does not count)")
            for kind in ACTIVITY_TYPES.values()
        ),
    )
