"""Verbs whose permission is not looked at, and roles with a permission more or less, one at a time."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import CellType, FunctionType
from typing import Any

import caretide
from caretide.kernel.permissions import GRANTS, Permission, Role
from caretide.kernel.records import Records
from caretide.runtime.access import Denied, verb_name
from caretide.runtime.trail import Trail
from caretide.runtime.tx import Tx
from tests.runtime.verbs import verb_modules

Verb = Callable[..., Any]


def guarded_verbs() -> list[Verb]:
    """Return every verb that asks for a permission."""
    found: dict[int, Verb] = {}
    for module in verb_modules(caretide):
        for function in vars(module).values():
            if inspect.isfunction(function) and function.__dict__.get("permission") is not None:
                found[id(function)] = function
    return sorted(found.values(), key=place)


def place(verb: Verb) -> str:
    """Return where a verb is written: two of a feature may have one name."""
    return f"{verb.__module__.removeprefix('caretide.')}.{verb.__name__}"


def asks(verb: Verb) -> Permission:
    """Return what a verb asks for."""
    return Permission(verb.__dict__["permission"])


def name_of(verb: Verb) -> str:
    """Return what the audit and the matrix call it."""
    return verb_name(verb)


def _cell(verb: Verb) -> CellType:
    """Return where the guard of a verb keeps the permission that it looks for."""
    assert isinstance(verb, FunctionType)
    cells = dict(zip(verb.__code__.co_freevars, verb.__closure__ or (), strict=True))
    return cells["permission"]


@contextmanager
def unguarded(verb: Verb) -> Iterator[None]:
    """Have a verb look for no permission."""
    cell = _cell(verb)
    kept = cell.cell_contents
    cell.cell_contents = None
    try:
        yield
    finally:
        cell.cell_contents = kept


@contextmanager
def flipped(role: Role, permission: Permission) -> Iterator[None]:
    """Give a role a permission that it has not, or take one away that it has."""
    kept = GRANTS[role]
    GRANTS[role] = kept ^ {permission}
    try:
        yield
    finally:
        GRANTS[role] = kept


class Counting(Trail):
    """A trail that counts the verbs that were entered."""

    entered: int = 0

    def enter(self, verb: str, records: Records) -> None:
        """Count one more."""
        self.entered += 1
        super().enter(verb, records)


async def denies(verb: Verb, tx: Tx, permission: Permission) -> bool:
    """Tell whether a verb refuses an actor for want of a permission by itself, before it asks any other."""
    trail = Counting()
    try:
        await verb(replace(tx, trail=trail))
    except Denied as denied:
        return denied.permission == permission and trail.entered == 1
    except Exception:  # noqa: BLE001 - it ran, without what it needs: it did not refuse
        return False
    return False
