"""The practice: a tenant with two clinics, two billing practitioners and somebody in every role.

Everybody is invited, accepts and signs in as real people do; nothing is written past the actions.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from caretide.demo.people import DOCTORS
from caretide.identity import actions as identity
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Role
from caretide.runtime.tx import Database
from caretide.tenants import actions, queries
from caretide.tenants.actions import NewClinic, NewMember, NewPractitioner
from caretide.tenants.queries import ClinicRow

SLUG: Final = "lakeside-demo"
NAME: Final = "Lakeside Health (generated)"
TIME_ZONE: Final = "America/Chicago"
TIN_GROUP: Final = "Lakeside Medical Group"
DOMAIN: Final = "lakeside.example"


@dataclass(frozen=True, slots=True)
class Seat:
    """A place in the practice and who has it. `doctor` counts the billing practitioners from 0."""

    key: str
    name: str
    role: Role
    credential: str = ""
    doctor: int | None = None

    def email(self, domain: str = DOMAIN) -> str:
        """Return the address to sign in with."""
        return f"{self.key}@{domain}"


SEATS: Final = (
    Seat("admin", "Grace Okonjo", Role.ADMINISTRATOR),
    Seat("manager", "Helen Sorensen", Role.MANAGER, "RN"),
    Seat("nurse", "Joy Ramsey", Role.COORDINATOR, "RN"),
    Seat("nurse2", "Lucía Moreno", Role.COORDINATOR, "RN"),
    Seat("nurse3", "Daniel Osei", Role.COORDINATOR, "LPN"),
    Seat("billing", "Carla Winter", Role.BILLING),
    Seat("doctor", "Priya Raman", Role.PRACTITIONER, "MD", 0),
    Seat("doctor2", "Thomas Whitlock", Role.PRACTITIONER, "NP", 1),
    Seat("auditor", "Ruth Feldman", Role.AUDITOR),
)

CLINICS: Final = (
    NewClinic(
        name="Lakeside Family Medicine",
        slug="lakeside",
        time_zone=TIME_ZONE,
        tin_group=TIN_GROUP,
        address="210 Harbor Street, Lakeside, IL 62990",
        phone="(217) 555-0100",
    ),
    NewClinic(
        name="Port Alder Clinic",
        slug="port-alder",
        time_zone=TIME_ZONE,
        tin_group=TIN_GROUP,
        address="18 Mill Road, Port Alder, IL 62991",
        phone="(217) 555-0101",
    ),
)

_WORDS: Final = """
    amber anchor apple autumn basket birch bridge bright candle canyon cedar cherry clover copper coral cotton dragon
    eagle ember falcon feather forest garden ginger granite harbor hazel indigo island ivory jasmine kettle lantern
    lemon linen maple marble meadow mirror morning ocean olive orchard otter paper pebble pepper pine planet pocket
    rabbit river saddle sailor silver spruce summer thistle timber tulip velvet violet walnut willow winter
"""


@dataclass(frozen=True, slots=True)
class Company:
    """The practice at work: its clinics, its practitioners' ids by number, and who acts, by seat."""

    tenant_id: UUID
    clinics: tuple[ClinicRow, ...]
    doctors: tuple[UUID, ...]
    actors: Mapping[str, Actor]

    @property
    def system(self) -> Actor:
        """The command line in this tenant."""
        return Actor.system(self.tenant_id)


def new_passwords() -> dict[str, str]:
    """Return a pass-phrase for each seat, new for every installation."""
    return {seat.key: new_pass_phrase() for seat in SEATS}


def new_pass_phrase() -> str:
    """Return four words drawn by chance."""
    words = _WORDS.split()
    return "-".join(secrets.choice(words) for _ in range(4))


async def found(
    database: Database, opened_on: date, passwords: Mapping[str, str], *, slug: str = SLUG, domain: str = DOMAIN
) -> Company:
    """Make the practice as it is on its first day; `passwords` are by seat."""
    tenant_id = new_id()
    system = Actor.system(tenant_id)
    async with database.tx(system) as tx:
        await actions.create_tenant(tx, slug=slug, name=NAME, is_generated=True)
        clinic_ids = [await actions.create_clinic(tx, clinic) for clinic in CLINICS]
        for clinic_id in clinic_ids:
            for kind, detail in (
                ("round-the-clock-access", "Nurse line, (217) 555-0199, answered day and night"),
                ("certified-ehr", "Certified EHR, 2015 Edition Cures Update"),
            ):
                value = {"value": True, "detail": detail}
                await actions.record_clinic_fact(
                    tx, clinic_id, kind, value=value, effective_on=opened_on, checked_on=opened_on
                )
        doctors = [
            await actions.save_practitioner(
                tx,
                NewPractitioner(
                    npi=doctor.npi, family=doctor.family, given=doctor.given, kind=doctor.kind, tin_group=TIN_GROUP
                ),
            )
            for doctor in DOCTORS
        ]
        clinics = tuple([await queries.clinic(tx, clinic_id) for clinic_id in clinic_ids])
    actors: dict[str, Actor] = {}
    for seat in SEATS:
        practitioner_id = None if seat.doctor is None else doctors[seat.doctor]
        new = NewMember(
            email=seat.email(domain),
            name=seat.name,
            role=seat.role,
            credential=seat.credential,
            practitioner_id=practitioner_id,
        )
        actors[seat.key] = await _let_in(database, system, new, passwords[seat.key])
    return Company(tenant_id, clinics, tuple(doctors), actors)


async def _let_in(database: Database, system: Actor, new: NewMember, password: str) -> Actor:
    """Invite somebody, accept for them, sign them in; return who they are to the system."""
    async with database.tx(system) as tx:
        invited = await actions.invite_member(tx, new)
    async with database.tx(Actor.nobody()) as tx:
        await actions.accept_invitation(tx, invited.token, password)
    async with database.tx(Actor.nobody()) as tx:
        signed_in = await identity.sign_in(tx, new.email, password)
    if signed_in is None:
        raise Conflict(f"{new.email} has an account with another password here; start over with --fresh")
    async with database.tx(Actor.nobody()) as tx:
        return await queries.actor_behind(tx, signed_in.secret)
