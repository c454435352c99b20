"""At the socket itself: no connection leaves for a place that was not named, however the way there is dressed up."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from caretide.kernel.errors import CaretideError, Invalid, Unavailable
from caretide.runtime.installation import open_stores
from caretide.runtime.outbound import Reach, ask_named
from caretide.settings import Settings
from tests.identity.idp import serving

pytestmark = pytest.mark.req("H-18", "V-03")

PUBLIC = "93.184.216.34"
INSIDE = ("127.0.0.1", "10.1.2.3", "172.16.0.9", "192.168.0.9", "169.254.169.254", "::1", "fe80::1", "fd00::1")
"""This machine, its networks, and where clouds keep their credentials."""


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address for which a connection sets out."""
    found: list[Any] = []

    def watched(name: str) -> Callable[[socket.socket, Any], Any]:
        usual = getattr(socket.socket, name)

        def connect(self: socket.socket, address: Any) -> Any:
            found.append(address[0])
            if not address[0].startswith("127."):
                raise ConnectionRefusedError("the tests reach nobody outside")
            return usual(self, address)

        return connect

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, watched(name))
    return found


def named(monkeypatch: pytest.MonkeyPatch, **hosts: tuple[str, ...]) -> None:
    """Give hosts below `.example` addresses."""

    def resolve(host: str, port: int, *given: object, **more: object) -> list[Any]:
        del given, more
        found = hosts.get(host.removesuffix(".example"), (host,))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@asynccontextmanager
async def answering(folder: Path, answer: str) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Serve one answer over TLS on this machine; yield the port and what was asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer.encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


@pytest.mark.parametrize("address", INSIDE)
async def test_name_that_leads_inside_is_not_connected_to(
    connected: list[Any], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    named(monkeypatch, hooks=(address,), both=(PUBLIC, address))
    for host in ("hooks.example", "both.example", f"[{address}]" if ":" in address else address):
        with pytest.raises(Invalid, match="may not be reached"):
            await ask_named(Reach(), "GET", f"https://{host}/")
    assert connected == []


async def test_name_is_looked_up_once_and_connected_to_where_it_was_looked_at(
    connected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [PUBLIC, "127.0.0.1"]

    def changing(host: str, port: int, *given: object, **more: object) -> list[Any]:
        del given, more
        # What is an address already is asked for as well, on the way to connecting.
        found = answers.pop(0) if host == "hooks.example" else host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, port))]

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    with pytest.raises(Unavailable, match="does not answer"):
        await ask_named(Reach(), "GET", "https://hooks.example/")
    assert (connected, answers) == ([PUBLIC], ["127.0.0.1"])


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://hooks.example/",
            "https://hooks.example:8443/",
            "https://hooks.example@127.0.0.1/",
            "ftp://127.0.0.1/",
        ),
        *(
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://localhost/",
            "https://hooks.example\t/",
        ),
    ],
)
async def test_place_that_is_dressed_up_is_not_connected_to(
    connected: list[Any], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    named(monkeypatch, hooks=(PUBLIC,), localhost=("127.0.0.1",))
    with pytest.raises(CaretideError):
        await ask_named(Reach(), "GET", url)
    assert connected == []


async def test_redirect_is_an_answer_and_not_followed(connected: list[Any], tmp_path: Path) -> None:
    with serving(tmp_path, lambda: datetime.now(UTC)):
        connected.clear()
        done = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
        async with answering(tmp_path, done) as (elsewhere, asked_elsewhere):
            leads_on = f"HTTP/1.1 302 Found\r\nlocation: https://127.0.0.1:{elsewhere}/\r\ncontent-length: 0\r\n\r\n"
            async with answering(tmp_path, leads_on) as (port, asked):
                both = frozenset({f"127.0.0.1:{port}", f"127.0.0.1:{elsewhere}"})
                reach = Reach(both, str(tmp_path / "authority.pem"))
                answer = await ask_named(reach, "GET", f"https://127.0.0.1:{port}/")
    assert (answer.status, len(asked), asked_elsewhere) == (302, 1, [])
    assert connected == ["127.0.0.1"]


async def test_what_the_operator_named_is_reached_and_its_neighbors_are_not(
    connected: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named(monkeypatch, kms=("127.0.0.1",), neighbor=("127.0.0.1",))
    reach = Reach(frozenset({"kms.example:1"}))
    for url in (
        *("https://neighbor.example:1/", "https://x.kms.example:1/", "https://127.0.0.1:1/"),
        *("https://kms.example/", "https://kms.example:2/"),
    ):
        with pytest.raises(Invalid, match="may not be reached"):
            await ask_named(reach, "GET", url)
    assert connected == []
    # The same wire: what was named is set out for.
    with pytest.raises(Unavailable):
        await ask_named(reach, "GET", "https://kms.example:1/")
    assert connected == ["127.0.0.1"]


def test_what_is_named_stands_in_the_settings_and_nothing_does_by_itself(tmp_path: Path) -> None:
    assert open_stores(Settings(home=tmp_path)).reach == Reach()
    assert open_stores(Settings(home=tmp_path, outbound_hosts=("KMS.example",))).reach.hosts == {"kms.example"}
