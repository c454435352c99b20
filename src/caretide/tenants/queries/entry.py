"""Who stands behind a session or an invitation, and where they may work."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Row, Uuid, bindparam, literal_column, select

from caretide.identity import queries as identity
from caretide.identity.queries.tokens import SPENT, token_behind
from caretide.identity.rules import token_place
from caretide.identity.rules.policy import asks_for_passkey, is_by_passkey
from caretide.identity.schemas import InvitationPage, TenantChoice
from caretide.kernel.actor import Actor
from caretide.kernel.errors import NotFound, Unauthenticated
from caretide.kernel.permissions import SERVICE, Permission, Role, granted, token_permissions, walled
from caretide.kernel.records import Data, reads, signs_in
from caretide.runtime.access import open_to_all, requires
from caretide.runtime.tx import Tx, bind
from caretide.tenants import schemas
from caretide.tenants.models import CompanyService, Invitation, Member, Tenant
from caretide.tenants.queries.people import myself
from caretide.tenants.queries.places import my_tenant, tenants
from caretide.tenants.queries.settings import standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(TenantChoice):
    """A tenant in which an account works, with its slug."""

    slug: str


MemberFound = Row[str, str, str, bool | None, str | None, Any]
"""Role, status, name, whether the tenant's administrators see health data, its policy of signing in, and what emergency
access opened."""

ASKED_FOR: Final = "This organization asks you for a passkey; a program works here with a token"

_GLASSES: ColumnElement[Any] = literal_column(
    "(SELECT array_agg(ARRAY[g.patient_id, g.id]) FROM glass_openings AS g WHERE g.tenant_id = members.tenant_id"
    " AND g.used_by = members.id AND g.ended_at IS NULL AND g.until > statement_timestamp())",
    ARRAY(Uuid, dimensions=2),
).label("glasses")
# What a request is recorded under is found with who makes it, in one statement: the table is the rosters', further up.
_MEMBER = select(
    Member.role,
    Member.status,
    Member.display_name,
    standing("administrators_see_health").label("sees"),
    standing("sign_in_policy").label("policy"),
    _GLASSES,
).where(Member.id == bindparam("member_id"))


@open_to_all("this is how the actor is found out", signs_in(Data.ACCOUNT))
async def actor_behind(tx: Tx, secret: str, sign_of_life: bool = True) -> Actor:  # noqa: FBT001, FBT002 - see FindActor
    """Return the actor of a session's secret; one who chose no tenant, or may not work there any more, chooses."""
    session = await identity.session(tx, secret, sign_of_life=sign_of_life)
    nowhere = Actor.account(session.account_id, session.display_name, session.auth_time)
    if session.tenant_id is None or session.via_tenant not in {None, session.tenant_id}:
        return nowhere
    seeker = Actor("session", session.tenant_id, frozenset(), session.account_id, session.member_id, walled=True)
    await bind(tx.db, seeker)
    member = (await tx.db.execute(_MEMBER, {"member_id": session.member_id})).one_or_none()
    is_served = session.via_company is None or await _serves(tx, session.via_company)
    if member is None or member.status != "active" or not is_served:
        return nowhere
    if asks_for_passkey(member.policy, member.role) and not is_by_passkey(session.amr):
        raise Unauthenticated(ASKED_FOR, at=identity.WITH_PASSKEY)
    found = _member_actor(session.tenant_id, session.account_id, session.member_id, member)
    return replace(found, proved_at=session.auth_time)


async def _serves(tx: Tx, company_id: UUID) -> bool:
    """Tell whether the bound tenant is served by the company whose provider vouched for a session."""
    standing = select(CompanyService.id).where(
        CompanyService.company_id == company_id, CompanyService.ended_at.is_(None)
    )
    return (await tx.db.execute(standing)).first() is not None


@open_to_all("this is how the actor is found out", signs_in(Data.ACCOUNT))
async def bearer_behind(tx: Tx, secret: str, sign_of_life: bool = True) -> Actor:  # noqa: FBT001, FBT002 - see FindActor
    """Return the actor of what a program shows: a session's secret, or a token of a member's or a service account's.

    A token's owner is asked for with every request: it never does more than they may do now, and nothing once their
    access has ended. It is walled as they are.
    """
    place = token_place(secret)
    if place is None:
        return await actor_behind(tx, secret, sign_of_life)
    tenant_id = place[0]
    await bind(tx.db, Actor("session", tenant_id, frozenset(), walled=True))
    shown = await token_behind(tx, secret, identity.session_hash(secret))
    if shown.service_id is not None:
        allowed = token_permissions(SERVICE, shown.scopes)
        return Actor("service", tenant_id, allowed, shown.service_id, name=shown.name, roles=("service account",))
    # As the member: what they opened by emergency access the database shows to nobody else behind the wall.
    await bind(tx.db, Actor("session", tenant_id, frozenset(), member_id=shown.member_id, walled=True))
    member = (await tx.db.execute(_MEMBER, {"member_id": shown.member_id})).one_or_none()
    if member is None or member.status != "active":
        raise Unauthenticated(SPENT)
    owner = _member_actor(tenant_id, shown.account_id, shown.member_id, member)
    return replace(owner, kind="token", permissions=token_permissions(owner.permissions, shown.scopes))


