"""Copies of the vault beside the backups: documents are written once, lie sealed, and are named by their hashes."""

import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from caretide.postgres.folders import Home
from caretide.vault.keys import sync_folder

VAULT: Final = "vault"
_SETTLED_SECONDS: Final = 5
"""How long a folder must have been left alone before its time says that nothing is new in it: clocks of disks tick."""


@dataclass
class Known:
    """When each folder of the vault last changed, of those that were copied wholly: what makes a look quick."""

    changed: dict[Path, int] = field(default_factory=dict[Path, int])


def add(home: Home, there: Path, known: Known) -> int:
    """Copy the documents that `there` lacks, looking only into folders that changed; return how many."""
    copied = 0
    for folder in sorted((home.path / "vault").glob("*/??")):
        changed, now = folder.stat().st_mtime_ns, time.time_ns()
        if known.changed.get(folder) == changed:
            continue
        for source in sorted(path for path in folder.iterdir() if path.is_file()):
            copied += copy(source, there / source.relative_to(home.path / "vault"), there.parent)
        if now - changed > _SETTLED_SECONDS * 1_000_000_000:
            known.changed[folder] = changed
    return copied


def copy(source: Path, final: Path, top: Path) -> bool:
    """Copy a document that is not there yet, whole or not at all; `top` is there already. Return whether it was new."""
    if final.exists() and final.stat().st_size == source.stat().st_size:
        return False
    make_private(final.parent, top)
    half = final.with_name(f"{final.name}.part")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with source.open("rb") as sealed, os.fdopen(descriptor, "wb") as new:
        shutil.copyfileobj(sealed, new)
        new.flush()
        os.fsync(new.fileno())
    half.replace(final)
    sync_folder(final.parent)
    return True


def make_private(folder: Path, inside: Path) -> None:
    """Create a folder and those above it up to `inside`, closed to others."""
    if folder != inside and not folder.exists():
        make_private(folder.parent, inside)
        folder.mkdir(mode=0o700)
