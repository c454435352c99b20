"""Another's patient by cover, by duty and by emergency access: at each door of a patient before, meanwhile and after.

These reasons are given and ended by the real actions; what is asked in between is undone each time. Before and after,
whoever asks is a coordinator of another roster like any other.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.types import ASGIApp

from caretide.kernel.actor import Actor
from caretide.kernel.permissions import Role
from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database, Tx
from caretide.tenants import actions as tenants
from caretide.tenants.rules.settings import TenantSettings
from tests.access.doors import OF_A_PATIENT, Door, doors, is_denied
from tests.access.house import House, furnish
from tests.access.matrix import granted
from tests.access.wire import Answer, Caller, undone
from tests.cast import person
from tests.client import open_session
from tests.database import HandClock, Server
from tests.isolation.conftest import Tell
from tests.rosters.shifts import CHICAGO

SEATS: Final = ("cover", "pool", "glass")
MATRIX: Final = granted()["coordinator"]
OTHERWISE: Final = {
    # What somebody else recorded, or tried, is theirs to take back, or a manager's.
    **dict.fromkeys(
        (
            "POST /patients/{patient_id}/entries/{entry_id}/void",
            "POST /patients/{patient_id}/entries/{entry_id}/correct",
            "POST /patients/{patient_id}/attempts/{attempt_id}/correct",
            "POST /api/v1/entries/{entry_id}/void",
            "POST /api/v1/entries/{entry_id}/correct",
            "POST /api/v1/attempts/{attempt_id}/correction",
        ),
        (403,),
    ),
    # Time is told for the patients whom one had then: in the samples that is before the reason began.
    **dict.fromkeys(("POST /patients/{patient_id}/entries", "POST /api/v1/entries/manual"), (422,)),
}
"""What is another's to change, whoever works their roster: the doors, and how they refuse."""
ALREADY: Final = {"POST /emergency/{patient_id}": (422,), "POST /api/v1/emergency": (409,)}
"""What opens nothing while it is open."""
USES: Final[dict[tuple[str, str], dict[str, int]]] = {
    ("POST /emergency/openings/{opening_id}/end", "meanwhile"): {"cover": 404, "glass": 303, "manager": 303},
    ("POST /api/v1/emergency/{opening_id}/end", "meanwhile"): {"cover": 404, "glass": 204, "manager": 204},
    ("POST /emergency/reviews/{opening_id}", "meanwhile"): {"glass": 403, "manager": 422},
    ("POST /api/v1/emergency/{opening_id}/review", "meanwhile"): {"glass": 403, "manager": 409},
    ("POST /emergency/openings/{opening_id}/end", "after"): {"glass": 404, "manager": 404},
    ("POST /api/v1/emergency/{opening_id}/end", "after"): {"glass": 404, "manager": 404},
    ("POST /emergency/reviews/{opening_id}", "after"): {"glass": 403, "manager": 303},
    ("POST /api/v1/emergency/{opening_id}/review", "after"): {"glass": 403, "manager": 201},
}
"""What becomes of a use of emergency access at its doors, by who asks."""


