"""Keys wrapped by keys, and single values encrypted with a tenant's key.

Everything that leaves here starts with a format byte that names its algorithms and the version of the key it needs, so
that both can change while the old stays readable (ASVS 5.0, 11.2.2).
"""

import secrets
import struct
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from caretide.kernel.errors import Conflict, Invalid, Unavailable
from caretide.vault.keys import KEY_BYTES, NEWEST_VERSION, Keyring

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
WRAPPED_BYTES: Final = 43
"""One wrapped key: the format byte, the version, and AES-KW's 40 bytes (RFC 3394)."""

_AES_KW: Final = 1
_WRAP_GCM: Final = 2
_AES_GCM: Final = 1
_HEAD: Final = struct.Struct(">BH")


class IntegrityFault(Conflict):
    """What is stored was changed, or belongs to another place; restore it from a backup."""


class UnknownVersion(Unavailable):
    """A value was sealed with a version of the tenant's key that this process has not read yet."""


def new_key() -> bytes:
    """Return a fresh random data key."""
    return secrets.token_bytes(KEY_BYTES)


def wrap(kek: Keyring, key: bytes) -> bytes:
    """Return a 32-byte key wrapped by the keyring's current version: 43 bytes that may be stored anywhere."""
    if len(key) != KEY_BYTES:
        raise Invalid(f"a data key has {KEY_BYTES} bytes, not {len(key)}")
    version = kek.current
    return _HEAD.pack(_AES_KW, version) + aes_key_wrap(kek.key(version), key)


def wrap_for(kek: Keyring, key: bytes, place: bytes) -> bytes:
    """Return a key wrapped for one place (a tenant and version) by AES-256-GCM: it unwraps nowhere else."""
    version, nonce = kek.current, secrets.token_bytes(NONCE_BYTES)
    head = _HEAD.pack(_WRAP_GCM, version)
    return head + nonce + AESGCM(_subkey(kek.key(version), b"caretide wrap 2")).encrypt(nonce, key, head + place)


def unwrap_for(kek: Keyring, wrapped: bytes, place: bytes) -> bytes:
    """Return the key that was wrapped for that place, or by `wrap` for none; raise IntegrityFault otherwise."""
    if wrapped[:1] != bytes([_WRAP_GCM]):
        return unwrap(kek, wrapped)
    version: int = _HEAD.unpack_from(wrapped)[1]
    head, nonce = wrapped[: _HEAD.size], wrapped[_HEAD.size : _HEAD.size + NONCE_BYTES]
    try:
        opener = AESGCM(_subkey(kek.key(version), b"caretide wrap 2"))
        return opener.decrypt(nonce, wrapped[_HEAD.size + NONCE_BYTES :], head + place)
    except (InvalidTag, ValueError):
        raise IntegrityFault("a wrapped key was changed, or belongs to another tenant") from None


def unwrap(kek: Keyring, wrapped: bytes) -> bytes:
    """Return the key that `wrap` was given; raise IntegrityFault when it was changed or wrapped by another key."""
    if len(wrapped) != WRAPPED_BYTES or wrapped[0] != _AES_KW:
        raise IntegrityFault("a wrapped key is cut or of an unknown format")
    version: int = _HEAD.unpack_from(wrapped)[1]
    try:
        return aes_key_unwrap(kek.key(version), wrapped[_HEAD.size :])
    except InvalidUnwrap:
        raise IntegrityFault(f"a key was not wrapped by version {version} of the key; was it replaced?") from None


class ColumnCipher:
    """Encrypts the classified columns of one tenant. Thread-safe; holds plaintext keys, so keep it in memory only."""

    def __init__(self, keys: Mapping[int, bytes], sealing: int | None = None) -> None:
        """Take the tenant's unwrapped data keys by version, from 1 up: `sealing` or the newest seals, all open."""
        if not keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise Invalid(f"a tenant needs at least one data key, each of {KEY_BYTES} bytes")
        if min(keys) < 1 or max(keys) > NEWEST_VERSION:
            raise Invalid(f"the versions of a tenant's data keys run from 1 to {NEWEST_VERSION}")
        if sealing is not None and sealing not in keys:
            raise Invalid(f"version {sealing} is to seal and is not among the tenant's data keys")
        self._current = sealing or max(keys)
        self._sealers = {version: AESGCM(_subkey(key, b"caretide column 1")) for version, key in keys.items()}
        # The oldest key, for ever: an index that changed with a rotation would find nothing written before it.
        self._index = _subkey(keys[min(keys)], b"caretide blind index 1")

    @property
    def current(self) -> int:
        """The version that seals."""
        return self._current

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Encrypt a value for one place; `context` names that place (table, column, row) and is needed to open it.

        31 bytes longer than the value. Random nonces: rotate a tenant's key well before 2**32 values (NIST SP 800-38D).
        """
        head = _HEAD.pack(_AES_GCM, self._current)
        nonce = secrets.token_bytes(NONCE_BYTES)
        return head + nonce + self._sealers[self._current].encrypt(nonce, plaintext, head + context)

    def open(self, ciphertext: bytes, context: bytes) -> bytes:
        """Decrypt a value; raise IntegrityFault when it was changed, or sealed for another place or tenant."""
        start = _HEAD.size + NONCE_BYTES
        if len(ciphertext) < start + TAG_BYTES or ciphertext[0] != _AES_GCM:
            raise IntegrityFault("an encrypted value is cut or of an unknown format")
        version: int = _HEAD.unpack_from(ciphertext)[1]
        sealer = self._sealers.get(version)
        if sealer is None:
            raise UnknownVersion(f"version {version} of the tenant's data key is missing")
        head, nonce = ciphertext[: _HEAD.size], ciphertext[_HEAD.size : start]
        try:
            return sealer.decrypt(nonce, ciphertext[start:], head + context)
        except InvalidTag:
            raise IntegrityFault("an encrypted value was changed, or belongs to another place") from None

    def blind_index(self, value: str, purpose: str = "") -> bytes:
        """Return 32 bytes by which an encrypted value can be found: equal values of one purpose give equal bytes.

        The caller brings the value into one form first (a phone number in E.164). A `purpose` per column keeps the same
        value in two columns from being recognized.
        """
        code = HMAC(self._index, SHA256())
        code.update(len(purpose.encode()).to_bytes(2) + purpose.encode() + value.encode())
        return code.finalize()


def _subkey(key: bytes, use: bytes) -> bytes:
    """Derive a key for one use only, so that no key serves two algorithms."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=use).derive(key)
