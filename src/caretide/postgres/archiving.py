"""The write-ahead log, handed on: which segments the server has finished, and how it learns that one is safe elsewhere.

The server's account can read neither our keys nor the archive. So it copies nothing: whoever may seals a finished
segment into the archive and leaves a receipt, and the server's command only looks for that. Until then the server keeps
the segment, through restarts and crashes.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from caretide.postgres.folders import Home

SEGMENT_BYTES: Final = 16 * 1024 * 1024
"""What initdb makes them; a server of ours has no other size."""
_IN_A_LOG: Final = (1 << 32) // SEGMENT_BYTES
_NAME_DIGITS: Final = 24


@dataclass(frozen=True)
class Finished:
    """A file of the log that waits to be archived: a segment, or a small one that tells of a backup or a timeline."""

    name: str
    path: Path
    at: datetime


def receipts(home: Home) -> Path:
    """Return the folder of receipts; the server's account can pass through it, and list nothing."""
    return home.postgres / "archived"


def command(home: Home) -> str:
    """Return what the server runs for each finished file: succeed once there is a receipt, wait five seconds for it.

    126 ends the server's archiver rather than let a stop wait: what is left waits for the next start.
    """
    place = str(receipts(home)).replace("%", "%%")
    looks = f'test -f "{place}/%f" && exit 0; grep -q stopping postmaster.pid && exit 126; sleep 0.5'
    return f"for i in 1 2 3 4 5 6 7 8 9 10; do {looks}; done; exit 1"


def finished(home: Home) -> list[Finished]:
    """Return what the server has finished and does not know to be safe yet, the oldest first."""
    log = home.data / "pg_wal"
    found: list[Finished] = []
    for marker in sorted((log / "archive_status").glob("*.ready")):
        try:
            at = datetime.fromtimestamp(marker.stat().st_mtime, UTC)
        except FileNotFoundError:
            continue
        found.append(Finished(marker.stem, log / marker.stem, at))
    return found


def is_confirmed(home: Home, name: str) -> bool:
    """Whether a file has its receipt; the server looks for it within a minute."""
    return (receipts(home) / name).exists()


def confirm(home: Home, name: str) -> None:
    """Tell the server that a file is safe."""
    os.close(os.open(receipts(home) / name, os.O_WRONLY | os.O_CREAT, 0o644))


def sweep(home: Home, waiting: set[str]) -> None:
    """Remove receipts that the server has taken note of: those of files that do not wait any more."""
    for path in receipts(home).iterdir():
        if path.name not in waiting and is_segment(path.name[:_NAME_DIGITS]):
            path.unlink(missing_ok=True)


def prepare(home: Home) -> None:
    """Make the folder of receipts, as passable as what it stands in."""
    place = receipts(home)
    place.mkdir(mode=0o711, exist_ok=True)
    place.chmod(0o711 if os.geteuid() == 0 else 0o700)


def is_segment(name: str) -> bool:
    """Whether a file of the log is a whole segment."""
    return len(name) == _NAME_DIGITS and all(digit in "0123456789ABCDEF" for digit in name)


def place_of(name: str) -> tuple[int, int]:
    """Return a segment's timeline and its number in it; each number follows the one before."""
    return int(name[:8], 16), int(name[8:16], 16) * _IN_A_LOG + int(name[16:], 16)


def name_of(timeline: int, number: int) -> str:
    """Return the name of a segment."""
    return f"{timeline:08X}{number // _IN_A_LOG:08X}{number % _IN_A_LOG:08X}"
