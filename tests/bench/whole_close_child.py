"""A worker that closes clinics: reads their ids from standard input, a line each, and answers each with a JSON object.

Run as `python -m tests.bench.whole_close_child HOME TENANT MONTH` over a running server. An empty line ends it; the
last answer is what it used.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from uuid import UUID

from caretide.billing import actions as billing
from caretide.enrollment import queries as enrollment
from caretide.kernel.actor import Actor
from caretide.kernel.clock import system_clock
from caretide.kernel.month import Month
from caretide.postgres.databases import known
from caretide.postgres.roles import LoginRole
from caretide.runtime.installation import open_stores
from caretide.runtime.tx import Database
from tests.bench.close_child import peak_mb
from tests.bench.ground import settings_at


async def work(home: Path, tenant_id: UUID, month: Month) -> None:
    """Close what is asked for, until nothing is."""
    settings = settings_at(home)
    database = Database(known(settings).url(LoginRole.WORKER), open_stores(settings), system_clock, pool_size=2)
    system = Actor.system(tenant_id)
    # A worker has this in memory since its first close.
    enrollment.chronic_lists()
    before, cpu = peak_mb(), -time.process_time()
    _say(ready=True)
    try:
        while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
            began = time.perf_counter()
            async with database.tx(system) as tx:
                await billing.close_clinic(tx, UUID(line), str(month))
            _say(seconds=time.perf_counter() - began)
    finally:
        await database.close()
    _say(cpu=cpu + time.process_time(), rss_before_mb=before, rss_peak_mb=peak_mb())


def _say(**told: object) -> None:
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), UUID(sys.argv[2]), Month.parse(sys.argv[3])))
