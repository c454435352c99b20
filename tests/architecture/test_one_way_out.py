"""One client reaches other hosts, one writer makes spreadsheets: nothing in the sources goes around them."""

import ast
from pathlib import Path

import pytest

CLIENTS = {
    "httpx",
    "requests",
    "aiohttp",
    "urllib.request",
    "urllib3",
    "http.client",
    "smtplib",
    "ftplib",
    "websockets",
}
CONNECTING = {"open_connection", "create_connection"}
ALLOWED = {"runtime/outbound.py"}
SHEETS = {"csv.writer", "csv.DictWriter"}


def names(tree: ast.AST) -> set[str]:
    """Return every module that is imported, and every dotted name that is called."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
        elif isinstance(node, ast.Call):
            found.add(ast.unparse(node.func))
    return found


def reaching(source: str) -> set[str]:
    """Return how a source reaches other hosts by itself."""
    found = names(ast.parse(source))
    return {one for one in found if one in CLIENTS or one.rsplit(".")[-1] in CONNECTING}


@pytest.mark.req("V-03")
def test_nothing_but_the_one_client_reaches_out(root: Path) -> None:
    house = root / "src" / "caretide"
    wrong = {
        str(path.relative_to(house)): found
        for path in house.rglob("*.py")
        if str(path.relative_to(house)) not in ALLOWED and (found := reaching(path.read_text("utf-8")))
    }
    assert wrong == {}


@pytest.mark.req("V-03")
@pytest.mark.parametrize(
    "line", ["import httpx", "from urllib.request import urlopen", "asyncio.open_connection('x', 1)"]
)
def test_planted_client_is_found(line: str) -> None:
    assert reaching(line)


@pytest.mark.req("V-02")
def test_nothing_but_the_one_writer_makes_spreadsheets(root: Path) -> None:
    house = root / "src" / "caretide"
    wrong = [
        str(path.relative_to(house))
        for path in house.rglob("*.py")
        if path.name != "sheet.py" and names(ast.parse(path.read_text("utf-8"))) & SHEETS
    ]
    assert wrong == []
