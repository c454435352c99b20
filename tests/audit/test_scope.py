"""What a stolen session saw, and whether the trail holds: from the trail alone."""

import hashlib
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from caretide import cli
from caretide.audit.queries import scope, verify
from caretide.audit.rules import moment_of
from caretide.kernel.errors import Invalid
from caretide.runtime.tx import Database
from tests.cast import Cast, assemble
from tests.client import COOKIE, Visit
from tests.database import Server
from tests.identity.accounts import also_works_in
from tests.patients.cohort import admit

ALWAYS = {"since": datetime(2020, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}


def mark(server: Server, browser: httpx.AsyncClient) -> str:
    """Return what the audit calls the session that a browser has."""
    digest = hashlib.sha256(browser.cookies[COOKIE].encode()).digest()
    with psycopg.connect(server.admin) as connection:
        row = connection.execute("SELECT id FROM sessions WHERE id_hash = %s", [digest]).fetchone()
    assert row is not None
    return row[0].hex


@pytest.mark.req("P-07")
async def test_scope_of_a_stolen_session_is_what_it_was_sent(
    database: Database, server: Server, cast: Cast, signed_in: Visit
) -> None:
    elsewhere = await assemble(database)
    await also_works_in(database, cast.manager, elsewhere.manager)
    names = [f"Zz{letter}{number}" for letter in "abcdef" for number in range(5)]
    people = {name: await admit(database, cast, family=name) for name in names}
    owner, thief, other = [await signed_in(cast.manager) for _ in range(3)]
    for who in (owner, thief, other):
        # Each form has the token of the secret of its day.
        del who.headers["x-csrf-token"]
    marks = {who: mark(server, who) for who in (owner, thief, other)}
    draw = random.Random(7)
    truth: dict[str, set[UUID]] = defaultdict(set)
    for _ in range(60):
        who = draw.choice([owner, thief, other])
        if draw.random() < 0.2:
            # Elsewhere and back: twice a new secret, and the same session.
            for tenant in (elsewhere.tenant_id, cast.tenant_id):
                assert (await who.post("/tenants", data={"tenant_id": str(tenant)})).status_code == 303
        path = draw.choice(
            [
                f"/patients/{draw.choice(list(people.values()))}",
                f"/patients/{draw.choice(list(people.values()))}/attempts",
            ]
        )
        if draw.random() < 0.2:
            answer = await who.post("/patients/find", data={"q": f"Zz{draw.choice('abcdef')}"})
        elif draw.random() < 0.1:
            answer = await who.get(f"/patients/{cast.clinic_id}")
        else:
            answer = await who.get(path)
        # The truth is what was sent: every patient's name is a word of its own.
        truth[marks[who]] |= {id_ for name, id_ in people.items() if name in answer.text}
    assert {who: mark(server, who) for who in marks} == marks
    assert len(truth) == 3
    assert all(len(seen) > 5 for seen in truth.values())
    async with database.tx(cast.auditor) as tx:
        for session, seen in truth.items():
            found = await scope.breach_scope(tx, **ALWAYS, session=session)
            assert {one.patient_id for one in found} == seen
            assert all("demographics" in one.data and one.events > 0 for one in found)
        everything = await scope.breach_scope(tx, **ALWAYS, actor=str(cast.manager.member_id))
        assert {one.patient_id for one in everything} == set().union(*truth.values())
        email = f"manager-{cast.tenant_id.hex}@example.com"
        assert await scope.breach_scope(tx, **ALWAYS, actor=email) == everything
        assert await scope.breach_scope(tx, **ALWAYS, actor=str(cast.billing.account_id)) == []


async def test_scope_keeps_to_its_span_and_refuses_what_it_cannot_read(database: Database, cast: Cast) -> None:
    async with database.tx(cast.auditor) as tx:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        with pytest.raises(Invalid, match="before it begins"):
            await scope.breach_scope(tx, since=start, until=start)
        with pytest.raises(Invalid, match="no id"):
            await scope.breach_scope(tx, **ALWAYS, actor="somebody")
        with pytest.raises(Invalid, match="Nobody here"):
            await scope.breach_scope(tx, **ALWAYS, actor="nobody@example.com")
    assert moment_of("2026-11-22", ends=True) - moment_of("2026-11-22") == timedelta(days=1)
    assert moment_of("2026-11-22T14:30Z") == datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
    with pytest.raises(Invalid, match="no day"):
        moment_of("last week")


ALTERATIONS: list[tuple[str, str]] = [
    ("UPDATE audit_events SET verb = 'x' WHERE id = %s", "column verb"),
    ("UPDATE audit_events SET member_id = gen_random_uuid() WHERE id = %s", "column member_id"),
    ("UPDATE audit_events SET patients = 7 WHERE id = %s", "column patients"),
    (
        "UPDATE audit_events SET canonical = ' ' || canonical, leaf = sha256('\\x0020' || canonical) WHERE id = %s",
        "form",
    ),
    ("DELETE FROM audit_event_patients WHERE id = %s", "table of patients"),
    ("UPDATE audit_event_patients SET patient_id = gen_random_uuid() WHERE id = %s", "table of patients"),
]


@pytest.mark.req("A-08")
@pytest.mark.parametrize(("change", "fault"), ALTERATIONS)
async def test_alteration_by_a_superuser_is_found_and_named(
    database: Database, cast: Cast, server: Server, signed_in: Visit, change: str, fault: str
) -> None:
    patient = await admit(database, cast)
    await (await signed_in(cast.manager)).get(f"/patients/{patient}")
    async with database.tx(cast.auditor) as tx:
        whole = await verify.verify(tx)
    assert (whole.fault, whole.events > 3) == ("", True)
    with psycopg.connect(server.admin, autocommit=True) as connection:
        for table in ("audit_events", "audit_event_patients"):
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER a_guard".encode())
        found = connection.execute(
            "SELECT id FROM audit_events WHERE tenant_id = %s AND patients = 1 ORDER BY at LIMIT 1", [cast.tenant_id]
        ).fetchone()
        assert found is not None
        connection.execute(change.encode(), found)
        for table in ("audit_events", "audit_event_patients"):
            connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER a_guard".encode())
    async with database.tx(cast.auditor) as tx:
        broken = await verify.verify(tx)
    assert broken.event_id == found[0]
    assert fault in broken.fault
    assert broken.fault


def test_commands_say_what_they_need() -> None:
    found = CliRunner().invoke(cli.app, ["breach", "scope", "--help"])
    assert found.exit_code == 0
    for option in ("--tenant", "--from", "--to", "--actor", "--session", "--token", "--json", "--csv"):
        assert option in found.output
