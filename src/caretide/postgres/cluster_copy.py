"""A copy of the running embedded server, and a server made of one: PostgreSQL's own tools do both.

The copy is a tar of the data directory with the log that makes it consistent and PostgreSQL's manifest inside. It
is streamed: no plain copy of it lies on any disk on the way.
"""

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import psycopg

from caretide.kernel.errors import CaretideError, Conflict, Unavailable
from caretide.postgres import binaries, conf, locks, passwords
from caretide.postgres.account import Account, give, run, server_account
from caretide.postgres.folders import Home, State, claim_for, disk_full, explained, says_full, write_state, write_whole
from caretide.postgres.roles import ROLES_VERSION, LoginRole
from caretide.postgres.server import Cluster

SIGNAL: Final = "recovery.signal"
"""While this file is there, the server starts with what it shall replay, or not at all. It removes it at the end."""
_VERIFY_SECONDS: Final = 3600
_READ_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class _Reader:
    """A file that tarfile can read, out of a stream of chunks."""

    chunks: Iterator[bytes]
    rest: bytearray

    def read(self, size: int) -> bytes:
        while len(self.rest) < size and (chunk := next(self.chunks, b"")):
            self.rest.extend(chunk)
        taken = bytes(self.rest[:size])
        del self.rest[:size]
        return taken


def stream(cluster: Cluster) -> Iterator[bytes]:
    """Yield a tar of the running server; raise Unavailable when it cannot be copied."""
    home = Home(cluster.home)
    _admit(home, cluster)
    program = binaries.usable(home.path, server_account()).program("pg_basebackup")
    command: list[str | Path] = [program, "--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast"]
    command += [
        "--no-password",
        "--manifest-checksums=SHA256",
        f"--host={cluster.socket_dir}",
        f"--port={cluster.port}",
    ]
    command += [f"--username={LoginRole.ADMIN.login}", "--label=caretide"]
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGPASSWORD": passwords.read(home, LoginRole.ADMIN)}
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            env=environment,
        ) as copying,
    ):
        try:
            while copying.stdout is not None and (chunk := copying.stdout.read(_READ_BYTES)):
                yield chunk
        except BaseException:
            copying.kill()
            raise
        if copying.wait() != 0:
            said.seek(0)
            text = said.read().decode(errors="replace").strip()
            raise Unavailable(f"The server could not be copied: {text.splitlines()[-1] if text else 'it said nothing'}")


def _admit(home: Home, cluster: Cluster) -> None:
    """Let the superuser copy over the socket; a server that an older program started does not know that yet."""
    path = home.postgres / "pg_hba.conf"
    if path.read_text() != conf.HBA:
        write_whole(path, conf.HBA, 0o644)
        with psycopg.connect(cluster.url(LoginRole.ADMIN, "postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")


def unpack(path: Path, chunks: Iterable[bytes], *, replaying: bool = False) -> Home:
    """Make a home's server out of a tar, verified against PostgreSQL's manifest; it has not been started yet.

    With `replaying` it starts by `replay` alone: any other start is refused by the server itself. The home must have no
    server yet. Raises Conflict where it has one, and where the copy is not what was taken.
    """
    account = server_account()
    home = claim_for(path, account)
    with locks.door(home), explained(home.path):
        if home.data.exists():
            raise Conflict(f"{home.path} has a database already; restore into an empty folder.")
        half = Path(tempfile.mkdtemp(prefix="data.part-", dir=home.postgres))
        try:
            _extract(chunks, half, account)
            _verify(home, half, account)
            if replaying:
                (half / SIGNAL).touch(mode=0o600)
                give(half / SIGNAL, account)
            write_state(home, State(roles=ROLES_VERSION))
            half.rename(home.data)
        except BaseException:
            shutil.rmtree(half, ignore_errors=True)
            raise
    return home


def _extract(chunks: Iterable[bytes], folder: Path, account: Account) -> None:
    """Write the tar's files and folders as the account's own: whatever else an archive can hold is refused."""
    reader: Any = _Reader(iter(chunks), bytearray())
    try:
        with tarfile.open(fileobj=reader, mode="r|") as tar:
            for member in tar:
                path = folder / member.name
                if ".." in path.parts or Path(member.name).is_absolute() or not (member.isdir() or member.isreg()):
                    raise Conflict(f"The copy of the database holds {member.name!r}, which no server has.")
                if member.isdir():
                    path.mkdir(mode=0o700, exist_ok=True)
                elif (source := tar.extractfile(member)) is not None:
                    _write(path, source)
                give(path, account)
    except tarfile.TarError as error:
        raise Conflict(f"The copy of the database is not whole: {error}. Use another backup.") from error
    give(folder, account)


def _write(path: Path, source: IO[bytes]) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        shutil.copyfileobj(source, file, _READ_BYTES)


def _verify(home: Home, data: Path, account: Account) -> None:
    program = binaries.usable(home.path, account).program("pg_verifybackup")
    outcome = run([program, "--quiet", "--exit-on-error", data], account, timeout=_VERIFY_SECONDS)
    if outcome.status == 0:
        with suppress(FileNotFoundError):
            (data / "backup_manifest").unlink()
        return
    raise _failed(home, outcome.text)


def _failed(home: Home, text: str) -> CaretideError:
    if says_full(text):
        return disk_full(home.path)
    lines = text.strip().splitlines() or ["pg_verifybackup said nothing"]
    return Conflict(f"The copy of the database is not what was taken: {lines[-1]}. Use another backup.")
