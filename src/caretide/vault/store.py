"""The vault: documents under the SHA-256 of their content, written once, each in an envelope of its own.

The built-in one keeps them in a folder. Whoever is root on the machine can still delete a file there: what no
administrator may delete needs S3 with Object Lock. Their absence or change never goes unnoticed, because the database
holds every hash.
"""

import contextlib
import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from caretide.kernel.errors import NotFound, Unavailable
from caretide.vault.envelope import (
    NONCE_BYTES,
    TAG_BYTES,
    WRAPPED_BYTES,
    IntegrityFault,
    new_key,
    unwrap,
    wrap,
)
from caretide.vault.keys import Keyring, sync_folder

MAGIC: Final = b"CTVAULT\x01"
"""Names the layout and its version."""

_AES_256_GCM: Final = b"\x01"
_WRAPPED_AT: Final = len(MAGIC) + len(_AES_256_GCM)
_NONCE_AT: Final = _WRAPPED_AT + WRAPPED_BYTES
_HEADER_BYTES: Final = _NONCE_AT + NONCE_BYTES
_INCOMING: Final = ".incoming"


class Vault(Protocol):
    """Where documents are kept. Synchronous; call it from a thread."""

    def put(self, tenant_id: UUID, data: bytes) -> str:
        """Keep the bytes for ever and return their SHA-256 in hexadecimal; the same bytes again change nothing."""
        ...

    def get(self, tenant_id: UUID, sha256: str) -> bytes:
        """Return the bytes with that hash; raise NotFound, or IntegrityFault when they are not what was put."""
        ...


class FolderVault:
    """The built-in vault: one file of mode 0400 per document, at `<tenant>/<first two digits>/<sha256>`.

    A file is a header (layout, algorithm, version of the key, wrapped data key, nonce) and AES-256-GCM ciphertext. The
    tag also covers the header, the tenant and the hash: a file moved to another tenant or name does not open. Drafts
    that a killed process left in `.incoming` are ciphertext, are never read, and may be removed.
    """

    def __init__(self, root: Path, keyring: Keyring) -> None:
        """Use the folder, creating it if needed; raise Unavailable when that fails."""
        self._root = root
        self._keyring = keyring
        try:
            _ensure_folder(root / _INCOMING)
        except OSError as error:
            raise Unavailable(f"the vault {root} cannot be used: {error.strerror}") from error

    def put(self, tenant_id: UUID, data: bytes) -> str:
        """Keep the bytes and return their SHA-256; on disk before it returns.

        Content that is there already is read back instead of written: IntegrityFault tells that it was damaged.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        final = self._path(tenant_id, sha256)
        try:
            if not final.exists():
                _ensure_folder(final.parent)
                self._write_once(final, _seal(self._keyring, tenant_id, sha256, data))
            # Also when the name was there: its writer may not have got this far yet.
            sync_folder(final.parent)
        except OSError as error:
            raise Unavailable(f"the vault {self._root} cannot be written: {error.strerror}") from error
        else:
            self.get(tenant_id, sha256)
            return sha256

    def get(self, tenant_id: UUID, sha256: str) -> bytes:
        """Return the bytes, after checking tag and hash; NotFound when unknown, IntegrityFault when damaged."""
        try:
            sealed = self._path(tenant_id, sha256).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"the vault holds no document {sha256}") from None
        except OSError as error:
            raise Unavailable(f"the vault {self._root} cannot be read: {error.strerror}") from error
        return _unseal(self._keyring, tenant_id, sha256, sealed)

    def _path(self, tenant_id: UUID, sha256: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise NotFound("a document is named by the 64 hexadecimal digits of its SHA-256")
        return self._root / str(tenant_id) / sha256[:2] / sha256

    def _write_once(self, final: Path, sealed: bytes) -> None:
        draft = self._root / _INCOMING / secrets.token_hex(16)
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
            with os.fdopen(descriptor, "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            # link, unlike rename, refuses to replace: the first of two writers wins, and both keep the same content.
            with contextlib.suppress(FileExistsError):
                os.link(draft, final)
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()


def _ensure_folder(folder: Path) -> None:
    """Create a folder of mode 0700 and those above it, each on disk before the next."""
    if folder.is_dir():
        return
    _ensure_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def _bound(header: bytes, tenant_id: UUID, sha256: str) -> bytes:
    return header + tenant_id.bytes + bytes.fromhex(sha256)


def _seal(keyring: Keyring, tenant_id: UUID, sha256: str, data: bytes) -> bytes:
    key, nonce = new_key(), secrets.token_bytes(NONCE_BYTES)
    header = MAGIC + _AES_256_GCM + wrap(keyring, key) + nonce
    return header + AESGCM(key).encrypt(nonce, data, _bound(header, tenant_id, sha256))


def _unseal(keyring: Keyring, tenant_id: UUID, sha256: str, sealed: bytes) -> bytes:
    header = sealed[:_HEADER_BYTES]
    if len(sealed) < _HEADER_BYTES + TAG_BYTES or not header.startswith(MAGIC + _AES_256_GCM):
        raise IntegrityFault(f"the document {sha256} in the vault is cut or of an unknown format; restore a backup")
    key = unwrap(keyring, header[_WRAPPED_AT:_NONCE_AT])
    try:
        data = AESGCM(key).decrypt(header[_NONCE_AT:], sealed[_HEADER_BYTES:], _bound(header, tenant_id, sha256))
    except InvalidTag:
        raise IntegrityFault(f"the document {sha256} in the vault was changed; restore a backup") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise IntegrityFault(f"the document {sha256} in the vault is another document; restore a backup")
    return data
