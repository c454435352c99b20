"""The company: two health systems with their clinics and practitioners, and everybody who works in them.

Everybody is invited, accepts and signs in as real people do; nothing is written past the actions.
"""

import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from pyotp.totp import TOTP

from caretide.demo.houses import COMPANY_SLUG, INVITED, SEATS, SERVICE_COMPANY, House, Seat, seats_of
from caretide.demo.papers import agree
from caretide.identity import actions as identity
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict
from caretide.kernel.ids import new_id
from caretide.runtime.tx import Database, Tx
from caretide.tenants import actions, queries
from caretide.tenants.actions import NewClinic, NewMember, NewPractitioner
from caretide.tenants.queries import ClinicRow
from caretide.tenants.rules import License

_WORDS: Final = """
    amber anchor apple autumn basket birch bridge bright candle canyon cedar cherry clover copper coral cotton dragon
    eagle ember falcon feather forest garden ginger granite harbor hazel indigo island ivory jasmine kettle lantern
    lemon linen maple marble meadow mirror morning ocean olive orchard otter paper pebble pepper pine planet pocket
    rabbit river saddle sailor silver spruce summer thistle timber tulip velvet violet walnut willow winter
"""


@dataclass(frozen=True, slots=True)
class Company:
    """A health system at work: its clinics, its practitioners' ids by number, and who acts, by seat.

    `seeds` are those of the seats' authenticator apps, `passwords` and `addresses` what they sign in with beside them.
    It travels to the process that plays it.
    """

    tenant_id: UUID
    clinics: tuple[ClinicRow, ...]
    doctors: tuple[UUID, ...]
    actors: Mapping[str, Actor]
    seeds: dict[str, str]
    passwords: Mapping[str, str]
    addresses: Mapping[str, str]

    @property
    def system(self) -> Actor:
        """The command line in this tenant."""
        return Actor.system(self.tenant_id)

    def member(self, key: str) -> UUID:
        """Return the member who has a seat."""
        member_id = self.actors[key].member_id
        if member_id is None:
            raise LookupError(f"nobody has the seat '{key}'")
        return member_id


def new_passwords() -> dict[str, str]:
    """Return a pass-phrase for each seat, new for every installation."""
    return {seat.key: new_pass_phrase() for seat in SEATS}


def new_pass_phrase() -> str:
    """Return four words drawn by chance."""
    words = _WORDS.split()
    return "-".join(secrets.choice(words) for _ in range(4))


@dataclass(frozen=True, slots=True)
class Opening:
    """The first day of a health system, what is put behind its slug and addresses, and the seats' passwords and seeds.

    `suffix` keeps several demonstrations apart in one installation: the tests' only.
    """

    on: date
    today: date
    passwords: Mapping[str, str]
    suffix: str = ""
    seeds: dict[str, str] = field(default_factory=dict[str, str])

    def slug(self, house: House) -> str:
        """Return the tenant's slug."""
        return house.slug + self.suffix

    def email(self, seat: Seat) -> str:
        """Return the address to sign in with."""
        return seat.email + self.suffix


async def incorporate(database: Database, opening: Opening) -> UUID:
    """Make the service company; return its id."""
    async with database.tx(Actor.operator()) as tx:
        slug = COMPANY_SLUG + opening.suffix
        return await actions.create_company(tx, slug=slug, name=SERVICE_COMPANY, is_generated=True)


