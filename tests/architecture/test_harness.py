"""The tests run as strictly as they claim: warnings fail, and no test reaches another machine."""

import socket
import warnings
from pathlib import Path

import pytest


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