@dataclass
class Shift:
    """The house with three more coordinators, and what was found at its doors."""

    application: ASGIApp
    database: Database
    clock: HandClock
    house: House
    people: dict[str, Actor]
    secrets: dict[str, str]
    counts: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])

    @property
    def patient_id(self) -> UUID:
        """The patient of the roster that they are not of."""
        return UUID(self.house.ids["other_patient"])

    async def ask(self, door: Door, seat: str) -> Answer:
        """Ask for the other coordinator's patient, and what is theirs."""
        return await Caller(self.application, self.clock, self.secrets[seat]).ask(
            door.request(self.house.others("coordinator"))
        )

    @asynccontextmanager
    async def at(self, actor: Actor) -> AsyncGenerator[Tx]:
        """Open a transaction in the real present: the walls read the database's own clock."""
        then, self.clock.now = self.clock.now, datetime.now(UTC)
        try:
            async with self.database.tx(actor) as tx:
                yield tx
        finally:
            self.clock.now = then

    async def give(self) -> dict[str, UUID]:
        """Give each their reason now; return what has to be named to end it."""
        cast, glass = self.house.cast, self.people["glass"]
        absent, cover, pool = (
            one.member_id or UUID(int=0) for one in (cast.other_coordinator, self.people["cover"], self.people["pool"])
        )
        async with self.at(cast.manager) as tx:
            today = tx.now.astimezone(CHICAGO).date()
            given = {"cover": await rosters.give_cover(tx, absent, cover, today, today + timedelta(days=1))}
            new = rosters.NewDuty(clinic_id=cast.clinic_id, member_id=pool, first_on=today)
            given["pool"] = await rosters.add_duty(tx, new)
        async with self.at(glass) as tx:
            secret = await open_session(self.database, glass)
            given["glass"] = await rosters.open_glass(tx, secret, self.patient_id, "urgent", "She is being admitted")
        return given

    async def end(self, given: dict[str, UUID]) -> None:
        """End all of them before their time."""
        async with self.at(self.house.cast.manager) as tx:
            await rosters.end_cover(tx, given["cover"])
            await rosters.end_duty(tx, given["pool"])
        async with self.at(self.people["glass"]) as tx:
            await rosters.end_glass(tx, given["glass"])

    async def round(self, found: list[Door], when: str) -> None:
        """Ask at every door."""
        for door in found:
            for seat in SEATS:
                answer = await self.ask(door, seat)
                refused = door.refused(MATRIX)
                if refused:
                    right = is_denied(door, answer, refused)
                elif door.sample.by_name:
                    right = answer.status in self.by_name(door, seat, when)
                elif when == "meanwhile":
                    right = answer.status in OTHERWISE.get(door.name, door.sample.ok)
                else:
                    right = answer.status in {404, *door.sample.foreign}
                self.expect(f"{seat} {when}", door, answer, right=right)

    def by_name(self, door: Door, seat: str, when: str) -> tuple[int, ...]:
        """Return what those get who were named for emergency access; nobody else gets anything."""
        if seat != "glass":
            return (403,)
        return ALREADY.get(door.name, door.sample.ok) if when == "meanwhile" else door.sample.ok

    async def use(self, opening_id: UUID, when: str) -> None:
        """Ask at the doors of an emergency access: whoever used it may end it, somebody else reviews it then."""
        ids = self.house.named("manager") | {"opening": str(opening_id)}
        for door in doors(self.application)[0]:
            for seat, status in USES.get((door.name, when), {}).items():
                secret = self.secrets.get(seat) or self.house.secrets[seat]
                answer = await Caller(self.application, self.clock, secret).ask(door.request(ids))
                self.expect(f"emergency access {when}", door, answer, right=answer.status == status)

    def expect(self, context: str, door: Door, answer: Answer, *, right: bool) -> None:
        """Count a cell, and keep it where it is wrong."""
        self.counts[context] += 1
        if not right:
            self.wrong.append(f"{context}: {door.name}: {answer.status} {answer.body[-300:].decode()!r}")


@pytest.fixture
async def shift(database: Database, server: Server, clock: HandClock, application: ASGIApp) -> Shift:
    house = await furnish(database, server, clock)
    async with database.tx(house.cast.system) as tx:
        people = {seat: await person(tx, Role.COORDINATOR, seat, house.cast.practitioner_id) for seat in SEATS}
    named = tuple(one.member_id for one in (people["glass"],) if one.member_id)
    async with database.tx(house.cast.administrator) as tx:
        await tenants.change_settings(tx, TenantSettings(privacy_contact="privacy@example.com", glass_members=named))
    secrets = {seat: await open_session(database, actor) for seat, actor in people.items()}
    return Shift(application, database, clock, house, people, secrets)


@contextmanager
def undoing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave nothing of what is asked."""
    with monkeypatch.context() as asking:
        asking.setattr(AsyncConnection, "commit", undone)
        yield


@pytest.mark.req("H-02", "Z-04", "Z-05")
@pytest.mark.timeout(1200)
async def test_a_reason_opens_every_door_of_its_patients_while_it_stands_and_none_before_or_after(
    shift: Shift, monkeypatch: pytest.MonkeyPatch, tell: Tell
) -> None:
    found = [
        door for door in doors(shift.application)[0] if OF_A_PATIENT & {*door.slots().values()} or door.sample.by_name
    ]
    with undoing(monkeypatch):
        await shift.round(found, "before")
    given = await shift.give()
    with undoing(monkeypatch):
        await shift.round(found, "meanwhile")
        await shift.use(given["glass"], "meanwhile")
    await shift.end(given)
    with undoing(monkeypatch):
        await shift.round(found, "after")
        await shift.use(given["glass"], "after")
    tell(
        f"Z-05: {shift.counts.total():,} cells at {len(found)} doors of a patient of another roster, "
        f"{len(shift.wrong)} wrong (" + ", ".join(f"{name} {count}" for name, count in shift.counts.items()) + ")"
    )
    assert shift.counts["emergency access meanwhile"] + shift.counts["emergency access after"] == sum(
        map(len, USES.values())
    )
    assert shift.wrong == [], "\n".join(shift.wrong)
