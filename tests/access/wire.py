"""Requests put to the application as a server would put them, one by one: nothing remembers a cookie in between."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.types import ASGIApp, Message

from caretide.kernel.clock import Clock
from caretide.runtime.cookies import VISIT
from caretide.runtime.forgery import csrf_token
from tests.client import COOKIE


async def undone(connection: AsyncConnection) -> None:
    """Check what a commit would, and leave nothing behind: each request finds the house as it was."""
    await connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    await connection.rollback()


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return a header, empty where there is none."""
        return next((value.decode() for key, value in self.headers if key.lower() == name.encode()), "")

    @property
    def whole(self) -> bytes:
        """Everything that was said, headers too."""
        return b"\n".join(key + b": " + value for key, value in self.headers) + b"\n\n" + self.body


@dataclass(frozen=True)
class Request:
    """What is asked. `form` and `body` are a page's fields and a program's JSON; `file` goes as it is."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict[str, Any])
    form: Mapping[str, Any] | None = None
    body: Any = None
    file: bytes | None = None


@dataclass(frozen=True)
class Caller:
    """Somebody with the secret of a session, or with none; pages get it as a cookie, programs as a token.

    Each calls from a network address of its own: failed tries from one are counted.
    """

    application: ASGIApp
    clock: Clock
    secret: str = ""
    network: str = field(default_factory=lambda: f"2001:db8:{secrets.randbits(16):x}:{secrets.randbits(16):x}::1")

    async def ask(self, request: Request) -> Answer:
        """Put one request and return its answer."""
        content, kind = _content(request)
        is_program = request.path.startswith("/api/")
        headers = [(b"host", b"localhost:8000"), (b"content-length", str(len(content)).encode())]
        headers += [(b"content-type", kind)] if kind else []
        if is_program:
            headers += [(b"authorization", f"Bearer {self.secret}".encode())] if self.secret else []
        else:
            known = f"{COOKIE}={self.secret}" if self.secret else f"{VISIT}=a visit"
            token = csrf_token(self.secret or "a visit", self.clock())
            headers += [(b"cookie", known.encode()), (b"x-csrf-token", token.encode())]
            headers += [(b"sec-fetch-site", b"same-origin")]
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": request.path,
            "raw_path": request.path.encode(),
            "query_string": urlencode(request.query, doseq=True).encode(),
            "root_path": "",
            "headers": headers,
            "server": ("localhost", 8000),
            "client": (self.network, 443),
            "state": {},
        }
        sent: list[Message] = []
        asked = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> Message:
            return asked.pop() if asked else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.application(scope, receive, send)
        start, *rest = sent
        return Answer(start["status"], tuple(start["headers"]), b"".join(part.get("body", b"") for part in rest))


def _content(request: Request) -> tuple[bytes, bytes]:
    if request.file is not None and request.form is None:
        return request.file, b"application/octet-stream"
    if request.file is not None:
        return _multipart(request.form or {}, request.file), b"multipart/form-data; boundary=between"
    if request.form is not None:
        return urlencode(request.form, doseq=True).encode(), b"application/x-www-form-urlencoded"
    if request.body is not None:
        return json.dumps(request.body).encode(), b"application/json"
    return b"", b""


def _multipart(form: Mapping[str, Any], file: bytes) -> bytes:
    parts = [
        f'--between\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in form.items()
    ]
    head = '--between\r\ncontent-disposition: form-data; name="file"; filename="file"\r\n\r\n'
    return "".join((*parts, head)).encode() + file + b"\r\n--between--\r\n"
