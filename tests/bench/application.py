"""The application for the benchmarks that speak HTTP: `caretide serve` in a process, and who signed in to it."""

import asyncio
import os
import secrets
import sys
from collections.abc import Sequence
from typing import Final

from sqlalchemy import insert

from caretide.identity.models import Session
from caretide.identity.queries import session_hash
from caretide.identity.rules import Factor
from caretide.kernel.actor import Actor
from caretide.kernel.clock import system_clock
from caretide.kernel.month import Month
from tests.bench.ground import Ground
from tests.bench.http_load import Served, free_port, served
from tests.bench.measure import Size
from tests.bench.months import ZONE
from tests.bench.practice import ROSTER, Practice, build

COORDINATORS: Final = {"small": 40, "full": 200}
COOKIE: Final = "caretide_session"
_COMMAND: Final = (sys.executable, "-m", "tests.bench.timed_server")


def practice_of(ground: Ground, size: Size) -> Practice:
    """Return the practice of this run: a roster of 200, and coordinators with a patient each; this month's time."""
    if "practice" not in ground.kept:
        count = COORDINATORS[size]
        this_month = Month.of(system_clock().astimezone(ZONE).date())
        ground.kept["practice"] = asyncio.run(build(ground, ROSTER + count, count, [this_month]))
    made: Practice = ground.kept["practice"]
    return made


def at_work(ground: Ground) -> Served:
    """Return the application, one process without a worker, each answer timed; the first call starts it."""
    if "application" not in ground.kept:
        port = free_port()
        env = {key: value for key, value in os.environ.items() if not key.startswith("CARETIDE_")}
        address = {"CARETIDE_BASE_URL": f"http://127.0.0.1:{port}", "CARETIDE_PORT": str(port)}
        address["CARETIDE_REQUESTS_PER_MINUTE"] = "1000000"  # the limits are counted, and never reached
        ours = {"CARETIDE_HOME": str(ground.home), **address}
        opened = served("the application", _COMMAND, port, "/healthz", env | ours)
        ground.kept["application"] = ground.stack.enter_context(opened)
    running: Served = ground.kept["application"]
    return running


async def open_sessions(ground: Ground, actors: Sequence[Actor]) -> list[str]:
    """Sign people in without their passwords, whose hash would take longer than the benchmark; return the secrets."""
    made = [secrets.token_urlsafe(32) for _ in actors]
    database = ground.database(system_clock)
    try:
        async with database.tx(Actor.nobody()) as tx:
            times = {"created_at": tx.now, "last_seen_at": tx.now, "auth_time": tx.now, "amr": [Factor.PASSKEY]}
            rows = [
                {
                    "id_hash": session_hash(secret),
                    "account_id": actor.account_id,
                    "tenant_id": actor.tenant_id,
                    "member_id": actor.member_id,
                    **times,
                }
                for secret, actor in zip(made, actors, strict=True)
            ]
            await tx.db.execute(insert(Session), rows)
    finally:
        await database.close()
    return made
