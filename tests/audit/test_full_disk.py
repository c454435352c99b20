"""No audit, no data: where an event cannot be stored, no door shows anything of a patient, and nothing is changed.

The database refuses every insert into the audit as it does on a full disk (SQLSTATE 53100). Each door is asked by
somebody who may, first as usual and then so; with `--long` by every role. What is asked comes from `tests/access`.
"""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.types import ASGIApp

from caretide.kernel.actor import Actor
from caretide.kernel.permissions import GRANTS, Role
from caretide.runtime.trail import Trail
from caretide.runtime.tx import Database
from tests.access.doors import Door, doors
from tests.access.house import SEATS, House, furnish
from tests.access.wire import Answer, Caller, undone
from tests.database import HandClock, Server
from tests.isolation.conftest import tell

__all__ = ["tell"]

OF_PATIENTS: Final = (b"Whitfield", b"Eleanor", b"Hypertension", b"Type 2 diabetes", b"M001", b"%PDF")
"""What stands in charts and documents of the house, and nowhere else."""
APART: Final = {"request_counts", "sessions"}
"""What a request leaves behind whatever becomes of it: how much was asked, and that a session is in use."""
TRAILS: Final = ("audit_events", "account_events")


@dataclass
class Walk:
    """Each door asked twice, and what came of it.

    `recorded` is how many events the last request would store, `about` how many patients they name.
    """

    application: ASGIApp
    clock: HandClock
    house: House
    recorded: int = 0
    about: int = 0
    counts: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])

    async def ask(self, door: Door, seat: str) -> Answer:
        self.recorded = self.about = 0
        caller = Caller(self.application, self.clock, self.house.secrets[seat])
        return await caller.ask(door.request(self.house.named(seat)))


@pytest.fixture
async def walk(
    database: Database, server: Server, clock: HandClock, application: ASGIApp, monkeypatch: pytest.MonkeyPatch
) -> Walk:
    made = Walk(application, clock, await furnish(database, server, clock))
    write = Trail.write

    async def counted(self: Trail, db: AsyncConnection, actor: Actor, *rest: Any) -> None:
        made.recorded += len(self.events)
        made.about += sum(len(one.patients) for one in self.events)
        await write(self, db, actor, *rest)

    monkeypatch.setattr(Trail, "write", counted)
    return made


@contextmanager
def no_room(server: Server) -> Generator[None]:
    """Let every insert into the audit fail as it does on a full disk."""
    with psycopg.connect(server.admin, autocommit=True) as behind:
        behind.execute(
            "CREATE FUNCTION public.no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
            " 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"
        )
        try:
            for table in TRAILS:
                place = sql.Identifier(table)
                trigger = "CREATE TRIGGER no_room BEFORE INSERT ON {} EXECUTE FUNCTION public.no_room()"
                behind.execute(sql.SQL(trigger).format(place))
            yield
        finally:
            behind.execute("DROP FUNCTION public.no_room() CASCADE")


def sums(server: Server) -> dict[str, str]:
    """Return a checksum of every table's content."""
    with psycopg.connect(server.admin) as behind:
        tables = behind.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname = 'public'"
        ).fetchall()
        text = sql.SQL("SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t")
        return {
            name: str((behind.execute(text.format(sql.Identifier(name))).fetchone() or ("",))[0]) for (name,) in tables
        }


@pytest.mark.req("A-02", "R-11")
@pytest.mark.timeout(900)
async def test_no_door_shows_a_patient_or_changes_anything_where_the_audit_cannot_be_stored(
    walk: Walk, server: Server, monkeypatch: pytest.MonkeyPatch, tell: Any, request: pytest.FixtureRequest
) -> None:
    found, wrong = doors(walk.application)
    assert not wrong
    asking = [(door, seat) for door in found for seat in _seats(door, every=request.config.getoption("--long"))]
    usual: dict[tuple[str, str], tuple[Answer, int]] = {}
    about: set[str] = set()
    with monkeypatch.context() as patched:
        patched.setattr(AsyncConnection, "commit", undone)
        for door, seat in asking:
            usual[door.name, seat] = await walk.ask(door, seat), walk.recorded
            about |= {door.name} if walk.about else set()
    before = sums(server)
    with no_room(server):
        for door, seat in asking:
            _judge(walk, door, seat, *usual[door.name, seat], await walk.ask(door, seat))
        after = sums(server)
    changed = {name for name in before if before[name] != after[name]} - APART
    shown = walk.counts["would show a patient"]
    tell(
        f"A-02: {walk.counts['asked']:,} requests at {len(found)} doors with no room for the audit: "
        f"{walk.counts['503']:,} answered 503, {len(walk.wrong)} wrong; {len(about)} doors are about patients, "
        f"{shown:,} requests would show a name, a diagnosis or a document, and none did"
    )
    assert not walk.wrong, "\n".join(walk.wrong)
    assert changed == set()
    assert len(about) > len(found) / 5
    assert shown > 20
    assert walk.counts["503"] > len(found) / 2


def _seats(door: Door, *, every: bool) -> tuple[str, ...]:
    """Return who asks at a door: one who may, the least powerful first, or everybody."""
    may = [seat for seat in ("coordinator", "practitioner", "manager", "billing", *SEATS) if _may(door, seat)]
    return SEATS if every or not may else (may[0],)


def _may(door: Door, seat: str) -> bool:
    return door.refused(GRANTS[Role(seat)]) is None


def _judge(walk: Walk, door: Door, seat: str, usual: Answer, recorded: int, answer: Answer) -> None:
    """Whatever records is refused with 503, and nothing that is answered has a word of a patient."""
    walk.counts["asked"] += 1
    walk.counts["503"] += answer.status == 503
    walk.counts["would show a patient"] += _shows(usual)
    if _shows(answer):
        walk.wrong.append(f"{door.name} as {seat}: {answer.status} with something of a patient")
    if recorded and usual.status < 400 and answer.status != 503:
        walk.wrong.append(f"{door.name} as {seat}: {answer.status} instead of 503")
    if _shows(usual) and not recorded:
        walk.wrong.append(f"{door.name} as {seat}: shows a patient and records nothing")


def _shows(answer: Answer) -> bool:
    return any(word in answer.whole for word in OF_PATIENTS)
