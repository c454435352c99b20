"""My day of a coordinator with a roster of 200 patients: the whole page over HTTP, one request after the other."""

import asyncio
from typing import Final

from tests.bench.application import COOKIE, at_work, open_sessions, practice_of
from tests.bench.ground import Ground
from tests.bench.http_load import Request, Served, drive
from tests.bench.measure import Measured, Sample, Size, percentile, repeated
from tests.bench.practice import ROSTER

ROUNDS: Final = {"small": 2, "full": 5}
PAGES: Final = {"small": 10, "full": 30}
UNITS: Final = {
    "p50_ms": "ms",
    "p99_ms": "ms",
    "cpu_ms": "ms per page",
    "database_cpu_ms": "ms per page",
}


def run(ground: Ground, size: Size) -> Measured:
    """Ask for the page again and again, as one person would."""
    practice = practice_of(ground, size)
    [secret] = asyncio.run(open_sessions(ground, [practice.busy]))
    page = Request.make("GET", "/my-day", {"cookie": f"{COOKIE}={secret}"})
    application = at_work(ground)
    # The first loads templates and statements.
    warm = asyncio.run(drive(application.port, [page] * 3, 1))
    rounds = repeated(size, ROUNDS[size], lambda _: _round(ground, application, page, PAGES[size]))
    return Measured(UNITS, rounds, {"patients": ROSTER, "pages_per_round": PAGES[size], "bytes": warm.size // 3})


def _round(ground: Ground, application: Served, page: Request, count: int) -> Sample:
    cpu, database_cpu = -application.cpu(), -ground.server_cpu()
    answers = asyncio.run(drive(application.port, [page] * count, 1))
    return {
        "p50_ms": percentile(answers.seconds, 0.5) * 1000,
        "p99_ms": percentile(answers.seconds, 0.99) * 1000,
        "cpu_ms": (cpu + application.cpu()) / count * 1000,
        "database_cpu_ms": (database_cpu + ground.server_cpu()) / count * 1000,
    }
