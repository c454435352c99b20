"""The tests run as strictly as they claim: warnings fail, and no test reaches another machine."""

import socket
import warnings
from pathlib import Path

import pytest

from tests import conftest


def test_warning_is_an_error() -> None:
    with pytest.raises(UserWarning, match="planted"):
        warnings.warn("planted", stacklevel=1)


def test_socket_to_another_machine_is_refused() -> None:
    # Connecting a datagram socket sends nothing, so even an open guard would let no byte out.
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward,
        pytest.raises((RuntimeError, UserWarning), match=r"192\.0\.2\.1"),
    ):
        outward.connect(("192.0.2.1", 9))


def test_loopback_and_unix_sockets_are_allowed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))


def test_order_is_random_and_workers_share_the_work(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.hasplugin("xdist")
    assert pytestconfig.getini("xfail_strict")
    assert pytestconfig.getini("filterwarnings") == ["error"]


class Marked:
    """A test that carries one marker."""

    nodeid = "test_planted"

    def __init__(self, marker: pytest.MarkDecorator) -> None:
        self.mark = marker.mark

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return self.mark if name == self.mark.name else None

    def iter_markers(self, name: str) -> list[pytest.Mark]:
        return [self.mark] if name == self.mark.name else []


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_missing_browser_skips_at_home_and_fails_in_ci(
    ci: str, outcome: type[Exception], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(conftest, "CHROMIUM", tmp_path / "chromium")
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="apt-get install chromium"):
        conftest.pytest_runtest_setup(Marked(pytest.mark.browser))


def test_missing_data_skips(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(conftest, "SHARED", tmp_path / "shared")
    with pytest.raises(pytest.skip.Exception, match="which is not there"):
        conftest.pytest_runtest_setup(Marked(pytest.mark.shared))


@pytest.mark.parametrize("wrong", ["20", "T-99", "A-3"])
def test_requirement_that_nobody_knows_is_refused(wrong: str) -> None:
    assert conftest.requirement_ids(Marked(pytest.mark.req("T-20", "A-03"))) == {"T-20", "A-03"}
    with pytest.raises(pytest.UsageError, match=r"is not in tests/requirements\.toml"):
        conftest.requirement_ids(Marked(pytest.mark.req("T-20", wrong)))
