"""Key-encryption keys: numbered versions in files of mode 0600.

The newest version encrypts, every older one still decrypts, so a rotation rewrites nothing. A file is named
`<name>.<version>.key` and holds 64 hexadecimal digits. Losing these files loses everything that was encrypted with
them: they belong in the backup, apart from the database.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Final, Self

from caretide.kernel.errors import Conflict, Invalid, Unavailable

KEY_BYTES: Final = 32
NEWEST_VERSION: Final = 0xFFFF
"""Versions are written as two bytes in every envelope."""

_OTHERS: Final = 0o077


class Keyring:
    """All versions of one key. Thread-safe; a version that another process added is found when it is first needed."""

    def __init__(self, folder: Path, name: str, keys: Mapping[int, bytes]) -> None:
        self._folder = folder
        self._name = name
        self._keys = dict(keys)
        self._lock = Lock()

    @classmethod
    def open(cls, folder: Path, name: str) -> Self:
        """Load the keys called `name` from `folder`, generating version 1 when there is none.

        Processes that start at the same time end with the same key. Raises Invalid when a key file can be read by
        others or holds no key, Unavailable when the folder cannot be used.
        """
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
            raise Invalid(f"'{name}' cannot name a key; use lower-case letters, digits, - and _")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            keys = _load(folder, name)
            if not keys:
                _create(folder, name, 1)
                keys = _load(folder, name)
        except OSError as error:
            raise Unavailable(f"the keys in {folder} cannot be used: {error.strerror}") from error
        return cls(folder, name, keys)

    @property
    def current(self) -> int:
        """The version that new envelopes use."""
        return max(self._keys)

    def has(self, version: int) -> bool:
        """Tell whether a version is here, looking again at the folder for one that is not known yet."""
        if version not in self._keys:
            with self._lock:
                # A new dictionary: another thread may be walking the old one.
                self._keys = self._keys | _load(self._folder, self._name)
        return version in self._keys

    def key(self, version: int) -> bytes:
        """Return the 32 bytes of a version; raise Unavailable naming the missing file."""
        self.has(version)
        try:
            return self._keys[version]
        except KeyError:
            missing = _path(self._folder, self._name, version)
            raise Unavailable(f"the key {missing} is missing; restore it from the backup of the keys") from None

    def rotate(self, *, above: int = 0) -> int:
        """Add a new version, greater than `above`, and return it; older versions stay readable.

        Raises Conflict when another process just did. Processes that are running write with the older version until
        they first meet the new one.
        """
        with self._lock:
            version = max(above, *(self._keys | _load(self._folder, self._name))) + 1
            if version > NEWEST_VERSION:
                raise Invalid(f"the key '{self._name}' has no version left after {NEWEST_VERSION}")
            if not _create(self._folder, self._name, version):
                raise Conflict(f"another process is rotating the key '{self._name}'; look again before rotating")
            self._keys = _load(self._folder, self._name)
            return version


def _path(folder: Path, name: str, version: int) -> Path:
    return folder / f"{name}.{version}.key"


def _load(folder: Path, name: str) -> dict[int, bytes]:
    shape = re.compile(rf"{re.escape(name)}\.([1-9]\d{{0,4}})\.key")
    found = ((match, path) for path in folder.iterdir() if (match := shape.fullmatch(path.name)))
    return {int(match[1]): _read(path) for match, path in found if int(match[1]) <= NEWEST_VERSION}


def _read(path: Path) -> bytes:
    if path.stat().st_mode & _OTHERS:
        raise Invalid(f"the key {path} can be read by others; run: chmod 600 {path}")
    text = path.read_text("ascii", errors="replace").strip()
    if not re.fullmatch(rf"[0-9a-f]{{{2 * KEY_BYTES}}}", text):
        raise Invalid(f"{path} does not hold a key of {2 * KEY_BYTES} hexadecimal digits; restore it from a backup")
    return bytes.fromhex(text)


def _create(folder: Path, name: str, version: int) -> bool:
    """Write a new random key; return False when another process was first: its key is the one then."""
    draft = folder / f".{name}.{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole or not at all, and never over an existing name: nobody can read half a key.
        os.link(draft, _path(folder, name, version))
    except FileExistsError:
        return False
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    sync_folder(folder)
    return True


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
