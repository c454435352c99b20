"""Making a tenant, its clinics and practitioners, and letting people in."""

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from caretide.identity import actions as identity
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Forbidden, Invalid
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission, Role
from caretide.kernel.text import ADDRESS_LENGTH, DETAIL_LENGTH, NAME_LENGTH, SHORT_LENGTH, clean_text
from caretide.runtime.access import open_to_all, requires
from caretide.runtime.db import column_cipher
from caretide.runtime.models import TenantKey
from caretide.runtime.tx import Tx, bind
from caretide.tenants import queries, rules
from caretide.tenants.models import Clinic, ClinicFact, Invitation, Member, Practitioner, Tenant
from caretide.vault.envelope import new_key, wrap

INVITATION_LASTS = timedelta(days=7)


@requires(Permission.TENANT_WRITE)
async def create_tenant(tx: Tx, *, slug: str, name: str, is_generated: bool = False) -> UUID:
    """Make the tenant that the transaction is already bound to, with its first column key; return its id."""
    title = clean_text(name, field="name", limit=NAME_LENGTH)
    if not title:
        raise Invalid("A tenant needs a name", field="name")
    taken = (await tx.db.execute(select(Tenant.id).where(Tenant.slug == rules.check_slug(slug)))).first()
    if taken:
        raise Conflict(f"The slug '{slug}' is taken; choose another")
    values = {"id": tx.tenant_id, "slug": slug, "name": title, "is_generated": is_generated}
    await tx.db.execute(insert(Tenant).values(**values))
    await tx.db.execute(insert(TenantKey).values(version=1, wrapped=wrap(tx.stores.keyring, new_key())))
    column_cipher.set(await tx.load_cipher())
    return tx.tenant_id


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


@requires(Permission.CLINIC_WRITE)
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
    if (await tx.db.execute(select(Clinic.id).where(func.lower(Clinic.name) == name.lower()))).first():
        raise Conflict("There is already a clinic of this name; give this one another")
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


CLINIC_FACT_KINDS = ("round-the-clock-access", "certified-ehr")


@requires(Permission.CLINIC_WRITE)
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


@requires(Permission.CLINIC_WRITE)
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


@dataclass(frozen=True, slots=True)
class Invited:
    """A new member and the one-time token of the link that lets them in."""

    member_id: UUID
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """Somebody to invite. `staff_role` says as whose minutes their time counts; by default it follows the role."""

    email: str
    name: str
    role: str
    credential: str = ""
    staff_role: str | None = None
    practitioner_id: UUID | None = None


@requires(Permission.MEMBER_WRITE)
async def invite_member(tx: Tx, new: NewMember) -> Invited:
    """Make a member and a one-time link for them."""
    email = rules.check_email(new.email)
    role = rules.require_role(new.role)
    staff_role = new.staff_role or rules.staff_role_of(role)
    if staff_role not in rules.STAFF_ROLES:
        raise Invalid(f"The staff role is one of {', '.join(rules.STAFF_ROLES)}", field="staff_role")
    name = clean_text(new.name, field="name", limit=NAME_LENGTH)
    credential = clean_text(new.credential, field="credential", limit=SHORT_LENGTH)
    if not name:
        raise Invalid("A member needs a name", field="name")
    if role is Role.PRACTITIONER and new.practitioner_id is None:
        raise Invalid("Say which practitioner this member is", field="practitioner_id")
    known = (await tx.db.execute(select(Member.id, Member.status).where(Member.email == email))).one_or_none()
    if known is not None:
        if known.status != "invited":
            raise Conflict("Somebody with this address is already a member")
        return await _renew(tx, known.id)
    member_id = new_id()
    await tx.db.execute(
        insert(Member).values(
            id=member_id,
            email=email,
            display_name=name,
            role=role,
            credential=credential,
            staff_role=staff_role,
            practitioner_id=new.practitioner_id,
        )
    )
    return await _link(tx, member_id)


