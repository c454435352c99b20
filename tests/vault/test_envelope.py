"""Wrapped keys and encrypted columns."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from caretide.kernel.errors import Invalid, Unavailable
from caretide.vault.envelope import ColumnCipher, IntegrityFault, new_key, unwrap, wrap
from caretide.vault.keys import Keyring

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))


def flipped(data: bytes, position: int) -> bytes:
    """Return the data with one bit of one byte changed."""
    return data[:position] + bytes([data[position] ^ 0x04]) + data[position + 1 :]


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring.open(tmp_path, "columns")


def test_wrapped_key_comes_back(ring: Keyring) -> None:
    key = new_key()
    assert unwrap(ring, wrap(ring, key)) == key


def test_key_wrapped_before_a_rotation_comes_back(ring: Keyring) -> None:
    wrapped = wrap(ring, KEY)
    ring.rotate()
    assert unwrap(ring, wrapped) == KEY
    assert wrap(ring, KEY)[1:3] == b"\x00\x02"


def test_every_changed_byte_of_a_wrapped_key_is_noticed(ring: Keyring) -> None:
    wrapped = wrap(ring, KEY)
    for position in range(len(wrapped)):
        with pytest.raises((IntegrityFault, Unavailable)):
            unwrap(ring, flipped(wrapped, position))


def test_key_wrapped_elsewhere_is_refused(ring: Keyring, tmp_path: Path) -> None:
    with pytest.raises(IntegrityFault, match="was it replaced"):
        unwrap(ring, wrap(Keyring.open(tmp_path / "elsewhere", "columns"), KEY))


def test_short_key_is_not_wrapped(ring: Keyring) -> None:
    with pytest.raises(Invalid):
        wrap(ring, b"short")


@pytest.mark.parametrize("plaintext", [b"", b"x", "Ünïcode 王".encode(), b"\x00" * 100_000])
def test_sealed_value_comes_back(plaintext: bytes) -> None:
    cipher = ColumnCipher({1: KEY})
    sealed = cipher.seal(plaintext, b"patients.phone")
    assert cipher.open(sealed, b"patients.phone") == plaintext
    assert len(sealed) == len(plaintext) + 31


def test_equal_values_are_sealed_differently() -> None:
    cipher = ColumnCipher({1: KEY})
    assert cipher.seal(b"same", b"") != cipher.seal(b"same", b"")


@pytest.mark.req("V-16")
def test_value_sealed_before_a_rotation_opens_after_it() -> None:
    sealed = ColumnCipher({1: KEY}).seal(b"note", b"c")
    rotated = ColumnCipher({1: KEY, 2: OTHER})
    assert rotated.open(sealed, b"c") == b"note"
    assert rotated.seal(b"note", b"c")[:3] == b"\x01\x00\x02"


def test_value_of_another_place_or_tenant_does_not_open() -> None:
    sealed = ColumnCipher({1: KEY}).seal(b"note", b"place one")
    with pytest.raises(IntegrityFault):
        ColumnCipher({1: KEY}).open(sealed, b"place two")
    with pytest.raises(IntegrityFault):
        ColumnCipher({1: OTHER}).open(sealed, b"place one")


def test_every_changed_or_missing_byte_is_noticed() -> None:
    cipher = ColumnCipher({1: KEY, 5: KEY})
    sealed = cipher.seal(b"a note", b"c")
    for position in range(len(sealed)):
        with pytest.raises((IntegrityFault, Unavailable)):
            cipher.open(flipped(sealed, position), b"c")
        with pytest.raises(IntegrityFault):
            cipher.open(sealed[:position], b"c")


def test_unknown_version_is_named() -> None:
    with pytest.raises(Unavailable, match="version 2"):
        ColumnCipher({1: KEY}).open(ColumnCipher({2: KEY}).seal(b"x", b""), b"")


@pytest.mark.parametrize("keys", [{}, {1: b"short"}, {0: KEY}, {70_000: KEY}])
def test_unusable_keys_are_refused(keys: dict[int, bytes]) -> None:
    with pytest.raises(Invalid):
        ColumnCipher(keys)


def test_blind_index_survives_a_rotation() -> None:
    before, after = ColumnCipher({1: KEY}), ColumnCipher({1: KEY, 2: OTHER})
    assert before.blind_index("+13125550100") == after.blind_index("+13125550100")


def test_blind_index_differs_by_tenant_value_and_purpose() -> None:
    cipher = ColumnCipher({1: KEY})
    indexes = {
        cipher.blind_index("+13125550100"),
        cipher.blind_index("+13125550101"),
        cipher.blind_index("+13125550100", "home"),
        ColumnCipher({1: OTHER}).blind_index("+13125550100"),
    }
    assert len(indexes) == 4
    assert {len(index) for index in indexes} == {32}


def test_one_cipher_serves_many_threads() -> None:
    cipher = ColumnCipher({1: KEY})

    def round_trip(number: int) -> bool:
        value = str(number).encode() * 50
        return cipher.open(cipher.seal(value, b"c"), b"c") == value

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(round_trip, range(500)))
