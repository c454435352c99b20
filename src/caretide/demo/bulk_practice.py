"""A generated practice of any size: clinics of five thousand patients, coordinators of two hundred.

Whoever may sign in is invited and accepts as real people do. The other coordinators get accounts whose password nobody
knows: half a thousand password hashes would take longer than their patients.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final
from uuid import UUID

from sqlalchemy import insert

from caretide.demo import names
from caretide.demo.company import enter
from caretide.demo.houses import npi
from caretide.demo.papers import agree
from caretide.identity.actions import HASHER
from caretide.identity.models import Account, Membership
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Role
from caretide.runtime.tx import Database, Tx
from caretide.tenants import actions, queries
from caretide.tenants.actions import NewClinic, NewMember, NewPractitioner
from caretide.tenants.models import Member
from caretide.tenants.queries import ClinicRow
from caretide.tenants.rules import staff_role_of

PER_CLINIC: Final = 5_000
PER_COORDINATOR: Final = 200
PRACTITIONERS: Final = 4
"""Billing practitioners of each clinic."""

ZONES: Final = ("America/Chicago", "America/New_York", "America/Denver", "America/Los_Angeles")
_FIRST_NPI: Final = 700_000
_OPEN_FOR: Final = timedelta(days=900)
"""Longer than any enrollment of these patients."""


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody who may sign in."""

    key: str
    name: str
    role: Role
    credential: str = ""


PLACES: Final = (
    Place("admin", "Naomi Ferris", Role.ADMINISTRATOR),
    Place("manager", "Victor Halloran", Role.MANAGER, "RN"),
    Place("nurse", "Angela Brandt", Role.COORDINATOR, "RN"),
    Place("billing", "Teresa Quill", Role.BILLING),
    Place("doctor", "Samuel Adeyemi", Role.PRACTITIONER, "MD"),
    Place("auditor", "Miriam Stein", Role.AUDITOR),
)


@dataclass(frozen=True, slots=True)
class Order:
    """What to generate: how many patients from which seed, and the tenant's name in addresses and mail."""

    patients: int
    seed: int = 1
    slug: str = "scale-demo"
    name: str = "Scale (generated)"
    domain: str = "scale.example"


@dataclass(frozen=True, slots=True)
class Coordinator:
    """A member whose roster gets filled."""

    member_id: UUID
    account_id: UUID
    name: str
    credential: str


