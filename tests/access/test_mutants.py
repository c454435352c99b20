"""A verb that forgets its permission, or a role with one more or less, is noticed: each of them, one at a time."""

from collections import defaultdict
from dataclasses import replace

import psycopg
import pytest

from caretide.kernel.actor import Actor
from caretide.kernel.permissions import GRANTS, Permission, Role
from caretide.runtime.trail import Trail
from caretide.runtime.tx import Stores, Tx
from tests.access.doors import Door, doors, is_denied
from tests.access.house import SEATS
from tests.access.matrix import asked, granted
from tests.access.mutants import asks, denies, flipped, guarded_verbs, name_of, place, unguarded
from tests.access.test_matrix import Round, walk
from tests.database import HandClock, Server
from tests.isolation.conftest import Tell

__all__ = ["walk"]

MATRIX, REVIEWED = granted(), asked()
MOST = 8
"""How many doors are tried for one mutant."""


@pytest.fixture
def idle(stores: Stores, clock: HandClock) -> Tx:
    """A transaction without a database: whoever gets past the permission stumbles."""
    nothing: object = None
    return Tx(Actor.nobody(), nothing, clock(), stores)  # pyright: ignore[reportArgumentType] - handed on, or never used


def lacking(tx: Tx, permission: Permission) -> Tx:
    """Return a transaction of somebody who has every permission but one."""
    return replace(tx, actor=replace(tx.actor, permissions=frozenset(Permission) - {permission}))


@pytest.mark.req("Z-01", "Z-05")
async def test_every_verb_refuses_every_role_that_the_matrix_gives_nothing(idle: Tx, tell: Tell) -> None:
    wrong: list[str] = []
    cells = 0
    for verb in guarded_verbs():
        permission = asks(verb)
        assert permission in REVIEWED[name_of(verb)], place(verb)
        for role, permissions in MATRIX.items():
            tx = replace(idle, actor=replace(idle.actor, permissions=permissions))
            cells += 1
            if await denies(verb, tx, permission) is (permission in permissions):
                wrong.append(f"{place(verb)} as {role}")
    tell(f"Z-05: {cells:,} cells of verbs by roles, called without any route, {len(wrong)} wrong")
    assert wrong == []


@pytest.mark.req("Z-05")
@pytest.mark.timeout(900)
async def test_every_verb_that_forgets_its_permission_is_noticed(
    walk: Round, idle: Tx, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = await _reached(walk, monkeypatch)
    lines: list[str] = []
    alive: list[str] = []
    by_route = 0
    for verb in guarded_verbs():
        permission = asks(verb)
        assert permission in REVIEWED[name_of(verb)], place(verb)
        with unguarded(verb):
            route = await _noticed(walk, reached[name_of(verb)], permission)
            by_matrix = not await denies(verb, lacking(idle, permission), permission)
        by_route += bool(route)
        killers = [*([route] if route else []), *(["the verbs' matrix"] if by_matrix else [])]
        lines.append(f"  {place(verb)} without {permission}: killed by {' and '.join(killers) or 'NOBODY'}")
        if not killers:
            alive.append(place(verb))
    tell(
        f"Z-05: {len(lines)} verbs without their permission, {len(lines) - len(alive)} killed: "
        f"{by_route} by a route where no verb further in asks for the same, all by the verbs' matrix"
    )
    for line in lines:
        tell(line)
    assert alive == []
    assert by_route > 40


async def _reached(walk: Round, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Door]]:
    """Return the doors behind which each verb is, those first that reach it before any other."""
    entered: list[str] = []
    enter = Trail.enter

    def noting(trail: Trail, name: str, records: object) -> None:
        entered.append(name)
        enter(trail, name, records)  # pyright: ignore[reportArgumentType] - handed on, or never used

    found: dict[str, list[tuple[int, str, Door]]] = defaultdict(list)
    with monkeypatch.context() as watching:
        watching.setattr(Trail, "enter", noting)
        for door in doors(walk.application)[0]:
            for seat in ("administrator", "coordinator", "director"):
                entered.clear()
                await walk.ask(door, seat)
                for number, name in enumerate(dict.fromkeys(entered)):
                    found[name].append((number, door.name, door))
    return defaultdict(list, {name: [door for *_, door in sorted(those)] for name, those in found.items()})


async def _noticed(walk: Round, behind: list[Door], permission: Permission) -> str:
    """Return the door and role by which it is noticed that a permission is not looked at; empty for none."""
    tried = 0
    for door in dict.fromkeys(door.name for door in behind):
        (first, *_) = [one for one in behind if one.name == door]
        for seat in SEATS:
            if first.refused(MATRIX[seat]) != permission:
                continue
            tried += 1
            if not is_denied(first, await walk.ask(first, seat), permission):
                return f"{first.name} as {seat}"
            break
        if tried >= MOST:
            break
    return ""


_OF_COMPANIES = frozenset({Permission.COMPANY_READ, Permission.COMPANY_WRITE})
"""What the row of a director gives, and no role: given to a role, the doors have to answer as before."""


@pytest.mark.req("V-14", "Z-05")
@pytest.mark.timeout(600)
async def test_every_permission_given_or_taken_is_noticed(walk: Round, tell: Tell) -> None:
    found, _ = doors(walk.application)
    alive: list[str] = []
    by_route = 0
    for role in Role:
        for permission in Permission:
            changed = MATRIX[role.value] ^ {permission}
            door = next((one for one in found if one.refused(MATRIX[role.value]) != one.refused(changed)), None)
            with flipped(role, permission):
                if GRANTS[role] == MATRIX[role.value]:
                    alive.append(f"{role} {permission}")
                if door is None:
                    continue
                answer = await walk.ask(door, role.value)
            refused = door.refused(MATRIX[role.value])
            denied = is_denied(door, answer, refused or permission)
            is_right = denied if refused else answer.status in door.ok and not denied
            by_route += not is_right
            if is_right is not (permission in _OF_COMPANIES):
                alive.append(f"{role} {permission}: {door.name} answers {answer.status}")
    cells = len(Role) * len(Permission)
    tell(f"Z-05: {cells} permissions given or taken, {by_route} noticed at a route, all in the matrix")
    assert alive == []
    assert by_route > 100


@pytest.mark.req("Z-05")
async def test_whoever_stops_directing_a_company_is_refused_at_each_of_its_doors(walk: Round, server: Server) -> None:
    found = [one for one in doors(walk.application)[0] if _OF_COMPANIES & {*one.sample.needs}]
    before = {one.name: (await walk.ask(one, "director")).status in one.sample.ok for one in found}
    with psycopg.connect(server.admin) as connection:
        account = walk.house.people["director"].account_id
        connection.execute("UPDATE company_accounts SET is_director = false WHERE account_id = %s", [account])
    after = {one.name: is_denied(one, await walk.ask(one, "director"), _wanted(one), has_tenant=False) for one in found}
    assert (before, after) == (dict.fromkeys(before, True), dict.fromkeys(before, True))
    assert len(before) > 3


def _wanted(door: Door) -> Permission:
    (permission,) = _OF_COMPANIES & {*door.sample.needs}
    return permission
