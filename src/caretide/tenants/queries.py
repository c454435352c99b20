"""Tenants, clinics and people; and who stands behind a session."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from caretide.identity import queries as identity
from caretide.identity.schemas import InvitationPage, TenantChoice
from caretide.kernel.actor import Actor
from caretide.kernel.errors import NotFound, Unauthenticated
from caretide.kernel.permissions import GRANTS, WALLED, Permission, Role
from caretide.runtime.access import open_to_all, requires
from caretide.runtime.tx import Tx, bind
from caretide.tenants import rules, schemas
from caretide.tenants.models import Clinic, ClinicFact, Invitation, Member, Practitioner, Tenant
from caretide.tenants.rules import ClinicRow, PractitionerRow
from caretide.ui.forms import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(TenantChoice):
    """A tenant in which an account works, with its slug."""

    slug: str


@open_to_all("this is how the actor is found out")
async def actor_behind(tx: Tx, secret: str) -> Actor:
    """Return the actor of a session's secret; one who has chosen no tenant may only choose one."""
    session = await identity.session(tx, secret)
    if session.tenant_id is None:
        return Actor.account(session.account_id, session.display_name)
    seeker = Actor("session", session.tenant_id, frozenset(), session.account_id, session.member_id, walled=True)
    await bind(tx.db, seeker)
    wanted = select(Member.role, Member.status, Member.display_name).where(Member.id == session.member_id)
    member = (await tx.db.execute(wanted)).one_or_none()
    if member is None or member.status != "active":
        raise Unauthenticated("Your access to this tenant has ended")
    role = Role(member.role)
    return Actor(
        "member",
        session.tenant_id,
        GRANTS[role],
        session.account_id,
        session.member_id,
        walled=role in WALLED,
        name=member.display_name,
    )


@open_to_all("names tenants, which hold no health data; the command line and the tenant switcher need it")
async def tenants(tx: Tx) -> Sequence[Row[UUID, str, str, bool]]:
    """Return id, slug, name and whether its data is generated, of every tenant."""
    wanted = select(Tenant.id, Tenant.slug, Tenant.name, Tenant.is_generated).order_by(Tenant.slug)
    return (await tx.db.execute(wanted)).all()


@open_to_all("resolves a tenant's name to its id before anything of the tenant is read")
async def tenant_by_slug(tx: Tx, slug: str) -> UUID:
    """Return a tenant's id; raise NotFound naming the command that lists them."""
    found = (await tx.db.execute(select(Tenant.id).where(Tenant.slug == slug))).scalar_one_or_none()
    if found is None:
        raise NotFound(f"There is no tenant '{slug}'; see `caretide tenants list`")
    return found


@requires(Permission.SELF)
async def my_tenant(tx: Tx) -> Row[str, str, bool]:
    """Return slug, name and whether the data is generated, of the acting member's tenant."""
    wanted = select(Tenant.slug, Tenant.name, Tenant.is_generated).where(Tenant.id == tx.tenant_id)
    return (await tx.db.execute(wanted)).one()


@requires(Permission.SELF)
async def my_places(tx: Tx) -> list[Place]:
    """Return the tenants in which the acting account works now, by name; each is asked inside its own wall."""
    names = {row.id: row for row in await tenants(tx)}
    found: list[Place] = []
    for there in await identity.memberships(tx):
        await bind(tx.db, Actor("account", there.tenant_id, frozenset(), member_id=there.member_id, walled=True))
        active = select(Member.role).where(Member.id == there.member_id, Member.status == "active")
        role = (await tx.db.execute(active)).scalar_one_or_none()
        if role is not None:
            tenant = names[there.tenant_id]
            found.append(Place(tenant_id=tenant.id, slug=tenant.slug, name=tenant.name, role=role))
    await bind(tx.db, tx.actor)
    return sorted(found, key=lambda place: place.name)


@requires(Permission.CLINIC_READ)
async def clinics(tx: Tx) -> list[ClinicRow]:
    """Return the tenant's clinics by name."""
    rows = (await tx.db.execute(select(*_CLINIC).order_by(Clinic.name))).all()
    return [ClinicRow(*row) for row in rows]


@requires(Permission.CLINIC_READ)
async def clinic(tx: Tx, clinic_id: UUID) -> ClinicRow:
    """Return one clinic."""
    row = (await tx.db.execute(select(*_CLINIC).where(Clinic.id == clinic_id))).one_or_none()
    if row is None:
        raise NotFound
    return ClinicRow(*row)


