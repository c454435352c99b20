"""My day of a coordinator with a roster of 200 patients: the whole page over HTTP, one request after the other."""

import asyncio
from typing import Final

from tests.bench.application import COOKIE, at_work, open_sessions, practice_of
from tests.bench.ground import Ground
from tests.bench.http_load import Request, Served, drive
from tests.bench.measure import Measured, Sample, Size, percentile
from tests.bench.practice import ROSTER

ROUNDS: Final = {"small": 3, "full": 7}
PAGES: Final = {"small": 15, "full": 60}
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
    with at_work(ground) as application:
        # The first loads templates and statements.
        warm = asyncio.run(drive(application.port, [page] * 5, 1))
        rounds = [_round(ground, application, page, PAGES[size]) for _ in range(ROUNDS[size])]
    return Measured(UNITS, rounds, {"patients": ROSTER, "pages_per_round": PAGES[size], "bytes": warm.size // 5})


def _round(ground: Ground, application: Served, page: Request, count: int) -> Sample:
    cpu, database_cpu = -application.cpu(), -ground.server_cpu()
    answers = asyncio.run(drive(application.port, [page] * count, 1))
    return {
        "p50_ms": percentile(answers.seconds, 0.5) * 1000,
        "p99_ms": percentile(answers.seconds, 0.99) * 1000,
        "cpu_ms": (cpu + application.cpu()) / count * 1000,
        "database_cpu_ms": (database_cpu + ground.server_cpu()) / count * 1000,
    }
