"""The generated pages say what the code says."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "script" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_generated_page_is_what_the_code_would_write() -> None:
    # In a process of its own: other tests register verbs and jobs that are no part of the product.
    check = [sys.executable, ROOT / "script" / "reference.py", "--check"]
    found = subprocess.run(check, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (found.returncode, found.stderr) == (0, ""), "run script/reference"


def test_every_page_in_the_folder_is_generated(reference: ModuleType) -> None:
    assert set((ROOT / "docs" / "reference").iterdir()) == {
        p for p in reference.pages() if p.parent.name == "reference"
    }


def test_a_changed_page_is_noticed(reference: ModuleType) -> None:
    page = reference.permissions_page()
    assert "| `month:close` | yes |" in page
    assert page != page.replace("month:close", "month:shut")


def test_requirement_names_the_tests_that_carry_it(reference: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "test_planted.py").write_text(
        "import pytest\n"
        'pytestmark = [pytest.mark.req("T-01"), pytest.mark.browser]\n'
        '@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.req("T-02"))])\n'
        '@pytest.mark.req("T-03", "T-04")\n'
        "async def test_a_wall_stands(x): ...\n"
        'def test_other(): Marked(pytest.mark.req("T-05"))\n'
    )
    wall, other = ("test_planted.py", "test_a_wall_stands"), ("test_planted.py", "test_other")
    assert reference.proved(tmp_path) == {"T-01": [wall, other], "T-02": [wall], "T-03": [wall], "T-04": [wall]}
    page = reference.requirements_page(tmp_path)
    assert "[test_planted.py](../../tests/test_planted.py): a wall stands |" in page
    assert "| T-05 | The context is signed; a forged one shows nothing | **open** |" in page


def test_no_link_in_the_documents_leads_nowhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    dead = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text("utf-8"))
        if "://" not in target and not target.startswith("mailto:") and not (document.parent / target).exists()
    ]
    assert dead == []
