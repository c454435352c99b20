"""A moment to restore: which backup and which part of the archived log lead to it, or why none do."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from caretide.kernel.errors import Conflict, Invalid
from caretide.operations import archive
from caretide.operations.archive import Kept
from caretide.operations.backup import Manifest
from caretide.postgres import archiving
from caretide.postgres.account import give, server_account
from caretide.postgres.folders import explained
from caretide.vault.keys import Keyring

LATEST: Final = "latest"
Moment = datetime | Literal["latest"]
_PAGE: Final = 1 << 16


@dataclass(frozen=True)
class Way:
    """The segments from a backup to a moment, one after the other. All that was acknowledged by `reach` is in them."""

    parts: list[Kept]
    reach: datetime


def read_moment(text: str) -> Moment:
    """Return the moment that a text names; raise Invalid for one without a time zone, or that names none."""
    if text == LATEST:
        return LATEST
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(
            f"{text!r} names no moment: write 2026-11-22T09:00:00Z, or 2026-11-22T03:00:00-06:00, or {LATEST}",
            field="to",
        ) from None
    if moment.tzinfo is None:
        raise Invalid(f"{text!r} has no time zone: end it with Z for UTC, or with an offset such as -06:00", field="to")
    return moment


def way(manifest: Manifest, to: Moment) -> Way:
    """Return the way from a backup to a moment; nothing is opened yet.

    Raises Invalid for a moment before the backup or after the archive's end, and Conflict where the archive has a gap.
    """
    log, folder = manifest.log, manifest.folder.parent
    if log is None:
        raise Conflict(
            f"{manifest.folder} was taken without an archive of the log (CARETIDE_ARCHIVE): "
            "it can be restored as it is, without --to."
        )
    if to != LATEST and to < log.whole:
        raise Invalid(
            f"{manifest.folder} was whole at {_told(log.whole)}, and no older backup in {folder} leads to {_told(to)}.",
            field="to",
        )
    timeline, number = archiving.place_of(log.first)
    place = folder / archive.WAL / log.archive
    there = {archiving.place_of(one.name): one for one in _segments(folder, log.archive)}
    parts: list[Kept] = []
    while (one := there.get((timeline, number + len(parts)))) is not None:
        parts.append(one)
        if to != LATEST and one.until >= to:
            return Way(parts, one.until)
    lacking = archiving.name_of(timeline, number + len(parts))
    if any(one > (timeline, number + len(parts)) for one in there):
        reach = f"It leads to {_told(parts[-1].until)} and no further." if parts else "It leads nowhere without it."
        raise Conflict(f"The archive in {place} lacks the segment {lacking}. {reach}")
    if not parts or parts[-1].until < log.whole:
        raise Conflict(f"The archive in {place} ends before the backup does: {lacking} is lacking.")
    if to != LATEST:
        end = _told(parts[-1].until)
        raise Invalid(f"The archive ends at {end}, before {_told(to)}. --to {LATEST} restores all of it.", field="to")
    return Way(parts, parts[-1].until)


def reaches(manifest: Manifest) -> datetime | None:
    """Return how far the archive beside a backup leads; None where it leads no further than the backup."""
    try:
        return way(manifest, LATEST).reach
    except (Conflict, Invalid):
        return None


def lay_out(found: Way, keyring: Keyring, place: Path) -> None:
    """Open every segment into `place`, readable by the server alone; raise where one is not what was sealed."""
    account = server_account()
    with explained(place):
        for one in found.parts:
            path = place / one.name
            size = _write(path, archive.opened(one, keyring))
            if size != archiving.SEGMENT_BYTES:
                raise Conflict(f"{one.path} holds {size} bytes and not a whole segment of the log.")
            give(path, account)


def _segments(folder: Path, name: str) -> Iterable[Kept]:
    return (one for one in archive.kept(folder, name) if archiving.is_segment(one.name))


def _write(path: Path, chunks: Iterable[bytes]) -> int:
    """Write a file, leaving out what is zero: a segment that was handed on early is mostly empty."""
    size = 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in chunks:
            for start in range(0, len(chunk), _PAGE):
                page = chunk[start : start + _PAGE]
                if page.strip(b"\0"):
                    file.seek(size)
                    file.write(page)
                size += len(page)
        file.truncate(size)
    return size


def _told(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
