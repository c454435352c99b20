"""Long streams sealed in pieces: for backups, which are too large for one ciphertext and must not be cut unnoticed.

A stream is a header (layout, wrapped data key, nonce prefix) and pieces of AES-256-GCM. Each piece's nonce holds its
number and whether it is the last (the STREAM construction), so that no piece can be left out, moved or cut off; its tag
also covers the header and the part's name.
"""

import secrets
import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from caretide.vault.envelope import TAG_BYTES, WRAPPED_BYTES, IntegrityFault, new_key, unwrap, wrap
from caretide.vault.keys import Keyring

MAGIC: Final = b"CTSTREAM\x01"
PIECE_BYTES: Final = 1 << 20
_PREFIX_BYTES: Final = 7
_HEADER_BYTES: Final = len(MAGIC) + WRAPPED_BYTES + _PREFIX_BYTES
_PLACE: Final = struct.Struct(">IB")
_MORE, _LAST = 0, 1


def seal_stream(keyring: Keyring, name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the sealed form of some bytes, whatever their division; `name` is needed to open it."""
    key = new_key()
    prefix = secrets.token_bytes(_PREFIX_BYTES)
    header = MAGIC + wrap(keyring, key) + prefix
    sealer, bound = AESGCM(key), header + name.encode()
    yield header
    pending = bytearray()
    number = 0
    for chunk in chunks:
        pending += chunk
        # The last piece may be full, so one is always kept back until it is known not to be the last.
        while len(pending) > PIECE_BYTES:
            yield sealer.encrypt(prefix + _PLACE.pack(number, _MORE), bytes(pending[:PIECE_BYTES]), bound)
            del pending[:PIECE_BYTES]
            number += 1
    yield sealer.encrypt(prefix + _PLACE.pack(number, _LAST), bytes(pending), bound)


def open_stream(keyring: Keyring, name: str, source: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a sealed stream; raise IntegrityFault where it was cut, changed or given another name."""
    header = source.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(MAGIC):
        raise IntegrityFault(f"{name} is cut or no sealed stream")
    opener, bound = AESGCM(unwrap(keyring, header[len(MAGIC) : -_PREFIX_BYTES])), header + name.encode()
    prefix = header[-_PREFIX_BYTES:]
    number = 0
    piece = source.read(PIECE_BYTES + TAG_BYTES)
    while True:
        following = source.read(PIECE_BYTES + TAG_BYTES)
        try:
            yield opener.decrypt(prefix + _PLACE.pack(number, _MORE if following else _LAST), piece, bound)
        except InvalidTag:
            raise IntegrityFault(f"{name} was changed or cut off in its piece {number}; use another backup") from None
        if not following:
            return
        piece, number = following, number + 1
