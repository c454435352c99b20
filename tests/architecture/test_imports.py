"""Imports point down: the contracts of pyproject.toml hold, and each breaks when its fault is planted in a copy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PLANTED = {
    "upward import": ("ranks", "kernel/month.py", "from caretide.settings import Settings", "caretide.kernel.month"),
    "sibling import": ("ranks", "vault/planted.py", "from caretide.postgres import planted", "caretide.vault.planted"),
    "package without a rank": ("ranks", "weather/__init__.py", "", "caretide.weather"),
    "table that knows its queries": ("inside", "billing/models.py", "from caretide.billing import queries", "models"),
    "page that reads a table": ("edges", "billing/pages.py", "from caretide.billing import models", "pages"),
    "page that writes SQL": ("edges", "billing/pages.py", "from sqlalchemy import select", "sqlalchemy"),
    "rule that asks the database": ("rules", "billing/rules.py", "from sqlalchemy import select", "sqlalchemy"),
    "rule that asks the clock": ("rules", "billing/rules.py", "from caretide.kernel import clock", "clock"),
    "kernel with a database": ("kernel", "kernel/month.py", "import sqlalchemy", "sqlalchemy"),
    "program with a database": ("programs", "programs/planted.py", "import sqlalchemy", "sqlalchemy"),
    "program with a clock": ("programs", "programs/planted.py", "from caretide.kernel import clock", "clock"),
    "gateway that knows us": ("tidegate", "../tidegate/planted.py", "import caretide.settings", "tidegate"),
    "more of the gateway than its contract": ("contract", "billing/rules.py", "import tidegate.planted", "tidegate"),
}


def lint(root: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the project at root; the copy there is found before the installed one."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    command += [part for contract in contracts for part in ("--contract", contract)]
    environment = os.environ | {"PYTHONPATH": str(root / "src"), "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """Return a copy of the project's sources, with the empty modules that the planted imports name."""
    shutil.copy(root / "pyproject.toml", tmp_path)
    ignore = shutil.ignore_patterns("__pycache__", "static", "templates")
    shutil.copytree(root / "src", tmp_path / "src", ignore=ignore)
    for name in ("billing/models", "billing/queries", "postgres/planted", "../tidegate/planted"):
        path = tmp_path / "src" / "caretide" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for package in ("billing", "postgres", "programs", "vault"):
        (tmp_path / "src" / "caretide" / package).mkdir(exist_ok=True)
        (tmp_path / "src" / "caretide" / package / "__init__.py").touch()
    return tmp_path


def test_imports_point_down(root: Path) -> None:
    result = lint(root)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("fault", PLANTED)
def test_planted_import_breaks_its_contract(fault: str, copy: Path) -> None:
    contract, name, line, named = PLANTED[fault]
    path = copy / "src" / "caretide" / name
    path.parent.mkdir(exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(f"{before}\n{line}\n", encoding="utf-8")
    result = lint(copy, contract)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "0 kept, 1 broken" in result.stdout
    assert named in result.stdout
