"""A tenant with one of everything that an address can name, twice: on the coordinator's roster and on another's.

Made through the real actions, so that a row is what production would have. `House.ids` calls each by the kind that the
samples name; `Twins` are two such tenants that differ in their ids and their canaries alone.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import insert, select, update

from caretide.disclosures import actions as disclosures
from caretide.disclosures.rules import Given
from caretide.documents import actions as documents
from caretide.ehr.models import ImportRun
from caretide.identity import actions as identity
from caretide.identity.models import Account, Passkey, Session
from caretide.identity.passwords import HASHER
from caretide.identity.queries import session_hash
from caretide.identity.rules import Factor
from caretide.identity.schemas import ServiceForm, TokenForm
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.kernel.permissions import Role
from caretide.outreach import actions as outreach
from caretide.patients.models import Allergy, Encounter, Medication
from caretide.rosters import actions as rosters
from caretide.runtime.db import TenantTable
from caretide.runtime.tx import Database, Tx
from caretide.tenants import actions as tenants
from caretide.tenants.models import Member, Recovery
from caretide.time_log import actions as time_log
from tests.access.pages import PHRASE
from tests.billing.months import Recorded, record_month
from tests.cast import Cast, agree, assemble, person
from tests.client import open_session
from tests.database import HandClock, Server

SEATS: Final = tuple(role.value for role in Role)
"""Whose day it may be: each role, by its name. `director` and `other_coordinator` come beside them."""
WORKING: Final = (Role.COORDINATOR, Role.PRACTITIONER, Role.MANAGER, Role.ADMINISTRATOR)
"""Those who log time and attempts of their own."""
PDF: Final = b"%PDF-1.7\n% A record of a month, as the close would keep it\n%%EOF\n"
TOLD: Final = (datetime(2026, 10, 5, 11, 40, tzinfo=UTC), datetime(2026, 10, 5, 11, 45, tzinfo=UTC))
"""When the time was that is told after the fact: before the day's first timer."""


@dataclass(frozen=True)
class House:
    """A furnished tenant: its people, and ids by kind. `own` has what differs by who asks, by seat."""

    cast: Cast
    people: Mapping[str, Actor]
    ids: Mapping[str, str]
    own: Mapping[str, Mapping[str, str]]
    secrets: Mapping[str, str]

    def named(self, seat: str) -> dict[str, str]:
        """Return every id as somebody in a seat would name it."""
        return {**self.ids, **self.own.get(seat, {})}

    def others(self, seat: str) -> dict[str, str]:
        """Return the same with the patient of the other coordinator, and what is theirs, in the patient's place."""
        theirs = {kind.removeprefix("other_"): id_ for kind, id_ in self.ids.items() if kind.startswith("other_")}
        return {**self.named(seat), **theirs}


async def furnish(database: Database, server: Server, clock: HandClock) -> House:
    """Make the tenant; the clock stands at its noon afterwards."""
    clock.now = datetime(2026, 10, 5, 11, 0, tzinfo=UTC)
    cast = await assemble(database)
    people = {role.value: getattr(cast, role.value) for role in Role}
    people["other_coordinator"] = cast.other_coordinator
    people["director"] = await _director(database, cast)
    ids, own = await _cared_for(database, cast, clock)
    async with database.tx(cast.system) as tx:
        people["suspended"] = await person(tx, Role.ADMINISTRATOR, "suspended", cast.practitioner_id)
        for name in ("invited", "left"):
            new = tenants.NewMember(email=f"{name}-{cast.tenant_id.hex}@example.com", name=name, role="auditor")
            ids[f"{name}_member"] = str((await tenants.invite_member(tx, new)).member_id)
        for member_id in (people["suspended"].member_id, UUID(ids["left_member"])):
            await tenants.suspend_member(tx, member_id or new_id())
    assert cast.manager.member_id
    async with database.tx(cast.administrator) as tx:
        until = clock.now.date() + timedelta(days=30)
        waived = await tenants.waive_duty(tx, cast.manager.member_id, "approve_own_time", until, "We are few")
        recovery = await _recovery(tx)
    opened = {seat: await open_session(database, actor) for seat, actor in people.items()}
    assert cast.practitioner.member_id
    async with database.tx(cast.manager) as tx:
        later = clock.now.date() + timedelta(days=30)
        # Between two who see everybody anyway: nobody's roster is wider for it.
        cover = await rosters.give_cover(tx, cast.manager.member_id, cast.practitioner.member_id, later, later)
        duty = await rosters.add_duty(
            tx, rosters.NewDuty(clinic_id=cast.clinic_id, member_id=cast.practitioner.member_id, first_on=later)
        )
    async with database.tx(cast.administrator) as tx:
        service = await identity.create_service_account(tx, ServiceForm(name="Feed"))
    for seat in SEATS:
        async with database.tx(people[seat]) as tx:
            token = TokenForm(name="Feed", scopes=("patient:read",))
            made = await identity.create_token(tx, opened[seat], token, mode="development")
        own[seat] = {**own.get(seat, {}), "token": str(made.id)}
    opened |= await _unfit(database, cast.administrator)
    for seat, actor in people.items():
        own[seat] = {**own.get(seat, {}), **await _ones_own(database, actor)}
    ids |= {"tenant": str(cast.tenant_id), "clinic": str(cast.clinic_id), "practitioner": str(cast.practitioner_id)}
    ids |= {"member": str(cast.billing.member_id), "timing_member": str(cast.other_coordinator.member_id)}
    ids |= {"cover": str(cover), "duty": str(duty), "opening": str(new_id())}
    ids |= {"service": str(service), "token": own["coordinator"]["token"]}
    ids |= {"waiver": str(waived), "recovery": str(recovery), "administrator": str(cast.administrator.member_id)}
    ids |= {"coordinator": str(cast.coordinator.member_id), "account": str(cast.coordinator.account_id)}
    return House(cast, people, ids | _found(server, cast.tenant_id), own, opened)


