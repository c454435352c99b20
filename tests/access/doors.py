"""Every route of the application with its sample, and what somebody in a seat gets who asks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fastapi.routing import APIRoute, iter_route_contexts
from starlette.types import ASGIApp

from caretide.kernel.permissions import Permission
from caretide.runtime.web import Known
from tests.access.pages import PAGES
from tests.access.programs import PROGRAMS
from tests.access.samples import Sample, filled, slots
from tests.access.wire import Answer, Request
from tests.web.routes import known, sub_applications

OF_A_PATIENT: Final = frozenset(
    {"patient", "entry", "told", "attempt", "document", "enrollment", "disclosure", "timer", "timing_member"}
)
"""Kinds that stand behind the roster wall."""


@dataclass(frozen=True)
class Door:
    """One method of one route."""

    method: str
    path: str
    known: Known
    sample: Sample

    @property
    def name(self) -> str:
        """How reports call it."""
        return f"{self.method} {self.path}"

    @property
    def is_page(self) -> bool:
        """Whether it answers a browser."""
        return not self.path.startswith("/api/")

    @property
    def ok(self) -> tuple[int, ...]:
        """The statuses that somebody gets who may, and whom nobody named."""
        return (403,) if self.sample.by_name else self.sample.ok

    def slots(self) -> dict[str, str]:
        """Return the kind of each place that holds an id: of the path, the query, the form or the body."""
        sample = self.sample
        parts = {"path": sample.parameters(self.path), "query": sample.query, "form": sample.form, "body": sample.body}
        return dict(slots(parts))

    def request(self, ids: Mapping[str, str], instead: Mapping[str, str] | None = None) -> Request:
        """Return the request with its slots filled in; `instead` names other ids for some places."""
        sample = self.sample
        path = self.path
        for name, text in filled(sample.parameters(path), ids, "/path", instead).items():
            path = path.replace(f"{{{name}}}", text)
        query = filled(sample.query, ids, "/query", instead)
        form = filled(sample.form, ids, "/form", instead)
        return Request(self.method, path, query, form, filled(sample.body, ids, "/body", instead), sample.file)

    def refused(self, permissions: frozenset[Permission]) -> Permission | None:
        """Return the permission for want of which these permissions are refused; None where they are enough."""
        return next((one for one in self.sample.needs if one not in permissions), None)


def doors(application: ASGIApp) -> tuple[list[Door], list[str]]:
    """Return every route with its sample, and what is wrong: routes without one, samples without a route."""
    found, wrong = list[Door](), list[str]()
    table = {**PAGES, **{name.replace(" /", " /api/v1/", 1): one for name, one in PROGRAMS.items()}}
    for method, path, how in _routes(application):
        name = f"{method} {path}"
        if name not in table:
            wrong.append(
                f"{name} has no sample: say in tests/access what it is asked with and which permissions it needs"
            )
        else:
            found.append(Door(method, path, how, table.pop(name)))
    return found, [*wrong, *(f"{name} is no route any more" for name in table)]


def _routes(application: ASGIApp) -> Iterator[tuple[str, str, Known]]:
    for mount, app in sub_applications(application).items():
        for context in iter_route_contexts(app.routes):
            route = context.original_route
            if isinstance(route, APIRoute):
                (how,) = known(context.dependant)
                for method in sorted(route.methods or ()):
                    yield method, f"{mount}{context.path}", how


def is_denied(door: Door, answer: Answer, permission: Permission, *, has_tenant: bool = True) -> bool:
    """Tell whether an answer refuses for want of a permission, by its name; a page asks for a tenant first."""
    if door.is_page and not has_tenant:
        return (answer.status, answer.header("location")) == (303, "/tenants")
    return answer.status == 403 and permission.encode() in answer.body


def is_sent_away(door: Door, answer: Answer, at: str) -> bool:
    """Tell whether an answer asks to sign in, at a page, before anything else."""
    if not door.is_page:
        return answer.status == 401
    return answer.status == 303 and answer.header("location").partition("?")[0] == at


def alike(one: Answer, other: Answer, asked: str, unknown: str) -> bool:
    """Tell whether two answers are the same to the byte, but for the ids that were asked for themselves."""
    return one.status == other.status and _plain(one, asked) == _plain(other, unknown)


def _plain(answer: Answer, asked: str) -> bytes:
    return answer.whole.replace(asked.encode(), b"ID")
