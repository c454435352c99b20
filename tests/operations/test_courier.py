"""Letters reach the mail server that is named, over checked TLS, each at least once; one at fault keeps no other."""

import asyncio
import fcntl
import logging
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from caretide.operations.courier import Courier, last_pass, listed, posted, retry
from caretide.runtime.mail import FolderPost, Letter, waiting
from caretide.settings import Settings
from tests.operations.mailhost import CUT, PASSWORD, USER, MailHost, Watch, certified, listening

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SENDER = "Caretide <care@clinic.example>"
ANNA, BEN, CARL = "anna@example.com", "ben@example.com", "carl@example.com"
TEXT = "Somebody used emergency access."


@pytest.fixture
def host() -> Iterator[MailHost]:
    with listening(MailHost()) as found:
        yield found


@pytest.fixture
def watch() -> Watch:
    return Watch(NOW)


def settings_for(host: MailHost, home: Path, **more: Any) -> Settings:
    named = {"mail_host": "127.0.0.1", "mail_port": host.port, "mail_sender": SENDER}
    return Settings(home=home, base_url="https://care.example.com", **named | more)


def write(home: Path, *people: str) -> list[str]:
    """Write a letter to each, by the post box of an installation that names no mail server; return their names."""
    post = FolderPost(home / "mail", host="care.example.com")
    for one in people:
        post.send(Letter(one, "Emergency access", TEXT), NOW)
        time.sleep(0.002)  # names are in the order of milliseconds
    return [path.stem for path in waiting(home / "mail")]


def left(home: Path) -> list[str]:
    return [path.stem for path in waiting(home / "mail")]


@pytest.mark.req("H-02")
def test_letters_leave_in_order_and_their_files_are_gone(host: MailHost, tmp_path: Path, watch: Watch) -> None:
    names = write(tmp_path, ANNA, BEN, CARL)
    passed = Courier(settings_for(host, tmp_path), watch).carry()
    assert passed is not None
    assert (passed.taken, passed.kept, passed.refused, passed.error) == (3, 0, 0, "")
    assert [to for to, _ in host.letters] == [ANNA, BEN, CARL]
    first = host.letters[0][1]
    assert (first["From"], first["To"], first["Message-ID"]) == (SENDER, ANNA, f"<{names[0]}@care.example.com>")
    assert (first.get_content().strip(), first["Auto-Submitted"]) == (TEXT, "auto-generated")
    assert left(tmp_path) == []
    assert "mail FROM:<care@clinic.example>" in [line for _, line in host.said]


@pytest.mark.req("H-08", "V-17")
@pytest.mark.parametrize("implicit", [False, True])
def test_letter_and_password_travel_inside_tls_alone(tmp_path: Path, watch: Watch, implicit: bool) -> None:
    context, trust = certified(tmp_path, "localhost")
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    write(tmp_path, ANNA)
    with listening(MailHost(context, implicit)) as host:
        how = {"mail_host": "localhost", "mail_tls": "implicit" if implicit else "starttls", "outbound_trust": trust}
        named = {"mail_user": USER, "mail_password_file": tmp_path / "password"}
        passed = Courier(settings_for(host, tmp_path, **how, **named), watch).carry()
    assert passed is not None
    assert (passed.taken, passed.error) == (1, "")
    assert set(host.verbs(sealed=False)) <= {"EHLO", "STARTTLS"}
    assert {"AUTH", "MAIL", "RCPT", "DATA"} <= set(host.verbs(sealed=True))


@pytest.mark.req("H-08", "V-17", "V-03")
@pytest.mark.parametrize(
    ("name", "believed", "told"),
    [
        ("mail.elsewhere.example", True, "certificate is not believed: Hostname mismatch"),
        ("localhost", False, "certificate is not believed: self"),
        (None, True, "offers no STARTTLS"),
    ],
)
def test_server_that_cannot_show_that_it_is_the_named_one_gets_nothing(
    tmp_path: Path, watch: Watch, name: str | None, believed: bool, told: str
) -> None:
    context, trust = certified(tmp_path, name or "localhost")
    names = write(tmp_path, ANNA)
    with listening(MailHost(context if name else None)) as host:
        how = {"mail_host": "localhost", "mail_tls": "starttls", "mail_user": USER, "mail_password": PASSWORD}
        if believed:
            how["outbound_trust"] = str(trust)
        passed = Courier(settings_for(host, tmp_path, **how), watch).carry()
    assert passed is not None
    assert told in passed.error
    assert not {"AUTH", "MAIL", "RCPT", "DATA"} & {*host.verbs(sealed=False), *host.verbs(sealed=True)}
    assert left(tmp_path) == names