def _member_actor(tenant_id: UUID, account_id: UUID | None, member_id: UUID | None, member: MemberFound) -> Actor:
    role, sees = Role(member.role), member.sees is not False
    return Actor(
        "member",
        tenant_id,
        granted(role, administrators_see_health=sees),
        account_id,
        member_id,
        walled=walled(role, administrators_see_health=sees),
        name=member.display_name,
        roles=(role,),
        glasses=tuple((patient_id, glass_id) for patient_id, glass_id in member.glasses or ()),
    )


@open_to_all("this is how the actor is found out", signs_in(Data.ACCOUNT))
async def entrant_behind(tx: Tx, secret: str, sign_of_life: bool = True) -> Actor:  # noqa: FBT001, FBT002 - see FindActor
    """Return the actor of a session's secret, who may give or enroll a factor whatever the session still lacks."""
    del sign_of_life
    session = await identity.standing(tx, secret)
    return Actor.entrant(session.account_id, session.display_name)


@requires(Permission.SELF, reads(Data.ACCOUNT))
async def my_places(tx: Tx) -> list[Place]:
    """Return the tenants in which the acting account works now, by name; each is asked inside its own wall."""
    names = {row.id: row for row in await tenants(tx)}
    found: list[Place] = []
    for there in await identity.memberships(tx):
        await bind(tx.db, Actor("account", there.tenant_id, frozenset(), member_id=there.member_id, walled=True))
        active = select(Member.role, standing("sign_in_policy").label("policy"))
        active = active.where(Member.id == there.member_id, Member.status == "active")
        here = (await tx.db.execute(active)).one_or_none()
        if here is not None:
            tenant, asks = names[there.tenant_id], asks_for_passkey(here.policy, here.role)
            place = Place(tenant_id=tenant.id, slug=tenant.slug, name=tenant.name, role=here.role, asks_passkey=asks)
            found.append(place)
    await bind(tx.db, tx.actor)
    return sorted(found, key=lambda place: place.name)


@requires(Permission.SELF, reads(Data.ACCOUNT))
async def ended_places(tx: Tx) -> tuple[str, ...]:
    """Return the names of the tenants in which the acting account may no longer work."""
    here = {place.tenant_id for place in await my_places(tx)}
    gone = {one.tenant_id for one in await identity.memberships(tx)} - here
    return tuple(sorted(row.name for row in await tenants(tx) if row.id in gone))


@requires(Permission.SELF, reads(Data.ACCOUNT))
async def me(tx: Tx) -> schemas.Me:
    """Return who acts, as what, where, and with which permissions."""
    return schemas.Me(
        name=tx.actor.name,
        # A service account is nobody of the tenant's people.
        role=" ".join(tx.actor.roles) if tx.actor.kind == "service" else (await myself(tx)).role,
        tenant=schemas.TenantOut.model_validate(await my_tenant(tx)),
        permissions=sorted(tx.actor.permissions),
    )


Invited = Row[UUID, UUID, str, str, str, datetime, str, str | None, UUID | None, UUID | None]


@open_to_all("an invitation is read before there is an account", reads(Data.STAFF))
async def invitation(tx: Tx, token: str) -> Invited:
    """Return invitation, member, name, e-mail, role, expiry, tenant's name, policy, recovery, account behind a link.

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
        standing("sign_in_policy").label("policy"),
        Invitation.recovery_id,
        Member.account_id,
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


@open_to_all("an invitation is read before there is an account", reads(Data.STAFF))
async def invitation_page(tx: Tx, token: str) -> InvitationPage:
    """Return what the page behind a one-time link says."""
    found = await invitation(tx, token)
    email = await address_of_invited(tx, found)
    return InvitationPage(
        token=token,
        name=found.display_name,
        email=email,
        tenant_name=found.tenant_name,
        role=found.role,
        expires_at=found.expires_at,
        # The link was handed to the address's owner, who would learn it from the first refused password anyway.
        has_account=await has_ways_in(tx, email),
        asks_passkey=asks_for_passkey(found.policy, found.role),
        asks_code=found.recovery_id is not None,
    )


@open_to_all("an invitation is read before there is an account", reads(Data.ACCOUNT))
async def address_of_invited(tx: Tx, invited: Invited) -> str:
    """Return the address that whoever a link is for signs in with: a new way in is to the account that they have."""
    if invited.recovery_id is None or invited.account_id is None:
        return invited.email
    return await identity.address_of(tx, invited.account_id)


@open_to_all("an invitation is read before there is an account", reads(Data.ACCOUNT))
async def has_ways_in(tx: Tx, email: str) -> bool:
    """Return whether an address has an account that somebody can sign in to."""
    account = await identity.account_by_email(tx, email)
    return account is not None and (await identity.factors_of(tx, account.id)).has_any


def tenant_of_token(token: str) -> UUID:
    """Return the tenant that an invitation's link names: its first 32 characters."""
    try:
        return UUID(hex=token[:32])
    except ValueError:
        raise NotFound("This invitation was used or has expired; ask for a new one") from None
