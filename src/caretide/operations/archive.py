"""The archive of the log: every finished part of it is sealed into the folder of backups, as soon as it is finished.

It lies in `wal/` under a name of its own for each home, so that a restored one never writes over what it came from. A
part's file says when the part was finished. The log reaches the disk in order, so whatever was acknowledged by then is
in it or in those before it. Its name is bound to its content by the seal. Documents go before the log that names them.
"""

import errno
import json
import os
import secrets
import time
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg

from caretide.kernel.clock import Clock, system_clock
from caretide.kernel.errors import CaretideError, Conflict, Unavailable
from caretide.operations import vault_copy
from caretide.postgres import archiving
from caretide.postgres.archiving import Finished
from caretide.postgres.folders import Home, disk_full, existing, explained, write_whole
from caretide.postgres.locks import turn
from caretide.settings import Settings
from caretide.vault.keys import Keyring, sync_folder
from caretide.vault.stream import open_stream, seal_stream

WAL: Final = "wal"
_STAMP: Final = "%Y%m%dT%H%M%S%fZ"
_SUFFIX: Final = ".sealed"
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_FLUSH_SECONDS: Final = 600


@dataclass(frozen=True)
class Kept:
    """A sealed part in the archive. `until`: what was acknowledged by then is in it, or before it."""

    name: str
    until: datetime
    path: Path


@dataclass(frozen=True)
class Passed:
    """How the last pass over what waited went; kept beside the server, where the doctor looks."""

    at: datetime
    sealed: int
    error: str = ""


@dataclass
class Archivist:
    """Carries the log of one home into one folder. Several may: one at a time does."""

    settings: Settings
    clock: Clock = system_clock
    known: vault_copy.Known = field(default_factory=vault_copy.Known)

    def carry(self) -> Passed | None:
        """Archive what waits; return how that went, None where there is nothing to do or another is at it.

        Never raises for what an operator can mend: that is written down, and tried again with the next call.
        """
        home = existing(self.settings.home)
        if home is None or self.settings.archive is None or not archiving.receipts(home).exists():
            return None
        with turn(archiving.receipts(home) / _LOCK) as ours:
            if not ours:
                return None
            finished = archiving.finished(home)
            archiving.sweep(home, {one.name for one in finished})
            waiting = [one for one in finished if not archiving.is_confirmed(home, one.name)]
            if not waiting:
                return None
            passed = self._carry(home, self.settings.archive, waiting)
            _write_down(home, passed)
        return passed

    def _carry(self, home: Home, folder: Path, waiting: list[Finished]) -> Passed:
        sealed = 0
        try:
            with _told(folder):
                place = _place(folder, identity(home))
                keyring = Keyring.open(home.path / "keys", "backup")
                vault_copy.add(home, folder / vault_copy.VAULT, self.known)
                for one in waiting:
                    _put(place, one, keyring)
                    archiving.confirm(home, one.name)
                    sealed += 1
        except CaretideError as error:
            return Passed(self.clock(), sealed, error.message)
        return Passed(self.clock(), sealed)


def flush(archivist: Archivist, admin_url: str) -> None:
    """Archive everything up to now: have the server finish the part that it writes, and carry what waits.

    Raises Unavailable where it could not be archived.
    """
    home = Home(archivist.settings.home.expanduser().absolute())
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("SELECT pg_switch_wal()")
    begun = time.monotonic()
    while any(not archiving.is_confirmed(home, one.name) for one in archiving.finished(home)):
        passed = archivist.carry()
        if passed is not None and passed.error:
            raise Unavailable(passed.error)
        if time.monotonic() - begun > _FLUSH_SECONDS:
            raise Unavailable(f"Another process has been archiving for {_FLUSH_SECONDS} seconds.")
        time.sleep(0 if passed else 0.1)


