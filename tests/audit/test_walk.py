"""Every route once, with patients: what was sent is on record, and no record holds a word of theirs (A-22, A-23)."""

import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import httpx
import orjson
import psycopg
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from psycopg import sql
from psycopg.rows import dict_row
from starlette.types import ASGIApp

import caretide
from caretide.kernel.actor import Actor
from caretide.kernel.permissions import Role
from caretide.kernel.records import Records
from caretide.patients import queries as patients
from caretide.runtime.access import verb_name
from caretide.runtime.installation import Installation
from caretide.runtime.tx import Database
from tests.client import Visit
from tests.database import HandClock, Server
from tests.runtime.verbs import verb_modules
from tests.screens.house import NOW, demonstration
from tests.web.routes import sub_applications

SILENT = {
    "/api/v1/outcomes": "how an attempt may end: a list of ours",
    "/_components": "the gallery of the pieces: nobody's data",
    "/_components/fragment": "the gallery of the pieces: nobody's data",
    "/": "leads on to the first page",
    "/sign-in": "asks who it is",
    "/sign-in/sso": "asks for which organization, and names none",
}
"""Routes that record nothing, with the reason."""


@dataclass(frozen=True)
class Played:
    """A demonstration: somebody in each role, the patients by their names, and an id for each parameter."""

    roles: dict[Role, Actor]
    people: dict[str, UUID]
    ids: dict[str, str]


@pytest.fixture
async def played(installation: Installation, server: Server, clock: HandClock, database: Database) -> Played:
    clock.now = NOW
    roles = await demonstration(installation, server, 12, "-audit")
    tenant = roles[Role.ADMINISTRATOR].tenant_id
    async with database.tx(roles[Role.ADMINISTRATOR]) as tx:
        people = {one.name: one.id for one in await patients.search(tx, limit=100)}
    with psycopg.connect(server.admin) as behind:

        def one(table: str, where: LiteralString = "true") -> str:
            query = sql.SQL("SELECT id FROM {} WHERE tenant_id = %s AND {} LIMIT 1")
            row = behind.execute(query.format(sql.Identifier(table), sql.SQL(where)), [tenant]).fetchone()
            return str(row[0]) if row else ""

        document = behind.execute(
            "SELECT id, patient_id FROM documents WHERE tenant_id = %s LIMIT 1", [tenant]
        ).fetchone()
        assert document is not None
        ids = {
            "patient_id": str(document[1]),
            "document_id": str(document[0]),
            "clinic_id": one("clinics"),
            "member_id": one("members", "role = 'coordinator'"),
            "practitioner_id": one("practitioners"),
            "enrollment_id": one("enrollments"),
            "entry_id": one("time_log_entries"),
            "attempt_id": one("attempts"),
            "event_id": one("audit_events", "patients > 0"),
            "month": "2026-10",
            "service_month": "2026-10",
        }
    return Played(roles, people, ids)


def routes(application: ASGIApp) -> Iterator[str]:
    """Yield the template of every route that reads."""
    for mount, app in sub_applications(application).items():
        for context in iter_route_contexts(app.routes):
            route = context.original_route
            if isinstance(route, APIRoute) and "GET" in route.methods:
                yield f"{mount}{context.path}"


def filled(template: str, ids: dict[str, str]) -> str | None:
    """Return an address with its parameters filled in; None where there is nothing to put in."""
    wanted = re.findall(r"{(\w+)}", template)
    if any(not ids.get(name) for name in wanted):
        return None
    return re.sub(r"{(\w+)}", lambda found: ids[found[1]], template)


def declarations() -> dict[str, list[Records]]:
    """Return what the verbs of each name declare: two modules of a feature may each have one."""
    found: dict[str, list[Records]] = defaultdict(list)
    for module in verb_modules(caretide):
        for function in vars(module).values():
            if inspect.isfunction(function) and "records" in function.__dict__:
                found[verb_name(function)].append(function.__dict__["records"])
    return found