async def found(database: Database, house: House, company_id: UUID, opening: Opening) -> Company:
    """Make a health system as it is on its first day, and let everybody in."""
    tenant_id = new_id()
    system = Actor.system(tenant_id)
    async with database.tx(system) as tx:
        await actions.create_tenant(tx, slug=opening.slug(house), name=house.name, is_generated=True)
        await actions.serve_tenant(tx, company_id)
        await agree(tx, opening.on, (company_id, SERVICE_COMPANY))
        clinic_ids: list[UUID] = []
        for site in house.sites:
            clinic = NewClinic(
                name=site.name,
                slug=site.slug,
                time_zone=site.time_zone,
                tin_group=site.tin_group,
                address=site.address,
                phone=site.phone,
            )
            clinic_id = await actions.create_clinic(tx, clinic)
            clinic_ids.append(clinic_id)
            for kind, detail in (
                ("round-the-clock-access", f"Nurse line, {site.nurse_line}, answered day and night"),
                ("certified-ehr", "Certified EHR, 2015 Edition Cures Update"),
            ):
                value = {"value": True, "detail": detail}
                await actions.record_clinic_fact(
                    tx, clinic_id, kind, value=value, effective_on=opening.on, checked_on=opening.on
                )
        doctors = {
            doctor.key: await actions.save_practitioner(
                tx,
                NewPractitioner(
                    npi=doctor.npi,
                    family=doctor.family,
                    given=doctor.given,
                    kind=doctor.kind,
                    tin_group=house.sites[doctor.site].tin_group,
                ),
            )
            for doctor in house.doctors
        }
        clinics = tuple([await queries.clinic(tx, clinic_id) for clinic_id in clinic_ids])
    actors = {
        seat.key: await _let_in(database, tenant_id, _member(seat, opening, doctors), opening, seat.key)
        for seat in seats_of(house)
    }
    if house.left is not None:
        key, passwords = house.left.key, {house.left.key: new_pass_phrase()}
        leaving = replace(opening, passwords=passwords, seeds={})
        actors[key] = await _let_in(database, tenant_id, _member(house.left, leaving, doctors), leaving, key)
    addresses = {seat.key: opening.email(seat) for seat in seats_of(house)}
    return Company(tenant_id, clinics, tuple(doctors.values()), actors, opening.seeds, opening.passwords, addresses)


def _member(seat: Seat, opening: Opening, doctors: Mapping[str, UUID]) -> NewMember:
    return NewMember(
        email=opening.email(seat),
        name=seat.name,
        role=seat.role,
        credential=seat.credential,
        practitioner_id=doctors[seat.doctor] if seat.doctor else None,
        languages=seat.languages,
        licenses=tuple(
            License(
                kind=seat.credential,
                state=state,
                number=f"{seat.credential}-{state}-999{len(seat.name) * 137 + place:05d}",
                expires_on=opening.today + timedelta(days=days),
            )
            for place, (state, days) in enumerate(seat.licenses.items())
        ),
        weekly_hours=seat.weekly_hours,
    )


async def invite(database: Database, company: Company, opening: Opening) -> None:
    """Invite somebody who does not answer."""
    async with database.tx(company.system) as tx:
        await actions.invite_member(tx, _member(INVITED, opening, {}))


async def _let_in(database: Database, tenant_id: UUID, new: NewMember, opening: Opening, key: str) -> Actor:
    """Invite somebody, accept for them, sign them in to this tenant; return who they are to the system."""
    async with database.tx(Actor.system(tenant_id)) as tx:
        invited = await actions.invite_member(tx, new)
    async with database.tx(Actor.nobody()) as tx:
        await actions.accept_invitation(tx, invited.token, opening.passwords[key])
    async with database.tx(Actor.nobody()) as tx:
        signed_in = await enter(tx, new.email, opening.passwords[key], opening.seeds, key)
        secret = signed_in.secret
        if signed_in.tenants > 1:
            secret = await identity.choose_tenant(tx, secret, tenant_id)
    async with database.tx(Actor.nobody()) as tx:
        return await queries.actor_behind(tx, secret)


@asynccontextmanager
async def confirmed(database: Database, company: Company, key: str) -> AsyncGenerator[str]:
    """Yield the secret of a session that a seat's holder opens in the company with both factors, and signs out of."""
    async with database.tx(Actor.nobody()) as tx:
        signed_in = await enter(tx, company.addresses[key], company.passwords[key], company.seeds, key)
        secret = signed_in.secret
        if signed_in.tenants > 1:
            secret = await identity.choose_tenant(tx, secret, company.tenant_id)
    yield secret
    async with database.tx(company.actors[key]) as tx:
        await identity.sign_out(tx, secret)


async def enter(tx: Tx, email: str, password: str, seeds: dict[str, str], key: str) -> identity.SignedIn:
    """Sign somebody in with password and authenticator app; who has none yet sets it up, and its seed is noted.

    Raises Conflict where the address has an account with another password.
    """
    taken = Conflict(f"{email} has an account with another password here; start over with --fresh")
    begun = await identity.sign_in(tx, email, password)
    if isinstance(begun, identity.Refused):
        raise taken
    if key not in seeds:
        seeds[key] = (await identity.begin_totp(tx, begun.secret)).secret
        return await identity.confirm_totp(tx, begun.secret, code_of(seeds[key], tx.now))
    whole = await identity.prove_code(tx, begun.secret, code_of(seeds[key], tx.now))
    if isinstance(whole, identity.Refused):
        raise taken
    return whole


def code_of(seed: str, at: datetime) -> str:
    """Return what an authenticator app with this seed shows at a moment."""
    return TOTP(seed).at(int(at.timestamp()))
