"""Whether time tells another tenant's id from one that nobody has: the same questions with either, in turns.

The application runs in this process and is asked as a server would ask it, one request at a time. An id of another
tenant is a row that is really there, behind the wall; an unknown one was made just now. Each round asks every class of
route some times with both, in drawn order. What counts is the gap between the medians of all rounds, and how likely so
great a difference of ranks is by chance (Mann-Whitney, normal approximation).
"""

import asyncio
import math
import random
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from starlette.types import ASGIApp

from caretide import main
from caretide.kernel.clock import system_clock
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.postgres.databases import Databases
from caretide.postgres.roles import LoginRole
from caretide.runtime.installation import Installation
from caretide.settings import load_settings
from tests.access.wire import Caller, Request
from tests.bench.application import open_sessions
from tests.bench.ground import Ground
from tests.bench.measure import Measured, Sample, Size, say
from tests.bench.months import ZONE
from tests.bench.practice import Enrolled, build

PAIRS: Final = {"small": 20, "full": 200}
"""Of a class in a round: ten rounds of the full size ask each class 2,000 times with either."""
ROUNDS: Final = 10
PATIENTS: Final = 40

ROUTES: Final[dict[str, tuple[str, str]]] = {
    "patient_page": ("GET", "/patients/{patient}"),
    "patient_sheet": ("GET", "/patients/{patient}/disclosures.csv"),
    "patient_program": ("GET", "/api/v1/patients/{patient}"),
    "documents": ("GET", "/api/v1/patients/{patient}/documents"),
    "enrollment": ("GET", "/api/v1/enrollments/{enrollment}/history"),
    "timer_start": ("POST", "/api/v1/timer/start"),
}
"""A class of routes, by what is asked."""
UNITS: Final = {f"{name}_{kind}": unit for name in ROUTES for kind, unit in (("ms", "ms"), ("gap_ms", "ms"))} | {
    "greatest_gap_ms": "ms",
    "least_p": "",
}


@dataclass
class Asked:
    """The application, who asks it, whose ids are foreign, and how long each answer took."""

    application: ASGIApp
    secret: str
    foreign: list[Enrolled]
    drawn: random.Random = field(default_factory=lambda: random.Random(24))
    foreigns: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    unknowns: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def ask(self, name: str, one: Enrolled) -> float:
        """Return the milliseconds of an answer, which has to be that nobody is there."""
        method, path = ROUTES[name]
        body: dict[str, Any] | None = None
        if method == "POST":
            ids = {"patient_id": str(one.patient_id), "enrollment_id": str(one.enrollment_id)}
            body = {**ids, "activity_type": "care_plan"}
        where = path.format(patient=one.patient_id, enrollment=one.enrollment_id)
        caller = Caller(self.application, system_clock, self.secret)
        began = time.perf_counter()
        answer = await caller.ask(Request(method, where, body=body))
        took = (time.perf_counter() - began) * 1000
        if answer.status != 404:
            raise RuntimeError(f"{name} answers {answer.status} for somebody who is not there")
        return took

    async def round(self, pairs: int) -> Sample:
        """Ask every class of route in pairs."""
        sample: Sample = {}
        for name in ROUTES:
            theirs, nobodys = list[float](), list[float]()
            for _ in range(pairs):
                turns = [(theirs, self.drawn.choice(self.foreign)), (nobodys, Enrolled(new_id(), new_id()))]
                self.drawn.shuffle(turns)
                for times, one in turns:
                    times.append(await self.ask(name, one))
            self.foreigns[name] += theirs
            self.unknowns[name] += nobodys
            sample[f"{name}_ms"] = statistics.median(nobodys)
        return sample

    def told(self) -> Sample:
        """Return what all rounds together tell: the gap of each class, the greatest of them, and the least chance."""
        found = {
            f"{name}_gap_ms": abs(statistics.median(self.foreigns[name]) - statistics.median(self.unknowns[name]))
            for name in ROUTES
        }
        least = min(chance(self.foreigns[name], self.unknowns[name]) for name in ROUTES)
        return found | {"greatest_gap_ms": max(found.values()), "least_p": least}


def run(ground: Ground, size: Size) -> Measured:
    """Make two tenants, and ask in one of them for what is the other's."""
    return asyncio.run(_run(ground, size))


async def _run(ground: Ground, size: Size) -> Measured:
    this_month = Month.of(system_clock().astimezone(ZONE).date())
    ours, theirs = [await build(ground, PATIENTS, 2, [this_month]) for _ in range(2)]
    [secret] = await open_sessions(ground, [ours.busy])
    database = ground.database(system_clock)
    settings = load_settings(home=ground.home, database_url=None, requests_per_minute=1_000_000)
    urls = Databases({role: ground.cluster.url(role) for role in (LoginRole.APP, LoginRole.WORKER)})
    try:
        application = main.create_app(Installation(settings, urls, ground.stores, database))
        asked = Asked(application, secret, list(chain(*theirs.rosters.values())))
        # What is compiled and cached the first time is so for both.
        await asked.round(3)
        asked.foreigns.clear()
        asked.unknowns.clear()
        rounds: list[Sample] = []
        for number in range(ROUNDS):
            rounds.append(await asked.round(PAIRS[size]))
            say(f"round {number + 1} of {ROUNDS}")
    finally:
        await database.close()
    told, pairs = asked.told(), len(asked.unknowns["documents"])
    return Measured(UNITS, [one | told for one in rounds], {"pairs": pairs, "routes": len(ROUTES)})


def chance(some: list[float], others: list[float]) -> float:
    """Return how likely ranks as different as these are by chance, two-sided; times are hardly ever equal."""
    ranked = sorted((value, of) for of, values in enumerate((some, others)) for value in values)
    rank_sum = sum(rank for rank, (_, of) in enumerate(ranked, start=1) if of == 0)
    here, there = len(some), len(others)
    mean = here * there / 2
    spread = math.sqrt(here * there * (here + there + 1) / 12)
    above = abs(rank_sum - here * (here + 1) / 2 - mean) / spread
    return math.erfc(above / math.sqrt(2))