async def _recovery(tx: Tx) -> UUID:
    """Ask for a new way in for somebody: as if there were a second administrator, who confirms it."""
    whose = (await tx.db.execute(select(Member.id).where(Member.role == Role.MANAGER))).scalars().one()
    row = {"id": new_id(), "member_id": whose, "reason": "She lost her phone", "is_alone": False}
    asked = {"asked_by": tx.member_id, "asked_at": tx.now, "expires_at": tx.now + timedelta(hours=24)}
    await tx.db.execute(insert(Recovery).values(**row, **asked, code_hash=b"a hash"))
    return row["id"]


async def _director(database: Database, cast: Cast) -> Actor:
    """Let a company serve the tenant; return its director, who is no member."""
    account_id, email = new_id(), f"company-{cast.tenant_id.hex}@example.com"
    async with database.tx(Actor.nobody()) as tx:
        row = {"id": account_id, "email": email, "display_name": "Director", "password_hash": "unusable"}
        await tx.db.execute(insert(Account).values(**row))
    async with database.tx(Actor.operator()) as tx:
        company_id = await tenants.create_company(tx, slug=f"c-{cast.tenant_id.hex}", name="Harbor Care")
        await tenants.join_company(tx, company_id, email, is_director=True)
    async with database.tx(cast.system) as tx:
        await tenants.serve_tenant(tx, company_id)
        await agree(tx, company_id)
    return Actor.account(account_id, "Director")


