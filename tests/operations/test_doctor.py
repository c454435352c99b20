"""The doctor sees each fault that is planted, says what to do, and keeps production from starting where it must."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import errors
from typer.testing import CliRunner

from caretide.cli import app
from caretide.kernel.errors import Invalid
from caretide.operations import doctor, records
from caretide.operations.checks import duties, machine, server, walls
from caretide.operations.doctor import CHECKS, examine, refuse_if_open
from caretide.operations.findings import Finding, Level, Report, Subject
from caretide.postgres.databases import Databases
from caretide.postgres.folders import Home
from caretide.postgres.roles import LoginRole
from caretide.settings import Settings
from tests.database import Server, clone_database, drop_database

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture
def subject(server: Server, tmp_path: Path) -> Iterator[Subject]:
    """An installation whose database may be harmed: everything is rolled back."""
    urls = Databases({LoginRole.ADMIN: server.admin}, server.cluster)
    with psycopg.connect(server.admin, autocommit=True) as connection, connection.transaction(force_rollback=True):
        yield Subject(Settings(home=tmp_path), Home(tmp_path), lambda: NOW, urls, connection)


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    return found[0]


def plant(subject: Subject, statements: LiteralString) -> None:
    subject.database.execute(statements)


@pytest.mark.req("T-01", "T-20")
def test_migrated_database_has_no_finding_in_its_walls(subject: Subject) -> None:
    assert walls.look_at_roles(subject) == []
    assert walls.look_at_catalogue(subject) == []


@pytest.mark.req("T-01")
@pytest.mark.parametrize(
    ("planted", "named"),
    [
        ("ALTER ROLE caretide_gateway CREATEDB", 'ALTER ROLE "caretide_gateway" NOSUPERUSER'),
        ("GRANT caretide_owner TO caretide_app", 'REVOKE "caretide_owner" FROM "caretide_app"'),
        ("GRANT USAGE ON SCHEMA public TO PUBLIC", "REVOKE ALL ON SCHEMA public FROM PUBLIC"),
    ],
)
def test_role_with_more_power_than_its_duty_blocks(subject: Subject, planted: LiteralString, named: str) -> None:
    plant(subject, planted)
    found = only(walls.look_at_roles(subject))
    assert named in found.what
    assert (found.level, found.blocks) == (Level.ERROR, True)
    assert "PASSWORD" not in found.what


@pytest.mark.req("T-20")
def test_breach_of_the_catalogue_blocks(subject: Subject) -> None:
    plant(subject, "ALTER TABLE patients NO FORCE ROW LEVEL SECURITY")
    found = only(walls.look_at_catalogue(subject))
    assert found.what == "patients: row-level security is not forced"
    assert found.blocks


@pytest.mark.req("T-22")
def test_hole_that_the_schema_keeps_out_is_a_note_and_an_open_one_blocks(subject: Subject) -> None:
    fires = subject.database.info.server_version == 180006
    assert [(one.level, one.blocks) for one in walls.look_for_holes(subject)] == [(Level.NOTE, False)] * 2 * fires
    plant(subject, "SET LOCAL ROLE caretide_owner; CREATE UNIQUE INDEX loose ON clinics (id); RESET ROLE")
    assert [(one.level, one.blocks) for one in walls.look_for_holes(subject)] == [(Level.ERROR, True)] * 2 * fires


def test_login_that_cannot_probe_is_told_so(subject: Subject, server: Server) -> None:
    with psycopg.connect(server.migrator, autocommit=True) as migrator:
        found = only(walls.look_for_holes(replace(subject, connection=migrator)))
    assert found.level is Level.WARNING
    assert "CREATEROLE" in found.todo


@pytest.mark.req("H-08", "V-17")
@pytest.mark.parametrize(
    ("where", "blocks"),
    [
        ("127.0.0.1:5432/care", False),
        ("localhost/care?sslmode=disable", False),
        ("/care?host=/run/postgresql", False),
        ("[::1]/care", False),
        ("db.example.com/care?sslmode=verify-full", False),
        ("db.example.com/care", True),
        ("db.example.com/care?sslmode=require", True),
        ("db.example.com/care?sslmode=verify-ca", True),
        ("localhost/care?hostaddr=192.0.2.7", True),
        ("/care?host=localhost,db.example.com", True),
    ],
)
def test_way_to_the_database_is_verified_outside_this_host(subject: Subject, where: str, blocks: bool) -> None:
    url = f"postgresql://caretide_migrator:secret@{where}"
    found = server.look_at_transport(replace(subject, settings=Settings(database_url=url)))
    assert [one.blocks for one in found] == [True] * blocks
    assert not any("secret" in one.what + one.todo for one in found)


@pytest.mark.req("H-08", "H-10")
def test_pages_in_plain_text_on_another_address_block(subject: Subject) -> None:
    open_to_all = Settings(mode="production", host="0.0.0.0", base_url="http://care.example.com")  # noqa: S104 - the fault
    assert [one.blocks for one in server.look_at_listening(replace(subject, settings=open_to_all))] == [True, True]
    closed = Settings(mode="production", base_url="https://care.example.com")
    assert server.look_at_listening(replace(subject, settings=closed)) == []


def test_line_that_trusts_everybody_blocks(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    assert server.look_at_sign_in(subject) == []
    rows = [("host", "all", "all", "192.0.2.0", "trust")]
    monkeypatch.setattr(Subject, "ask", lambda self, query: rows)
    found = only(server.look_at_sign_in(subject))
    assert found.what == "pg_hba.conf lets in by trust: host all all 192.0.2.0."
    assert found.blocks


@pytest.mark.req("R-20", "W-16")
def test_server_that_would_lose_or_tell_is_named(subject: Subject) -> None:
    # The tests' own server gives durability up for speed, and keeps the rest.
    lost = {"fsync", "full_page_writes", "synchronous_commit"}
    assert {one.what.split()[4] for one in server.look_at_settings(subject)} == lost
    plant(subject, "SET LOCAL log_statement = 'all'; SET LOCAL log_parameter_max_length_on_error = -1")
    assert {one.what.split()[4] for one in server.look_at_settings(subject)} - lost == {
        "log_statement",
        "log_parameter_max_length_on_error",
    }


def test_publication_blocks(subject: Subject) -> None:
    assert server.look_at_replication(subject) == []
    plant(subject, "SET LOCAL client_min_messages = error; CREATE PUBLICATION away FOR TABLE patients")
    assert "publication away" in only(server.look_at_replication(subject)).what


@pytest.mark.req("R-12")
@pytest.mark.parametrize(("off", "told"), [(0.0, False), (1.5, False), (-3.0, True), (3600.0, True)])
def test_clocks_that_differ_by_two_seconds_are_an_error(subject: Subject, off: float, told: bool) -> None:
    shifted = replace(subject, clock=lambda: datetime.now(UTC) + timedelta(seconds=off))
    assert bool(server.look_at_clock(shifted)) is told


@pytest.mark.parametrize(("revision", "todo"), [("0001", "caretide db migrate"), ("9999", "Update this program")])
def test_schema_of_another_version_is_an_error(subject: Subject, revision: str, todo: str) -> None:
    assert server.look_at_schema(subject) == []
    subject.database.execute("UPDATE alembic_version SET version_num = %s", [revision])
    assert todo in only(server.look_at_schema(subject)).todo


@pytest.mark.req("V-18", "W-15")
def test_key_that_others_can_read_blocks(subject: Subject) -> None:
    keys = subject.home.path / "keys"
    keys.mkdir(mode=0o700)
    (keys / "columns.1.key").touch(mode=0o600)
    assert machine.look_at_keys(subject) == []
    (keys / "columns.1.key").chmod(0o640)
    found = only(machine.look_at_keys(subject))
    assert "columns.1.key has mode 0640" in found.what
    assert found.blocks
    keys.chmod(0o755)
    assert len(machine.look_at_keys(subject)) == 2


def test_missing_keys_of_recorded_data_are_an_error(subject: Subject) -> None:
    plant(subject, "INSERT INTO tenants (id, slug, name) VALUES (gen_random_uuid(), 'keyless', 'Keyless')")
    assert [one.what.split("'")[1] for one in machine.look_at_key_files(subject)] == ["columns", "context", "vault"]


def test_vault_that_others_can_enter_blocks(subject: Subject) -> None:
    (subject.home.path / "vault").mkdir(mode=0o750)
    assert only(machine.look_at_folders(subject)).blocks


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.req("R-11")
@pytest.mark.parametrize(
    ("total", "free", "level"),
    [(100, 40, None), (100, 15, Level.WARNING), (30, 2, Level.ERROR), (2000, 90, None)],
)
def test_room_is_told_before_it_ends(
    subject: Subject, monkeypatch: pytest.MonkeyPatch, total: int, free: int, level: Level | None
) -> None:
    usage = Usage(total * 10**9, (total - free) * 10**9, free * 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert [one.level for one in machine.look_at_disk(subject)] == ([level] if level else [])


def test_keys_and_passwords_have_an_age(subject: Subject) -> None:
    for name in ("keys/vault.1.key", "keys/vault.2.key", "keys/columns.1.key", "secrets/app.password"):
        path = subject.home.path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        old = NOW - timedelta(days=10 if name == "keys/vault.2.key" else 400)
        os.utime(path, (old.timestamp(), old.timestamp()))
    told = sorted(one.what.split(" is ")[0].rpartition("/")[2] for one in machine.look_at_age(subject))
    assert told == ["app.password", "columns.1.key"]


@pytest.mark.req("H-14")
@pytest.mark.parametrize(("hours", "level"), [(None, Level.WARNING), (3, None), (30, Level.WARNING), (60, Level.ERROR)])
def test_backup_is_due_daily(subject: Subject, hours: int | None, level: Level | None) -> None:
    if hours is not None:
        records.remember(subject.home, records.BACKUPS, NOW - timedelta(hours=hours))
    assert [one.level for one in duties.look_at_backups(subject)] == ([level] if level else [])


@pytest.mark.parametrize(
    ("days", "passed", "level"), [(1, True, None), (40, True, Level.WARNING), (1, False, Level.ERROR)]
)
def test_drill_is_due_monthly(subject: Subject, days: int, passed: bool, level: Level | None) -> None:
    records.remember(subject.home, records.DRILLS, NOW - timedelta(days=days), passed=passed)
    with (subject.home.path / "records" / "drills.jsonl").open("a") as lines:
        lines.write('{"at": "20')
    assert [one.level for one in duties.look_at_drills(subject)] == ([level] if level else [])


def test_check_that_cannot_be_made_is_an_error(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Subject, query: Any, *parameters: Any) -> Any:
        raise errors.QueryCanceled

    monkeypatch.setattr(Subject, "ask", broken)
    check = next(one for one in CHECKS if one.name == "clock")
    found = only(doctor._found(check, subject) or [])
    assert "could not be made: QueryCanceled" in found.what
    assert not Report(NOW, [(check, [found])]).sound


@pytest.mark.req("H-10", "H-08")
def test_production_does_not_start_while_another_tenant_could_be_reached(server: Server, tmp_path: Path) -> None:
    name = f"{server.name}_doctor"
    clone_database(server.cluster, name)
    try:
        admin = server.cluster.url(LoginRole.ADMIN, name)
        urls = Databases({LoginRole.ADMIN: admin}, server.cluster)
        settings = Settings(mode="production", home=tmp_path, base_url="https://care.example.com")
        refuse_if_open(settings, urls)
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("DROP POLICY tenant ON patients")
        with pytest.raises(Invalid, match="Production does not start: patients: has 0 restrictive tenant policies"):
            refuse_if_open(settings, urls)
    finally:
        drop_database(server.cluster, name)


def test_empty_home_is_looked_at_and_left_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARETIDE_HOME", str(tmp_path / "home"))
    result = CliRunner().invoke(app, ["doctor", "--json"])
    found = json.loads(result.stdout)
    assert (result.exit_code, found["sound"], found["production_would_start"]) == (0, True, True)
    assert {"database", "backups", "drills"} == {one["check"] for one in found["findings"]}
    assert {one["name"] for one in found["checks"] if not one["made"]} >= {"roles", "catalogue", "holes"}
    assert not (tmp_path / "home").exists()
    text = CliRunner().invoke(app, ["doctor"]).stdout
    assert "– policies, keys, grants and functions keep the rules of both walls: not looked at" in text


def test_unreachable_database_is_an_error(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for role in ("app", "worker", "gateway"):
        path = home.secrets / f"{role}.password"
        path.parent.mkdir(exist_ok=True)
        path.write_text("secret")
        path.chmod(0o600)
    url = "postgresql://migrator:secret@127.0.0.1:1/care"
    report = examine(Settings(home=tmp_path, database_url=url))
    assert not report.sound
    assert "secret" not in json.dumps(report.as_json()).replace("/secrets", "")
