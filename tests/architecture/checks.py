"""Checks on the text of a project. Each takes its root and returns its findings as `path:line what is wrong`.

The tests call each twice: on this project, and on a small one with the fault planted in it.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 80
TEMPLATE_LINES = 150
VAGUE = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
COMMITTERS = {"runtime", "postgres"}
"""Who may end a transaction: the door to the database, and the launcher that has no transaction of ours."""

SUPPRESSION = re.compile(
    r"#\s*(?:noqa(?::\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)?|(?:type|pyright):\s*ignore(?:\[[^\]]*\])?)(?P<reason>.*)"
)


def sources(root: Path) -> Iterator[Path]:
    """Yield the Python files of the project itself."""
    for folder in ("src", "tests", "migrations"):
        yield from sorted((root / folder).rglob("*.py"))


def product(root: Path) -> Iterator[tuple[Path, ast.Module]]:
    """Yield the Python files that are shipped, parsed."""
    for path in sorted((root / "src").rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def long_files(root: Path) -> list[str]:
    """Find files over 400 lines, and templates over 150."""
    limits = [(path, FILE_LINES) for path in sources(root)]
    limits += [(path, TEMPLATE_LINES) for path in sorted((root / "src").rglob("templates/**/*.*"))]
    found: list[str] = []
    for path, limit in limits:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > limit:
            found.append(f"{path.relative_to(root)}:1 has {lines} lines; {limit} is the most")
    return found


def long_functions(root: Path) -> list[str]:
    """Find functions over 80 lines, decorators not counted."""
    found: list[str] = []
    for path, tree in product(root):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    found.append(f"{path.relative_to(root)}:{node.lineno} {node.name} has {lines} lines")
    return found


def hidden_imports(root: Path) -> list[str]:
    """Find imports inside functions. Only a command line may have them, so that `--help` is quick."""
    found: list[str] = []
    for path, tree in product(root):
        if path.name == "cli.py" or path.parent.name == "cli":
            continue
        functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
        inner = {node for function in functions for node in ast.walk(function)}
        lines = sorted(node.lineno for node in inner if isinstance(node, ast.Import | ast.ImportFrom))
        found += [f"{path.relative_to(root)}:{line} imports inside a function" for line in lines]
    return found


def vague_names(root: Path) -> list[str]:
    """Find modules and folders named after nothing in particular."""
    found: list[str] = []
    for path in sources(root):
        parts = path.relative_to(root).with_suffix("").parts
        words = {word for part in parts for word in part.split("_")}
        found += [f"{path.relative_to(root)}:1 is named '{word}'" for word in sorted(words & VAGUE)]
    return found


def busy_packages(root: Path) -> list[str]:
    """Find features whose `__init__.py` holds more than a docstring, or none."""
    found: list[str] = []
    for path in sorted((root / "src" / "caretide").glob("*/__init__.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if ast.get_docstring(tree) is None:
            found.append(f"{path.relative_to(root)}:1 does not say what the package owns")
        found += [f"{path.relative_to(root)}:{node.lineno} is more than a docstring" for node in tree.body[1:]]
    return found


def stray_commits(root: Path) -> list[str]:
    """Find calls of `.commit()` outside the door to the database: one transaction per request or job."""
    found: list[str] = []
    for path, tree in product(root):
        inside = path.relative_to(root / "src").parts
        if inside[0] != "caretide" or inside[1] in COMMITTERS:
            continue
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        lines = [call.lineno for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "commit"]
        found += [f"{path.relative_to(root)}:{line} commits" for line in lines]
    return found


def bare_suppressions(root: Path) -> list[str]:
    """Find suppressions of a linter or type checker without a reason beside them."""
    found: list[str] = []
    for path in sources(root):
        text = path.read_text(encoding="utf-8")
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            match = SUPPRESSION.match(token.string) if token.type == tokenize.COMMENT else None
            if match and not re.search(r"\w+\W+\w+", match["reason"]):
                found.append(f"{path.relative_to(root)}:{token.start[0]} gives no reason: {token.string}")
    return found
