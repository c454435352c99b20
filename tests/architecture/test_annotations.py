"""Every function says what it takes and gives; ruff's rules say so, and they are really on."""

import subprocess
import sys
from pathlib import Path

import pytest


def ruff(root: Path, *paths: str) -> subprocess.CompletedProcess[str]:
    command = [
        str(Path(sys.executable).parent / "ruff"),
        "check",
        "--no-cache",
        "--config",
        str(root / "pyproject.toml"),
    ]
    return subprocess.run([*command, *paths], cwd=root, capture_output=True, text=True, check=False)


def test_every_function_is_annotated(root: Path) -> None:
    result = ruff(root, "--select", "ANN", "--ignore", "ANN401", "src", "tests")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("def judge(month): ...", "ANN001"),
        ("def judge() -> None:\n    import os", "PLC0415"),
        ("import os\n\nHOME = os.environ['HOME']", "TID251"),
        ("from datetime import UTC, datetime\n\nNOW = datetime.now(UTC)", "TID251"),
        ("from datetime import datetime\n\nDAY = datetime(2026, 1, 1)", "DTZ001"),
        ("assert True", "S101"),
        ("print(1)", "T201"),
    ],
)
def test_planted_fault_is_refused(code: str, rule: str, root: Path, tmp_path: Path) -> None:
    path = tmp_path / "planted.py"
    path.write_text(f'"""Planted."""\n\n{code}\n', encoding="utf-8")
    result = ruff(root, str(path))
    assert result.returncode == 1
    assert rule in result.stdout
