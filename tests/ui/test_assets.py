"""The front-end files: fetched once, never half, and missed loudly."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from caretide.kernel.errors import Unavailable
from caretide.ui import assets


def publish(vendor: Path, tmp_path: Path) -> None:
    """Put stand-ins for the packages into place."""
    modules = tmp_path / "node_modules"
    for origin in assets.FILES.values():
        (modules / origin).parent.mkdir(parents=True, exist_ok=True)
        (modules / origin).write_text("x", encoding="ascii")
    assets._publish(modules, vendor)


def test_missing_files_are_refused_with_the_line_to_run(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="script/setup"):
        assets.check_assets(tmp_path)


def test_published_files_are_current_until_one_is_gone(tmp_path: Path) -> None:
    vendor = tmp_path / "vendor"
    publish(vendor, tmp_path)
    assets.check_assets(vendor)
    (vendor / "htmx.min.js").unlink()
    assert not assets.is_current(vendor)


def test_another_lock_file_makes_the_files_stale(tmp_path: Path) -> None:
    vendor = tmp_path / "vendor"
    publish(vendor, tmp_path)
    (vendor / assets.STAMP).write_text("0" * 64, encoding="ascii")
    with pytest.raises(Unavailable):
        assets.check_assets(vendor)


def test_second_run_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = tmp_path / "vendor"
    publish(vendor, tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda *_a, **_k: pytest.fail("started a program"))
    assert assets.install_assets(vendor) is False


def test_failing_npm_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(command: Sequence[str], **_: Any) -> None:
        raise subprocess.CalledProcessError(1, command, stderr="npm error code ENOTFOUND\nnpm error more")

    monkeypatch.setattr(subprocess, "run", fail)
    monkeypatch.setattr(assets, "is_current", lambda *_: False)
    assert assets.main() == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "ENOTFOUND" in lines[0]
    assert not (tmp_path / "vendor").exists()


def test_package_that_lost_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"htmx\.min\.js"):
        assets._publish(tmp_path / "empty", tmp_path / "vendor")


def test_without_any_installer_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(Unavailable, match="install Node"):
        assets._npm(tmp_path)


def test_lock_file_records_no_registry() -> None:
    text = (assets.HERE / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in text
    assert text.count('"integrity"') == 2