async def _cared_for(
    database: Database, cast: Cast, clock: HandClock
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Make the two patients and what is recorded of them; return ids, and what each who works made of their own."""
    mine, theirs = await record_month(database, cast), await record_month(database, cast, family="Okafor")
    async with database.tx(cast.manager) as tx:
        await rosters.designate(tx, theirs.patient_id, cast.other_coordinator.member_id or new_id())
    own: dict[str, dict[str, str]] = {}
    clock.advance(hours=2)
    for role in WORKING:
        own[role.value] = await _worked(database, cast, getattr(cast, role.value), mine, clock)
    # What waits for a second person is the coordinator's: nobody decides over their own.
    told = {"told": own[Role.COORDINATOR.value]["told"]}
    own = {seat: made | told for seat, made in own.items()}
    others = await _worked(database, cast, cast.other_coordinator, theirs, clock)
    own["other_coordinator"] = others
    async with database.tx(cast.other_coordinator) as tx:
        others["timer"] = str(await time_log.start_timer(tx, theirs.patient_id, theirs.enrollment_id, "patient_call"))
        await time_log.keep_draft(tx, UUID(others["timer"]), "So far so good")
    clock.advance(hours=1)
    ids = {"timer": others["timer"], **own[Role.COORDINATOR.value]}
    ids |= await _charted(database, cast, mine)
    others |= await _charted(database, cast, theirs)
    return ids | {f"other_{kind}": id_ for kind, id_ in others.items()}, own


async def _worked(database: Database, cast: Cast, actor: Actor, whom: Recorded, clock: HandClock) -> dict[str, str]:
    """Log ten minutes, tell five more and try to call, all in somebody's own name."""
    async with database.tx(actor) as tx:
        await time_log.start_timer(tx, whom.patient_id, whom.enrollment_id, "patient_call")
    clock.advance(minutes=10)
    async with database.tx(actor) as tx:
        (logged,) = await time_log.stop_timer(tx, "We spoke of her medicines")
    clock.advance(minutes=1)
    async with database.tx(actor) as tx:
        told = (whom.patient_id, whom.enrollment_id, "care_plan", *TOLD, "The timer was forgotten", "The plan")
        (entry,) = await time_log.record_manual_entry(tx, *told)
        attempt = await outreach.record_attempt(tx, whom.patient_id, "phone", "voicemail", note="Will try again")
    return {"entry": str(logged.id), "told": str(entry.id), "attempt": str(attempt)}


async def _charted(database: Database, cast: Cast, whom: Recorded) -> dict[str, str]:
    """Add to the chart, keep a document and record a disclosure."""
    patient_id = whom.patient_id
    facts: tuple[tuple[type[TenantTable], dict[str, Any]], ...] = (
        (Medication, {"name": "Lisinopril", "dosage": "10 mg", "is_active": True}),
        (Allergy, {"name": "Penicillin", "criticality": "high", "is_active": True}),
        (Encounter, {"kind": "visit", "facility": "office", "name": "Visit", "status": "finished"}),
    )
    async with database.tx(cast.system) as tx:
        for table, row in facts:
            known = {"id": new_id(), "patient_id": patient_id, "source_id": new_id().hex}
            await tx.db.execute(insert(table).values(**known, **row))
        run = {"clinic_id": cast.clinic_id, "source": "test", "counts": {}, "started_at": tx.now}
        await tx.db.execute(insert(ImportRun).values(id=new_id(), **run, finished_at=tx.now))
        new = documents.NewDocument(
            patient_id=patient_id, kind="monthly-record", month=Month(2026, 9), title="September", pdf=PDF
        )
        document_id = await documents.keep(tx, new)
        given = Given(recipient="Dr. Ames", address="1 Main St", purpose="Referral", basis="treatment")
        made = await disclosures.record_disclosure(tx, patient_id, given, what="Plan", disclosed_on=date(2026, 10, 1))
    ids = {"patient": patient_id, "enrollment": whom.enrollment_id, "document": document_id, "disclosure": made}
    return {kind: str(id_) for kind, id_ in ids.items()}


async def _ones_own(database: Database, actor: Actor) -> dict[str, str]:
    """Give an account a passkey and a second session; return what it may name of its own."""
    made = {"passkey": new_id(), "session": new_id()}
    async with database.tx(Actor.nobody()) as tx:
        key = {"account_id": actor.account_id, "credential_id": made["passkey"].bytes, "public_key": b"a key"}
        theirs = update(Account).where(Account.id == actor.account_id)
        await tx.db.execute(theirs.values(password_hash=HASHER.hash(PHRASE)))
        await tx.db.execute(insert(Passkey).values(id=made["passkey"], **key, sign_count=0, name="My key"))
        await tx.db.execute(insert(Session).values(id=made["session"], **_session(actor, tx.now)))
    return {kind: str(id_) for kind, id_ in made.items()}


def _session(actor: Actor, now: datetime, secret: str = "", **changes: Any) -> dict[str, Any]:
    who = {"account_id": actor.account_id, "tenant_id": actor.tenant_id, "member_id": actor.member_id}
    times = {"created_at": now, "last_seen_at": now, "auth_time": now, "amr": [Factor.PASSKEY]}
    return {"id_hash": session_hash(secret or secrets.token_urlsafe(32)), **who, **times, **changes}


async def _unfit(database: Database, actor: Actor) -> dict[str, str]:
    """Open an administrator's sessions that are not fit to work in, and one that just is; return their secrets."""
    found = {name: secrets.token_urlsafe(32) for name in ("one factor", "awake", "asleep", "idle", "expired", "ended")}
    async with database.tx(Actor.nobody()) as tx:
        changes: dict[str, dict[str, Any]] = {
            "one factor": {"amr": [Factor.PASSWORD]},
            "awake": {"last_seen_at": tx.now - timedelta(minutes=14, seconds=59)},
            "asleep": {"last_seen_at": tx.now - timedelta(minutes=15, seconds=1)},
            "idle": {"last_seen_at": tx.now - timedelta(minutes=31)},
            "expired": {"created_at": tx.now - timedelta(hours=12, seconds=1)},
            "ended": {"ended_at": tx.now},
        }
        for name, secret in found.items():
            await tx.db.execute(insert(Session).values(**_session(actor, tx.now, secret, **changes[name])))
    return found


def _found(server: Server, tenant_id: UUID) -> dict[str, str]:
    """Return what the actions made without saying its id."""
    with psycopg.connect(server.admin) as behind:

        def one(table: str, column: str = "id") -> str:
            query = sql.SQL("SELECT {} FROM {} WHERE tenant_id = %s AND {} IS NOT NULL ORDER BY id LIMIT 1")
            place = sql.Identifier(column)
            row = behind.execute(query.format(place, sql.Identifier(table), place), [tenant_id]).fetchone()
            return str(row[0]) if row else str(new_id())

        return {
            "agreement": one("agreements"),
            "event": one("audit_events"),
            "fact": one("patient_facts"),
            "company": one("company_services", "company_id"),
        }
