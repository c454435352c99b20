"""A sealed stream comes back byte for byte, or not at all."""

import io
from pathlib import Path

import pytest

from caretide.vault.envelope import TAG_BYTES, IntegrityFault
from caretide.vault.keys import Keyring
from caretide.vault.stream import PIECE_BYTES, open_stream, seal_stream

HEADER = 59


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.open(tmp_path / "keys", "backup")


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
def test_stream_comes_back_whatever_its_division(keyring: Keyring, size: int) -> None:
    plain = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    sealed = b"".join(seal_stream(keyring, "base", (plain[at : at + 300_000] for at in range(0, size, 300_000))))
    assert b"".join(open_stream(keyring, "base", io.BytesIO(sealed))) == plain
    assert len(sealed) == HEADER + size + TAG_BYTES * max(1, -(-size // PIECE_BYTES))


@pytest.mark.req("H-04", "H-06")
def test_stream_that_was_cut_changed_reordered_or_renamed_does_not_open(keyring: Keyring, tmp_path: Path) -> None:
    sealed = b"".join(seal_stream(keyring, "base", [bytes(2 * PIECE_BYTES + 5)]))
    piece = PIECE_BYTES + TAG_BYTES
    first, second, rest = sealed[HEADER : HEADER + piece], sealed[HEADER + piece : HEADER + 2 * piece], sealed[-21:]
    head = sealed[:HEADER]
    for broken in (
        head + first,
        head + first + second,
        head + second + first + rest,
        head + first + rest,
        head + first + second + rest[:-1],
        sealed[:-1] + bytes([sealed[-1] ^ 1]),
        sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:],
        sealed + b"more",
        head[:-1],
        b"",
    ):
        with pytest.raises(IntegrityFault):
            list(open_stream(keyring, "base", io.BytesIO(broken)))
    with pytest.raises(IntegrityFault):
        list(open_stream(keyring, "vault", io.BytesIO(sealed)))
    with pytest.raises(IntegrityFault):
        list(open_stream(Keyring.open(tmp_path / "other", "backup"), "base", io.BytesIO(sealed)))
