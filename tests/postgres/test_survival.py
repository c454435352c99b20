"""What a crash leaves behind, and that the next start copes with it."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from caretide.postgres import server
from caretide.postgres.folders import Home
from caretide.postgres.roles import LoginRole
from tests.postgres.conftest import Python, kill_postmaster, postmaster_pid
from tests.postgres.test_server import SHARE, scalar

WRITE = """
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    for number in range(1_000_000):
        connection.execute("INSERT INTO acknowledged VALUES (%s)", (number,))
        print(number, flush=True)
"""

# A subreaper inherits orphans as process 1 of a container does.
INHERIT = """
import ctypes, os, pathlib, signal, subprocess, sys, time
from caretide.postgres import processes, server
from caretide.postgres.folders import Home
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0
home = pathlib.Path(sys.argv[1])
server.start(home, durable=False)
first = processes.postmaster(Home(home)).pid
os.kill(first, signal.SIGKILL)
while not pathlib.Path(f"/proc/{first}/stat").read_text().rpartition(")")[2].startswith(" Z"):
    time.sleep(0.01)
"""

RESTART = """
import pathlib, sys
from caretide.postgres import processes, server
from caretide.postgres.folders import Home
home = pathlib.Path(sys.argv[1])
server.start(home, durable=False)
print(processes.postmaster(Home(home)).pid)
"""


def test_server_of_a_killed_owner_is_joined_and_stopped_by_the_last(initialized: Path, python: Python) -> None:
    owner = python(SHARE, initialized)
    assert owner.stdout is not None
    owner.stdout.readline()
    pid = postmaster_pid(initialized)
    owner.kill()
    owner.wait()
    with server.share(initialized):
        assert postmaster_pid(initialized) == pid
    assert postmaster_pid(initialized) is None


def test_killed_postmaster_loses_no_acknowledged_row(initialized: Path, python: Python) -> None:
    cluster = server.start(initialized)
    admin = cluster.url(LoginRole.ADMIN)
    with psycopg.connect(admin) as connection:
        connection.execute("CREATE TABLE acknowledged (number int)")
    writer = python(WRITE, admin)
    assert writer.stdout is not None
    while int(writer.stdout.readline()) < 300:
        pass
    first = kill_postmaster(initialized)
    rest, _ = writer.communicate()
    acknowledged = int(rest.split()[-1]) + 1 if rest else 301
    again = server.start(initialized)
    assert postmaster_pid(initialized) not in {None, first}
    assert scalar(again.url(LoginRole.ADMIN), "SELECT count(*) FROM acknowledged") >= acknowledged


def test_zombie_postmaster_that_is_our_child_is_reaped(initialized: Path, python: Python) -> None:
    child = python(INHERIT + RESTART, initialized)
    answer, complaint = child.communicate()
    assert (child.returncode, complaint) == (0, "")
    assert int(answer) == postmaster_pid(initialized)


def test_zombie_postmaster_that_nobody_reaps_is_passed_by(initialized: Path, python: Python) -> None:
    parent = python(INHERIT + "print('dead', flush=True); sys.stdin.read()", initialized)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "dead\n"
    child = python(RESTART, initialized)
    answer, complaint = child.communicate()
    assert (child.returncode, complaint) == (0, "")
    assert int(answer) == postmaster_pid(initialized)
    parent.communicate()


def test_lock_files_of_a_reused_process_id_are_cleared(initialized: Path) -> None:
    with server.share(initialized, durable=False) as cluster:
        pid_file = (initialized / "postgres" / "data" / "postmaster.pid").read_text()
    # The server's own account: of a process it may not signal, PostgreSQL itself knows that it is no server.
    stranger = subprocess.Popen(["/bin/sleep", "60"], user="nobody" if os.geteuid() == 0 else None)
    stale = pid_file.splitlines()
    stale[0] = str(stranger.pid)
    _write_as_owner(initialized / "postgres" / "data" / "postmaster.pid", "\n".join(stale) + "\n")
    _write_as_owner(cluster.socket_dir / f".s.PGSQL.{cluster.port}.lock", f"{stranger.pid}\n")
    with server.share(initialized, durable=False) as again:
        assert scalar(again.url(LoginRole.APP), "SELECT 1") == 1
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_start_killed_while_initializing_leaves_nothing_in_the_way(home: Path, python: Python) -> None:
    child = python(SHARE, home)
    deadline = time.monotonic() + 10
    while not list(Home(home).postgres.glob("data.part-*")) and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    with server.share(home, durable=False) as cluster:
        assert scalar(cluster.url(LoginRole.APP), "SELECT 1") == 1
    assert not list(Home(home).postgres.glob("data.part-*"))


def test_start_killed_before_the_roles_were_made_is_finished_by_the_next(initialized: Path) -> None:
    with (
        server.share(initialized, durable=False) as cluster,
        psycopg.connect(cluster.url(LoginRole.ADMIN, "postgres")) as admin,
    ):
        admin.autocommit = True
        admin.execute("DROP DATABASE caretide")
        admin.execute("DROP ROLE caretide_worker")
    state = initialized / "postgres" / "server.json"
    state.write_text(state.read_text().replace('"roles": 1', '"roles": 0'))
    with server.share(initialized, durable=False) as again:
        assert scalar(again.url(LoginRole.WORKER), "SELECT 1") == 1


def _write_as_owner(path: Path, text: str) -> None:
    path.write_text(text)
    status = path.parent.stat()
    os.chown(path, status.st_uid, status.st_gid)
    path.chmod(0o600)
