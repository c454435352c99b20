"""Finds verbs that nobody guards."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from caretide.runtime.tx import Tx

ROOMS = {"actions", "queries"}


def verb_modules(package: ModuleType) -> Iterator[ModuleType]:
    """Yield every module of actions and queries, also where one has become a folder."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ROOMS & set(found.name.split(".")):
            yield importlib.import_module(found.name)


def unguarded(module: ModuleType) -> list[str]:
    """Return the public functions of a module that work in a transaction without `requires` or `open_to_all`."""
    found: list[str] = []
    for name, function in vars(module).items():
        if name.startswith("_") or not inspect.isfunction(function) or function.__module__ != module.__name__:
            continue
        takes_tx = any(p.annotation in {Tx, "Tx"} for p in inspect.signature(function).parameters.values())
        if (takes_tx or inspect.iscoroutinefunction(function)) and "permission" not in function.__dict__:
            found.append(f"{module.__name__}.{name}")
    return found
