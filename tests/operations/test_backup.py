"""A backup comes back whole, tells nothing without its keys, and is refused where it is not what was taken."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from caretide.cli import app
from caretide.kernel.errors import CaretideError, Conflict, Invalid, NotFound
from caretide.operations import backup, key_bundle, records
from caretide.operations.restore import drill, restore
from caretide.patients.models import Patient
from caretide.postgres.folders import Home
from caretide.postgres.roles import LoginRole, connected
from caretide.runtime.installation import Installation
from tests.operations.conftest import CANARY, PDF, Small, opened

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(scope="module")
def taken(small: Small) -> Path:
    """The folder of a backup, with its keys sealed beside it."""
    folder = small.base / "backups"
    backup.take(small.settings, folder, keys=None, passphrase=PASSPHRASE)
    return folder


@pytest.fixture
def copied(taken: Path) -> Iterator[Path]:
    """A copy that a test may harm."""
    with tempfile.TemporaryDirectory(prefix="caretide-copy-") as place:
        Path(place).chmod(0o711)
        yield Path(shutil.copytree(taken, Path(place) / "backups"))


@pytest.mark.req("R-16", "H-14", "W-15")
@pytest.mark.timeout(300)
def test_drill_restores_into_an_empty_home_and_compares_everything(small: Small, taken: Path) -> None:
    outcome = drill(small.settings, taken, keys=None, passphrase=PASSPHRASE)
    assert [what for what, held, _ in outcome.checks if not held] == []
    told = " ".join(what for what, _, _ in outcome.checks)
    for compared in (
        "rows of",
        "signs in",
        "sign-in page",
        "leaf",
        "policies, keys, grants",
        "column keys",
        "document",
    ):
        assert compared in told
    assert outcome.lost > 0
    assert outcome.seconds > 0
    newest = records.last(Home(small.settings.home), records.DRILLS)
    assert newest is not None
    assert (newest[1]["passed"], newest[1]["rto_seconds"]) == (True, round(outcome.seconds, 1))


@pytest.mark.req("R-16", "T-20", "P-11")
@pytest.mark.timeout(300)
def test_restored_home_has_the_patients_their_contact_data_and_documents(small: Small, taken: Path) -> None:
    home = small.base / "restored"
    outcome = restore(small.settings, taken, home, keys=None, passphrase=PASSPHRASE)
    assert outcome.passed

    async def look(ours: Installation) -> tuple[str | None, bytes]:
        async with ours.database.tx(small.cast.system) as tx:
            phone = (await tx.db.execute(select(Patient.phone))).scalar_one()
            return phone, tx.stores.vault.get(small.cast.tenant_id, small.document)

    assert opened(small.settings.model_copy(update={"home": home}), look) == (CANARY, PDF)
    with pytest.raises(Conflict, match="is not empty"):
        restore(small.settings, taken, home, keys=None, passphrase=PASSPHRASE)


@pytest.mark.req("H-04", "R-18")
def test_backup_tells_nothing_and_no_name_does(small: Small, taken: Path) -> None:
    for path in taken.rglob("*"):
        assert "whitfield" not in str(path).lower()
        if path.is_file():
            content = path.read_bytes()
            for word in (CANARY, "Whitfield", "Hypertension", "Eleanor", PDF.decode(), PASSPHRASE):
                assert word.encode() not in content, path.name
    keys = (small.settings.home / "keys" / "backup.1.key").read_bytes().strip()
    assert not any(keys in path.read_bytes() for path in taken.rglob("*") if path.is_file())


def test_second_backup_copies_only_new_documents(small: Small, taken: Path) -> None:
    (held,) = (taken / "vault").rglob(small.document)
    before = held.stat().st_ino
    again = backup.take(small.settings, taken, keys=None, passphrase=PASSPHRASE)
    try:
        assert held.stat().st_ino == before
        assert backup.find(taken).at == again.at
        assert again.documents == len(list((small.settings.home / "vault").glob("*/??/*")))
    finally:
        shutil.rmtree(again.folder)


def test_damaged_part_is_named_before_anything_is_written(small: Small, copied: Path, tmp_path: Path) -> None:
    base = next(copied.glob("caretide-*/base.tar.gz.sealed"))
    content = bytearray(base.read_bytes())
    content[len(content) // 2] ^= 1
    base.write_bytes(content)
    with pytest.raises(Conflict, match=r"base\.tar\.gz\.sealed is not what was written"):
        restore(small.settings, copied, tmp_path / "new", keys=None, passphrase=PASSPHRASE)
    assert not (tmp_path / "new").exists()


def test_forged_manifest_does_not_open_a_part_of_another_backup(small: Small, copied: Path) -> None:
    """Parts are bound to the time of their backup: an old base cannot be passed off as today's."""
    path = next(copied.glob("caretide-*/manifest.json"))
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "at": "2030-01-01T00:00:00+00:00"}))
    with pytest.raises(CaretideError, match="changed"):
        restore(small.settings, copied, copied.parent / "new", keys=None, passphrase=PASSPHRASE)


