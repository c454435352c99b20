"""Requests over a few kept connections, as fast as they are answered.

The client is a small one of our own, so that it is not what is measured on a machine with few cores.
"""

import asyncio
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from tests.bench.measure import cpu_seconds, say

ROOT: Final = Path(__file__).parents[2]
STARTS_IN: Final = 60.0
_SECONDS_AT_MOST: Final = 300.0
_TOLD: Final = re.compile(rb"server-timing: app;dur=([0-9.]+), cpu;dur=([0-9.]+)")


@dataclass(frozen=True)
class Request:
    """One request, ready to be sent, and the status it must get."""

    raw: bytes
    expected: int = 200

    @classmethod
    def make(
        cls, method: str, path: str, headers: Mapping[str, str], body: Any = None, *, expected: int = 200
    ) -> "Request":
        """Put a request into bytes; a body is sent as JSON."""
        content = b"" if body is None else orjson.dumps(body)
        lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", *(f"{key}: {value}" for key, value in headers.items())]
        if content:
            lines += ["content-type: application/json", f"content-length: {len(content)}"]
        return cls("\r\n".join([*lines, "", ""]).encode() + content, expected)


@dataclass(frozen=True)
class Answers:
    """How long each request took, in seconds, and all together; how many bytes the answers had.

    `server` and `cpu` are what the server itself says it took, where it says so: see `tests.bench.timed_server`.
    """

    seconds: list[float]
    wall: float
    size: int
    server: list[float]
    cpu: list[float]


@dataclass
class _Heard:
    """What one connection heard."""

    seconds: list[float] = field(default_factory=list[float])
    size: int = 0
    server: list[float] = field(default_factory=list[float])
    cpu: list[float] = field(default_factory=list[float])


async def drive(port: int, requests: Sequence[Request], connections: int) -> Answers:
    """Send requests over some connections, each its next as soon as it has an answer; raise for a wrong status."""
    waiting = iter(requests)
    began = time.perf_counter()
    async with asyncio.timeout(_SECONDS_AT_MOST):
        parts = await asyncio.gather(*(_connection(port, waiting) for _ in range(connections)))
    wall = time.perf_counter() - began
    return Answers(
        [took for part in parts for took in part.seconds],
        wall,
        sum(part.size for part in parts),
        [took for part in parts for took in part.server],
        [took for part in parts for took in part.cpu],
    )


async def _connection(port: int, waiting: Iterator[Request]) -> _Heard:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = _Heard()
    try:
        for request in waiting:
            began = time.perf_counter()
            writer.write(request.raw)
            head, body = await _answer(reader)
            heard.seconds.append(time.perf_counter() - began)
            heard.size += len(body)
            if told := _TOLD.search(head):
                heard.server.append(float(told[1]) / 1000)
                heard.cpu.append(float(told[2]) / 1000)
            status = int(head[9:12])
            if status != request.expected:
                asked = request.raw.split(b"\r\n", 1)[0].decode()
                raise RuntimeError(f"{asked} was answered {status} and not {request.expected}: {body[:160]!r}")
    finally:
        writer.close()
    return heard


async def _answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return an answer's head in lower case, and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head, await reader.readexactly(int(line[15:]))
    if b"transfer-encoding: chunked" not in head:
        return head, b""
    chunks: list[bytes] = []
    while length := int(await reader.readuntil(b"\r\n"), 16):
        chunks.append(await reader.readexactly(length))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return head, b"".join(chunks)


@dataclass(frozen=True)
class Served:
    """A server process of ours."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Return the CPU seconds it has used so far."""
        return cpu_seconds(self.pid)


@contextmanager
def served(name: str, command: Sequence[str], port: int, ready: str, env: Mapping[str, str]) -> Iterator[Served]:
    """Run a server until the block ends; `ready` is what answers 200 once it is up."""
    say(f"starting {name}")
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        asyncio.run(_wait(process, port, ready))
        yield Served(port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _wait(process: subprocess.Popen[bytes], port: int, ready: str) -> None:
    until = time.monotonic() + STARTS_IN
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}; see above")
        try:
            await drive(port, [Request.make("GET", ready, {})], 1)
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not answer in time")


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
        return port