def test_wrong_password_keeps_letters(tmp_path: Path, watch: Watch, host: MailHost) -> None:
    names = write(tmp_path, ANNA)
    passed = Courier(settings_for(host, tmp_path, mail_user=USER, mail_password="another"), watch).carry()
    assert passed is not None
    assert passed.error == "The mail server does not let us sign in (535)."
    assert left(tmp_path) == names


def test_server_that_is_away_is_tried_again_later_and_ever_later(tmp_path: Path, watch: Watch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
    names = write(tmp_path, ANNA, BEN)
    courier = Courier(settings_for(MailHost(port=port), tmp_path), watch)
    passed = courier.carry()
    assert passed is not None
    assert "does not answer: Connection refused" in passed.error
    assert (left(tmp_path), courier.carry()) == (names, None)
    watch.pass_by(seconds=31)
    assert courier.carry() is not None
    watch.pass_by(seconds=31)
    assert courier.carry() is None
    with listening(MailHost(port=port)) as host:
        watch.pass_by(seconds=30)
        passed = courier.carry()
    assert passed is not None
    assert (passed.taken, left(tmp_path)) == (2, [])
    assert [to for to, _ in host.letters] == [ANNA, BEN]


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "END"])
def test_letter_that_is_not_taken_now_waits_and_keeps_no_other(
    host: MailHost, tmp_path: Path, watch: Watch, verb: str
) -> None:
    names = write(tmp_path, ANNA, BEN)
    host.answers[f"{verb} {ANNA}"] = f"451 4.7.1 <{ANNA}> comes back later"
    courier = Courier(settings_for(host, tmp_path), watch)
    passed = courier.carry()
    assert passed is not None
    assert (passed.taken, passed.kept, passed.error) == (1, 1, "The mail server answered 451 to a letter.")
    assert left(tmp_path) == names[:1]
    assert courier.carry() is None
    host.answers.clear()
    watch.pass_by(seconds=31)
    courier.carry()
    assert [to for to, _ in host.letters] == [BEN, ANNA]
    assert host.letters[1][1]["Message-ID"] == f"<{names[0]}@care.example.com>"


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "END"])
def test_letter_that_is_refused_for_good_is_set_aside_with_the_answer(
    host: MailHost, tmp_path: Path, watch: Watch, verb: str
) -> None:
    names = write(tmp_path, ANNA, BEN)
    settings = settings_for(host, tmp_path)
    host.answers[f"{verb} {ANNA}"] = "550 5.1.1 nobody here"
    courier = Courier(settings, watch)
    passed = courier.carry()
    assert passed is not None
    assert (passed.taken, passed.refused, left(tmp_path)) == (1, 1, [])
    assert [(one.letter, one.answer) for one in listed(settings)] == [(names[0], "550 5.1.1 nobody here")]
    assert (tmp_path / "mail" / "refused" / f"{names[0]}.txt").stat().st_mode & 0o077 == 0
    assert (courier.carry(), retry(settings), left(tmp_path)) == (None, 1, names[:1])
    host.answers.clear()
    courier.carry()
    assert [to for to, _ in host.letters] == [BEN, ANNA]
    assert list((tmp_path / "mail" / "refused").iterdir()) == []


@pytest.mark.parametrize(("verb", "code"), [("MAIL", "550"), ("RCPT", "530"), ("RCPT", "421"), ("CONNECT", "554")])
def test_refusal_that_is_no_fault_of_a_letter_sets_none_aside(
    host: MailHost, tmp_path: Path, watch: Watch, verb: str, code: str
) -> None:
    names = write(tmp_path, ANNA, BEN)
    host.answers[verb] = f"{code} not you"
    passed = Courier(settings_for(host, tmp_path), watch).carry()
    assert passed is not None
    assert code in passed.error
    assert (passed.taken, passed.refused, left(tmp_path)) == (0, 0, names)


def test_letter_on_which_the_line_breaks_is_handed_over_again_by_the_same_name(
    host: MailHost, tmp_path: Path, watch: Watch
) -> None:
    names = write(tmp_path, ANNA, BEN)
    host.answers[f"END {ANNA}"] = CUT
    courier = Courier(settings_for(host, tmp_path), watch)
    passed = courier.carry()
    assert passed is not None
    assert (passed.taken, passed.error) == (0, "The mail server ended the conversation.")
    assert left(tmp_path) == names
    watch.pass_by(seconds=29)
    assert courier.carry() is None
    # A process that was started anew knows nothing of the wait: the server gets the very same letter again.
    host.answers.clear()
    Courier(settings_for(host, tmp_path), watch).carry()
    assert left(tmp_path) == []
    named = f"Message-ID: <{names[0]}@care.example.com>".encode()
    assert [named in one for one in host.seen] == [True, True, False]


