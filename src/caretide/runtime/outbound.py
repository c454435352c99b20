"""The one way out: requests to named hosts alone, over TLS, to the address that was checked.

A host's name is resolved once; every address that it has is looked at, and the connection goes to one of these very
addresses, so that a name cannot change its mind between the look and the connection. Nothing private is reached for an
address that a tenant gave; what an operator names may be private. No redirect is followed, no proxy of the environment
is used, and an answer has a size. Letters go to the one mail server that an operator names, whomever they are for.
"""

import asyncio
import smtplib
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Literal
from urllib.parse import urlsplit

import h11

from caretide.kernel.errors import Invalid, Unavailable
from caretide.settings import host_and_port

REFUSED: Final = "This address may not be reached from here"
MOST_BYTES: Final = 1024 * 1024
SECONDS: Final = 10.0

_WRAPPED: Final = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("2002::/16"))
"""Networks whose addresses hold another one: what they lead to cannot be told from their outside."""

_NEARBY: Final = tuple(ip_network(one) for one in ("192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "3fff::/20"))
"""What the library takes for global, and is not: the nearest relays (RFC 6890, RFC 7526), a site's own (RFC 3879), and
those of books (RFC 9637)."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns every address of a host."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What an operator lets be reached beside the internet at large: hosts, and whose certificates they have.

    A host stands alone, for port 443, or with its port.
    """

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


@dataclass(frozen=True, slots=True)
class Relay:
    """The mail server that the operator named. `name` is what we call ourselves, `trust` a file of certificates."""

    host: str
    port: int
    tls: Literal["starttls", "implicit", "off"]
    name: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    trust: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a mail server said of a letter: 2xx, it has it; 4xx, not now; 5xx, never. The words may quote an address."""

    code: int
    words: str


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
    is_nearby = any(found in network for network in _NEARBY)
    return found.is_global and not found.is_multicast and not found.is_reserved and not is_nearby


async def checked(
    url: str, allowed: Collection[str], *, is_operators: bool = False, resolve: Resolve = addresses_of
) -> Target:
    """Return where a URL leads; raise Invalid unless it is an allowed host's, over TLS, at public addresses alone.

    `allowed` names hosts, each for port 443 alone or with its own port (`host:8443`). `is_operators` is for what stands
    in the settings: a private address is theirs to name.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        is_allowed = (host, port) in {host_and_port(one) for one in allowed}
    except ValueError:
        raise Invalid(REFUSED, field="url") from None
    is_plain = all(0x21 <= ord(letter) < 0x7F for letter in url) and "\\" not in url
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
        parts = urlsplit(url)
        named = parts.hostname or "", parts.port or 443
    except ValueError:
        raise Invalid(REFUSED, field="url") from None
    is_operators = named in {host_and_port(one) for one in reach.hosts}
    theirs = f"[{named[0]}]" if ":" in named[0] else named[0]
    target = await checked(url, reach.hosts if is_operators else {theirs}, is_operators=is_operators)
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


class Carriage:
    """A conversation with the mail server. Synchronous; `cut` may be called from another thread."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        self._smtp = smtp

    def hand_over(self, sender: str, to: str, content: bytes) -> Said:
        """Hand over one letter; raise Unavailable where the conversation, and not the letter, is at fault."""
        try:
            words = ["SMTPUTF8", "BODY=8BITMIME"] if not to.isascii() and self._smtp.has_extn("smtputf8") else []
            if not to.isascii() and not words:
                return Said(553, "The mail server takes no address with letters outside ASCII")
            with _explained():
                _sender_taken(*self._smtp.mail(sender, words))
                code, said = self._smtp.rcpt(to)
                if _is_taken(code):
                    code, said = self._smtp.data(content)
                else:
                    self._smtp.rset()
        except smtplib.SMTPDataError as error:
            code, said = error.smtp_code, error.smtp_error
            with _explained():
                self._smtp.rset()
        except ValueError:
            return Said(553, "This is no address that can be written to")
        if code in _OURS:
            raise Unavailable(f"The mail server answers {code}: it closes, or asks for another sign-in.")
        return Said(code, said.decode("utf-8", "replace") if isinstance(said, bytes) else said)

    def cut(self) -> None:
        """End the conversation where it stands."""
        if isinstance(self._smtp.sock, socket.socket):
            with suppress(OSError):
                self._smtp.sock.shutdown(socket.SHUT_RDWR)


_OURS: Final = frozenset({421, 530, 534, 535, 538})
"""What a server answers to any letter: it closes the line, or asks for another sign-in (RFC 5321, RFC 4954)."""
_GREETING_SECONDS: Final = 15.0
_ANSWER_SECONDS: Final = 60.0
"""A letter that a server looks through for longer than that, and is then handed over again, arrives twice."""


@contextmanager
def carriage(relay: Relay) -> Generator[Carriage]:
    """Talk to the mail server: greeted, over checked TLS, signed in. Raise Unavailable where that cannot be.

    It is the named host and no other: no MX record is asked, no referral followed. Without TLS it is this host.
    """
    with _explained():
        smtp = _connected(relay)
    try:
        with _explained():
            if relay.tls == "starttls":
                smtp.starttls(context=_context(relay))
            smtp.ehlo_or_helo_if_needed()
            if relay.user is not None:
                smtp.login(relay.user, relay.password or "")
            if smtp.sock is not None:
                smtp.sock.settimeout(_ANSWER_SECONDS)
        yield Carriage(smtp)
        with suppress(smtplib.SMTPException, OSError):
            smtp.quit()
    finally:
        smtp.close()


def _connected(relay: Relay) -> smtplib.SMTP:
    if relay.tls == "implicit":
        context = _context(relay)
        return smtplib.SMTP_SSL(relay.host, relay.port, relay.name, timeout=_GREETING_SECONDS, context=context)
    smtp = smtplib.SMTP(relay.host, relay.port, relay.name, timeout=_GREETING_SECONDS)
    if relay.tls == "off" and not _is_here(smtp):
        smtp.close()
        raise Unavailable(f"{relay.host} is not this host: letters leave it through TLS alone.")
    return smtp


def _context(relay: Relay) -> ssl.SSLContext:
    """Believe the system's authorities, and those of the operator's file."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if relay.trust is not None:
        context.load_verify_locations(cafile=relay.trust)
    return context


def _is_here(smtp: smtplib.SMTP) -> bool:
    return smtp.sock is not None and ip_address(str(smtp.sock.getpeername()[0]).partition("%")[0]).is_loopback


def _is_taken(code: int) -> bool:
    return 200 <= code < 300


def _sender_taken(code: int, _: object) -> None:
    """Raise Unavailable where the server does not take our sender: no letter is at fault for that."""
    if not _is_taken(code):
        raise Unavailable(f"The mail server answers {code} to the address that letters come from.")


@contextmanager
def _explained() -> Generator[None]:
    """Tell what ended a conversation, without the server's words: these may quote an address."""
    try:
        yield
    except smtplib.SMTPDataError:
        raise
    except smtplib.SMTPAuthenticationError as error:
        raise Unavailable(f"The mail server does not let us sign in ({error.smtp_code}).") from None
    except smtplib.SMTPNotSupportedError:
        raise Unavailable("The mail server offers no STARTTLS, or no way to sign in that we know.") from None
    except smtplib.SMTPResponseException as error:
        raise Unavailable(f"The mail server answers {error.smtp_code}.") from None
    except ssl.SSLCertVerificationError as error:
        raise Unavailable(f"The mail server's certificate is not believed: {error.verify_message}.") from error
    except smtplib.SMTPServerDisconnected:
        raise Unavailable("The mail server ended the conversation.") from None
    except OSError as error:  # what else smtplib raises among them
        raise Unavailable(f"The mail server does not answer: {error.strerror or type(error).__name__}.") from error