async def _renew(tx: Tx, member_id: UUID) -> Invited:
    """Give somebody who has not come yet a new link; the lost one opens nothing any more."""
    standing = update(Invitation).where(Invitation.member_id == member_id, Invitation.used_at.is_(None))
    await tx.db.execute(standing.values(used_at=tx.now))
    return await _link(tx, member_id)


async def _link(tx: Tx, member_id: UUID) -> Invited:
    # The tenant's id leads the token: the look-up needs a tenant before there is a session.
    token = tx.tenant_id.hex + secrets.token_urlsafe(24)
    expires_at = tx.now + INVITATION_LASTS
    digest = hashlib.sha256(token.encode()).digest()
    await tx.db.execute(
        insert(Invitation).values(id=new_id(), member_id=member_id, token_hash=digest, expires_at=expires_at)
    )
    return Invited(member_id, token, expires_at)


@requires(Permission.MEMBER_WRITE)
async def invite_to_clinic(tx: Tx, clinic_id: UUID, new: NewMember, npi: str) -> Invited:
    """Invite a member; a practitioner's NPI makes them one who bills for the clinic's group."""
    clinic = await queries.clinic(tx, clinic_id)
    is_practitioner = rules.require_role(new.role) is Role.PRACTITIONER
    if is_practitioner != bool(npi):
        raise Invalid("A billing practitioner has an NPI, and nobody else", field="npi")
    if is_practitioner:
        given, _, family = new.name.strip().rpartition(" ")
        kind = rules.practitioner_kind(new.credential)
        named = NewPractitioner(npi=npi, family=family, given=given, kind=kind, tin_group=clinic.tin_group)
        new = replace(new, practitioner_id=await save_practitioner(tx, named))
    return await invite_member(tx, new)


@dataclass(frozen=True, slots=True)
class TokenIssued:
    """A session for a program: its secret, shown once, and the slug of the tenant that it works in."""

    secret: str
    tenant: str


@open_to_all("nobody is known before they sign in")
async def sign_in_to(tx: Tx, email: str, password: str, slug: str | None) -> TokenIssued | None:
    """Open a session in one of the account's tenants; None when address or password are refused.

    Raises Invalid where one of several tenants has to be named, Forbidden where the account does not work there.
    """
    signed_in = await identity.sign_in(tx, email, password)
    if signed_in is None:
        return None
    places = await queries.my_places(tx)
    chosen = [place for place in places if slug in {None, place.slug}]
    if not chosen:
        raise Forbidden(f"You do not work in a tenant '{slug}'" if slug else "You do not work in any tenant")
    if len(chosen) > 1:
        raise Invalid(f"Name one of your tenants: {', '.join(place.slug for place in chosen)}", field="tenant")
    await identity.choose_tenant(tx, signed_in.secret, chosen[0].tenant_id)
    return TokenIssued(signed_in.secret, chosen[0].slug)


@open_to_all("the invited person has no account yet; the token proves the invitation")
async def accept_invitation(tx: Tx, token: str, password: str) -> UUID | None:
    """Open an account for the invited member, or let an existing one in; return the account's id.

    None when the address already has an account and this is not its password.
    """
    invited = await queries.invitation(tx, token)
    tenant_id = queries.tenant_of_token(token)
    account_id = await identity.open_account(tx, email=invited.email, name=invited.display_name, password=password)
    if account_id is None:
        tx.note(outcome="refused")
        return None
    tx.note(account_id=account_id)
    await identity.join(tx, account_id, tenant_id, invited.member_id)
    await bind(tx.db, Actor("invited", tenant_id, frozenset(), walled=True))
    await tx.db.execute(
        update(Member).where(Member.id == invited.member_id).values(account_id=account_id, status="active")
    )
    await tx.db.execute(update(Invitation).where(Invitation.id == invited.id).values(used_at=tx.now))
    return account_id
