"""Nothing that comes in becomes code: no source of ours unpickles, evaluates, or reads XML with entities in it."""

import ast
from pathlib import Path
from typing import Final

import pytest

LOADERS: Final = frozenset(
    (
        *("pickle", "_pickle", "cPickle", "dill", "cloudpickle", "jsonpickle", "joblib", "pandas"),
        *("marshal", "shelve", "dbm", "copyreg", "code", "codeop", "runpy", "imp", "zipimport", "multiprocessing"),
        *("xml", "lxml", "xmltodict", "plistlib"),
    )
)
"""Modules that make objects, code or entities of what they read, or pass pickles on."""
RUNNING: Final = frozenset({"eval", "exec", "compile", "__import__", "execfile"})
"""Functions that need no import."""
SAFE: Final = frozenset({"safe_load", "safe_load_all", "safe_dump", "safe_dump_all", "SafeLoader", "CSafeLoader"})
"""All that may be used of YAML."""
FOUND_BY_NAME: Final = frozenset({"import_module", "module_from_spec", "exec_module", "from_string"})
"""Methods that load a module whose name is data, or make a template of it."""
ALLOWED: Final = {
    "demo/troupe.py": {
        "multiprocessing",
        "multiprocessing.connection",
    }  # Children that it starts itself, with numbers and rows of its own making.
}


def loading(source: str) -> set[str]:
    """Return how a source makes code or objects of what it reads."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names if one.name.partition(".")[0] in LOADERS}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {one.name for one in node.names}
            if node.module.partition(".")[0] in LOADERS:
                found.add(node.module)
            found |= {f"yaml.{name}" for name in names - SAFE if node.module.partition(".")[0] == "yaml"}
            found |= {name for name in names if node.module == "builtins" and name in RUNNING}
        elif isinstance(node, ast.Name) and node.id in RUNNING:
            # Also where it is not called: it may be called by another name.
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            of = ast.unparse(node.value)
            is_running = of == "builtins" and node.attr in RUNNING
            is_unsafe = of == "yaml" and node.attr not in SAFE and "oad" in node.attr
            if is_running or is_unsafe or node.attr in FOUND_BY_NAME:
                found.add(f"{of}.{node.attr}")
        elif isinstance(node, ast.keyword) and node.arg in {"allow_pickle", "shell"}:
            found.add(f"{node.arg}=")
    return found


@pytest.mark.req("V-04")
def test_nothing_is_deserialized_into_code(root: Path) -> None:
    house = root / "src" / "caretide"
    sources = {str(path.relative_to(house)): path.read_text("utf-8") for path in house.rglob("*.py")}
    found = {name: loading(source) for name, source in sources.items()}
    assert {name: one for name, one in found.items() if one} == ALLOWED
    assert len(sources) > 200


FAULTS: Final = (
    "import pickle\npickle.loads(b'')",
    "from pickle import loads as read",
    "import marshal",
    "import shelve as kept",
    "import dbm.gnu",
    "def later() -> None:\n    from multiprocessing import Pipe",
    "import yaml\nyaml.load(text, Loader=yaml.Loader)",
    "yaml.unsafe_load(text)",
    "from yaml import full_load",
    "value = eval(text)",
    "run = exec",
    "compile(text, 'x', 'exec')",
    "import builtins\nbuiltins.eval(text)",
    "from builtins import eval as look",
    "__import__(name)",
    "import importlib\nimportlib.import_module(name)",
    "environment.from_string(text)",
    "import xml.etree.ElementTree as tree",
    "from lxml import etree",
    "numpy.load(path, allow_pickle=True)",
    "subprocess.run(text, shell=True)",
)


@pytest.mark.req("V-04")
@pytest.mark.parametrize("source", FAULTS)
def test_a_planted_loader_is_found(source: str) -> None:
    assert loading(source)


@pytest.mark.req("V-04")
@pytest.mark.parametrize(
    "source", ["import json\njson.loads(text)", "import re\nre.compile(text)", "import yaml\nyaml.safe_load(text)"]
)
def test_what_reads_data_as_data_is_let_be(source: str) -> None:
    assert loading(source) == set()
