"""Who starts, who shares, who is last: advisory locks on files, which the kernel drops when a process dies."""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from caretide.kernel.errors import Unavailable
from caretide.postgres.folders import Home

START_SECONDS = 600
"""How long a start may take: recovery after a crash replays up to a gigabyte of log."""
_DOOR_SECONDS = START_SECONDS + 30
_POLL_SECONDS = 0.02


@contextmanager
def door(home: Home, *, seconds: float = _DOOR_SECONDS) -> Generator[None]:
    """Be the only one who starts or stops the server; raise Unavailable when another holds the door too long."""
    descriptor = _locked(home.postgres / "door.lock", fcntl.LOCK_EX, seconds)
    try:
        yield
    finally:
        os.close(descriptor)


def hold(home: Home) -> int:
    """Take a share of the server and return its descriptor; closing it, or dying, gives it back. Held at the door."""
    return _locked(home.postgres / "share.lock", fcntl.LOCK_SH, seconds=5)


def alone(home: Home) -> bool:
    """Whether nobody holds a share. Asked at the door, so that nobody can take one meanwhile."""
    descriptor = _open(home.postgres / "share.lock")
    try:
        return _try(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


@contextmanager
def turn(path: Path) -> Generator[bool]:
    """Take the turn among all who ask at a file; say whether it was ours to take, without waiting for it."""
    descriptor = _open(path)
    try:
        yield _try(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def _locked(path: Path, kind: int, seconds: float) -> int:
    deadline = time.monotonic() + seconds
    while True:
        descriptor = _open(path)
        if _try(descriptor, kind) and _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise Unavailable(
                f"Another process has been starting or stopping the database for {seconds:.0f} seconds "
                f"(it holds {path}). Wait for it, or end it and try again."
            )
        time.sleep(_POLL_SECONDS)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the locked file is still the one at the path: a lock on a file that someone removed excludes nobody."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