@requires(Permission.CLINIC_READ)
async def clinic_by_slug(tx: Tx, slug: str) -> ClinicRow:
    """Return the clinic with a slug; raise NotFound naming the command that lists them."""
    row = (await tx.db.execute(select(*_CLINIC).where(Clinic.slug == slug))).one_or_none()
    if row is None:
        raise NotFound(f"There is no clinic '{slug}'; see `caretide clinics list`")
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


@requires(Permission.CLINIC_READ)
async def clinic_facts(tx: Tx, clinic_id: UUID, on: date) -> dict[str, ClinicFact]:
    """Return, for each kind, the fact in effect on a day: the newest effective, the last recorded of those."""
    wanted = (
        select(ClinicFact.__table__)
        .where(ClinicFact.clinic_id == clinic_id, ClinicFact.effective_on <= on)
        .order_by(ClinicFact.effective_on, ClinicFact.recorded_at)
    )
    rows: Sequence[Any] = (await tx.db.execute(wanted)).all()
    return {row.kind: row for row in rows}


@requires(Permission.CLINIC_READ)
async def practitioners(tx: Tx) -> list[PractitionerRow]:
    """Return the practitioners who bill for the tenant: those with a billing group."""
    wanted = select(*_PRACTITIONER).where(Practitioner.tin_group.is_not(None))
    rows = (await tx.db.execute(wanted.order_by(Practitioner.family, Practitioner.given))).all()
    return [PractitionerRow(*row) for row in rows]


