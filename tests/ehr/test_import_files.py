"""A whole import, through the gateway's own process into a real database."""

import shutil
import sys
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from caretide.ehr import gateway
from caretide.ehr.gateway import run_import
from caretide.ehr.schemas import ImportReport
from caretide.kernel.errors import Invalid, Unavailable
from caretide.runtime.tx import Database
from caretide.tenants import queries as tenants
from tests.cast import Cast, assemble
from tests.database import Server
from tests.ehr.messages import patient
from tidegate.contract import VERSION, Header, encode

LOG = {"audit_events", "audit_event_patients", "import_runs"}
"""What every run writes, changed or not."""
OWN = "{id,tenant_id,patient_id,clinic_id,mbi,phone,email,address,body,updated_at,received_at}"
"""Columns that differ between two tenants with the same chart: keys, times, and what is sealed with a nonce."""
CHART = ("conditions", "medications", "allergies", "coverages", "encounters", "ehr_messages")


async def run(database: Database, cast: Cast, path: Path, **more: object) -> ImportReport:
    async with database.tx(cast.system) as tx:
        clinic = await tenants.clinic(tx, cast.clinic_id)
    return await run_import(database, path, cast.tenant_id, clinic, **more)


def checksums(server: Server, tenant_id: UUID) -> dict[str, str]:
    """Return a hash of every table's rows of one tenant, byte for byte."""
    with psycopg.connect(server.admin) as admin:
        owned = admin.execute(
            "SELECT table_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name = 'tenant_id' ORDER BY 1"
        )
        names = [name for (name,) in owned.fetchall() if name not in LOG]
        query = sql.SQL("SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} AS t WHERE tenant_id = %s")
        hashes = {name: admin.execute(query.format(sql.Identifier(name)), (tenant_id,)).fetchone() for name in names}
    return {name: found[0] if found else "" for name, found in hashes.items()}


def charts(server: Server, tenant_id: UUID) -> dict[str, list[tuple[str, str]]]:
    """Return every chart of a tenant without what differs between tenants, each row with its patient's source id."""
    people = sql.SQL(
        "SELECT source_id, (to_jsonb(p) - {}::text[])::text FROM patients AS p WHERE tenant_id = %s ORDER BY 1"
    )
    rows = sql.SQL(
        "SELECT p.source_id, (to_jsonb(t) - {}::text[])::text FROM {} AS t"
        " JOIN patients AS p ON p.tenant_id = t.tenant_id AND p.id = t.patient_id WHERE t.tenant_id = %s ORDER BY 1, 2"
    )
    own = sql.Literal(OWN)
    with psycopg.connect(server.admin) as admin:
        found = {"patients": admin.execute(people.format(own), (tenant_id,)).fetchall()}
        for name in CHART:
            found[name] = admin.execute(rows.format(own, sql.Identifier(name)), (tenant_id,)).fetchall()
    return found


class Killed(Exception):
    """The process ended here."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two small files with one malformed line."""
    people = [
        '{"resourceType": "Patient", "id": "p-1", "name": [{"family": "Vega"}], "birthDate": "1941-03-07"}',
        '{"resourceType": "Patient", "id": "p-2", "name": [{"family": ',
        '{"resourceType": "Patient", "id": "p-3", "name": [{"given": ["Sam"]}], "birthDate": "1950-01-01"}',
    ]
    problem = (
        '{"resourceType": "Condition", "id": "c-1", "subject": {"reference": "Patient/p-1"}, "code": {"text": "Gout"}}'
    )
    (tmp_path / "Patient.ndjson").write_text("\n".join(people) + "\n")
    (tmp_path / "Condition.ndjson").write_text(problem + "\n")
    return tmp_path


