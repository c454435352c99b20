"""The server's programs at work: initdb, and pg_ctl to start and stop. Everything here is done at the door."""

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from caretide.kernel.errors import CaretideError, Unavailable
from caretide.postgres import archiving, binaries, conf, locks, passwords, processes
from caretide.postgres.account import Account, Outcome, give, run, server_account
from caretide.postgres.binaries import Binaries
from caretide.postgres.folders import Home, disk_full, read_state, says_full, write_state, write_whole
from caretide.postgres.roles import LoginRole
from caretide.postgres.sockets import free_port, socket_folder

_INITIALIZE_SECONDS = 300
_STOP_SECONDS = 120
_PORT_ATTEMPTS = 3
_LOG_BYTES = 10_000_000
_TELLING = ("FATAL", "PANIC", "error:")


def initialize(home: Home, account: Account, programs: Binaries, *, durable: bool) -> None:
    """Run initdb beside the final place and move it there when it is whole: a killed one leaves no half cluster."""
    for leftover in home.postgres.glob("data.part-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    half = Path(tempfile.mkdtemp(prefix="data.part-", dir=home.postgres))
    secret = home.postgres / "password.part"
    try:
        give(half, account)
        write_whole(secret, passwords.generate(home, [LoginRole.ADMIN])[LoginRole.ADMIN], 0o600)
        give(secret, account)
        outcome = run(_initdb(programs, half, secret, durable=durable), account, timeout=_INITIALIZE_SECONDS)
        _require_success(home, "Initializing the database", outcome)
        write_state(home, replace(read_state(home), roles=0))
        half.rename(home.data)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    finally:
        secret.unlink(missing_ok=True)


@dataclass(frozen=True)
class Way:
    """How a server is started. `recovery` has the configuration's lines for one that replays an archive first."""

    durable: bool = True
    recovery: str = ""
    seconds: int = locks.START_SECONDS


def launch(home: Home, account: Account, programs: Binaries, way: Way) -> None:
    """Start the server and wait until it answers; on another port when the remembered one was taken meanwhile."""
    home.log.parent.mkdir(mode=0o700, exist_ok=True)
    give(home.log.parent, account)
    if home.log.exists() and home.log.stat().st_size > _LOG_BYTES:
        home.log.replace(home.log.with_suffix(".log.1"))
    outcome = _start(home, account, programs, way)
    for _ in range(_PORT_ATTEMPTS):
        if outcome.status == 0 or "could not create any TCP/IP sockets" not in outcome.text:
            break
        outcome = _start(home, account, programs, way)
    _require_success(home, "Starting the database", outcome)


def shut_down(home: Home) -> None:
    """End every connection and stop the server; raise Unavailable when it does not stop."""
    account = server_account()
    program = binaries.usable(home.path, account).program("pg_ctl")
    alive = processes.postmaster(home)
    command = [
        program,
        "stop",
        "--silent",
        "--wait",
        "--mode=fast",
        f"--timeout={_STOP_SECONDS}",
        "--pgdata",
        home.data,
    ]
    outcome = run(command, account, timeout=_STOP_SECONDS + 15)
    if processes.postmaster(home) is not None:
        _require_success(home, "Stopping the database", outcome)
    if alive is not None:
        with suppress(ChildProcessError):
            os.waitpid(alive.pid, os.WNOHANG)


def _initdb(programs: Binaries, data: Path, secret: Path, *, durable: bool) -> list[str | Path]:
    # The built-in C.UTF-8 sorts alike on every host and after every upgrade of a C library.
    return [
        programs.program("initdb"),
        *("--pgdata", data, "--username", LoginRole.ADMIN.login, "--pwfile", secret, "--auth=scram-sha-256"),
        *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *("--data-checksums", "--no-instructions"),
        *(() if durable else ("--no-sync",)),
    ]


def _start(home: Home, account: Account, programs: Binaries, way: Way) -> Outcome:
    """Configure and start once; return pg_ctl's answer together with what the server itself logged meanwhile."""
    state = read_state(home)
    state = replace(state, port=free_port(state.port), socket_dir=str(socket_folder(home, account, state.socket_dir)))
    settings = conf.postgresql_conf(
        home,
        port=state.port,
        socket_dir=Path(state.socket_dir),
        durable=way.durable,
        archive=state.archive,
        recovery=way.recovery,
    )
    archiving.prepare(home)
    write_whole(home.postgres / "pg_hba.conf", conf.HBA, 0o644)
    write_whole(home.postgres / "postgresql.conf", settings, 0o644)
    write_state(home, state)
    before = home.log.stat().st_size if home.log.exists() else 0
    quoted = str(home.postgres / "postgresql.conf").replace("'", "'\\''")
    command = [programs.program("pg_ctl"), "start", "--silent", "--wait", f"--timeout={way.seconds}"]
    command += ["--pgdata", home.data, "--log", home.log, "--options", f"-c config_file='{quoted}'"]
    outcome = run(command, account, timeout=way.seconds + 15)
    return Outcome(outcome.status, logged(home, before) + outcome.text)


def logged(home: Home, before: int) -> str:
    """Return what the server's log has from some byte on."""
    if not home.log.exists():
        return ""
    with home.log.open(errors="replace") as stream:
        stream.seek(before)
        return f"{stream.read()}\n"


def _require_success(home: Home, action: str, outcome: Outcome) -> None:
    if outcome.status != 0:
        raise failure(home, action, outcome.text)


def failure(home: Home, action: str, text: str) -> CaretideError:
    """Return the error for what failed, with the most telling line of what was said."""
    if says_full(text):
        return disk_full(home.path)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in _TELLING)] or lines or ["it said nothing"]
    return Unavailable(f"{action} in {home.path} failed: {telling[0]}. The log is {home.log}.")