@requires(Permission.CLINIC_READ)
async def practitioner(tx: Tx, practitioner_id: UUID) -> PractitionerRow:
    """Return one practitioner."""
    row = (await tx.db.execute(select(*_PRACTITIONER).where(Practitioner.id == practitioner_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such practitioner")
    return PractitionerRow(*row)


_PRACTITIONER = (
    Practitioner.id,
    Practitioner.npi,
    Practitioner.family,
    Practitioner.given,
    Practitioner.kind,
    Practitioner.tin_group,
)


@requires(Permission.MEMBER_READ)
async def members(tx: Tx) -> Sequence[Row[UUID, str, str, str, str, str, str]]:
    """Return id, name, e-mail, role, credential, staff role and status of the tenant's members."""
    wanted = select(
        Member.id,
        Member.display_name,
        Member.email,
        Member.role,
        Member.credential,
        Member.staff_role,
        Member.status,
    )
    return (await tx.db.execute(wanted.order_by(Member.display_name))).all()


@requires(Permission.MEMBER_READ)
async def check_member(tx: Tx, member_id: UUID) -> None:
    """Raise NotFound unless the tenant has this member, at work or not."""
    if (await tx.db.execute(select(Member.id).where(Member.id == member_id))).first() is None:
        raise NotFound("There is no such member")


@requires(Permission.SELF)
async def myself(tx: Tx) -> Row[UUID, UUID | None, str, str, str, UUID | None]:
    """Return id, account, role, credential, staff role and practitioner of the acting member."""
    wanted = select(
        Member.id, Member.account_id, Member.role, Member.credential, Member.staff_role, Member.practitioner_id
    ).where(Member.id == tx.member_id)
    return (await tx.db.execute(wanted)).one()


@open_to_all("an invitation is read before there is an account")
async def invitation(tx: Tx, token: str) -> Row[UUID, UUID, str, str, str, datetime, str]:
    """Return invitation, member, name, e-mail, role, expiry and tenant's name behind a one-time link.

    The link carries the tenant's id, so that the look-up happens inside that tenant's wall.
    """
    tenant_id = tenant_of_token(token)
    await bind(tx.db, Actor("invited", tenant_id, frozenset(), walled=True))
    wanted = select(
        Invitation.id,
        Invitation.member_id,
        Member.display_name,
        Member.email,
        Member.role,
        Invitation.expires_at,
        Tenant.name.label("tenant_name"),
    ).where(
        Invitation.token_hash == hashlib.sha256(token.encode()).digest(),
        Invitation.used_at.is_(None),
        Invitation.expires_at > tx.now,
        Member.tenant_id == Invitation.tenant_id,
        Member.id == Invitation.member_id,
        Tenant.id == Invitation.tenant_id,
    )
    row = (await tx.db.execute(wanted)).one_or_none()
    if row is None:
        raise NotFound("This invitation was used or has expired; ask for a new one")
    return row


@open_to_all("an invitation is read before there is an account")
async def invitation_page(tx: Tx, token: str) -> InvitationPage:
    """Return what the page behind a one-time link says."""
    found = await invitation(tx, token)
    return InvitationPage(
        token=token,
        name=found.display_name,
        email=found.email,
        tenant_name=found.tenant_name,
        role=found.role,
        expires_at=found.expires_at,
        # The link was handed to the address's owner, who would learn it from the first refused password anyway.
        has_account=await identity.account_by_email(tx, found.email) is not None,
    )


def tenant_of_token(token: str) -> UUID:
    """Return the tenant that an invitation's link names: its first 32 characters."""
    try:
        return UUID(hex=token[:32])
    except ValueError:
        raise NotFound("This invitation was used or has expired; ask for a new one") from None


@requires(Permission.SELF)
async def me(tx: Tx) -> schemas.Me:
    """Return who acts, as what, where, and with which permissions."""
    return schemas.Me(
        name=tx.actor.name,
        role=(await myself(tx)).role,
        tenant=schemas.TenantOut.model_validate(await my_tenant(tx)),
        permissions=sorted(tx.actor.permissions),
    )


@requires(Permission.CLINIC_WRITE)
async def clinics_page(tx: Tx) -> schemas.ClinicsPage:
    """Return the tenant's clinics, and how many facts each lacks on its own calendar's today."""
    lines: list[schemas.ClinicLine] = []
    for row in await clinics(tx):
        facts = await clinic_facts(tx, row.id, tx.now.astimezone(row.zone).date())
        missing = len(schemas.CLINIC_FACTS.keys() - facts.keys())
        place = ", ".join(_lines(row.address)[-2:]) or row.time_zone
        lines.append(schemas.ClinicLine(clinic_id=row.id, name=row.name, place=place, missing_facts=missing))
    return schemas.ClinicsPage(
        clinics=tuple(lines), zones=_options(rules.US_ZONES), settings=_options(rules.PROVIDER_TYPES)
    )


@requires(Permission.CLINIC_WRITE)
async def clinic_page(tx: Tx, clinic_id: UUID, invited: schemas.InviteLink | None = None) -> schemas.ClinicPage:
    """Return a clinic with its facts and people; `invited` is the link that was made just now."""
    row = await clinic(tx, clinic_id)
    today = tx.now.astimezone(row.zone).date()
    people = await members(tx)
    names = {person.id: person.display_name for person in people}
    facts = await clinic_facts(tx, clinic_id, today)
    return schemas.ClinicPage(
        clinic_id=row.id,
        name=row.name,
        address=_lines(row.address),
        phone=row.phone,
        zone=rules.US_ZONES.get(row.time_zone, row.time_zone),
        setting=rules.PROVIDER_TYPES[row.provider_type],
        today=today,
        facts=tuple(_practice_fact(kind, facts.get(kind), names, today) for kind in schemas.CLINIC_FACTS),
        practitioners=tuple(
            schemas.PractitionerLine(name=p.name, credential=_words(p.kind), npi=p.npi, group=p.tin_group or "")
            for p in await practitioners(tx)
        ),
        members=tuple(
            schemas.MemberLine(
                name=m.display_name, email=m.email, role=_words(m.role), credential=m.credential, state=m.status
            )
            for m in people
        ),
        roles=tuple(Option(role, _words(role)) for role in Role),
        invited=invited,
    )


def _practice_fact(kind: str, fact: ClinicFact | None, names: dict[UUID, str], today: date) -> schemas.PracticeFact:
    title, fields = schemas.CLINIC_FACTS[kind], schemas.clinic_fact_fields(today)
    if fact is None:
        return schemas.PracticeFact(kind=kind, title=title, fields=fields)
    detail = fact.value.get("detail", "")
    return schemas.PracticeFact(
        kind=kind,
        title=title,
        value=("Yes" if fact.value["value"] else "No") + (f": {detail}" if detail else ""),
        effective_on=fact.effective_on,
        checked_on=fact.checked_on,
        recorded_by=names.get(fact.recorded_by, "") if fact.recorded_by else "",
        fields=fields,
    )


def _lines(address: str) -> tuple[str, ...]:
    """Return an address part by part."""
    return tuple(part.strip() for part in address.split(",") if part.strip())


def _words(name: str) -> str:
    """Return how a role's or a kind's name reads: `Nurse practitioner`."""
    return name.replace("_", " ").capitalize()


def _options(choices: dict[str, str]) -> tuple[Option, ...]:
    return tuple(Option(value, label) for value, label in choices.items())
