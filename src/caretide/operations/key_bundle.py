"""Keys and passwords of an installation in one file, apart from the backup that they open.

With a passphrase the file is sealed by a key made of it (scrypt) and may lie anywhere, a safe or another cloud. Without
one it holds the keys as they are, and is refused beside the backup.
"""

import io
import json
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from caretide.kernel.errors import Conflict, Invalid, NotFound
from caretide.postgres.folders import Home, explained, write_whole

PLAIN, SEALED = "caretide-keys.json", "caretide-keys.sealed"
LONG_ENOUGH: Final = 15
_MAGIC: Final = b"CTKEYS\x01"
_SALT_BYTES, _NONCE_BYTES = 16, 12
_SCRYPT_N: Final = 1 << 16
_FOLDERS: Final = ("keys", "secrets")


def gather(home: Home) -> dict[str, str]:
    """Return the text of every key and password file by its place under home."""
    paths = (path for folder in _FOLDERS for path in sorted((home.path / folder).glob("[!.]*")))
    return {f"{path.parent.name}/{path.name}": path.read_text("ascii") for path in paths if path.is_file()}


def write(folder: Path, files: dict[str, str], passphrase: str | None) -> Path:
    """Write the bundle into `folder`, replacing an older one whole; return its path."""
    plain = json.dumps(files)
    with explained(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if passphrase is None:
            path = folder / PLAIN
            write_whole(path, plain, 0o600)
            return path
        path, half = folder / SEALED, folder / f"{SEALED}.part"
        half.unlink(missing_ok=True)
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(_seal(plain.encode(), passphrase))
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
        return path


def read(folder: Path, passphrase: str | None) -> dict[str, str]:
    """Return what `write` was given; raise NotFound, or Invalid for the wrong passphrase."""
    if (folder / SEALED).exists():
        if passphrase is None:
            raise Invalid(f"{folder / SEALED} needs its passphrase: --passphrase-file FILE", field="passphrase_file")
        plain = _open((folder / SEALED).read_bytes(), passphrase, folder)
    elif (folder / PLAIN).exists():
        plain = (folder / PLAIN).read_bytes()
    else:
        raise NotFound(f"{folder} holds no keys of a backup ({SEALED} or {PLAIN}); name their folder with --keys")
    return json.load(io.BytesIO(plain))


def put_back(home: Home, files: dict[str, str]) -> None:
    """Write keys and passwords into an empty home's folders, readable by us alone."""
    for name, text in files.items():
        folder, _, file = name.partition("/")
        if folder not in _FOLDERS or not file or "/" in file or file.startswith("."):
            raise Conflict(f"The bundle of keys holds {name!r}, which is neither key nor password.")
        (home.path / folder).mkdir(mode=0o700, exist_ok=True)
        write_whole(home.path / folder / file, text, 0o600)


def read_passphrase(path: Path | None) -> str | None:
    """Return the first line of a file; raise Invalid when others can read it or it is short."""
    if path is None:
        return None
    try:
        others = path.stat().st_mode & 0o077
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}", field="passphrase_file") from error
    if others:
        raise Invalid(f"{path} can be read by others; run: chmod 600 {path}", field="passphrase_file")
    if not lines or len(lines[0]) < LONG_ENOUGH:
        raise Invalid(f"a passphrase has {LONG_ENOUGH} characters or more, on the first line", field="passphrase_file")
    return lines[0]


def require_apart(backup: Path, keys: Path, passphrase: str | None) -> None:
    """Raise Invalid when keys that are not sealed would lie with what they open."""
    first, second = backup.expanduser().resolve(), keys.expanduser().resolve()
    if passphrase is None and (first == second or first in second.parents or second in first.parents):
        raise Invalid(
            "Keys without a passphrase cannot lie with the backup that they open: name another folder with --keys, "
            "best on another disk, or seal them with --passphrase-file FILE.",
            field="keys",
        )


def _seal(plain: bytes, passphrase: str) -> bytes:
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    head = _MAGIC + salt + nonce
    return head + AESGCM(_derive(passphrase, salt)).encrypt(nonce, plain, head)


def _open(sealed: bytes, passphrase: str, folder: Path) -> bytes:
    start = len(_MAGIC) + _SALT_BYTES + _NONCE_BYTES
    head = sealed[:start]
    salt, nonce = head[len(_MAGIC) : -_NONCE_BYTES], head[-_NONCE_BYTES:]
    told = f"{folder / SEALED} does not open: another passphrase, or the file was changed"
    if len(sealed) < start or not head.startswith(_MAGIC):
        raise Invalid(told, field="passphrase_file")
    try:
        return AESGCM(_derive(passphrase, salt)).decrypt(nonce, sealed[start:], head)
    except InvalidTag:
        raise Invalid(told, field="passphrase_file") from None


def _derive(passphrase: str, salt: bytes) -> bytes:
    """64 MiB of memory a guess: n = 2**16, r = 8."""
    return Scrypt(salt=salt, length=32, n=_SCRYPT_N, r=8, p=1).derive(passphrase.encode())
