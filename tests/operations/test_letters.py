"""The doctor says when letters reach nobody, and an operator can try, list and retry by hand."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from caretide.cli import app
from caretide.kernel.errors import Invalid
from caretide.operations.checks.letters import look_at_letters
from caretide.operations.checks.server import look_at_proxies
from caretide.operations.courier import Courier
from caretide.operations.doctor import BEFORE_SERVING, CHECKS
from caretide.operations.findings import Level, Subject
from caretide.postgres.folders import Home
from caretide.runtime.installation import open_stores
from caretide.runtime.mail import FolderPost, waiting
from caretide.settings import Settings, load_settings
from tests.operations.mailhost import MailHost, listening
from tests.operations.test_courier import ANNA, BEN, NOW, SENDER, settings_for, write

PUBLIC = "https://care.example.com"


@pytest.fixture
def host() -> Iterator[MailHost]:
    with listening(MailHost()) as found:
        yield found


def subject_of(settings: Settings, **later: float) -> Subject:
    return Subject(settings, Home(settings.home), lambda: NOW + timedelta(**later))


def aged(home: Path) -> None:
    for path in waiting(home / "mail"):
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))


def test_production_without_a_mail_server_is_told_who_waits_and_what_to_set(tmp_path: Path) -> None:
    write(tmp_path, ANNA, BEN)
    (found,) = look_at_letters(subject_of(Settings(mode="production", home=tmp_path, base_url=PUBLIC)))
    assert (found.level, found.blocks) == (Level.WARNING, False)
    assert "2 letters wait" in found.what
    assert "CARETIDE_MAIL_HOST and CARETIDE_MAIL_SENDER" in found.todo
    assert look_at_letters(subject_of(Settings(home=tmp_path))) == []
    assert look_at_letters in [check.look for check in CHECKS]


@pytest.mark.req("H-02")
def test_letter_that_waits_for_long_is_an_error(host: MailHost, tmp_path: Path) -> None:
    settings = settings_for(host, tmp_path)
    write(tmp_path, ANNA)
    host.answers["RCPT"] = f"451 <{ANNA}> later"
    Courier(settings, lambda: NOW).carry()
    aged(tmp_path)
    assert look_at_letters(subject_of(settings, minutes=15)) == []
    (found,) = look_at_letters(subject_of(settings, minutes=16))
    assert found.level is Level.ERROR
    assert "1 letter waits" in found.what
    assert found.what.endswith("the oldest for 16 minutes. The mail server answered 451 to a letter.")
    assert ANNA not in found.what + found.todo


def test_refused_letter_is_a_warning_until_it_is_retried(
    host: MailHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(host, tmp_path)
    (name,) = write(tmp_path, ANNA)
    host.answers["RCPT"] = f"550 5.1.1 <{ANNA}> unknown"
    Courier(settings, lambda: NOW).carry()
    (found,) = look_at_letters(subject_of(settings))
    assert (found.level, ANNA in found.what) == (Level.WARNING, False)
    monkeypatch.setenv("CARETIDE_HOME", str(tmp_path))
    (row,) = json.loads(CliRunner().invoke(app, ["mail", "list", "--json"]).stdout)
    assert (row["letter"], row["state"], row["answer"]) == (name, "refused", f"550 5.1.1 <{ANNA}> unknown")
    assert CliRunner().invoke(app, ["mail", "retry"]).stdout == "1 letter waits to be handed over again.\n"
    assert look_at_letters(subject_of(settings)) == []
    assert "waits" in CliRunner().invoke(app, ["mail", "list"]).stdout


def test_mail_server_that_does_not_answer_is_an_error(host: MailHost, tmp_path: Path) -> None:
    settings = settings_for(host, tmp_path)
    assert look_at_letters(subject_of(settings)) == []
    host.answers["CONNECT"] = "554 not you"
    (found,) = look_at_letters(subject_of(settings))
    assert (found.level, found.what) == (
        Level.ERROR,
        f"No letter can be handed to 127.0.0.1:{host.port}. The mail server answers 554.",
    )
    missing = settings_for(host, tmp_path, mail_user="caretide", mail_password_file=tmp_path / "missing")
    (found,) = look_at_letters(subject_of(missing))
    assert "CARETIDE_MAIL_PASSWORD_FILE cannot be read: No such file" in found.what


@pytest.fixture
def named(host: MailHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MailHost:
    """A mail server that the environment names."""
    values = {"HOME": tmp_path, "MAIL_HOST": "127.0.0.1", "MAIL_PORT": host.port, "MAIL_SENDER": SENDER}
    for name, value in values.items():
        monkeypatch.setenv(f"CARETIDE_{name}", str(value))
    return host


def test_trial_letter_is_sent_and_the_answer_shown(named: MailHost) -> None:
    result = CliRunner().invoke(app, ["mail", "test", ANNA])
    assert (result.exit_code, result.stdout) == (0, f"127.0.0.1:{named.port} took the letter: 250 2.0.0 taken\n")
    ((to, letter),) = named.letters
    assert (to, letter["To"], letter["From"]) == (ANNA, ANNA, SENDER)
    named.answers["RCPT"] = "550 5.1.1 nobody here"
    result = CliRunner().invoke(app, ["mail", "test", ANNA, "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"taken": False, "code": 550, "answer": "5.1.1 nobody here"}


@pytest.mark.parametrize("address", ["", "anna", "a@example.com, b@example.com", "a@example.com\nBcc: b@example.com"])
def test_trial_to_what_is_no_single_address_is_refused(named: MailHost, address: str) -> None:
    result = CliRunner().invoke(app, ["mail", "test", address])
    assert isinstance(result.exception, Invalid)
    assert named.said == []


def test_trial_without_a_server_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARETIDE_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["mail", "test", ANNA])
    assert isinstance(result.exception, Invalid)
    assert "CARETIDE_MAIL_HOST" in result.exception.message


@pytest.mark.req("H-08")
@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"MAIL_HOST": "smtp.example.com"}, "CARETIDE_MAIL_SENDER: must be the address"),
        ({"MAIL_HOST": "smtp.example.com", "MAIL_SENDER": "care"}, "CARETIDE_MAIL_SENDER: must be an address"),
        ({"MAIL_HOST": "smtp.example.com:25", "MAIL_SENDER": SENDER}, "its port is CARETIDE_MAIL_PORT"),
        ({"MAIL_HOST": "10.0.0.5", "MAIL_SENDER": SENDER, "MAIL_TLS": "off"}, "CARETIDE_MAIL_TLS: must be starttls"),
        ({"MAIL_USER": "care"}, "CARETIDE_MAIL_PASSWORD_FILE: must name"),
        ({"MAIL_PASSWORD": "x", "MAIL_PASSWORD_FILE": "/f"}, "CARETIDE_MAIL_PASSWORD_FILE: is one place too many"),
    ],
)
def test_wrong_setting_of_the_mail_server_is_named(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], told: str
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"CARETIDE_{name}", value)
    with pytest.raises(Invalid, match=told):
        load_settings()


def test_tls_is_asked_for_outside_this_host_and_the_password_is_not_shown() -> None:
    away = Settings(mail_host="SMTP.example.com", mail_sender=SENDER, mail_user="care", mail_password="secret words")
    assert (away.mail_host, away.mail_tls, away.mail_port) == ("smtp.example.com", "starttls", 587)
    assert Settings(mail_host="localhost", mail_sender=SENDER).mail_tls == "off"
    assert "secret words" not in f"{away!r}{away.model_dump()}"


def test_letters_are_written_with_the_sender_and_the_name_of_the_installation(tmp_path: Path) -> None:
    named: dict[str, Any] = {"mail_host": "localhost", "mail_sender": SENDER, "base_url": PUBLIC}
    post = open_stores(Settings(home=tmp_path, **named)).post
    assert isinstance(post, FolderPost)
    assert (post.folder, post.sender, post.host) == (tmp_path / "mail", SENDER, "care.example.com")


@pytest.mark.parametrize(
    ("mode", "base_url", "proxies", "level"),
    [
        ("production", PUBLIC, "", Level.WARNING),
        ("production", PUBLIC, "127.0.0.1", None),
        ("production", "https://localhost:8443", "", None),
        ("development", PUBLIC, "", None),
    ],
)
def test_production_behind_an_unnamed_proxy_is_warned(
    tmp_path: Path, mode: Any, base_url: str, proxies: Any, level: Level | None
) -> None:
    found = look_at_proxies(subject_of(Settings(mode=mode, home=tmp_path, base_url=base_url, proxies=proxies)))
    assert [one.level for one in found] == ([level] if level else [])
    assert all("CARETIDE_PROXIES" in one.todo and not one.blocks for one in found)
    assert look_at_proxies in [check.look for check in CHECKS]
    assert look_at_proxies not in [check.look for check in BEFORE_SERVING]
