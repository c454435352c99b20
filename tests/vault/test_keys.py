"""Key files: one key for all, private, numbered."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from caretide.kernel.errors import Invalid, Unavailable
from caretide.vault.keys import Keyring

OPEN_AND_PRINT = """
import sys
from pathlib import Path
from caretide.vault.keys import Keyring
print(Keyring.open(Path(sys.argv[1]), "vault").key(1).hex())
"""


def test_first_opening_generates_a_private_key(tmp_path: Path) -> None:
    ring = Keyring.open(tmp_path / "keys", "vault")
    (file,) = (tmp_path / "keys").iterdir()
    assert file.name == "vault.1.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert len(ring.key(ring.current)) == 32


def test_second_opening_reads_the_same_key(tmp_path: Path) -> None:
    assert Keyring.open(tmp_path, "vault").key(1) == Keyring.open(tmp_path, "vault").key(1)


def test_keys_of_two_names_differ(tmp_path: Path) -> None:
    assert Keyring.open(tmp_path, "vault").key(1) != Keyring.open(tmp_path, "columns").key(1)


def test_threads_that_open_together_get_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: Keyring.open(tmp_path, "vault").key(1), range(64)))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["vault.1.key"]


def test_processes_that_open_together_get_one_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN_AND_PRINT, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    printed = [process.communicate(timeout=60)[0] for process in running]
    assert all(process.returncode == 0 for process in running)
    assert len(set(printed)) == 1


def test_rotation_keeps_old_versions_readable(tmp_path: Path) -> None:
    ring = Keyring.open(tmp_path, "vault")
    first = ring.key(1)
    assert ring.rotate() == 2
    assert ring.current == 2
    assert ring.key(1) == first
    assert ring.key(2) != first


def test_version_added_elsewhere_is_found_when_needed(tmp_path: Path) -> None:
    ring, other = Keyring.open(tmp_path, "vault"), Keyring.open(tmp_path, "vault")
    other.rotate()
    assert ring.current == 1
    assert ring.key(2) == other.key(2)


def test_missing_version_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"vault\.7\.key is missing"):
        Keyring.open(tmp_path, "vault").key(7)


def test_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Keyring.open(tmp_path, "vault")
    (tmp_path / "vault.1.key").chmod(0o644)
    with pytest.raises(Invalid, match="chmod 600"):
        Keyring.open(tmp_path, "vault")


@pytest.mark.parametrize("content", ["", "zz" * 32, "ab" * 31, "é" * 64])
def test_file_without_a_key_is_refused_and_not_replaced(tmp_path: Path, content: str) -> None:
    file = tmp_path / "vault.1.key"
    file.write_text(content, "utf-8")
    file.chmod(0o600)
    with pytest.raises(Invalid, match="does not hold a key"):
        Keyring.open(tmp_path, "vault")
    assert file.read_text("utf-8") == content


def test_name_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        Keyring.open(tmp_path, "../vault")


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="keys"):
        Keyring.open(tmp_path / "file" / "keys", "vault")
