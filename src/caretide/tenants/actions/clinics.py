"""Making and changing clinics, recording what their months rest on, and naming practitioners."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from caretide.kernel.errors import Conflict, Invalid
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, creates
from caretide.kernel.text import ADDRESS_LENGTH, DETAIL_LENGTH, NAME_LENGTH, SHORT_LENGTH, clean_text
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries, rules
from caretide.tenants.models import Clinic, ClinicFact, Practitioner


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClinic:
    """What a clinic needs to exist. `tin_group` is the billing group's name or tax id (TIN)."""

    name: str
    time_zone: str
    tin_group: str
    slug: str | None = None
    address: str = ""
    phone: str = ""
    provider_type: str = "physician_practice"
    place_of_service: str = "11"


@requires(Permission.CLINIC_WRITE, creates(Data.SETTINGS))
async def create_clinic(tx: Tx, new: NewClinic) -> UUID:
    """Make a clinic; return its id."""
    name = clean_text(new.name, field="name", limit=NAME_LENGTH)
    tin_group = clean_text(new.tin_group, field="tin_group", limit=NAME_LENGTH)
    if not name or not tin_group:
        raise Invalid("A clinic needs a name and a billing group (TIN)", field="name")
    if new.provider_type not in rules.PROVIDER_TYPES:
        raise Invalid(f"The provider type is one of {', '.join(rules.PROVIDER_TYPES)}", field="provider_type")
    slug = rules.check_slug(new.slug) if new.slug else rules.slug_of(name)
    if (await tx.db.execute(select(Clinic.id).where(Clinic.slug == slug))).first():
        raise Conflict(f"There is already a clinic '{slug}'")
    await _check_name(tx, name)
    clinic_id = new_id()
    await tx.db.execute(
        insert(Clinic).values(
            id=clinic_id,
            slug=slug,
            name=name,
            time_zone=rules.check_zone(new.time_zone),
            tin_group=tin_group,
            address=clean_text(new.address, field="address", limit=ADDRESS_LENGTH),
            phone=clean_text(new.phone, field="phone", limit=SHORT_LENGTH),
            provider_type=new.provider_type,
            place_of_service=rules.check_place_of_service(new.place_of_service),
        )
    )
    return clinic_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicDetails:
    """What may change about a clinic. Its billing group and setting decide rulings and stay as they were made."""

    name: str
    time_zone: str
    address: str = ""
    phone: str = ""


@requires(Permission.CLINIC_WRITE, changes(Data.SETTINGS))
async def update_clinic(tx: Tx, clinic_id: UUID, details: ClinicDetails) -> None:
    """Put name, address, phone and time zone in place of what was.

    The time zone says to which month a second belongs: once time was recorded, the database refuses another one.
    """
    known = await queries.clinic(tx, clinic_id)
    name = clean_text(details.name, field="name", limit=NAME_LENGTH, required=True)
    await _check_name(tx, name, Clinic.id != clinic_id)
    values = {
        "name": name,
        "time_zone": rules.check_zone(details.time_zone),
        "address": clean_text(details.address, field="address", limit=ADDRESS_LENGTH),
        "phone": clean_text(details.phone, field="phone", limit=SHORT_LENGTH),
    }
    await tx.db.execute(update(Clinic).where(Clinic.id == clinic_id).values(**values))
    tx.note(clinic_id=str(clinic_id), changed=[key for key, value in values.items() if value != getattr(known, key)])


async def _check_name(tx: Tx, name: str, *others: ColumnElement[bool]) -> None:
    if (await tx.db.execute(select(Clinic.id).where(func.lower(Clinic.name) == name.lower(), *others))).first():
        raise Conflict("There is already a clinic of this name; give this one another")


CLINIC_FACT_KINDS = ("round-the-clock-access", "certified-ehr")


@requires(Permission.CLINIC_WRITE, creates(Data.SETTINGS))
async def record_clinic_fact(
    tx: Tx, clinic_id: UUID, kind: str, *, value: dict[str, Any], effective_on: date, checked_on: date
) -> UUID:
    """Record a dated statement about a clinic; the newest effective one stands."""
    if kind not in CLINIC_FACT_KINDS:
        raise Invalid(f"'{kind}' is not a clinic fact; use one of {', '.join(CLINIC_FACT_KINDS)}", field="kind")
    if not isinstance(value.get("value"), bool):
        raise Invalid("Say whether it is so: yes or no", field="value")
    zone = (await queries.clinic(tx, clinic_id)).zone
    rules.check_clinic_fact_dates(effective_on, checked_on, tx.now.astimezone(zone).date())
    detail = clean_text(str(value.get("detail", "")), field="detail", limit=DETAIL_LENGTH)
    value = value | ({"detail": detail} if detail else {})
    fact = {"clinic_id": clinic_id, "kind": kind, "value": value, "recorded_by": tx.actor.member_id}
    dates = {"effective_on": effective_on, "checked_on": checked_on, "recorded_at": tx.now}
    fact_id = new_id()
    await tx.db.execute(insert(ClinicFact).values(id=fact_id, **fact, **dates))
    return fact_id


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPractitioner:
    """A practitioner; with a billing group, one under whose name months may be billed."""

    npi: str
    family: str
    given: str
    kind: str = "physician"
    tin_group: str | None = None
    source_id: str | None = None


@requires(Permission.CLINIC_WRITE, creates(Data.STAFF))
async def save_practitioner(tx: Tx, new: NewPractitioner) -> UUID:
    """Add a practitioner by NPI, or update the one who has it; return the id."""
    if new.kind not in rules.PRACTITIONER_KINDS:
        raise Invalid(f"The kind is one of {', '.join(rules.PRACTITIONER_KINDS)}", field="kind")
    family = clean_text(new.family, field="family", limit=NAME_LENGTH)
    given = clean_text(new.given, field="given", limit=NAME_LENGTH)
    row = {
        "npi": rules.check_npi(new.npi),
        "family": family,
        "given": given,
        "kind": new.kind,
        "tin_group": new.tin_group,
        "source_id": new.source_id,
    }
    statement = upsert(Practitioner).values(id=new_id(), **row)
    kept = {"family": family, "given": given, "updated_at": tx.now}
    # An import names people without saying how they bill: what was recorded about that stays.
    billing = {"kind": new.kind, "tin_group": new.tin_group} if new.tin_group else {}
    source = {"source_id": new.source_id} if new.source_id else {}
    statement = statement.on_conflict_do_update(index_elements=["tenant_id", "npi"], set_={**kept, **billing, **source})
    return (await tx.db.execute(statement.returning(Practitioner.id))).scalar_one()
