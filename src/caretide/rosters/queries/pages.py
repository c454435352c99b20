"""What the pages of cover, duty and emergency access show."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from caretide.kernel.errors import Forbidden
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.rosters.queries.covers import covers
from caretide.rosters.queries.glass import NOT_NAMED, beyond, glass_uses, may_break_glass, my_glasses
from caretide.rosters.queries.pools import duties
from caretide.rosters.rules import DESIGNABLE, Beyond, CoverRow, DutyRow, GlassUse, OpenGlass
from caretide.rosters.rules.emergency import CATEGORIES, VERDICTS
from caretide.rosters.rules.shifts import WEEKDAYS, State
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.ui.forms import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverLine:
    """A cover and whether it holds."""

    row: CoverRow
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverPage:
    """The covers, those that hold first. `absent` is the member whose page led here; empty for none."""

    covers: tuple[CoverLine, ...]
    people: tuple[Option, ...]
    absent: str
    may_write: bool
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicDuty:
    """A clinic's duties, and the names of those who are on duty now."""

    name: str
    zone: ZoneInfo
    duties: tuple[DutyRow, ...]
    now: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyPage:
    """Who is on duty for each clinic's calls, and what the form to add a duty offers."""

    clinics: tuple[ClinicDuty, ...]
    places: tuple[Option, ...]
    people: tuple[Option, ...]
    weekdays: tuple[Option, ...]
    may_write: bool
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyPage:
    """What somebody has open by emergency access, and whom a search found; `found` is None before any search."""

    opened: tuple[OpenGlass, ...]
    found: tuple[Beyond, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningPage:
    """Whose record is to be opened, and what for."""

    patient: Beyond
    categories: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewsPage:
    """The uses of emergency access: those that await review and those that were reviewed. `me` signs none of mine."""

    waiting: tuple[GlassUse, ...]
    reviewed: tuple[GlassUse, ...]
    verdicts: tuple[Option, ...]
    may_review: bool
    may_audit: bool
    me: UUID | None
    now: datetime


@requires(Permission.TEAM_READ, reads(Data.ROSTER, Data.STAFF))
async def cover_page(tx: Tx, absent_id: UUID | None = None) -> CoverPage:
    """Return the covers, those that hold first, and what the form to give one offers."""
    found = await covers(tx)
    people = [one for one in await tenants.members(tx) if one.status == "active" and one.role in DESIGNABLE]
    order = {"running": 0, "to come": 1, "over": 2}
    lines = sorted(
        (CoverLine(row=one, state=one.state(tx.now)) for one in found),
        key=lambda line: (order[line.state], line.row.starts_at),
    )
    clinics = await tenants.clinics(tx)
    here = tx.now.astimezone(clinics[0].zone).date() if clinics else tx.now.date()
    return CoverPage(
        covers=tuple(lines),
        people=tuple(Option(str(one.id), one.display_name) for one in people),
        absent=str(absent_id) if absent_id in {one.id for one in people} else "",
        may_write=Permission.ROSTER_WRITE in tx.actor.permissions and bool(clinics),
        today=here,
    )


@requires(Permission.MEMBER_READ, reads(Data.ROSTER, Data.STAFF))
async def duty_page(tx: Tx) -> DutyPage:
    """Return each clinic's duties and who is on duty now, and what the form to add one offers."""
    found, clinics = await duties(tx), await tenants.clinics(tx)
    lines = tuple(
        ClinicDuty(
            name=one.name,
            zone=one.zone,
            duties=tuple(each for each in found if each.clinic_id == one.id),
            now=tuple(dict.fromkeys(e.name for e in found if e.clinic_id == one.id and e.holds(tx.now, one.zone))),
        )
        for one in clinics
    )
    may_write = Permission.ROSTER_WRITE in tx.actor.permissions
    members = await tenants.members(tx) if may_write else []
    people = [one for one in members if one.status == "active" and one.role in DESIGNABLE]
    return DutyPage(
        clinics=lines,
        places=tuple(Option(str(one.id), one.name) for one in clinics),
        people=tuple(Option(str(one.id), one.display_name) for one in people),
        weekdays=tuple(Option(str(number), name) for number, name in WEEKDAYS.items()),
        may_write=may_write,
        today=tx.now.astimezone(clinics[0].zone).date() if clinics else tx.now.date(),
    )


@requires(Permission.GLASS_USE, reads(Data.ROSTER, Data.DEMOGRAPHICS))
async def emergency_page(tx: Tx, found: list[Beyond] | None = None) -> EmergencyPage:
    """Return the page of somebody who may use emergency access: what is open, and whom a search found."""
    if not await may_break_glass(tx):
        raise Forbidden(NOT_NAMED)
    return EmergencyPage(opened=tuple(await my_glasses(tx)), found=None if found is None else tuple(found))


@requires(Permission.GLASS_USE, reads(Data.DEMOGRAPHICS))
async def opening_page(tx: Tx, patient_id: UUID) -> OpeningPage:
    """Return what stands beside the form that opens a record."""
    return OpeningPage(
        patient=await beyond(tx, patient_id),
        categories=tuple(Option(value, label) for value, label in CATEGORIES.items()),
    )


@requires(Permission.GLASS_READ, reads(Data.ROSTER, Data.DEMOGRAPHICS, Data.NOTES))
async def reviews_page(tx: Tx) -> ReviewsPage:
    """Return the uses of emergency access and what their reviews ask for."""
    found = await glass_uses(tx)
    return ReviewsPage(
        waiting=tuple(one for one in found if one.verdict is None),
        reviewed=tuple(one for one in found if one.verdict is not None),
        verdicts=tuple(Option(value, label) for value, label in VERDICTS.items()),
        may_review=Permission.GLASS_REVIEW in tx.actor.permissions,
        may_audit=Permission.AUDIT_READ in tx.actor.permissions,
        me=tx.actor.member_id,
        now=tx.now,
    )
