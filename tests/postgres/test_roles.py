"""The roles: what they are, what they may not, and how an external server gets them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql

from caretide.kernel.errors import Invalid, Unavailable
from caretide.postgres import passwords, urls
from caretide.postgres.databases import Databases, known, prepare_external, shared
from caretide.postgres.folders import Home
from caretide.postgres.roles import OWNER, LoginRole, connected, ensure_database, ensure_roles
from caretide.postgres.server import Cluster
from caretide.settings import Settings

RUNNING = [LoginRole.APP, LoginRole.WORKER, LoginRole.GATEWAY]
OURS = [LoginRole.MIGRATOR, *RUNNING]
POWERFUL = (
    "SELECT rolname FROM pg_roles WHERE rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls"
)


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(sql.SQL(query)).fetchall()


@pytest.mark.req("T-01")
def test_no_role_but_the_local_superuser_has_power(cluster: Cluster) -> None:
    admin = cluster.url(LoginRole.ADMIN)
    assert rows(admin, POWERFUL) == [("caretide_admin",)]
    assert rows(admin, "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'caretide_owner'") == [(False,)]


@pytest.mark.req("T-01")
def test_only_the_migrator_is_a_member_and_only_of_the_owner(cluster: Cluster) -> None:
    query = (
        "SELECT member::regrole::text, roleid::regrole::text, inherit_option, set_option FROM pg_auth_members"
        " WHERE member::regrole::text LIKE 'caretide%'"
    )
    assert rows(cluster.url(LoginRole.ADMIN), query) == [("caretide_migrator", OWNER, False, True)]


@pytest.mark.req("T-01")
@pytest.mark.parametrize("role", RUNNING)
@pytest.mark.parametrize(
    "attempt",
    [
        "CREATE TABLE public.t (n int)",
        "CREATE TEMPORARY TABLE t (n int)",
        "CREATE SCHEMA s",
        "CREATE ROLE r",
        "SET ROLE caretide_owner",
        "SELECT rolpassword FROM pg_authid",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ],
)
def test_running_roles_may_create_and_become_nothing(cluster: Cluster, role: LoginRole, attempt: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        rows(cluster.url(role), attempt)


@pytest.mark.req("T-01")
@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_running_roles_connect_to_no_other_database(cluster: Cluster, database: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        rows(cluster.url(LoginRole.APP, database), "SELECT 1")


@pytest.mark.parametrize("tcp", [False, True])
def test_wrong_password_is_refused(cluster: Cluster, tcp: bool) -> None:
    wrong = urls.build(urls.parse(cluster.url(LoginRole.APP, tcp=tcp)), password="guess")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        rows(wrong, "SELECT 1")


def test_superuser_does_not_come_by_tcp(cluster: Cluster) -> None:
    with pytest.raises(psycopg.OperationalError, match="rejects connection"):
        rows(cluster.url(LoginRole.ADMIN, tcp=True), "SELECT 1")


def test_owner_excludes_overlaps_on_uuids_for_a_role_that_sees_no_extension(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url(LoginRole.MIGRATOR)) as migrator:
        migrator.execute(
            "SET ROLE caretide_owner; CREATE SCHEMA care;"
            "CREATE TABLE care.visits (who uuid, time tstzrange, EXCLUDE USING gist (who WITH =, time WITH &&));"
            "GRANT USAGE ON SCHEMA care TO caretide_app; GRANT INSERT ON care.visits TO caretide_app"
        )
    twice = "INSERT INTO care.visits VALUES ('00000000-0000-0000-0000-000000000001', '[2026-01-01,2026-01-02)')"
    with psycopg.connect(cluster.url(LoginRole.APP)) as app:
        app.execute(twice)
        with pytest.raises(errors.ExclusionViolation):
            app.execute(twice)


def test_migrator_creates_nothing_without_becoming_the_owner(cluster: Cluster) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        rows(cluster.url(LoginRole.MIGRATOR), "CREATE SCHEMA mine")


def test_drift_is_put_right_and_ensuring_at_once_is_safe(cluster: Cluster) -> None:
    admin = cluster.url(LoginRole.ADMIN, "postgres")
    with connected(cluster.url(LoginRole.ADMIN)) as connection:
        connection.execute("ALTER ROLE caretide_app BYPASSRLS CREATEDB PASSWORD 'lost'")
        connection.execute("GRANT caretide_owner TO caretide_worker")
        connection.execute("GRANT ALL ON DATABASE caretide TO PUBLIC; GRANT ALL ON SCHEMA public TO PUBLIC")
        connection.execute("DROP EXTENSION btree_gist CASCADE")
    secrets = passwords.generate(Home(cluster.home), OURS)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ensure_roles(admin, secrets, "caretide"), range(4)))
    test_no_role_but_the_local_superuser_has_power(cluster)
    test_only_the_migrator_is_a_member_and_only_of_the_owner(cluster)
    with pytest.raises(errors.InsufficientPrivilege):
        rows(cluster.url(LoginRole.APP), "CREATE TABLE public.t (n int)")


def test_further_databases_are_as_closed_as_the_first(cluster: Cluster) -> None:
    ensure_database(cluster.url(LoginRole.ADMIN, "postgres"), "second")
    ensure_database(cluster.url(LoginRole.ADMIN, "postgres"), "second")
    with pytest.raises(errors.InsufficientPrivilege):
        rows(cluster.url(LoginRole.APP, "second"), "CREATE TEMPORARY TABLE t (n int)")
    query = "SELECT datdba::regrole::text FROM pg_database WHERE datname = 'second'"
    assert rows(cluster.url(LoginRole.ADMIN), query) == [(OWNER,)]


@pytest.fixture
def bare(cluster: Cluster) -> Iterator[str]:
    """Return the URL of a superuser on a server that has none of our roles, and put them back afterwards."""
    admin = cluster.url(LoginRole.ADMIN, "postgres")
    _drop(admin)
    yield admin
    _drop(admin)
    ensure_roles(admin, passwords.generate(Home(cluster.home), OURS), "caretide")


def _drop(admin: str) -> None:
    with connected(admin) as connection:
        for name in ("caretide", "second", "practice"):
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        for name in (*(role.login for role in OURS), OWNER, "ops"):
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def _external(admin: str, attributes: str) -> str:
    with connected(admin) as connection:
        connection.execute(sql.SQL(f"CREATE ROLE ops LOGIN PASSWORD 'p:w/d' {attributes}"))
        connection.execute("CREATE DATABASE practice OWNER ops TEMPLATE template0")
    return urls.build(urls.parse(admin), user="ops", password="p:w/d", dbname="practice")


def _roles_work(databases: Databases) -> None:
    for role in RUNNING:
        assert rows(databases.url(role), "SELECT current_user::text, current_database()::text") == [
            (role.login, "practice")
        ]
        with pytest.raises(errors.InsufficientPrivilege):
            rows(databases.url(role), "CREATE TEMPORARY TABLE t (n int)")
    with psycopg.connect(databases.url(LoginRole.MIGRATOR)) as migrator:
        migrator.execute("SET ROLE caretide_owner; CREATE SCHEMA care")


@pytest.mark.parametrize("attributes", ["CREATEROLE", "SUPERUSER"])
def test_external_migrator_that_may_create_roles_does(bare: str, home: Path, attributes: str) -> None:
    url = _external(bare, attributes)
    settings = Settings(home=home, database_url=url)
    with shared(settings) as databases:
        _roles_work(databases)
        assert databases.cluster is None
        with pytest.raises(Invalid):
            databases.url(LoginRole.ADMIN)
    assert not (home / "postgres" / "data").exists()
    assert known(settings).url(LoginRole.APP) == databases.url(LoginRole.APP)
    with shared(settings) as again:
        assert again.url(LoginRole.APP) == databases.url(LoginRole.APP)


def test_external_migrator_that_may_not_is_told_the_lines_that_help(bare: str, home: Path) -> None:
    url = _external(bare, "")
    with pytest.raises(Unavailable, match="Have an administrator run") as refusal:
        prepare_external(url, home)
    lines = refusal.value.message.split("\n", 1)[1]
    assert 'CREATE ROLE "caretide_app" LOGIN PASSWORD \'SCRAM-SHA-256' in lines
    with connected(urls.build(urls.parse(bare), dbname="practice")) as administrator:
        administrator.execute(sql.SQL(lines))
    _roles_work(prepare_external(url, home))


def test_passwords_that_other_hosts_may_know_are_not_reset(bare: str, home: Path) -> None:
    url = _external(bare, "CREATEROLE")
    first = prepare_external(url, home)
    (home / "secrets" / "app.password").unlink()
    with pytest.raises(Unavailable, match=r'ALTER ROLE "caretide_app"'):
        prepare_external(url, home)
    assert rows(first.url(LoginRole.APP), "SELECT 1") == [(1,)]


def test_unreachable_external_server_is_named_without_its_password(home: Path) -> None:
    with pytest.raises(Unavailable, match=r"database d at 127\.0\.0\.1") as refusal:
        prepare_external("postgresql://u:hunter2@127.0.0.1:1/d", home)
    assert "hunter2" not in refusal.value.message


def test_urls_do_not_show_in_a_repr(cluster: Cluster) -> None:
    assert "://" not in repr(Databases({LoginRole.APP: cluster.url(LoginRole.APP)}, replace(cluster)))
