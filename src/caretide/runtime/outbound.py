"""The one way out: requests to named hosts alone, over TLS, to the address that was checked.

A host's name is resolved once; every address that it has is looked at, and the connection goes to one of these very
addresses, so that a name cannot change its mind between the look and the connection. Nothing private is reached for an
address that a tenant gave; what an operator names may be private. No redirect is followed, no proxy of the environment
is used, and an answer has a size.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

import h11

from caretide.kernel.errors import Invalid, Unavailable

REFUSED: Final = "This address may not be reached from here"
MOST_BYTES: Final = 1024 * 1024
SECONDS: Final = 10.0

_WRAPPED: Final = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("2002::/16"))
"""Networks whose addresses hold another one: what they lead to cannot be told from their outside."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns every address of a host."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What an operator lets be reached beside the internet at large: hosts, and whose certificates they have."""

    hosts: frozenset[str] = frozenset()
    trust: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A checked place: where to connect, and as whom it has to show itself."""

    host: str
    port: int
    address: str
    path: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; a redirect is an answer like any other."""

    status: int
    headers: dict[str, str]
    body: bytes


async def addresses_of(host: str, port: int) -> list[str]:
    """Ask the system's resolver."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable("The host's name cannot be resolved") from error
    return [str(one[4][0]) for one in found]


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the internet at large, and to nothing of ours."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif any(found in network for network in _WRAPPED):
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


async def checked(
    url: str, allowed: Collection[str], *, is_operators: bool = False, resolve: Resolve = addresses_of
) -> Target:
    """Return where a URL leads; raise Invalid unless it is an allowed host's, over TLS, at public addresses alone.

    `is_operators` is for what stands in the settings: another port and a private address are theirs to name.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError:
        raise Invalid(REFUSED, field="url") from None
    is_plain = all(0x21 <= ord(letter) < 0x7F for letter in url) and "\\" not in url
    is_allowed = host in {one.lower() for one in allowed} and (port == 443 or is_operators)
    if not (is_plain and is_allowed and parts.scheme == "https" and parts.username is None and not parts.fragment):
        raise Invalid(REFUSED, field="url")
    found = await resolve(host, port)
    if not found or not (is_operators or all(is_public(one) for one in found)):
        raise Invalid(REFUSED, field="url")
    return Target(host, port, found[0], (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


async def ask(
    method: str,
    target: Target,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    trust: str | None = None,
) -> Answer:
    """Send one request to a checked place; raise Unavailable when it does not answer, or answers too much.

    `trust` is a file of certificates to believe beside the system's: a hospital's own authority.
    """
    context = ssl.create_default_context(cafile=trust)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection(
                target.address, target.port, ssl=context, server_hostname=target.host
            )
            try:
                return await _exchange(reader, writer, _request(method, target, headers or {}, body), body)
            finally:
                writer.close()
    except (OSError, TimeoutError, h11.ProtocolError) as error:
        raise Unavailable(f"{target.host} does not answer as it should ({type(error).__name__})") from error


async def ask_named(
    reach: Reach, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Answer:
    """Send one request to the host that an administrator named: in the internet, or one that the operator allowed."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        raise Invalid(REFUSED, field="url") from None
    is_operators = host in reach.hosts
    target = await checked(url, {host}, is_operators=is_operators)
    return await ask(method, target, headers, body, trust=reach.trust if is_operators else None)


def _request(method: str, target: Target, headers: Mapping[str, str], body: bytes) -> h11.Request:
    host = target.host if target.port == 443 else f"{target.host}:{target.port}"
    ours = {"host": host, "connection": "close", "content-length": str(len(body)), "accept-encoding": "identity"}
    return h11.Request(method=method, target=target.path, headers=list((ours | dict(headers)).items()))


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: h11.Request, body: bytes
) -> Answer:
    spoken = h11.Connection(h11.CLIENT)
    for event in (request, h11.Data(data=body), h11.EndOfMessage()):
        writer.write(spoken.send(event) or b"")
    await writer.drain()
    answer: h11.Response | None = None
    found = bytearray()
    while True:
        event = spoken.next_event()
        if event is h11.NEED_DATA:
            spoken.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Response):
            answer = event
        elif isinstance(event, h11.Data):
            found += event.data
            if len(found) > MOST_BYTES:
                raise Unavailable("The answer is larger than 1 MB")
        elif isinstance(event, h11.EndOfMessage) and answer is not None:
            pairs = {name.decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}
            return Answer(answer.status_code, pairs, bytes(found))
        elif not isinstance(event, h11.InformationalResponse):
            raise Unavailable("The connection ended early")
