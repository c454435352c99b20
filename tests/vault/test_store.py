"""The built-in vault."""

import errno
import hashlib
import os
import random
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest

from caretide.kernel.errors import NotFound, Unavailable
from caretide.vault.envelope import IntegrityFault
from caretide.vault.keys import Keyring
from caretide.vault.store import FolderVault

TENANT = UUID("01890000-0000-7000-8000-000000000001")
OTHER = UUID("01890000-0000-7000-8000-000000000002")
RECORD = b"%PDF-1.7 Eleanor Whitfield " + bytes(range(256)) * 40
SHA256 = hashlib.sha256(RECORD).hexdigest()


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring.open(tmp_path / "keys", "vault")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "vault"


@pytest.fixture
def vault(root: Path, ring: Keyring) -> FolderVault:
    return FolderVault(root, ring)


def stored(root: Path) -> list[Path]:
    """Return every file under the vault."""
    return [path for path in root.rglob("*") if path.is_file()]


def test_document_comes_back_under_its_hash(vault: FolderVault) -> None:
    assert vault.put(TENANT, RECORD) == SHA256
    assert vault.get(TENANT, SHA256) == RECORD


def test_same_content_again_changes_nothing(vault: FolderVault, root: Path) -> None:
    vault.put(TENANT, RECORD)
    before = [(path, path.read_bytes()) for path in stored(root)]
    assert vault.put(TENANT, RECORD) == SHA256
    assert [(path, path.read_bytes()) for path in stored(root)] == before


def test_file_is_private_sharded_and_named_by_the_hash_alone(vault: FolderVault, root: Path) -> None:
    vault.put(TENANT, RECORD)
    (file,) = stored(root)
    assert file == root / str(TENANT) / SHA256[:2] / SHA256
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    assert {stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")] if path.is_dir()} == {0o700}


def test_nothing_on_disk_is_readable(vault: FolderVault, root: Path) -> None:
    vault.put(TENANT, RECORD)
    (file,) = stored(root)
    assert b"Whitfield" not in file.read_bytes()
    assert RECORD[100:130] not in file.read_bytes()


def test_empty_document_is_kept(vault: FolderVault) -> None:
    assert vault.get(TENANT, vault.put(TENANT, b"")) == b""


@pytest.mark.parametrize("name", ["0" * 64, SHA256.upper(), "../" * 20 + "etc/passwd", "", "\x00", SHA256 + "\n"])
def test_unknown_name_is_not_found(vault: FolderVault, name: str) -> None:
    vault.put(TENANT, RECORD)
    with pytest.raises(NotFound):
        vault.get(TENANT, name)


@pytest.mark.req("T-10")
def test_document_of_another_tenant_is_not_found(vault: FolderVault) -> None:
    vault.put(TENANT, RECORD)
    with pytest.raises(NotFound):
        vault.get(OTHER, SHA256)


def moved(root: Path, tenant: UUID, sha256: str) -> None:
    """Copy the only stored file to another name."""
    (file,) = stored(root)
    target = root / str(tenant) / sha256[:2] / sha256
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(file.read_bytes())


def test_file_moved_to_another_tenant_does_not_open(vault: FolderVault, root: Path) -> None:
    vault.put(TENANT, RECORD)
    moved(root, OTHER, SHA256)
    with pytest.raises(IntegrityFault):
        vault.get(OTHER, SHA256)


def test_file_moved_to_another_hash_does_not_open(vault: FolderVault, root: Path) -> None:
    vault.put(TENANT, RECORD)
    moved(root, TENANT, "ab" * 32)
    with pytest.raises(IntegrityFault):
        vault.get(TENANT, "ab" * 32)


def test_every_change_on_disk_is_noticed(vault: FolderVault, root: Path) -> None:
    vault.put(TENANT, RECORD)
    (file,) = stored(root)
    file.chmod(0o600)
    whole = file.read_bytes()
    header = list(range(70))
    for position in header + random.Random(1).sample(range(len(whole)), 200):
        file.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises((IntegrityFault, Unavailable)):
            vault.get(TENANT, SHA256)
    for length in (0, 10, 63, 64, 80, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(IntegrityFault):
            vault.get(TENANT, SHA256)


def test_damaged_document_is_neither_accepted_nor_overwritten(vault: FolderVault, root: Path) -> None:
    vault.put(TENANT, RECORD)
    (file,) = stored(root)
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[:-1])
    damaged = file.read_bytes()
    with pytest.raises(IntegrityFault, match="backup"):
        vault.put(TENANT, RECORD)
    assert file.read_bytes() == damaged


def test_document_sealed_before_a_rotation_opens_after_it(
    vault: FolderVault, root: Path, ring: Keyring, tmp_path: Path
) -> None:
    vault.put(TENANT, RECORD)
    ring.rotate()
    later = vault.put(TENANT, b"later")
    fresh = FolderVault(root, Keyring.open(tmp_path / "keys", "vault"))
    assert fresh.get(TENANT, SHA256) == RECORD
    assert fresh.get(TENANT, later) == b"later"


def test_lost_keys_are_told_apart_from_a_changed_document(vault: FolderVault, root: Path, tmp_path: Path) -> None:
    vault.put(TENANT, RECORD)
    with pytest.raises(IntegrityFault, match="was it replaced"):
        FolderVault(root, Keyring.open(tmp_path / "new keys", "vault")).get(TENANT, SHA256)


@pytest.mark.parametrize("failing", ["fsync", "link"])
def test_failed_write_leaves_nothing_behind(
    vault: FolderVault, root: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    vault.put(TENANT, b"makes the folders")
    before = stored(root)
    with monkeypatch.context() as patch:
        patch.setattr(os, failing, full)
        with pytest.raises(Unavailable, match="No space left"):
            vault.put(TENANT, RECORD)
    assert stored(root) == before
    assert vault.put(TENANT, RECORD) == SHA256


def test_process_killed_before_the_link_leaves_no_half_document(
    vault: FolderVault, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", die)
        patch.setattr(Path, "unlink", die)
        with pytest.raises(Killed):
            vault.put(TENANT, RECORD)
    with pytest.raises(NotFound):
        vault.get(TENANT, SHA256)
    assert b"Whitfield" not in b"".join(path.read_bytes() for path in stored(root))
    assert vault.get(TENANT, vault.put(TENANT, RECORD)) == RECORD


def test_many_writers_of_the_same_content_end_with_one_file(root: Path, ring: Keyring) -> None:
    with ThreadPoolExecutor(16) as pool:
        hashes = set(pool.map(lambda _: FolderVault(root, ring).put(TENANT, RECORD), range(64)))
    assert hashes == {SHA256}
    assert len(stored(root)) == 1


def test_folder_that_cannot_be_made_is_named(tmp_path: Path, ring: Keyring) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="file"):
        FolderVault(tmp_path / "file" / "vault", ring)
