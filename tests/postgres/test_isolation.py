"""Another PostgreSQL on this machine is never touched, and neither root nor PATH is needed."""

import os
import pwd
import shutil
import sys
from pathlib import Path

import psycopg
import pytest

from caretide.postgres import server
from caretide.postgres.account import Account, obstacle
from caretide.postgres.roles import LoginRole
from tests.postgres.conftest import Python
from tests.postgres.test_server import scalar

WALK = """
import os, pathlib, psycopg
from caretide.postgres import server
from caretide.postgres.roles import LoginRole
from caretide.settings import load_settings
home = load_settings().home
with server.share(home, durable=False) as cluster:
    with psycopg.connect(cluster.url(LoginRole.APP)) as connection:
        print(home, connection.execute("SELECT current_user").fetchone()[0])
    print(os.stat(home / "postgres" / "data").st_uid == os.geteuid(), oct(home.stat().st_mode & 0o777))
"""


def test_postgres_on_path_and_its_variables_are_not_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = home.with_name("fakes")
    fakes.mkdir()
    called = home.with_name("called")
    called.touch()
    called.chmod(0o666)
    for name in ("postgres", "pg_ctl", "initdb", "psql"):
        (fakes / name).write_text(f"#!/bin/sh\necho {name} >> {called}\n")
        (fakes / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{fakes}:{os.environ['PATH']}")
    for name, value in {"PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGDATA": "/nowhere", "PGOPTIONS": "-c x=y"}.items():
        monkeypatch.setenv(name, value)
    with server.share(home, durable=False) as cluster:
        assert scalar(cluster.url(LoginRole.APP), "SELECT 1") == 1
        assert scalar(cluster.url(LoginRole.APP, tcp=True), "SELECT 1") == 1
    assert called.read_text() == ""


def test_ordinary_user_runs_a_server_under_their_own_state_folder(home: Path, python: Python) -> None:
    state = home.with_name("user")
    state.mkdir()
    options: dict[str, object] = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam("daemon")
        shutil.chown(state, user.pw_uid, user.pw_gid)
        options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        options["executable"] = _interpreter_for(Account(user.pw_name, user.pw_uid, user.pw_gid, switched=True))
    packages = [Path(server.__file__).parents[2], Path(psycopg.__file__).parents[1]]
    environment = {"HOME": str(state), "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(map(str, packages))}
    child = python(WALK, env=environment, cwd="/", **options)
    answer, complaint = child.communicate()
    assert complaint == ""
    assert answer.splitlines() == [f"{state}/.local/state/caretide caretide_app", "True 0o700"]


def _interpreter_for(account: Account) -> str:
    """Return a Python of our version that the account can run with our packages; skip when there is none."""
    packages = Path(server.__file__), Path(psycopg.__file__)
    for candidate in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        real = Path(candidate).resolve()
        if real.exists() and not any(obstacle(path, account) for path in (real, *packages)):
            return candidate
    pytest.skip("Python or the clone is closed to ordinary users on this machine")
