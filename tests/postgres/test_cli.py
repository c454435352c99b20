"""`caretide db`."""

import json
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from caretide.kernel.errors import Invalid, NotFound
from caretide.postgres import server
from caretide.postgres.cli import db

run = CliRunner()


@pytest.fixture(autouse=True)
def _configured(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARETIDE_HOME", str(home))


def test_server_started_by_hand_stays_until_it_is_stopped(home: Path) -> None:
    assert run.invoke(db, ["start"]).exit_code == 0
    with server.share(home):
        pass
    found = json.loads(run.invoke(db, ["status", "--json"]).output)
    assert (found["running"], found["kept"], found["shared"]) == (True, True, False)
    with psycopg.connect(run.invoke(db, ["url", "--role", "app"]).output.strip()) as connection:
        assert connection.info.user == "caretide_app"
    assert "stopped" in run.invoke(db, ["stop"]).output
    assert "was not running" in run.invoke(db, ["stop"]).output
    assert "no" in run.invoke(db, ["status"]).output


def test_url_before_any_start_says_what_to_do(home: Path) -> None:
    result = run.invoke(db, ["url"])
    assert isinstance(result.exception, NotFound)
    assert "caretide db start" in result.exception.message
    assert not home.exists()


def test_unknown_role_is_a_usage_error() -> None:
    assert run.invoke(db, ["url", "--role", "boss"]).exit_code == 2


def test_external_server_is_not_ours_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARETIDE_DATABASE_URL", "postgresql://u:p@h/care")
    for command in ("start", "stop"):
        assert isinstance(run.invoke(db, [command]).exception, Invalid)