@dataclass(frozen=True, slots=True)
class Site:
    """A clinic with its people. Its patients are numbered from `first`."""

    clinic: ClinicRow
    practitioners: tuple[UUID, ...]
    coordinators: tuple[Coordinator, ...]
    first: int
    patients: int

    def roster(self, place: int) -> range:
        """Return the numbers of the patients that the coordinator at this place looks after."""
        count = len(self.coordinators)
        since, until = (self.first + self.patients * one // count for one in (place, place + 1))
        return range(since, until)


async def found(
    database: Database, order: Order, today: date, passwords: Mapping[str, str], seeds: dict[str, str]
) -> tuple[UUID, list[Site]]:
    """Make the tenant with its clinics and people; return its id and the clinics, still without patients.

    `passwords` are by the places' keys; those of the authenticator apps' seeds that it makes it notes in `seeds`.
    """
    tenant_id = new_id()
    system = Actor.system(tenant_id)
    clinics = max(1, order.patients // PER_CLINIC)
    async with database.tx(system) as tx:
        await actions.create_tenant(tx, slug=order.slug, name=order.name, is_generated=True)
        await agree(tx, today - _OPEN_FOR)
        opened = [await _clinic(tx, number, today - _OPEN_FOR) for number in range(clinics)]
    nurse = await _let_in(database, system, order, passwords, opened[0][1][0], seeds)
    async with database.tx(system) as tx:
        sites: list[Site] = []
        for number, (clinic_id, practitioners) in enumerate(opened):
            first, after = (order.patients * one // clinics for one in (number, number + 1))
            team = [nurse] if number == 0 else []
            team += await _coordinators(tx, order, number, -(-(after - first) // PER_COORDINATOR) - len(team))
            clinic = await queries.clinic(tx, clinic_id)
            sites.append(Site(clinic, practitioners, tuple(team), first, after - first))
    return tenant_id, sites


async def _clinic(tx: Tx, number: int, opened_on: date) -> tuple[UUID, tuple[UUID, ...]]:
    """Open a clinic with its facts and billing practitioners; return its id and theirs."""
    town, post_code = names.TOWNS[number % len(names.TOWNS)]
    group = f"{town} Medical Group"
    clinic_id = await actions.create_clinic(
        tx,
        NewClinic(
            name=f"{town} Clinic {number + 1}",
            slug=f"clinic-{number + 1}",
            time_zone=ZONES[number % len(ZONES)],
            tin_group=group,
            address=f"{100 + number} {names.STREETS[number % len(names.STREETS)]}, {town}, IL {post_code}",
            phone=f"(217) 555-01{number % 100:02d}",
        ),
    )
    for kind in actions.CLINIC_FACT_KINDS:
        value = {"value": True, "detail": "Generated"}
        await actions.record_clinic_fact(tx, clinic_id, kind, value=value, effective_on=opened_on, checked_on=opened_on)
    rng = Random(f"practitioners/{number}")
    made: list[UUID] = []
    for place in range(PRACTITIONERS):
        given, family = name_of(rng)
        body = _FIRST_NPI + number * PRACTITIONERS + place
        kind = "nurse_practitioner" if place == PRACTITIONERS - 1 else "physician"
        new = NewPractitioner(npi=npi(body), family=family, given=given, kind=kind, tin_group=group)
        made.append(await actions.save_practitioner(tx, new))
    return clinic_id, tuple(made)


async def _let_in(
    database: Database,
    system: Actor,
    order: Order,
    passwords: Mapping[str, str],
    doctor_id: UUID,
    seeds: dict[str, str],
) -> Coordinator:
    """Let those in who may sign in; return the coordinator among them."""
    nurse: Coordinator | None = None
    for place in PLACES:
        new = NewMember(
            email=f"{place.key}@{order.domain}",
            name=place.name,
            role=place.role,
            credential=place.credential,
            practitioner_id=doctor_id if place.role is Role.PRACTITIONER else None,
        )
        async with database.tx(system) as tx:
            invited = await actions.invite_member(tx, new)
        async with database.tx(Actor.nobody()) as tx:
            await actions.accept_invitation(tx, invited.token, passwords[place.key])
        async with database.tx(Actor.nobody()) as tx:
            account_id = (await enter(tx, new.email, passwords[place.key], seeds, place.key)).account_id
        if place.role is Role.COORDINATOR:
            nurse = Coordinator(invited.member_id, account_id, place.name, place.credential)
    if nurse is None:
        raise LookupError("one of the places is a coordinator's")
    return nurse


async def _coordinators(tx: Tx, order: Order, site: int, count: int) -> list[Coordinator]:
    """Let coordinators in, all at once."""
    rng = Random(f"coordinators/{site}")
    secret_hash = HASHER.hash(secrets.token_urlsafe())
    team: list[Coordinator] = []
    accounts: list[dict[str, object]] = []
    members: list[dict[str, object]] = []
    for place in range(count):
        one = Coordinator(new_id(), new_id(), " ".join(name_of(rng)), rng.choice(_CREDENTIALS))
        email = f"nurse-{site + 1}-{place + 1}@{order.domain}"
        person = {"email": email, "display_name": one.name}
        accounts.append({"id": one.account_id, **person, "password_hash": secret_hash})
        work = {"role": Role.COORDINATOR, "staff_role": staff_role_of(Role.COORDINATOR), "status": "active"}
        members.append(
            {"id": one.member_id, "account_id": one.account_id, **person, **work, "credential": one.credential}
        )
        team.append(one)
    if team:
        await tx.db.execute(insert(Account), accounts)
        await tx.db.execute(insert(Member), members)
        places = [{"account_id": one.account_id, "tenant_id": tx.tenant_id, "member_id": one.member_id} for one in team]
        await tx.db.execute(insert(Membership), places)
    return team


def name_of(rng: Random, language: str = "en", sex: str | None = None) -> tuple[str, str]:
    """Return a given and a family name that go together."""
    key = names.SPEAKERS.get(language)
    community = names.COMMUNITIES[key] if key else rng.choices(_COMMUNITIES, _WEIGHTS)[0]
    given = community.female if (sex or rng.choice(("female", "male"))) == "female" else community.male
    return rng.choice(given), rng.choice(community.family)


_COMMUNITIES: Final = tuple(names.COMMUNITIES.values())
_WEIGHTS: Final = tuple(community.weight for community in _COMMUNITIES)
_CREDENTIALS: Final = ("RN", "RN", "RN", "LPN", "LPN", "MA")
