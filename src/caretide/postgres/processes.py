"""What runs: the postmaster that a data directory names, its children, and the remains of those that were killed."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from caretide.kernel.errors import Unavailable
from caretide.postgres.folders import Home
from caretide.postgres.locks import START_SECONDS

_ORPHAN_SECONDS = 30
_POLL_SECONDS = 0.02
_PROC = Path("/proc")


@dataclass(frozen=True)
class Postmaster:
    """A living server. `ready` is false while it starts, recovers or stops."""

    pid: int
    ready: bool


def cluster_name(home: Home) -> str:
    """Return the name that the titles of this home's server processes carry."""
    return f"caretide-{sha256(os.fsencode(home.data)).hexdigest()[:12]}"


def postmaster(home: Home) -> Postmaster | None:
    """Return the living server of this home.

    A process id in a file is not enough: the process may be a zombie that nobody reaps, or, after a restart of the
    host, somebody else. The command line tells.
    """
    lines = _pid_file(home)
    pid = int(lines[0]) if lines and lines[0].strip().isdigit() else 0
    if not pid or not _serves(home, _command(pid)):
        return None
    return Postmaster(pid, ready=len(lines) > 7 and lines[7].strip() == "ready")


def settle(home: Home, socket_dir: Path | None) -> bool:
    """Wait until the server is ready (True) or wholly gone (False), and clear away what a killed one left.

    A killed postmaster's children may live on for a moment; starting over them would be refused, and clearing their
    lock file away could ruin the data. Held at the door.
    """
    begun = time.monotonic()
    while True:
        _reap(home)
        alive = postmaster(home)
        if alive is not None and alive.ready:
            return True
        rest = [] if alive is not None else _server_processes(home)
        if alive is None and not rest:
            _clear(home, socket_dir)
            return False
        if time.monotonic() - begun > (START_SECONDS if alive is not None else _ORPHAN_SECONDS):
            raise Unavailable(
                f"The database of {home.path} neither runs nor ends (process {alive.pid if alive else rest}). "
                f"See {home.log}; end the process and try again."
            )
        time.sleep(_POLL_SECONDS)


def _reap(home: Home) -> None:
    """Collect a dead postmaster that became our child: as process 1 of a container we inherit it."""
    lines = _pid_file(home)
    if lines and lines[0].strip().isdigit() and int(lines[0]) > 0:
        with suppress(ChildProcessError):
            os.waitpid(int(lines[0]), os.WNOHANG)


def _clear(home: Home, socket_dir: Path | None) -> None:
    """Remove lock files whose process is gone: PostgreSQL takes a zombie, or a reused process id, for a live server."""
    (home.data / "postmaster.pid").unlink(missing_ok=True)
    if socket_dir is not None and socket_dir.is_dir():
        for leftover in socket_dir.glob(".s.PGSQL.*"):
            leftover.unlink(missing_ok=True)


def _pid_file(home: Home) -> list[str]:
    try:
        return (home.data / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _server_processes(home: Home) -> list[int]:
    title = f"postgres: {cluster_name(home)}:"
    return [pid for pid, command in _commands() if _serves(home, command) or command[0].startswith(title)]


def _serves(home: Home, command: list[str]) -> bool:
    return bool(command) and Path(command[0]).name == "postgres" and str(home.data) in command


def _command(pid: int) -> list[str]:
    """Return a process's arguments; none for one that is gone or a zombie."""
    if not _PROC.joinpath("self", "cmdline").exists():
        return dict(_commands()).get(pid, [])
    try:
        raw = _PROC.joinpath(str(pid), "cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(part) for part in raw.rstrip(b"\0").split(b"\0")] if raw else []


def _commands() -> Iterator[tuple[int, list[str]]]:
    if _PROC.joinpath("self", "cmdline").exists():
        for entry in _PROC.iterdir():
            if entry.name.isdigit() and (command := _command(int(entry.name))):
                yield int(entry.name), command
        return
    # macOS has no /proc. Its ps separates arguments by spaces, so a path with spaces is found only by its title.
    listing = subprocess.run(["/bin/ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
    for line in listing.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        yield int(pid), [command] if command.startswith("postgres:") else command.split()
