"""Finds routes on which nothing decides who may have the answer."""

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from caretide.runtime.gate import AccessGate
from caretide.runtime.web import Known, _Decided, open_pending, open_public, open_session, open_steps, open_token

OPENERS = {
    open_public: Known.PUBLIC,
    open_steps: Known.PUBLIC,
    open_pending: Known.PENDING,
    open_session: Known.SESSION,
    open_token: Known.TOKEN,
}

DECIDING_THEMSELVES = {("/api/v1", "/openapi.json"): "names the operations and no data; decides in its own body"}
"""Raw routes that note their decision themselves, with the reason."""


def sub_applications(gate: ASGIApp) -> dict[str, FastAPI]:
    """Return the sub-applications behind the gate by where they are mounted."""
    assert isinstance(gate, AccessGate)
    assert isinstance(gate.app, Starlette)
    mounts = [route for route in gate.app.routes if isinstance(route, Mount)]
    return {mount.path: mount.app for mount in mounts if isinstance(mount.app, FastAPI)}


def undeclared(gate: ASGIApp) -> list[str]:
    """Return every place behind the gate that declares no access, or more than one kind of it."""
    assert isinstance(gate, AccessGate)
    assert isinstance(gate.app, Starlette)
    found = [_place(route) for route in gate.app.routes if not _is_declared(route)]
    for path, app in sub_applications(gate).items():
        for context in iter_route_contexts(app.routes):
            if (path, context.path) in DECIDING_THEMSELVES:
                continue
            is_ours = isinstance(context.original_route, APIRoute)
            if not is_ours or len(known(context.dependant)) != 1:
                found.append(f"{path}{context.path}")
    return found


def known(dependant: Dependant) -> set[Known]:
    """Return how a route declares that its caller must be known: once, and committed before the answer."""
    openers = [found for found in dependant.dependencies if found.call in OPENERS]
    return {OPENERS[found.call] for found in openers if found.scope == "function"}


def _is_declared(route: BaseRoute) -> bool:
    return isinstance(route, Mount | Route) and isinstance(route.app, FastAPI | _Decided)


def _place(route: BaseRoute) -> str:
    return getattr(route, "path", repr(route))