def test_letter_on_which_the_line_always_breaks_lets_others_pass(host: MailHost, tmp_path: Path, watch: Watch) -> None:
    names = write(tmp_path, ANNA, BEN)
    host.answers[f"END {ANNA}"] = CUT
    courier = Courier(settings_for(host, tmp_path), watch)
    for _ in range(4):
        courier.carry()
        watch.pass_by(seconds=31)
    assert ([to for to, _ in host.letters], left(tmp_path)) == ([BEN], names[:1])


def test_one_process_at_a_time_carries(host: MailHost, tmp_path: Path, watch: Watch) -> None:
    write(tmp_path, ANNA)
    with (tmp_path / "mail" / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert Courier(settings_for(host, tmp_path), watch).carry() is None
    assert host.said == []


@pytest.mark.parametrize("content", [b"", b"no letter", b"To: a@example.com, b@example.com\n\nboth"])
def test_file_that_is_no_letter_to_one_person_is_set_aside(
    host: MailHost, tmp_path: Path, watch: Watch, content: bytes
) -> None:
    write(tmp_path, BEN)
    (tmp_path / "mail" / "0.eml").write_bytes(content)
    passed = Courier(settings_for(host, tmp_path), watch).carry()
    assert passed is not None
    assert (passed.taken, passed.refused, [to for to, _ in host.letters]) == (1, 1, [BEN])


def test_words_outside_ascii_and_lines_with_a_dot_arrive_as_written(
    host: MailHost, tmp_path: Path, watch: Watch
) -> None:
    text = "Zoë hat geöffnet.\n.\n..und weiter"
    FolderPost(tmp_path / "mail").send(Letter(ANNA, "Notfall für Zoë", text), NOW)
    Courier(settings_for(host, tmp_path), watch).carry()
    ((_, letter),) = host.letters
    assert (letter["Subject"], letter.get_content().split()) == ("Notfall für Zoë", text.split())
    assert host.seen[0].isascii()


@pytest.mark.req("W-16")
async def test_letter_leaves_while_serving_and_no_log_names_the_person(
    host: MailHost, tmp_path: Path, watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, ANNA, BEN, CARL)
    host.answers |= {f"RCPT {ANNA}": f"550 <{ANNA}> unknown", f"RCPT {BEN}": f"451 <{BEN}> later"}
    with caplog.at_level(logging.DEBUG):
        async with posted(settings_for(host, tmp_path), watch):
            for _ in range(200):
                if host.taken:
                    break
                await asyncio.sleep(0.02)
    assert [to for to, _ in host.letters] == [CARL]
    assert "the mail server refused letters for good" in caplog.text
    assert "the mail server does not take letters now" in caplog.text
    written = caplog.text + (tmp_path / "mail" / ".last.json").read_text()
    assert not any(one in written for one in (ANNA, BEN, CARL, TEXT, "anna", "ben@"))
    assert last_pass(tmp_path / "mail") is not None


async def test_stop_does_not_wait_for_a_server_that_says_nothing(
    tmp_path: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caretide.operations.courier._GRACE_SECONDS", 0.1)
    names = write(tmp_path, ANNA)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        spoken = asyncio.get_running_loop().run_in_executor(None, _greet_and_fall_silent, silent)
        async with posted(settings_for(MailHost(port=silent.getsockname()[1]), tmp_path), watch):
            line = await spoken
        line.close()
    assert left(tmp_path) == names


def _greet_and_fall_silent(silent: socket.socket) -> socket.socket:
    line, _ = silent.accept()
    line.sendall(b"220 mail.test\r\n")
    line.recv(1000)
    line.sendall(b"250 mail.test\r\n")
    assert line.recv(1000).startswith(b"mail FROM")
    return line


async def test_nothing_is_carried_where_no_server_is_named(tmp_path: Path, watch: Watch) -> None:
    names = write(tmp_path, ANNA)
    async with posted(Settings(home=tmp_path), watch):
        await asyncio.sleep(0)
    assert Courier(Settings(home=tmp_path), watch).carry() is None
    assert left(tmp_path) == names
