"""Another tenant's ids at every door, in every place that takes one: nothing of theirs comes back, and nothing changes.

Two tenants are furnished alike. Theirs has a canary in every text and in every document; ours asks, in every role, with
their ids in the place of its own. Each answer is compared to the byte with that for an id which nobody has.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.types import ASGIApp

from caretide.documents import actions as documents
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.runtime.db import Base
from caretide.runtime.tx import Database
from tests.access.canaries import plant
from tests.access.doors import Door, alike, doors
from tests.access.house import SEATS, House, furnish
from tests.access.wire import Answer, Caller, undone
from tests.database import HandClock, Server
from tests.isolation.conftest import Tell

CANARY = "CANARYOFTHEIRS"
SEATED = (*SEATS, "other_coordinator")
FEWEST = 10_000
"""How many substitutions the continuous tests make at least."""


@dataclass
class Twins:
    """Ours and theirs, the ids of theirs by table, and what was found."""

    application: ASGIApp
    clock: HandClock
    ours: House
    theirs: House
    ids: Mapping[str, str]
    statuses: Counter[int] = field(default_factory=Counter[int])
    wrong: list[str] = field(default_factory=list[str])
    asked: int = 0

    async def ask(self, door: Door, seat: str, place: str, id_: str) -> Answer:
        """Ask as one of ours, with an id in a place."""
        caller = Caller(self.application, self.clock, self.ours.secrets[seat])
        return await caller.ask(door.request(self.ours.named(seat), {place: id_}))

    async def substitute(self, door: Door, seat: str, place: str, kind: str, most: int) -> None:
        """Put ids of theirs into a place: the one that belongs there first, then of other kinds, up to so many."""
        unknown = str(new_id())
        usual = await self.ask(door, seat, place, unknown)
        right = [self.theirs.named(seat)[kind], self.theirs.ids.get(f"other_{kind}", "")]
        if kind == "company":
            # A service company is nobody's: every tenant may name every one of them.
            right = []
        others = [*self.ids.values()]
        start = sum(map(ord, door.name + seat + place)) % len(others)
        for id_ in dict.fromkeys([one for one in (*right, *others[start:], *others[:start]) if one][:most]):
            answer = await self.ask(door, seat, place, id_)
            self.asked += 1
            self.statuses[answer.status] += 1
            if not alike(answer, usual, id_, unknown):
                self.wrong.append(f"{door.name} as {seat}, {place}: {answer.status}, {usual.status} for an unknown id")
            if self.holds_theirs(answer, id_):
                self.wrong.append(f"{door.name} as {seat}, {place}: something of theirs: {answer.body[:200]!r}")

    def holds_theirs(self, answer: Answer, asked: str) -> bool:
        """Tell whether an answer has a byte of theirs: the canary, or the number that is in all their addresses."""
        said = answer.whole.replace(asked.encode(), b"")
        return CANARY.encode() in said or self.theirs.cast.tenant_id.hex.encode() in said


@pytest.fixture
async def twins(database: Database, server: Server, clock: HandClock, application: ASGIApp) -> Twins:
    """Furnish both, and write the canaries into everything of theirs."""
    theirs, ours = await furnish(database, server, clock), await furnish(database, server, clock)
    taken, _ = await plant(database, server, theirs.cast.tenant_id, CANARY)
    assert {
        "patients.family",
        "patients.phone",
        "attempts.note",
        "disclosures.recipient",
        "clinics.name",
        "documents.title",
    } <= {*taken}
    pdf = f"%PDF-1.7\n% {CANARY}\n%%EOF\n".encode()
    async with database.tx(Actor.system(theirs.cast.tenant_id)) as tx:
        new = documents.NewDocument(
            patient_id=UUID(theirs.ids["patient"]), kind="monthly-record", month=Month(2026, 8), title=CANARY, pdf=pdf
        )
        theirs = House(**{**vars(theirs), "ids": {**theirs.ids, "document": str(await documents.keep(tx, new))}})
    return Twins(application, clock, ours, theirs, rows_of(server, theirs))


def rows_of(server: Server, house: House) -> dict[str, str]:
    """Return an id of theirs from every table that has one; two where there are two."""
    found = {"tenant": str(house.cast.tenant_id), "account": house.ids["account"]}
    with psycopg.connect(server.admin) as behind:
        for table in Base.metadata.sorted_tables:
            if "tenant_id" not in table.c or "id" not in table.c:
                continue
            query = sql.SQL("SELECT id FROM {} WHERE tenant_id = %s ORDER BY id DESC LIMIT 2")
            rows = behind.execute(query.format(sql.Identifier(table.name)), [house.cast.tenant_id]).fetchall()
            found |= {f"{table.name} {number}": str(row[0]) for number, row in enumerate(rows)}
    return found


def prints(server: Server, tenant_id: UUID) -> dict[str, str]:
    """Return a hash of all the rows of a tenant, by table."""
    with psycopg.connect(server.admin) as behind:
        found: dict[str, str] = {}
        for table in Base.metadata.sorted_tables:
            if "tenant_id" in table.c:
                query = sql.SQL(
                    "SELECT count(*) || coalesce(md5(string_agg(md5(one::text), '' ORDER BY one::text)), '')"
                    " FROM {} one WHERE tenant_id = %s"
                )
                row = behind.execute(query.format(sql.Identifier(table.name)), [tenant_id]).fetchone()
                found[table.name] = str(row and row[0])
        return found


@pytest.mark.req("T-23", "Z-05")
@pytest.mark.timeout(1200)
async def test_ids_of_another_tenant_are_ids_that_nobody_has(
    twins: Twins, server: Server, tell: Tell, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, wrong = doors(twins.application)
    assert not wrong
    before = prints(server, twins.theirs.cast.tenant_id)
    places = [(door, place, kind) for door in found for place, kind in door.slots().items()]
    seats = len(places) * len(SEATED)
    most = len(twins.ids) + 2 if request.config.getoption("--long") else -(-FEWEST // seats)
    for door, place, kind in places:
        with monkeypatch.context() as looking:
            if "audit" in door.path:
                # Looking at the trail makes it longer: two looks compare only where neither stays.
                looking.setattr(AsyncConnection, "commit", undone)
            for seat in SEATED:
                await twins.substitute(door, seat, place, kind, most)
    after = prints(server, twins.theirs.cast.tenant_id)
    changed = sorted(table for table in before if before[table] != after[table])
    statuses = ", ".join(f"{status}: {count:,}" for status, count in sorted(twins.statuses.items()))
    tell(
        f"T-23: {twins.asked:,} ids of a twin tenant at {len(places)} places of "
        f"{len({door.name for door, *_ in places})} routes in {len(SEATED)} roles: "
        f"{len(twins.wrong)} answers told them from unknown ones, "
        f"{len(changed)} of {len(before)} tables of theirs changed ({statuses})"
    )
    assert twins.wrong == [], "\n".join(twins.wrong[:40])
    assert changed == []
    assert twins.asked >= FEWEST