def speak(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a small program in the gateway's place."""
    monkeypatch.setattr(gateway, "COMMAND", (sys.executable, "-c", script))


@pytest.mark.shared
async def test_cohort_goes_in_and_a_second_run_changes_nothing(
    database: Database, cast: Cast, server: Server, shared_data: Path
) -> None:
    first = await run(database, cast, shared_data / "fhir" / "synthea")
    before = checksums(server, cast.tenant_id)
    second = await run(database, cast, shared_data / "fhir" / "synthea")
    assert first.failure is None
    assert {kind: tally.created for kind, tally in first.counts.tallies.items()} == {
        "patient": 275,
        "practitioner": 221,
        "condition": 6119,
        "medication": 4530,
        "allergy": 176,
        "coverage": 681,
        "encounter": 2774,
    }
    assert (first.counts.refused, second.counts.changed, second.counts.total) == (0, 0, first.counts.total)
    assert checksums(server, cast.tenant_id) == before


@pytest.mark.shared
async def test_import_killed_in_the_middle_and_run_again_ends_as_one_clean_run(
    database: Database, cast: Cast, server: Server, shared_data: Path, tmp_path: Path
) -> None:
    clean = await assemble(database)
    cohort = tmp_path / "cohort"
    cohort.mkdir()
    for name in ("Patient", "Practitioner", "Condition", "Coverage"):
        shutil.copy(shared_data / "fhir" / "synthea" / f"{name}.ndjson.gz", cohort)
    taken: list[int] = []

    def kill(report: ImportReport) -> None:
        taken.append(report.counts.tallies["patient"].created)
        if taken[-1]:
            raise Killed

    with pytest.raises(Killed):
        await run(database, cast, cohort, on_progress=kill)
    again = await run(database, cast, cohort)
    await run(database, clean, cohort)
    assert 0 < taken[-1] < 275
    assert again.counts.tallies["patient"].unchanged == taken[-1]
    assert charts(server, cast.tenant_id) == charts(server, clean.tenant_id)


async def test_malformed_line_is_reported_with_its_place_and_the_rest_goes_in(
    database: Database, cast: Cast, folder: Path
) -> None:
    report = await run(database, cast, folder)
    places = {item.place: item.reason for item in report.counts.refusals}
    assert "Patient.ndjson:2" in places
    assert places["patient p-3"] == "no family name"
    assert report.failure is None
    assert (report.counts.tallies["patient"].created, report.counts.tallies["condition"].created) == (1, 1)
    assert report.source == "ndjson"


async def test_run_is_recorded_with_its_figures(database: Database, cast: Cast, folder: Path, server: Server) -> None:
    await run(database, cast, folder, source="lakeside-ehr")
    with psycopg.connect(server.admin) as admin:
        wanted = "SELECT source, counts -> 'patient' ->> 'created', finished_at FROM import_runs WHERE tenant_id = %s"
        (found,) = admin.execute(wanted, (cast.tenant_id,)).fetchall()
    assert found == ("lakeside-ehr", "1", database.clock())


async def test_path_without_resources_is_a_usage_error(database: Database, cast: Cast, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no FHIR resources") as caught:
        await run(database, cast, tmp_path)
    assert caught.value.field == "path"
    with pytest.raises(Invalid, match="no such file or folder"):
        await run(database, cast, tmp_path / "nowhere")


async def test_gateway_that_dies_is_a_failure_and_what_came_before_stays(
    database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [encode(Header(contract=VERSION, source="x")), encode(patient("p-1"))]
    speak(
        monkeypatch,
        f"import sys; print({lines[0].decode()!r}); print({lines[1].decode()!r}); sys.exit('out of memory')",
    )
    report = await run(database, cast, Path("ignored"))
    assert report.failure == "The gateway stopped before its end (exit status 1): out of memory"
    assert report.counts.tallies["patient"].created == 1


async def test_message_that_breaks_the_contract_is_reported_and_the_rest_goes_in(
    database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [encode(Header(contract=VERSION, source="x")), b'{"type": "patient", "sex": "f"}', encode(patient("p-1"))]
    speak(monkeypatch, f"for line in {[line.decode() for line in lines]!r}: print(line)")
    report = await run(database, cast, Path("ignored"))
    assert [item.place for item in report.counts.refusals] == ["message 2"]
    assert report.counts.tallies["patient"].created == 1


@pytest.mark.parametrize("said", [encode(Header(contract=VERSION + 1, source="x")).decode(), "hello"])
async def test_gateway_of_another_release_is_refused(
    database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    speak(monkeypatch, f"print({said!r})")
    with pytest.raises(Unavailable, match="does not speak version"):
        await run(database, cast, Path("ignored"))


async def test_gateway_that_does_not_start_is_named(
    database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(monkeypatch, "raise SystemExit('no memory')")
    with pytest.raises(Unavailable, match=r"did not start \(exit status 1\): no memory"):
        await run(database, cast, Path("ignored"))
