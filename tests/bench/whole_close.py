"""The close of 100,000 patient-months by two worker processes: all reads, rulings and writes, no records.

Each process takes a clinic, closes it in one transaction and takes the next, as two workers on the queue would; the
records that the close asks for stay queued.
"""

import asyncio
import json
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from caretide.billing import actions as billing
from caretide.kernel.clock import system_clock
from caretide.postgres.roles import LoginRole, connected
from tests.bench.big import Big, asked, big
from tests.bench.ground import Ground
from tests.bench.measure import Measured, Size, say

WORKERS: Final = 2
ROOT: Final = Path(__file__).parents[2]
UNITS: Final = {
    "seconds": "s",
    "patient_months_per_second": "1/s",
    "workers_cpu_seconds": "s, both together",
    "database_cpu_seconds": "s",
    "rss_before_mb": "MB, the larger",
    "rss_peak_mb": "MB, the larger",
}
_WRITTEN: Final = ("patient_months", "claim_lines", "month_exceptions")


def run(ground: Ground, size: Size) -> Measured | None:
    """Close the big tenant's last month; nothing where a kept home had it closed already."""
    made = big(ground, size)
    if "closed" not in ground.kept:
        ground.kept["closed"] = None if _is_closed(ground, made) else _close(ground, made)
    took: Measured | None = ground.kept["closed"]
    return took


def closed(ground: Ground, size: Size) -> Big:
    """Return the big tenant with its last month closed."""
    run(ground, size)
    return big(ground, size)


def _is_closed(ground: Ground, made: Big) -> bool:
    query = "SELECT 1 FROM month_closes WHERE tenant_id = %s AND service_month = %s AND state = 'closed' LIMIT 1"
    return bool(asked(ground, query, made.tenant_id, made.last.first))


def _close(ground: Ground, made: Big) -> Measured:
    clinics = [row[0] for row in asked(ground, "SELECT id FROM clinics WHERE tenant_id = %s", made.tenant_id)]
    asyncio.run(_request(ground, made))
    waiting: queue.SimpleQueue[UUID] = queue.SimpleQueue()
    for clinic_id in clinics:
        waiting.put(clinic_id)
    database = -ground.server_cpu()
    workers = [_Worker(ground, made) for _ in range(WORKERS)]
    wall = -time.perf_counter()
    threads = [threading.Thread(target=worker.work, args=(waiting,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall += time.perf_counter()
    told = [worker.end() for worker in workers]
    database += ground.server_cpu()
    counted = "SELECT count(*), count(*) FILTER (WHERE status = 'ready') FROM patient_months WHERE tenant_id = %s"
    [(months, ready)] = asked(ground, counted, made.tenant_id)
    if months != made.patients:
        raise RuntimeError(f"{months} of {made.patients} patient-months were closed")
    with connected(ground.cluster.url(LoginRole.ADMIN)) as connection:
        # What autovacuum does in a minute or two.
        connection.execute(f"VACUUM (ANALYZE) {', '.join(_WRITTEN)}".encode())
    sample = {
        "seconds": wall,
        "patient_months_per_second": months / wall,
        "workers_cpu_seconds": sum(one["cpu"] for one in told),
        "database_cpu_seconds": database,
        "rss_before_mb": max(one["rss_before_mb"] for one in told),
        "rss_peak_mb": max(one["rss_peak_mb"] for one in told),
    }
    setup = {"patient_months": months, "ready": ready, "clinics": len(clinics), "workers": WORKERS}
    return Measured(UNITS, [sample], setup)


async def _request(ground: Ground, made: Big) -> None:
    database = ground.database(system_clock)
    try:
        async with database.tx(made.system) as tx:
            await billing.request_close(tx, made.last)
    finally:
        await database.close()


class _Worker:
    """A process that closes the clinics whose ids it is told."""

    def __init__(self, ground: Ground, made: Big) -> None:
        asked = [str(ground.home), str(made.tenant_id), str(made.last)]
        command = [sys.executable, "-m", "tests.bench.whole_close_child", *asked]
        self.process = subprocess.Popen(
            command, cwd=ROOT, text=True, bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._line()

    def work(self, waiting: "queue.SimpleQueue[UUID]") -> None:
        """Close one clinic after the other until none is left."""
        try:
            while True:
                clinic_id = waiting.get_nowait()
                self._say(str(clinic_id))
                say(f"  closed a clinic in {self._line()['seconds']:.1f} s")
        except (queue.Empty, OSError):
            # Without work; or without the process, which `end` tells.
            return

    def end(self) -> dict[str, Any]:
        """End the process; return what it used."""
        if self.process.poll() is not None:
            raise RuntimeError("a worker that closes ended before its time; see above")
        self._say("")
        told = self._line()
        self.process.wait(30)
        return told

    def _say(self, line: str) -> None:
        if self.process.stdin is not None:
            self.process.stdin.write(f"{line}\n")

    def _line(self) -> dict[str, Any]:
        line = self.process.stdout.readline() if self.process.stdout is not None else ""
        if not line:
            self.process.wait(30)
            raise OSError("a worker that closes ended before its time")
        found: dict[str, Any] = json.loads(line)
        return found
