"""The house's rules about text hold, and each check finds a fault that is planted for it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import checks

Check = Callable[[Path], list[str]]

PLANTED: list[tuple[Check, str, str]] = [
    (checks.long_files, "src/caretide/billing/rules.py", "\n" * 401),
    (checks.long_files, "tests/billing/test_rules.py", "\n" * 401),
    (checks.long_files, "src/caretide/billing/templates/billing/month.html", "<p>\n" * 151),
    (checks.long_functions, "src/caretide/billing/rules.py", "def judge() -> None:\n" + "    work()\n" * 80),
    (checks.long_functions, "src/tidegate/mapping.py", "class A:\n async def b(self):\n" + "  work()\n" * 80),
    (checks.hidden_imports, "src/caretide/billing/rules.py", "def judge() -> None:\n    import os\n"),
    (checks.hidden_imports, "src/caretide/main.py", "async def a():\n    def b():\n        from os import path\n"),
    (checks.vague_names, "src/caretide/billing/helpers.py", ""),
    (checks.vague_names, "src/caretide/date_utils/zones.py", ""),
    (checks.busy_packages, "src/caretide/billing/__init__.py", '"""Billing."""\nfrom .rules import judge\n'),
    (checks.busy_packages, "src/caretide/billing/__init__.py", ""),
    (checks.stray_commits, "src/caretide/billing/actions.py", "async def close(tx):\n    await tx.session.commit()\n"),
    (checks.bare_suppressions, "src/caretide/billing/rules.py", "x = 1  # noqa: S608\n"),
    (checks.bare_suppressions, "tests/test_a.py", "x = 1  # noqa\n"),
    (checks.bare_suppressions, "src/tidegate/a.py", "x = 1  # pyright: ignore[reportUnknown]\n"),
]

ALLOWED: list[tuple[Check, str, str]] = [
    (checks.long_files, "src/caretide/billing/rules.py", "\n" * 400),
    (checks.long_functions, "src/caretide/billing/rules.py", "def judge() -> None:\n" + "    work()\n" * 79),
    (checks.hidden_imports, "src/caretide/billing/cli.py", "def close() -> None:\n    import os\n"),
    (checks.hidden_imports, "src/caretide/billing/rules.py", "if True:\n    import os\n"),
    (checks.vague_names, "src/caretide/ui/baseline.py", ""),
    (checks.busy_packages, "src/caretide/billing/__init__.py", '"""Billing."""\n'),
    (checks.stray_commits, "src/caretide/runtime/tx.py", "async def end(session):\n    await session.commit()\n"),
    (checks.bare_suppressions, "src/caretide/billing/rules.py", "x = 1  # noqa: S608 - the names are constants\n"),
]

EVERY = list(dict.fromkeys(check for check, _, _ in PLANTED))


def plant(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("check", EVERY)
def test_project_keeps_its_own_rules(check: Check, root: Path) -> None:
    assert check(root) == []


@pytest.mark.parametrize(("check", "name", "text"), PLANTED)
def test_planted_fault_is_found(check: Check, name: str, text: str, tmp_path: Path) -> None:
    (finding,) = check(plant(tmp_path, name, text))
    assert finding.startswith(f"{name}:")


@pytest.mark.parametrize(("check", "name", "text"), ALLOWED)
def test_what_is_allowed_is_not_found(check: Check, name: str, text: str, tmp_path: Path) -> None:
    assert check(plant(tmp_path, name, text)) == []
