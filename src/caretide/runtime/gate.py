"""The gate: the outermost middleware, which every request passes first and every answer last.

In: who asks, as far as proxies are believed; the host's name, pinned; changes from other sites turned away; bodies of a
size that makes sense. Out: the headers that every answer carries, and no answer that nobody decided on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from caretide.runtime.log import log

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

MOST_BYTES: Final = 1024 * 1024
"""The largest body that is taken: every form and every JSON document is far smaller."""

LARGER: Final = {
    "/api/v1/imports": 256 * 1024 * 1024,
    "/admin/imports": 20 * 1024 * 1024,
    # 10 MB of a file. A program's is half as large again in Base64; a form's may be too large, and its page says so.
    "/api/v1/admin/agreements": 15 * 1024 * 1024,
    "/admin/agreements": 32 * 1024 * 1024,
}
"""Places that take files, each with its most: a program's is read as it comes, a form's is held on disk first."""

TOO_MUCH: Final = b"This is more than can be taken at once\n"

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; object-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""The content security policy: nothing inline, nothing from elsewhere."""

_UNUSED: Final = (
    *("accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "geolocation", "gyroscope"),
    *("magnetometer", "microphone", "midi", "payment", "screen-wake-lock", "usb", "xr-spatial-tracking"),
)
"""Powers of a browser that no page of ours asks for."""

HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # To ourselves alone. With "no-referrer" a form's `Origin` would be "null", and nothing left to check it by.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", ", ".join(f"{name}=()" for name in _UNUSED).encode()),
)
"""What every answer carries, whoever asks and whatever became of it."""

HSTS: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
"""One year, subdomains too; only where people reach us over TLS: elsewhere browsers ignore it."""

PROBES: Final = frozenset({"/healthz", "/readyz"})
"""Asked by load balancers, which name an address and no host; their answers hold nothing of the request."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_ALWAYS_REFUSED: Final = frozenset({"TRACE", "CONNECT", "TRACK"})


@dataclass(frozen=True)
class Site:
    """Where this installation is reached, and through which proxies."""

    base_url: str = "http://localhost:8000"
    in_development: bool = True
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, base_url: str, mode: str, proxies: Iterable[str]) -> "Site":
        """Read it from the settings."""
        return cls(base_url, mode == "development", tuple(ip_network(one) for one in proxies))

    @property
    def is_secure(self) -> bool:
        """Whether people reach it over TLS."""
        return self.base_url.startswith("https://")

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What every answer carries here."""
        return (*HEADERS, HSTS) if self.is_secure else HEADERS

    def is_ours(self, host: str) -> bool:
        """Tell whether a host header names this installation; in development, by any name of this machine."""
        named = urlsplit(f"//{host}")
        ours = urlsplit(self.base_url)
        try:
            default = 443 if self.is_secure else 80
            if (named.hostname, named.port or default) == (ours.hostname, ours.port or default):
                return True
        except ValueError:  # a port that is no number
            return False
        return self.in_development and named.hostname in _LOOPBACK and "@" not in host

    def sent_from(self, origin: str, host: str) -> bool:
        """Tell whether an origin header names this installation."""
        allowed = {self.base_url}
        if self.in_development and self.is_ours(host):
            allowed.add(f"http://{host}")
        return origin in allowed

    def trusts(self, address: str) -> bool:
        """Tell whether an address is one of our proxies'."""
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.proxies)


_FORWARDED: Final = (b"x-forwarded-", b"forwarded", b"x-real-ip", b"x-original-", b"x-rewrite-")