@pytest.mark.parametrize("text", ["", "{}", '{"format": 1}', "null", '{"format": 9, "parts": []}'])
def test_broken_manifest_is_told(copied: Path, text: str) -> None:
    next(copied.glob("caretide-*/manifest.json")).write_text(text)
    with pytest.raises(Conflict, match=r"damaged|format 9"):
        backup.find(copied)


@pytest.mark.parametrize(
    "changes",
    [
        {"parts": [{"name": "../../etc/hostname", "bytes": 1, "sha256": "0" * 64}]},
        {"log": {"archive": "../../..", "first": "0" * 24, "whole": "2026-10-05T15:00:00+00:00"}},
        {"log": {"archive": "0" * 16, "first": "../x", "whole": "2026-10-05T15:00:00+00:00"}},
    ],
)
def test_manifest_that_leads_elsewhere_is_damaged(tmp_path: Path, changes: dict[str, Any]) -> None:
    """It is sealed by no key: whoever can write into the folder can write one."""
    at = "2026-10-05T15:00:00+00:00"
    plain = {"at": at, "ended": at, "caretide": "1", "schema": "1", "postgres": None, "documents": 0, "format": 1}
    (tmp_path / "manifest.json").write_text(json.dumps(plain | {"parts": []}))
    assert backup.find(tmp_path).parts == []
    (tmp_path / "manifest.json").write_text(json.dumps(plain | {"parts": []} | changes))
    with pytest.raises(Conflict, match="is damaged"):
        backup.find(tmp_path)


def test_folder_without_backups_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="holds no backup"):
        backup.find(tmp_path)


@pytest.mark.req("W-15")
def test_open_keys_are_refused_with_what_they_open(small: Small, tmp_path: Path) -> None:
    for keys in (None, tmp_path / "b", tmp_path / "b" / "keys", tmp_path):
        with pytest.raises(Invalid, match="cannot lie with the backup"):
            backup.take(small.settings, tmp_path / "b", keys=keys, passphrase=None)
    with pytest.raises(Invalid, match="inside CARETIDE_HOME"):
        backup.take(small.settings, small.settings.home / "b", keys=None, passphrase=PASSPHRASE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.req("W-15")
def test_keys_come_back_by_their_passphrase_alone(tmp_path: Path) -> None:
    files = {"keys/columns.1.key": "ab" * 32 + "\n", "secrets/admin.password": "pw"}
    path = key_bundle.write(tmp_path, files, PASSPHRASE)
    assert b"ab" * 32 not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    assert key_bundle.read(tmp_path, PASSPHRASE) == files
    with pytest.raises(Invalid, match="another passphrase"):
        key_bundle.read(tmp_path, PASSPHRASE + "r")
    with pytest.raises(Invalid, match="needs its passphrase"):
        key_bundle.read(tmp_path, None)
    path.write_bytes(path.read_bytes()[:10])
    with pytest.raises(Invalid, match="another passphrase"):
        key_bundle.read(tmp_path, PASSPHRASE)
    with pytest.raises(NotFound):
        key_bundle.read(tmp_path / "elsewhere", None)


@pytest.mark.parametrize("name", ["keys/../x", "vault/x", "keys/.hidden", "keys"])
def test_bundle_cannot_write_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(Conflict):
        key_bundle.put_back(Home(tmp_path), {name: "x"})


@pytest.mark.parametrize(("text", "mode"), [("short\n", 0o600), ("", 0o600), (PASSPHRASE, 0o644)])
def test_weak_or_open_passphrase_is_refused(tmp_path: Path, text: str, mode: int) -> None:
    path = tmp_path / "phrase"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(Invalid):
        key_bundle.read_passphrase(path)
    with pytest.raises(Invalid):
        key_bundle.read_passphrase(tmp_path / "missing")


@pytest.mark.req("T-12")
@pytest.mark.parametrize("role", [LoginRole.MIGRATOR, LoginRole.APP])
def test_dump_behind_the_walls_errors_and_misses_nothing_silently(small: Small, role: LoginRole) -> None:
    async def address(ours: Installation) -> str:
        url = ours.urls.url(role)
        with connected(url) as connection:
            if role is LoginRole.MIGRATOR:
                connection.execute("SET ROLE caretide_owner")
            connection.execute("SET row_security = off")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                connection.execute("COPY (SELECT * FROM patients) TO STDOUT")
        return url

    assert small.work(address)


def test_bad_input_is_one_line(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARETIDE_HOME", str(tmp_path / "none"))
    for command in (
        ["backup", str(tmp_path / "b")],
        ["restore", str(tmp_path)],
        ["restore", str(tmp_path), "--drill", "--home", str(tmp_path / "x")],
        ["restore", str(tmp_path / "b"), "--drill"],
    ):
        result = CliRunner().invoke(app, command)
        assert isinstance(result.exception, Invalid | NotFound), command
    assert list(tmp_path.iterdir()) == []