def identity(home: Home) -> str:
    """Return what this home's archive is called, making up a name that no other has where there is none yet."""
    path = archiving.receipts(home) / _IDENTITY
    if not path.exists():
        draft = path.with_name(f".{_IDENTITY}.{secrets.token_hex(8)}")
        write_whole(draft, secrets.token_hex(8), 0o600)
        # A link appears whole or not at all, and never over another: whoever is first names it for all.
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
        sync_folder(path.parent)
    return path.read_text("ascii").strip()


def last_pass(home: Home) -> Passed | None:
    """Return how the last pass went."""
    try:
        values = json.loads((archiving.receipts(home) / _LAST).read_text("utf-8"))
        return Passed(datetime.fromisoformat(values["at"]), values["sealed"], values["error"])
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


def kept(folder: Path, name: str) -> list[Kept]:
    """Return every part of the archive `name` in a folder of backups, in the order in which they were written."""
    place = folder / WAL / name
    found = [_read_name(path) for path in place.glob(f"*{_SUFFIX}")] if place.is_dir() else []
    return sorted((one for one in found if one is not None), key=lambda one: one.name)


def opened(one: Kept, keyring: Keyring) -> Iterator[bytes]:
    """Yield a part's plain bytes; IntegrityFault where it was cut, changed, or is not what its name says."""
    unpacker = zlib.decompressobj()
    with one.path.open("rb") as source:
        for chunk in open_stream(keyring, _bound(one.path), source):
            yield unpacker.decompress(chunk)
    yield unpacker.flush()


def prune(folder: Path, name: str, first: str) -> int:
    """Remove the segments that come before `first`, which the oldest backup begins with; return how many."""
    timeline, number = archiving.place_of(first)
    gone = 0
    for one in kept(folder, name):
        if archiving.is_segment(one.name) and archiving.place_of(one.name) < (timeline, number):
            one.path.unlink(missing_ok=True)
            gone += 1
    return gone


_IDENTITY, _LAST, _LOCK = "identity", "last.json", "lock"


@contextmanager
def _told(folder: Path) -> Generator[None]:
    """Turn what the operating system says into words about the archive's folder."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise disk_full(folder) from error
        raise Unavailable(f"{error.filename or folder}: {error.strerror or error}.") from error


def _place(folder: Path, name: str) -> Path:
    """Return the archive's folder. The folder of backups itself is never made: an unmounted disk is not written past.

    Where it stood once, and does not now, something is wrong with it.
    """
    if not folder.is_dir():
        raise Unavailable(f"{folder} is not there: make the folder, or mount the disk that it is on.")
    place = folder / WAL / name
    for step in (folder / WAL, place):
        if not step.exists():
            step.mkdir(mode=0o700)
            sync_folder(step.parent)
    return place


def _put(place: Path, one: Finished, keyring: Keyring) -> None:
    """Seal a part into its place; what is there already must be the same, and is left as it is."""
    plain = one.path.read_bytes()
    for path in place.glob(f"{one.name}.*{_SUFFIX}"):
        before = _read_name(path)
        if before is None or before.name != one.name:
            continue
        if b"".join(opened(before, keyring)) != plain:
            raise Conflict(f"{path} holds another part of the log by that name. Nothing is written over it.")
        return
    final = place / f"{one.name}.{one.at.astimezone(UTC).strftime(_STAMP)}{_SUFFIX}"
    half = final.with_suffix(".part")
    half.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
            for piece in seal_stream(keyring, _bound(final), [zlib.compress(plain, 1)]):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        half.rename(final)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    sync_folder(place)


def _bound(path: Path) -> str:
    """Return what a seal is bound to: the archive, the part and the time."""
    return f"{path.parent.name}/{path.name}"


def _read_name(path: Path) -> Kept | None:
    name, _, stamp = path.name.removesuffix(_SUFFIX).rpartition(".")
    try:
        return Kept(name, datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC), path)
    except ValueError:
        return None


def _write_down(home: Home, passed: Passed) -> None:
    with explained(home.path):
        write_whole(archiving.receipts(home) / _LAST, json.dumps(asdict(passed), default=str), 0o600)
