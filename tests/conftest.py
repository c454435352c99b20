"""What every test may rely on: requirement ids, the data beside the clone, and what happens where there is no browser.

Fixtures of one area live in a module of their own under tests/ and are named in `pytest_plugins` below.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ("tests.database", "tests.client", "tests.commands", "tests.identity.authenticator")

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
CHROMIUM = Path("/usr/bin/chromium")
REQUIREMENTS = frozenset(tomllib.loads((ROOT / "tests" / "requirements.toml").read_text("utf-8"))["requirement"])
"""The ids of the security plan; see docs/reference/requirements.md."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--req", action="append", default=[], metavar="ID", help="run only what proves this requirement")
    parser.addoption("--shots", metavar="FOLDER", help="keep a picture of every page, and those of the guides")
    parser.addoption("--long", action="store_true", help="as many rounds as the security plan asks for, not a sample")
    parser.addoption("--patients", default="56", metavar="N", help="how many patients the served demonstration has")


def requirement_ids(item: pytest.Item) -> set[str]:
    """Return the requirements that a test says it proves; refuse an id that nobody knows."""
    ids = {str(value) for marker in item.iter_markers("req") for value in marker.args}
    wrong = sorted(ids - REQUIREMENTS)
    if wrong:
        raise pytest.UsageError(f"{item.nodeid}: {wrong} is not in tests/requirements.toml")
    return ids


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = set(config.getoption("--req"))
    chosen = [item for item in items if requirement_ids(item) & wanted or not wanted]
    if len(chosen) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run and say how it could; in CI a missing browser is a failure, never a skip."""
    if item.get_closest_marker("browser") and not CHROMIUM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("no browser in CI: apt-get install chromium", pytrace=False)
        pytest.skip("no browser: apt-get install chromium")
    if item.get_closest_marker("shared") and not SHARED.is_dir():
        pytest.skip(f"reads {SHARED}, which is not there")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what the isolation suite counted, in whichever process it ran."""
    reports = [report for group in ("passed", "failed") for report in terminalreporter.stats.get(group, [])]
    lines = [text for report in reports for name, text in report.user_properties if name == "isolation"]
    if lines:
        terminalreporter.section("isolation report")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the clone."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return ../shared/data, or skip: public data sets that are too large for the repository."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"reads {data}, which is not there")
    return data
