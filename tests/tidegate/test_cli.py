"""`tidegate map`: what is written where, and the exit status."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidegate.conftest import Json

COMMAND = [sys.executable, "-c", "from tidegate.cli import main; main()", "map"]


def tidegate_map(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def folder(tmp_path: Path, ada: Json, bob: Json, diabetes: Json) -> Path:
    export = tmp_path / "export"
    export.mkdir()
    (export / "all.ndjson.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, [ada, bob, diabetes])).encode()))
    return export


def test_messages_go_to_standard_output_and_nothing_else(folder: Path) -> None:
    done = tidegate_map(folder)
    assert done.returncode == 0
    kinds = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert kinds == ["header", "practitioner", "patient", "summary"]
    assert done.stderr.startswith("1 patients and 1 practitioners from 1 files; 3 resources in ")


def test_out_writes_the_same_whole_file_for_its_owner_alone(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "messages.ndjson"
    assert tidegate_map(folder, "--out", out).stdout == ""
    assert out.read_text() == tidegate_map(folder).stdout
    assert out.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export", "messages.ndjson"]


def test_rejects_are_told_with_their_place_and_no_health_data(folder: Path) -> None:
    (folder / "bad.ndjson").write_text('\n{"resourceType":"Patient","id":"Lovelace Ada"}\n')
    done = tidegate_map(folder)
    assert done.returncode == 0
    assert "bad.ndjson:2: Patient: id is not 1 to 64 letters" in done.stderr
    assert "Lovelace" not in done.stderr + done.stdout
    assert tidegate_map(folder, "--strict").returncode == 1


def test_strict_is_content_with_a_clean_folder(folder: Path) -> None:
    assert tidegate_map(folder, "--strict").returncode == 0


@pytest.mark.parametrize("name", ["missing", "empty", "notes.txt", "package.json"])
def test_wrong_use_is_one_line_and_status_2(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "package.json").write_text("{}")
    done = tidegate_map(tmp_path / name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tidegate: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("out", ["export/out.ndjson", "nowhere/out.ndjson", "export", "export/all.ndjson.gz"])
def test_out_that_cannot_work_is_refused(folder: Path, tmp_path: Path, out: str) -> None:
    before = (folder / "all.ndjson.gz").read_bytes()
    done = tidegate_map(folder, "--out", tmp_path / out)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert [path.read_bytes() for path in folder.iterdir()] == [before]


def test_no_path_is_a_usage_error() -> None:
    done = tidegate_map()
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file_is_a_failure(folder: Path) -> None:
    (folder / "all.ndjson.gz").chmod(0)
    done = tidegate_map(folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Permission denied" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_full_disk_is_a_failure_in_one_line(folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*COMMAND, str(folder)], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "tidegate: No space left on device\n")


def test_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    lines = (f'{{"resourceType":"Patient","id":"p{number}"}}' for number in range(20_000))
    (tmp_path / "many.ndjson").write_text("\n".join(lines))
    with subprocess.Popen([*COMMAND, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


def test_fault_of_our_own_shows_its_kind_only(folder: Path) -> None:
    broken = "import tidegate.cli as c\ndef boom(path):\n  raise KeyError('Ada King')\nc.gather = boom\nc.main()"
    done = subprocess.run(
        [sys.executable, "-c", broken, "map", str(folder)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "tidegate: stopped by a fault of its own (KeyError); please report it\n"
