"""Emergency access: who may use it, what is open, and what was made of it."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    TIMESTAMP,
    Boolean,
    ColumnElement,
    Date,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.orm import aliased

from caretide.kernel.errors import Forbidden, Invalid, NotFound
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients.models import Patient
from caretide.rosters.models import GlassOpening, GlassReview
from caretide.rosters.rules.emergency import Beyond, DueReviews, GlassUse, OpenGlass, due
from caretide.runtime.access import remembered, requires
from caretide.runtime.db import Ids
from caretide.runtime.models import AuditEvent
from caretide.runtime.tx import Tx
from caretide.tenants.models import Clinic, Member

REMEMBERED: Final = timedelta(days=90)
"""How long a use that was reviewed stands on the page; the audit keeps it."""
NOT_NAMED: Final = "Emergency access is for those whom the administrator named for it beforehand"

_REVIEWER = aliased(Member)
_MAY: ColumnElement[bool] = literal_column("ctx.may_break_glass()", Boolean)
_BEYOND = text(
    "SELECT b.patient, b.given, b.family, b.birth_date, b.mrn, b.clinic, b.zone FROM ctx.find_beyond("
    ":patient_id, :number, :family, :born) AS b"
).bindparams(
    bindparam("patient_id", type_=Uuid),
    bindparam("number", type_=Text),
    bindparam("family", type_=Text),
    bindparam("born", type_=Date),
)
_NAME = func.trim(Patient.given + " " + Patient.family)
_CLINIC = and_(Clinic.tenant_id == Patient.tenant_id, Clinic.id == Patient.clinic_id)
_PATIENT = and_(Patient.tenant_id == GlassOpening.tenant_id, Patient.id == GlassOpening.patient_id)
_REVIEW = and_(GlassReview.tenant_id == GlassOpening.tenant_id, GlassReview.opening_id == GlassOpening.id)
# The audit is found by who and when: the use itself is no key of it.
_LOOKS = (
    select(func.count())
    .where(
        AuditEvent.tenant_id == GlassOpening.tenant_id,
        AuditEvent.member_id == GlassOpening.used_by,
        AuditEvent.at >= GlassOpening.opened_at,
        AuditEvent.at <= GlassOpening.until,
        AuditEvent.glass_id == GlassOpening.id,
    )
    .correlate(GlassOpening)
    .scalar_subquery()
)
_USES = (
    select(
        GlassOpening.id,
        GlassOpening.patient_id,
        _NAME.label("patient"),
        Patient.clinic_id,
        Clinic.time_zone,
        GlassOpening.used_by,
        Member.display_name,
        GlassOpening.category,
        GlassOpening.reason,
        GlassOpening.opened_at,
        GlassOpening.until,
        GlassOpening.ended_at,
        _REVIEWER.display_name.label("reviewed_by"),
        GlassReview.verdict,
        GlassReview.note,
        GlassReview.reviewed_at,
        _LOOKS.label("looks"),
    )
    .join(Patient, _PATIENT)
    .join(Clinic, _CLINIC)
    .join(Member, and_(Member.tenant_id == GlassOpening.tenant_id, Member.id == GlassOpening.used_by))
    .outerjoin(GlassReview, _REVIEW)
    .outerjoin(_REVIEWER, and_(_REVIEWER.tenant_id == GlassReview.tenant_id, _REVIEWER.id == GlassReview.reviewed_by))
    .order_by(GlassReview.reviewed_at.desc().nulls_first(), GlassOpening.opened_at)
)
_OPEN = (
    select(GlassOpening.id, GlassOpening.patient_id, _NAME.label("patient"), GlassOpening.until, Clinic.time_zone)
    .join(Patient, _PATIENT)
    .join(Clinic, _CLINIC)
    .where(
        GlassOpening.used_by == bindparam("member_id", type_=Uuid),
        GlassOpening.ended_at.is_(None),
        GlassOpening.until > bindparam("now", type_=TIMESTAMP(timezone=True)),
    )
    .order_by(GlassOpening.until)
)
_DUE = (
    select(GlassOpening.opened_at, Clinic.time_zone, Clinic.id)
    .join(Patient, _PATIENT)
    .join(Clinic, _CLINIC)
    .outerjoin(GlassReview, _REVIEW)
    .where(GlassReview.id.is_(None))
)
_VISIBLE = select(Patient.id).where(Patient.id == any_(bindparam("ids", type_=Ids())))


@requires(Permission.SELF, reads(Data.ROSTER))
@remembered
async def may_break_glass(tx: Tx) -> bool:
    """Return whether the acting member was named for emergency access, and has a roster beyond which it leads."""
    if Permission.GLASS_USE not in tx.actor.permissions or not tx.actor.walled:
        return False
    return bool((await tx.db.execute(select(_MAY))).scalar_one())


async def _require_named(tx: Tx) -> None:
    """Raise Forbidden unless the acting member was named for emergency access."""
    if not await may_break_glass(tx):
        raise Forbidden(NOT_NAMED)


@requires(Permission.GLASS_USE, reads(Data.DEMOGRAPHICS))
async def find_beyond(tx: Tx, number: str, family: str = "", born: date | None = None) -> list[Beyond]:
    """Return who exists beyond the roster: by whole record number, or by whole family name and birth date."""
    await _require_named(tx)
    if not number.strip() and not (family.strip() and born):
        raise Invalid("Give the record number, or the family name and the birth date", field="number")
    return await _beyond(tx, number=number.strip() or None, family=family.strip() or None, born=born)


@requires(Permission.GLASS_USE, reads(Data.DEMOGRAPHICS))
async def beyond(tx: Tx, patient_id: UUID) -> Beyond:
    """Return one patient, on the roster or beyond it, as much as tells them from another."""
    await _require_named(tx)
    found = await _beyond(tx, patient_id=patient_id)
    if not found:
        raise NotFound
    return found[0]


async def _beyond(
    tx: Tx,
    *,
    patient_id: UUID | None = None,
    number: str | None = None,
    family: str | None = None,
    born: date | None = None,
) -> list[Beyond]:
    asked = {"patient_id": patient_id, "number": number, "family": family, "born": born}
    rows: Sequence[Any] = (await tx.db.execute(_BEYOND, asked)).all()
    ids = [row.patient for row in rows]
    visible = set((await tx.db.execute(_VISIBLE, {"ids": ids})).scalars())
    tx.touch(*ids)
    return [Beyond(*row, is_visible=row.patient in visible) for row in rows]


@requires(Permission.SELF, reads(Data.ROSTER, Data.DEMOGRAPHICS))
@remembered
async def my_glasses(tx: Tx) -> list[OpenGlass]:
    """Return the acting member's uses that are open, the next to end first."""
    if not tx.actor.walled or Permission.PATIENT_READ not in tx.actor.permissions:
        return []
    rows = (await tx.db.execute(_OPEN, {"member_id": tx.member_id, "now": tx.now})).all()
    tx.touch(*(row.patient_id for row in rows))
    return [OpenGlass(*row) for row in rows]


