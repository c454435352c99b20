"""The standing cast: one tenant with a clinic, a billing practitioner and a person in every role."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import insert, update

from caretide.identity.models import Account, Membership
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import GRANTS, WALLED, Role
from caretide.runtime.tx import Database, Tx
from caretide.tenants import actions as tenants
from caretide.tenants.models import Member
from caretide.tenants.rules.agreements import NewAgreement

NPI = "9990000009"
PAPER = b"%PDF-1.7\n% An agreement that nobody signed: generated for the tests.\n%%EOF\n"


@dataclass(frozen=True)
class Cast:
    """Who is there. `system` acts as the command line does; the rest are members with accounts."""

    tenant_id: UUID
    slug: str
    clinic_id: UUID
    clinic_slug: str
    practitioner_id: UUID
    system: Actor
    administrator: Actor
    manager: Actor
    coordinator: Actor
    other_coordinator: Actor
    billing: Actor
    practitioner: Actor
    auditor: Actor


async def assemble(database: Database) -> Cast:
    """Make a tenant and its people through the real actions."""
    tenant_id = new_id()
    slug = f"t-{tenant_id.hex}"
    system = Actor.system(tenant_id)
    async with database.tx(system) as tx:
        await tenants.create_tenant(tx, slug=slug, name="Lakeside Health", is_generated=True)
        await agree(tx)
        clinic = tenants.NewClinic(
            name="Lakeside Clinic", slug="lakeside", time_zone="America/Chicago", tin_group="TIN-1", phone="555-0100"
        )
        clinic_id = await tenants.create_clinic(tx, clinic)
        named = tenants.NewPractitioner(npi=NPI, family="Raman", given="Priya", tin_group="TIN-1")
        practitioner_id = await tenants.save_practitioner(tx, named)
        people = {role: await person(tx, role, role.value, practitioner_id) for role in Role}
        other = await person(tx, Role.COORDINATOR, "other", practitioner_id)
    return Cast(
        tenant_id=tenant_id,
        slug=slug,
        clinic_id=clinic_id,
        clinic_slug="lakeside",
        practitioner_id=practitioner_id,
        system=system,
        other_coordinator=other,
        **{role.value: actor for role, actor in people.items()},
    )


async def agree(tx: Tx, company_id: UUID | None = None) -> UUID:
    """Record an agreement that lets the tenant have patients; with a company, the company's."""
    kind, party = ("company", "A service company") if company_id else ("operator", "Those who run the tests")
    new = NewAgreement(kind=kind, party=party, file=PAPER, effective_on=date(2020, 1, 1), company_id=company_id)
    return await tenants.add_agreement(tx, new)


async def person(tx: Tx, role: Role, name: str, practitioner_id: UUID) -> Actor:
    """Make a member with an account. The password is unusable: sign-in has tests of its own."""
    address = f"{name}-{tx.tenant_id.hex}@example.com"
    new = tenants.NewMember(
        email=address,
        name=f"{name.title()} Person",
        role=role,
        credential="RN" if role is Role.COORDINATOR else "",
        practitioner_id=practitioner_id if role is Role.PRACTITIONER else None,
    )
    invited = await tenants.invite_member(tx, new)
    account_id = new_id()
    row = {"id": account_id, "email": address, "display_name": new.name, "password_hash": "unusable"}
    await tx.db.execute(insert(Account).values(**row))
    membership = {"account_id": account_id, "tenant_id": tx.tenant_id, "member_id": invited.member_id}
    await tx.db.execute(insert(Membership).values(**membership))
    joined = {"account_id": account_id, "status": "active"}
    await tx.db.execute(update(Member).where(Member.id == invited.member_id).values(**joined))
    return Actor(
        "member",
        tx.tenant_id,
        GRANTS[role],
        account_id,
        invited.member_id,
        walled=role in WALLED,
        name=new.name,
        roles=(role,),
    )
