"""A page of the big tenant, asked for by many different people: one request at a time, then over eight connections.

Server time is from the application's being called until the body is there; what the client waits for beside it is the
socket and the machine's other work. The web process is one, as is usual on a small machine.
"""

import asyncio
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Final

from tests.bench.application import COOKIE, at_work
from tests.bench.ground import Ground
from tests.bench.http_load import Answers, Request, Served, drive
from tests.bench.measure import Measured, Sample, Size, percentile, repeated

ROUNDS: Final = {"small": 1, "full": 3}
PAGES: Final = {"small": 16, "full": 100}
CONNECTIONS: Final = 8
UNITS: Final = {
    "server_p50_ms": "ms",
    "server_p99_ms": "ms",
    "cpu_p50_ms": "ms per page, web process",
    "cpu_p99_ms": "ms per page, web process",
    "cpu_ms": "ms per page, web process",
    "database_cpu_ms": "ms per page",
    "client_p50_ms": "ms",
    "client_p99_ms": "ms",
    "busy_server_p50_ms": "ms",
    "busy_server_p99_ms": "ms",
    "busy_pages_per_second": "1/s",
}


def asked_for(path: str, secret: str) -> Request:
    """Return a request for a page by somebody who is signed in."""
    return Request.make("GET", path, {"cookie": f"{COOKIE}={secret}"})


def measured(ground: Ground, size: Size, pages: Sequence[Request], **setup: float) -> Measured:
    """Ask for pages in turn, as many a round as there are or as the size says; each another person's or patient's."""
    application = at_work(ground)
    count = min(PAGES[size], len(pages))
    # The first loads templates and statements; some more let the driver prepare them.
    warming = min(6, count)
    warm = asyncio.run(drive(application.port, pages[:warming], 1))
    rounds = repeated(size, ROUNDS[size], lambda number: _round(ground, application, pages, count, number))
    told = {"different_pages": len(set(pages)), "pages_per_round": count, "connections": CONNECTIONS, **setup}
    return Measured(UNITS, rounds, told | {"bytes": warm.size // warming})


def _round(ground: Ground, application: Served, pages: Sequence[Request], count: int, number: int) -> Sample:
    asked = list(islice(cycle(pages), number * count, (number + 1) * count))
    cpu, database_cpu = -application.cpu(), -ground.server_cpu()
    alone = asyncio.run(drive(application.port, asked, 1))
    cpu, database_cpu = cpu + application.cpu(), database_cpu + ground.server_cpu()
    busy = asyncio.run(drive(application.port, asked, CONNECTIONS))
    return {
        **_times("server", alone.server, alone),
        **_times("cpu", alone.cpu, alone),
        "cpu_ms": cpu / count * 1000,
        "database_cpu_ms": database_cpu / count * 1000,
        **_times("client", alone.seconds, alone),
        **_times("busy_server", busy.server, busy),
        "busy_pages_per_second": count / busy.wall,
    }


def _times(name: str, seconds: Sequence[float], answers: Answers) -> Sample:
    if len(seconds) != len(answers.seconds):
        raise RuntimeError("the server did not say how long it took")
    return {f"{name}_p50_ms": percentile(seconds, 0.5) * 1000, f"{name}_p99_ms": percentile(seconds, 0.99) * 1000}
