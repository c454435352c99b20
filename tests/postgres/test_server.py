"""Starting, joining, sharing and stopping."""

import os
import socket
import stat
from pathlib import Path
from typing import Any

import psycopg
import pytest

from caretide.kernel.errors import Conflict, NotFound
from caretide.postgres import launch, locks, server
from caretide.postgres.folders import Home
from caretide.postgres.roles import LoginRole
from caretide.postgres.server import Cluster
from caretide.postgres.sockets import free_port
from tests.postgres.conftest import Python, postmaster_pid

SHARE = """
import sys, pathlib
from caretide.postgres import server
with server.share(pathlib.Path(sys.argv[1]), durable=False) as cluster:
    print(cluster.port, flush=True)
    sys.stdin.read()
"""


def scalar(url: str, query: str) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def test_first_start_makes_a_server_every_role_can_reach(cluster: Cluster) -> None:
    for role in LoginRole:
        assert scalar(cluster.url(role), "SELECT current_user::text") == role.login


def test_server_has_checksums_and_a_collation_of_its_own(cluster: Cluster) -> None:
    url = cluster.url(LoginRole.ADMIN)
    assert scalar(url, "SHOW data_checksums") == "on"
    provider = "SELECT concat(datlocprovider, ' ', datlocale) FROM pg_database WHERE datname = 'caretide'"
    assert scalar(url, provider) == "b C.UTF-8"
    assert str(scalar(url, "SHOW server_version")).startswith("18.")


def test_secrets_are_closed_to_everyone_else(cluster: Cluster) -> None:
    secrets = cluster.home / "secrets"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o600}
    assert {path.stat().st_uid for path in secrets.iterdir()} == {os.geteuid()}
    assert stat.S_IMODE((cluster.home / "postgres" / "data").stat().st_mode) == 0o700


def test_no_connection_is_trusted(cluster: Cluster) -> None:
    rules = (cluster.home / "postgres" / "pg_hba.conf").read_text().splitlines()
    methods = {rule.split()[-1] for rule in rules if rule and not rule.startswith("#")}
    assert methods == {"scram-sha-256", "reject"}


def test_second_start_joins_the_first(cluster: Cluster) -> None:
    pid = postmaster_pid(cluster.home)
    assert server.start(cluster.home) == cluster
    assert postmaster_pid(cluster.home) == pid


def test_last_share_out_stops_the_server(initialized: Path, python: Python) -> None:
    with server.share(initialized, durable=False):
        other = python(SHARE, initialized)
        assert other.stdout is not None
        other.stdout.readline()
        pid = postmaster_pid(initialized)
    assert postmaster_pid(initialized) == pid
    other.communicate()
    assert other.returncode == 0
    assert postmaster_pid(initialized) is None


def test_kept_server_outlives_its_shares_and_its_rows_outlive_it(initialized: Path) -> None:
    admin = server.start(initialized).url(LoginRole.ADMIN)
    with psycopg.connect(admin) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    with server.share(initialized):
        pass
    assert server.status(initialized).running
    assert server.stop(initialized)
    assert not server.stop(initialized)
    with server.share(initialized) as again:
        assert scalar(again.url(LoginRole.ADMIN), "SELECT n FROM kept") == 7
    assert not server.status(initialized).running


def test_stop_leaves_a_shared_server_to_its_last_user_unless_forced(initialized: Path) -> None:
    with server.share(initialized, durable=False):
        with pytest.raises(Conflict, match="--force"):
            server.stop(initialized)
        assert server.status(initialized).shared
        assert server.stop(initialized, force=True)
        assert not server.status(initialized).running


def test_four_processes_starting_at_once_share_one_server(home: Path, python: Python) -> None:
    children = [python(SHARE, home) for _ in range(4)]
    ports = {child.stdout.readline() for child in children if child.stdout}
    assert ports == {f"{server.initialized(home).port}\n"}
    pid = postmaster_pid(home)
    assert pid is not None
    for child in children:
        assert postmaster_pid(home) == pid
        _, complaint = child.communicate()
        assert (child.returncode, complaint) == (0, "")
    assert postmaster_pid(home) is None


def test_port_taken_since_the_last_start_is_replaced(initialized: Path) -> None:
    with server.share(initialized, durable=False) as first:
        pass
    with socket.create_server(("127.0.0.1", first.port)), server.share(initialized, durable=False) as second:
        assert second.port != first.port
        assert scalar(second.url(LoginRole.APP, tcp=True), "SELECT 1") == 1


def test_port_taken_while_the_server_starts_is_replaced(initialized: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        free = iter([stranger.getsockname()[1], free_port(0)])
        monkeypatch.setattr(launch, "free_port", lambda preferred: next(free))
        with server.share(initialized, durable=False) as cluster:
            assert scalar(cluster.url(LoginRole.APP, tcp=True), "SELECT 1") == 1


def test_long_home_keeps_its_socket_elsewhere(home: Path) -> None:
    deep = home / ("x" * 60) / ("y" * 60)
    home.mkdir(mode=0o711)
    with server.share(deep, durable=False) as cluster:
        assert not cluster.socket_dir.is_relative_to(deep)
        assert stat.S_IMODE(cluster.socket_dir.stat().st_mode) == 0o700
        assert scalar(cluster.url(LoginRole.APP), "SELECT 1") == 1
    cluster.socket_dir.rmdir()


def test_status_of_nothing_creates_nothing(home: Path) -> None:
    assert not server.status(home).initialized
    assert not server.stop(home)
    with pytest.raises(NotFound, match="db start"):
        server.initialized(home)
    assert not home.exists()


def test_own_settings_are_read_but_do_not_weaken_ours(initialized: Path) -> None:
    (initialized / "postgres" / "local.conf").write_text("max_connections = 33\nfsync = off\n")
    (initialized / "postgres" / "local.conf").chmod(0o644)
    with server.share(initialized) as cluster:
        assert scalar(cluster.url(LoginRole.APP), "SHOW max_connections") == "33"
        assert scalar(cluster.url(LoginRole.APP), "SHOW fsync") == "on"


def test_removed_lock_file_lets_nobody_in_twice(initialized: Path) -> None:
    with server.share(initialized, durable=False):
        ours = Home(initialized)
        with locks.door(ours):
            (ours.postgres / "door.lock").unlink()
        with locks.door(ours):
            assert (ours.postgres / "door.lock").exists()
