"""Permission stands on every verb."""

import inspect
from types import ModuleType
from typing import Any

import pytest

import caretide
from caretide.kernel.actor import Actor
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime import access
from caretide.runtime.access import RECORDS, VERBS, Denied, open_to_all, requires
from caretide.runtime.jobs import JOBS
from caretide.runtime.tx import Database, Tx
from tests.cast import Cast
from tests.runtime.verbs import unguarded, verb_modules


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verbs that are made up here do not stay."""
    monkeypatch.setattr(access, "VERBS", dict(access.VERBS))
    monkeypatch.setattr(access, "RECORDS", dict(access.RECORDS))


@pytest.mark.req("Z-01", "Z-02")
def test_every_verb_asks_for_a_permission_or_says_why_not() -> None:
    modules = list(verb_modules(caretide))
    assert len(modules) > 4
    assert [name for module in modules for name in unguarded(module)] == []


@pytest.mark.parametrize(
    "planted",
    [
        "async def peek(tx: Tx) -> None: ...",
        "async def peek() -> None: ...",
        "def peek(tx: Tx) -> None: ...",
        "def peek(number: int, tx: 'Tx') -> None: ...",
    ],
)
def test_planted_verb_without_a_guard_is_caught(planted: str) -> None:
    module = ModuleType("caretide.planted.queries")
    module.__dict__["Tx"] = Tx
    exec(planted, module.__dict__)  # noqa: S102 - the fault that is planted
    assert unguarded(module) == ["caretide.planted.queries.peek"]


def test_guarded_private_and_plain_functions_are_not_caught() -> None:
    module = ModuleType("caretide.planted.queries")
    module.__dict__.update(Tx=Tx, requires=requires, SELF=Permission.SELF, look=reads(Data.SETTINGS))
    guarded = "@requires(SELF, look)\nasync def peek(tx: Tx) -> None: ..."
    others = "async def _look(tx: Tx) -> None: ...\ndef hash_of(text: str) -> str: ..."
    exec(f"{guarded}\n{others}", module.__dict__)  # noqa: S102 - constants of this file
    assert unguarded(module) == []


async def test_verb_without_the_permission_is_denied_and_never_runs(database: Database, cast: Cast) -> None:
    ran: list[bool] = []

    @requires(Permission.TENANT_WRITE, reads(Data.SETTINGS))
    async def planted(tx: Tx) -> None:
        ran.append(True)

    with pytest.raises(Denied, match="tenant:write") as refused:
        async with database.tx(cast.coordinator) as tx:
            await planted(tx)
    assert ran == []
    assert refused.value.permission is Permission.TENANT_WRITE


async def test_nobody_has_no_permission_at_all(database: Database) -> None:
    @requires(Permission.SELF, reads(Data.SETTINGS))
    async def planted(tx: Tx) -> None: ...

    with pytest.raises(Denied):
        async with database.tx(Actor.nobody()) as tx:
            await planted(tx)


@pytest.mark.req("A-01")
def test_every_verb_declares_what_the_audit_records_of_it() -> None:
    list(verb_modules(caretide))
    assert len(VERBS) > 100
    assert {name for name in VERBS if not RECORDS[name].data} == set()


@pytest.mark.req("A-01")
def test_verb_without_a_declaration_cannot_be_registered() -> None:
    undeclared: Any = requires
    with pytest.raises(TypeError, match="records"):
        undeclared(Permission.SELF)
    with pytest.raises(ValueError, match="classes of data"):
        reads()


def test_open_verb_states_its_reason() -> None:
    with pytest.raises(ValueError, match="reason"):
        open_to_all("", reads(Data.RULES))


@pytest.mark.req("T-09")
def test_job_takes_ids_and_months_alone() -> None:
    list(verb_modules(caretide))
    for name, action in JOBS.items():
        _, *parameters = inspect.signature(inspect.unwrap(action)).parameters.values()
        kinds = {str(getattr(p.annotation, "__name__", p.annotation)) for p in parameters}
        assert kinds <= {"UUID", "str"}, name