def believed(scope: Scope, site: Site) -> Scope:
    """Return the request as its real sender made it: what a named proxy says counts, what anybody else says is dropped.

    Of a chain of addresses the last one that is not a proxy's own is the sender; whatever stands before it was sent by
    them and may be made up. The host is never taken from a proxy: it is pinned.
    """
    headers = [(name.lower(), value) for name, value in scope["headers"]]
    kept = [pair for pair in headers if not pair[0].startswith(_FORWARDED)]
    client = scope.get("client")
    found = dict(scope)
    found["headers"] = kept
    if client is not None and site.trusts(client[0]):
        chain = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1").split(",")
        for address in reversed([one.strip() for one in chain if one.strip()]):
            if not _is_address(address):
                break
            found["client"] = (address, 0)
            if not site.trusts(address):
                break
    return found


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class AccessGate:
    """Turns away what cannot be ours, puts the headers on, and refuses to give an answer that nobody decided on."""

    def __init__(self, app: ASGIApp, site: Site | None = None) -> None:
        self.app = app
        self.site = site or Site()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            # The server offers no other; whatever opens one some day decides here first.
            return
        # A list, so that sub-applications, which get copies of the scope, write to the same place.
        decision: list[str | None] = [None]
        scope = believed(scope, self.site)
        scope["caretide.access"] = decision
        refusal = _refusal(scope, self.site)
        if refusal is not None:
            await self._plain(send, *refusal)
            return
        started = refused = False
        bounded = _Bounded(receive, most_of(scope))

        async def checked(message: Message) -> None:
            nonlocal started, refused
            if message["type"] == "http.response.start":
                started = True
                if bounded.is_beyond:
                    refused = True
                    await self._plain(send, 413, TOO_MUCH)
                    return
                if message["status"] < 400 and decision[0] is None and not _redirect(message):
                    refused = True
                    await self._plain(send, 500, b"Nothing decided who may see this answer\n")
                    return
                message["headers"] = self._dressed(message, is_static=decision[0] == "static")
            if not refused:
                await send(message)

        try:
            await self.app(scope, bounded.receive, checked)
        except ClientDisconnect:
            if bounded.is_beyond and not started:
                await self._plain(send, 413, TOO_MUCH)
            log.info("the caller went away")
        except Exception as error:  # noqa: BLE001 - the server would log its message, which may quote health data
            if not started:
                log.error("a fault outside every route", exc_info=error)
                await self._plain(send, 500, b"Something broke on our side\n")

    def _dressed(self, message: Message, *, is_static: bool) -> list[tuple[bytes, bytes]]:
        """Return an answer's headers with ours, which nothing further in can weaken."""
        ours = {name for name, _ in self.site.headers} | {b"cache-control"}
        kept = [pair for pair in message["headers"] if pair[0].lower() not in ours]
        is_kept = is_static and message["status"] in {200, 206, 304}
        cached = b"public, max-age=3600" if is_kept else b"no-store"
        return [*kept, *self.site.headers, (b"cache-control", cached)]

    async def _plain(self, send: Send, status: int, body: bytes) -> None:
        ours = [*self.site.headers, (b"cache-control", b"no-store")]
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()), *ours]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def most_of(scope: Scope) -> int:
    """Return how large a request's body may be."""
    return LARGER.get(scope["path"], MOST_BYTES) if scope["method"] == "POST" else MOST_BYTES


class _Bounded:
    """Counts a body as it comes, for one that did not say how long it is, and breaks off beyond the limit."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._left = most
        self.is_beyond = False

    async def receive(self) -> Message:
        """Hand on the next part."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.is_beyond = True
            return {"type": "http.disconnect"}
        return message


def _refusal(scope: Scope, site: Site) -> tuple[int, bytes] | None:
    """Return how a request is refused that is not looked at further; None for one that is."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1 and scope["path"] not in PROBES:
        return 400, b"A request names the host that it is for, once\n"
    host = hosts[0].decode("latin-1") if hosts else ""
    if scope["path"] not in PROBES and not site.is_ours(host):
        return 421, f"This is {site.base_url}; CARETIDE_BASE_URL says under which name it is reached\n".encode()
    if scope["method"] in _ALWAYS_REFUSED:
        return 405, b"This method is not offered\n"
    if scope["method"] not in SAFE_METHODS and not came_from_here(headers, host, site):
        return 403, b"Cross-site requests may not change anything here\n"
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > most_of(scope):
        return 413, TOO_MUCH
    return None


def came_from_here(headers: dict[bytes, bytes], host: str, site: Site) -> bool:
    """Tell whether a change was sent by a page of ours, or by a program that no browser speaks for.

    Every current browser sends `Sec-Fetch-Site` to a trustworthy address, and `Origin` with every change. A request
    with a cookie and neither of them comes from no browser that we know: it is refused. A program shows a token of its
    own, which no page of another site can add.
    """
    where, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if origin is not None and not site.sent_from(origin.decode("latin-1"), host):
        return False
    if where is not None:
        # "none": the person's own doing, such as sending a form again that they had sent before.
        return where == b"same-origin" or (where == b"none" and headers.get(b"sec-fetch-mode") in {None, b"navigate"})
    shows_token = headers.get(b"authorization", b"")[:7].lower() == b"bearer "
    return origin is not None or shows_token or b"cookie" not in headers


def _redirect(message: Message) -> bool:
    """A redirect carries no data: the slash and sign-in redirects need no decision."""
    return 300 <= message["status"] < 400
