"""Finds the files of a folder, and opens them."""

import gzip
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

SUFFIXES: Final = (".ndjson", ".ndjson.gz", ".json", ".json.gz")

_GZIP_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True)
class Candidate:
    """A file that may hold FHIR. `label` is its path inside the folder; `refused` says why it is not to be opened."""

    path: Path
    label: str
    refused: str | None = None

    @property
    def is_lines(self) -> bool:
        """Whether the name promises one resource a line."""
        return self.label.lower().endswith((".ndjson", ".ndjson.gz"))


def candidates(path: Path) -> list[Candidate]:
    """Return the FHIR files of a folder and its subfolders by label, or the one file; raise OSError.

    Hidden files and folders are passed over. Symbolic links are not followed where they lead out of the folder, so
    that a folder from elsewhere cannot make us read what is not in it.
    """
    if not path.is_dir():
        return [Candidate(path, _label(path.name))]
    root = path.resolve(strict=True)
    found = [
        Candidate(file, _label(file.relative_to(root).as_posix()), _refusal(file, root)) for file in sorted(_walk(root))
    ]
    return sorted(found, key=lambda item: item.label)


def _walk(root: Path) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(root, onerror=_fail):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and name.lower().endswith(SUFFIXES):
                yield Path(folder, name)


def _fail(error: OSError) -> None:
    raise error


def _refusal(file: Path, root: Path) -> str | None:
    target = file.resolve()
    if not target.is_relative_to(root):
        return "a symbolic link out of the folder is not followed"
    if not target.exists():
        return "a symbolic link that leads nowhere"
    return None if stat.S_ISREG(target.stat().st_mode) else "not a regular file"


def _label(name: str) -> str:
    """Return a name that can be written as UTF-8, whatever bytes it has on disk."""
    return os.fsencode(name).decode("utf-8", "replace")


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading, unpacked where it begins as gzip does, whatever its name; raise OSError."""
    with path.open("rb") as start:
        packed = start.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return cast("BinaryIO", gzip.open(path, "rb")) if packed else path.open("rb")