def _fits(event: dict[str, Any], declared: Records) -> bool:
    return event["act"] == declared.act and {*declared.data} <= {*event["data"]}


def _either_way(name: str, text: str) -> bool:
    """Tell whether a name stands in a text, the given names first or last."""
    first, _, last = name.partition(", ") if ", " in name else name.rpartition(" ")
    return f"{first} {last}" in text or f"{last}, {first}" in text or f"{last} {first}" in text or name in text


@contextmanager
def trail(server: Server) -> Iterator[psycopg.Cursor[dict[str, Any]]]:
    with psycopg.connect(server.admin, autocommit=True) as behind, behind.cursor(row_factory=dict_row) as rows:
        yield rows


@pytest.mark.timeout(900)
@pytest.mark.req("A-01", "A-02", "A-22", "A-23", "H-05")
async def test_every_route_records_whom_it_shows_and_nothing_of_them(
    played: Played, application: ASGIApp, signed_in: Visit, api: Visit, server: Server
) -> None:
    actor = played.roles[Role.ADMINISTRATOR]
    browser, program = await signed_in(actor), await api(actor)
    wrong: list[str] = []
    walked = 0
    answers: list[str] = []
    verbs = declarations()
    with trail(server) as rows:
        for template in routes(application):
            address = filled(template, played.ids)
            if address is None or template in SILENT:
                continue
            who = program if template.startswith("/api/") else browser
            url = httpx.URL("http://localhost:8000" + address)
            answer = await who.get(url)
            found = rows.execute(
                "SELECT * FROM audit_events WHERE route = %s ORDER BY id DESC LIMIT 6", [f"GET {template}"]
            ).fetchall()
            if answer.status_code != 200:
                continue
            walked += 1
            shown = {id_ for name, id_ in played.people.items() if _either_way(name, answer.text)}
            if not found:
                # Outside any tenant: signing in, one's own factors, an invitation.
                own = rows.execute(
                    "SELECT FROM account_events WHERE route = %s LIMIT 1", [f"GET {template}"]
                ).fetchone()
                if own is None or shown:
                    wrong.append(f"{template}: nothing on record")
                continue
            answers.append(address)
            said = [orjson.loads(bytes(one["canonical"])) for one in found]
            newest = [one for one in said if one["request"] == said[0]["request"]] if said else []
            named = {UUID(one) for event in newest for one in event["patients"]}
            if shown - named:
                wrong.append(f"{template}: shows {len(shown - named)} patients who are not on record")
            wrong += [
                f"{template}: {event['verb']} is not recorded as declared"
                for event in newest
                if not any(_fits(event, one) for one in verbs[event["verb"]])
            ]
        every = rows.execute("SELECT canonical FROM audit_events").fetchall()
    assert not wrong, "\n".join(wrong)
    assert walked > 40
    kept = b"\n".join(bytes(one["canonical"]) for one in every)
    words = {part for name in played.people for part in re.split("[, ]+", name) if len(part) > 4}
    assert len(words) > 9
    assert [one for one in words if one.encode() in kept] == []
    await _refuses_without_a_record(server, browser, program, answers, [*played.people])


async def _refuses_without_a_record(
    server: Server, browser: httpx.AsyncClient, program: httpx.AsyncClient, answers: list[str], names: list[str]
) -> None:
    """Ask for the same again while the trail cannot be written: 503, and not a word of any patient."""
    with trail(server) as rows:
        rows.execute("REVOKE INSERT ON audit_events FROM caretide_app")
        try:
            for address in answers:
                who = program if address.startswith("/api/") else browser
                answer = await who.get(httpx.URL("http://localhost:8000" + address))
                assert answer.status_code == 503, address
                assert not [name for name in names if _either_way(name, answer.text)], address
                assert not answer.content.startswith(b"%PDF"), address
        finally:
            rows.execute("GRANT INSERT ON audit_events TO caretide_app")
