"""Who may do what, at every door: role x route x whose, compared with the matrix that was reviewed."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.types import ASGIApp

import caretide
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import GRANTS, PRINCIPALS, WALLED, Permission, Role
from caretide.runtime.access import ASKED
from caretide.runtime.tx import Database
from caretide.runtime.web import Known
from tests.access.doors import OF_A_PATIENT, Door, alike, doors, is_denied, is_sent_away
from tests.access.house import SEATS, House, furnish
from tests.access.matrix import NAMES, asked, granted
from tests.access.wire import Answer, Caller, undone
from tests.database import HandClock, Server
from tests.isolation.conftest import Tell
from tests.runtime.verbs import verb_modules

STRANGERS = {
    "signed out": "/sign-in",
    "ended": "/sign-in",
    "expired": "/sign-in",
    "asleep": "/sign-in/again",
    "idle": "/sign-in/again",
    "one factor": "/sign-in/second",
}
"""Sessions that are not fit to work in, and the page that asks for what they lack."""


@dataclass
class Round:
    """A walk through the doors, with what was found."""

    application: ASGIApp
    clock: HandClock
    house: House
    counts: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])

    async def ask(
        self, door: Door, seat: str, ids: dict[str, str] | None = None, instead: dict[str, str] | None = None
    ) -> Answer:
        """Ask as somebody in a seat."""
        caller = Caller(self.application, self.clock, self.house.secrets.get(seat, ""))
        return await caller.ask(door.request(ids or self.house.named(seat), instead))

    def expect(self, context: str, door: Door, seat: str, answer: Answer, *, right: bool) -> None:
        """Count a cell, and keep it where it is wrong."""
        self.counts[context] += 1
        if not right:
            self.wrong.append(f"{context}: {door.name} as {seat}: {answer.status} {answer.body[-300:].decode()!r}")


@pytest.fixture
async def walk(
    database: Database, server: Server, clock: HandClock, application: ASGIApp, monkeypatch: pytest.MonkeyPatch
) -> Round:
    house = await furnish(database, server, clock)
    monkeypatch.setattr(AsyncConnection, "commit", undone)
    return Round(application, clock, house)


MATRIX = granted()


def test_every_route_has_a_sample_and_every_sample_a_route(application: ASGIApp) -> None:
    assert doors(application)[1] == []


@pytest.mark.req("V-14", "Z-05")
def test_roles_and_verbs_are_as_they_were_reviewed() -> None:
    assert {role.value: permissions for role, permissions in GRANTS.items()} == {seat: MATRIX[seat] for seat in SEATS}
    assert {NAMES.get(name, name): one for name, one in PRINCIPALS.items()} == {
        name: one for name, one in MATRIX.items() if name not in SEATS
    }
    list(verb_modules(caretide))
    known = asked()
    assert {name: permissions for name, permissions in ASKED.items() if name in known} == known


@pytest.mark.req("H-03", "H-07", "V-14", "Z-05")
@pytest.mark.timeout(600)
async def test_every_route_answers_every_role_as_the_matrix_says(walk: Round, tell: Tell) -> None:
    found, wrong = doors(walk.application)
    assert not wrong
    for door in found:
        await _strangers(walk, door)
        if door.known in {Known.PUBLIC, Known.PENDING}:
            continue
        for seat in (*SEATS, "director"):
            await _own(walk, door, seat)
        for seat in SEATS:
            await _others(walk, door, seat)
            await _unknown(walk, door, seat)
    cells = sum(walk.counts.values())
    tell(f"Z-05: {cells:,} cells over {len(found)} routes and {len(SEATS) + 1} roles, {len(walk.wrong)} wrong")
    tell("  " + ", ".join(f"{context} {count:,}" for context, count in walk.counts.items()))
    assert not walk.wrong, "\n".join(walk.wrong)
    assert cells > 10 * len(found)


async def _strangers(walk: Round, door: Door) -> None:
    """Nobody, an ended session, one that is too old, and one that lacks something, reach no more than they have to."""
    for stranger, at in STRANGERS.items():
        answer = await walk.ask(door, stranger, walk.house.named("administrator"))
        if door.known is Known.PUBLIC:
            right = answer.status in door.ok
        elif door.known is Known.PENDING and stranger in {"asleep", "idle", "one factor"}:
            right = answer.status in {*door.ok, 303, 401, 409, 422}
        else:
            right = is_sent_away(door, answer, at)
        walk.expect(stranger, door, stranger, answer, right=right)
    if door.known is Known.SESSION or door.known is Known.TOKEN:
        # A second before its end a session is as good as any; two seconds later nothing answers it.
        answer = await walk.ask(door, "awake", walk.house.named("administrator"))
        right = answer.status in door.ok or not is_sent_away(door, answer, STRANGERS["asleep"])
        walk.expect("awake", door, "awake", answer, right=right)
        answer = await walk.ask(door, "suspended")
        refused = door.refused(MATRIX["director"] - {Permission.COMPANY_READ})
        walk.expect("suspended", door, "suspended", answer, right=_without_tenant(door, answer, refused))


def _without_tenant(door: Door, answer: Answer, refused: Permission | None) -> bool:
    """Tell whether somebody who works in no tenant is answered rightly: their own account, or nothing at all."""
    if refused and is_denied(door, answer, refused, has_tenant=False):
        return True
    shown = () if refused else door.ok
    return answer.status in {*shown, 403} or answer.header("location") == "/tenants" or door.path == "/tenants"


async def _own(walk: Round, door: Door, seat: str) -> None:
    """One's own: whoever has the permissions gets it, whoever lacks one is told which."""
    answer = await walk.ask(door, seat)
    refused = door.refused(MATRIX[seat])
    if seat == "director" and "/company" in door.path:
        # Whoever directs a company has what is the company's own, whatever the operator alone may do elsewhere.
        right = answer.status in door.ok
    elif seat == "director":
        right = _without_tenant(door, answer, refused)
    else:
        right = is_denied(door, answer, refused) if refused else answer.status in door.ok
    walk.expect("own", door, seat, answer, right=right)


async def _others(walk: Round, door: Door, seat: str) -> None:
    """A patient of another's roster: as one's own, but for those behind the roster wall."""
    if not OF_A_PATIENT & {*door.slots().values()}:
        return
    ids = walk.house.others(seat)
    answer = await walk.ask(door, seat, ids)
    refused = door.refused(MATRIX[seat])
    if refused:
        right = is_denied(door, answer, refused)
    elif Role(seat) in WALLED:
        right = answer.status in {404, *door.sample.foreign}
    else:
        right = answer.status in {*door.ok, 403, 422}
    walk.expect("other roster", door, seat, answer, right=right)


async def _unknown(walk: Round, door: Door, seat: str) -> None:
    """An id that nobody has: 404, or the permission that is lacking; `test_twins` shows that another's is the same."""
    refused = door.refused(MATRIX[seat])
    for place in door.slots():
        unknown, other = str(new_id()), str(new_id())
        answer = await walk.ask(door, seat, None, {place: unknown})
        again = await walk.ask(door, seat, None, {place: other})
        right = answer.status in {404, *door.sample.foreign}
        if refused:
            # Where two verbs run, what the first shows them anyway is looked up before the second refuses.
            right = is_denied(door, answer, refused) or (refused != door.sample.needs[0] and right)
        walk.expect("unknown id", door, seat, answer, right=right and alike(answer, again, unknown, other))
