"""Time entries over HTTP: timers of many coordinators are started, run for two seconds and are stopped.

The application is the one that people run, one process, every commit flushed to disk. The peer is `tests.bench.peer`:
bare FastAPI over raw psycopg on copies of the tables. Rounds of the two take turns; their figures are per request, and
two requests (start and stop) make one entry.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from caretide.kernel.actor import Actor
from caretide.postgres.roles import LoginRole
from tests.bench import peer
from tests.bench.application import at_work, open_sessions, practice_of
from tests.bench.ground import Ground
from tests.bench.http_load import Request, Served, drive, free_port, served
from tests.bench.measure import Measured, Sample, Size, percentile, repeated
from tests.bench.practice import Enrolled, Practice

ROUNDS: Final = {"small": 2, "full": 5}
CONNECTIONS: Final = 8
RUNS_FOR: Final = 2.1
"""Seconds that our timers run: an entry has at least one whole second, start rounded up and stop rounded down."""

UNITS: Final = {
    "requests_per_second": "1/s",
    "p50_ms": "ms",
    "p99_ms": "ms",
    "cpu_ms": "ms per request",
    "database_cpu_ms": "ms per request",
    "peer_requests_per_second": "1/s",
    "peer_p50_ms": "ms",
    "peer_p99_ms": "ms",
    "peer_cpu_ms": "ms per request",
    "peer_database_cpu_ms": "ms per request",
    "ratio_cpu_to_peer": "x",
    "ratio_all_cpu_to_peer": "x",
    "ratio_requests_to_peer": "x",
}

Pair = tuple[Request, Request]
"""What starts a timer and what stops it."""


def run(ground: Ground, size: Size) -> Measured:
    """Let every coordinator record an entry, first in the application and then in the peer, in every round."""
    practice = practice_of(ground, size)
    ours = _pairs(practice, asyncio.run(open_sessions(ground, practice.others)))
    theirs = _peer_pairs(practice)
    application = at_work(ground)
    with _peer(ground) as bare:
        # The first requests of each load templates, statements and connections.
        _round(ground, (application, ours[:10]), (bare, theirs[:10]))
        rounds = repeated(size, ROUNDS[size], lambda _: _round(ground, (application, ours), (bare, theirs)))
    setup = {"entries_per_round": len(ours), "connections": CONNECTIONS, "processes": 1, "synchronous_commit": "on"}
    return Measured(UNITS, rounds, setup)


def _pairs(practice: Practice, tokens: Sequence[str]) -> list[Pair]:
    made: list[Pair] = []
    for (_, one), token in zip(_work(practice), tokens, strict=True):
        headers = {"authorization": f"Bearer {token}"}
        what = {"patient_id": one.patient_id, "enrollment_id": one.enrollment_id, "activity_type": "patient_call"}
        start = Request.make("POST", "/api/v1/timer/start", headers, what, expected=201)
        made.append((start, Request.make("POST", "/api/v1/timer/stop", headers, {})))
    return made


def _peer_pairs(practice: Practice) -> list[Pair]:
    made: list[Pair] = []
    for actor, one in _work(practice):
        who = {"tenant_id": practice.tenant_id, "member_id": actor.member_id}
        whom = {"patient_id": one.patient_id, "enrollment_id": one.enrollment_id, "clinic_id": practice.clinic.id}
        start = Request.make("POST", "/timer/start", {}, {**who, **whom, "activity_type": "patient_call"}, expected=201)
        made.append((start, Request.make("POST", "/timer/stop", {}, who)))
    return made


def _work(practice: Practice) -> Iterator[tuple[Actor, Enrolled]]:
    """Yield each coordinator with the first patient of their roster."""
    for actor in practice.others:
        if actor.member_id is not None:
            yield actor, practice.rosters[actor.member_id][0]


@contextmanager
def _peer(ground: Ground) -> Iterator[Served]:
    url = ground.cluster.url(LoginRole.ADMIN)
    peer.make_tables(url)
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.peer", str(port)]
    with served("the peer", command, port, "/healthz", {**os.environ, "BENCH_PEER_URL": url}) as running:
        yield running


def _round(ground: Ground, ours: tuple[Served, list[Pair]], theirs: tuple[Served, list[Pair]]) -> Sample:
    mine, bare = _record(ground, *ours, RUNS_FOR), _record(ground, *theirs, 0)
    ours_in_all, theirs_in_all = (one["cpu_ms"] + one["database_cpu_ms"] for one in (mine, bare))
    return {
        **mine,
        **{f"peer_{key}": value for key, value in bare.items()},
        "ratio_cpu_to_peer": mine["cpu_ms"] / bare["cpu_ms"],
        "ratio_all_cpu_to_peer": ours_in_all / theirs_in_all,
        "ratio_requests_to_peer": mine["requests_per_second"] / bare["requests_per_second"],
    }


def _record(ground: Ground, server: Served, pairs: Sequence[Pair], runs_for: float) -> Sample:
    """Start all timers, wait, stop them all; the waiting is not counted."""
    cpu, database_cpu = -server.cpu(), -ground.server_cpu()
    started = asyncio.run(drive(server.port, [start for start, _ in pairs], CONNECTIONS))
    time.sleep(runs_for)
    stopped = asyncio.run(drive(server.port, [stop for _, stop in pairs], CONNECTIONS))
    cpu, database_cpu = cpu + server.cpu(), database_cpu + ground.server_cpu()
    seconds = [*started.seconds, *stopped.seconds]
    return {
        "requests_per_second": len(seconds) / (started.wall + stopped.wall),
        "p50_ms": percentile(seconds, 0.5) * 1000,
        "p99_ms": percentile(seconds, 0.99) * 1000,
        "cpu_ms": cpu / len(seconds) * 1000,
        "database_cpu_ms": database_cpu / len(seconds) * 1000,
    }