async def _uses(tx: Tx, wanted: Select[*tuple[Any, ...]]) -> list[GlassUse]:
    rows: Sequence[Any] = (await tx.db.execute(wanted)).all()
    tx.touch(*(row.patient_id for row in rows))
    return [GlassUse(*row) for row in rows]


@requires(Permission.GLASS_READ, reads(Data.ROSTER, Data.DEMOGRAPHICS, Data.NOTES))
async def glass_uses(tx: Tx) -> list[GlassUse]:
    """Return the uses of emergency access: those that await review, then those of the last ninety days."""
    recent = GlassOpening.opened_at > tx.now - REMEMBERED
    return await _uses(tx, _USES.where(recent | GlassReview.id.is_(None)))


@requires(Permission.GLASS_READ, reads(Data.ROSTER, Data.DEMOGRAPHICS, Data.NOTES))
async def glass_use(tx: Tx, opening_id: UUID) -> GlassUse:
    """Return one use of emergency access."""
    found = await _uses(tx, _USES.where(GlassOpening.id == opening_id))
    if not found:
        raise NotFound("There is no such use of emergency access")
    return found[0]


@requires(Permission.MONTH_READ, reads(Data.ROSTER))
async def due_reviews(tx: Tx, clinic_ids: Collection[UUID], month: Month) -> DueReviews:
    """Count the uses at some clinics that await review, those of a month and before it."""
    rows = (await tx.db.execute(_DUE)).all()
    opened = ((row.opened_at, ZoneInfo(row.time_zone)) for row in rows if row.id in clinic_ids)
    return due(((at, zone) for at, zone in opened if at < month.bounds(zone)[1]), tx.now)
