"""The month to date of 100,000 patients: every open month ruled and kept, as the recurring job does.

Ruled are the running month and the last one, which is over and not closed yet: two patient-months a patient. One
process does it, because a tenant's standings are ruled by one at a time.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from caretide.postgres.roles import LoginRole, connected
from tests.bench.big import Big, asked, big
from tests.bench.ground import Ground
from tests.bench.measure import Measured, Size

ROOT: Final = Path(__file__).parents[2]
UNITS: Final = {
    "seconds": "s",
    "patient_months_per_second": "1/s",
    "worker_cpu_seconds": "s",
    "database_cpu_seconds": "s",
    "rss_peak_mb": "MB",
}


def run(ground: Ground, size: Size) -> Measured | None:
    """Rule the big tenant's open months; nothing where a kept home had them ruled already."""
    made = big(ground, size)
    if "ruled" not in ground.kept:
        ground.kept["ruled"] = _rule(ground, made)
    took: Measured | None = ground.kept["ruled"]
    return took


def ruled(ground: Ground, size: Size) -> Big:
    """Return the big tenant with every open month ruled."""
    run(ground, size)
    return big(ground, size)


def _rule(ground: Ground, made: Big) -> Measured | None:
    before, marks = _standings(ground, made), _marks(ground, made)
    server = -ground.server_cpu()
    found = fill(ground, made)
    server += ground.server_cpu()
    after = _standings(ground, made)
    if after == before:
        return None
    sample = {
        "seconds": found["seconds"],
        "patient_months_per_second": (after - before) / found["seconds"],
        "worker_cpu_seconds": found["cpu"],
        "database_cpu_seconds": server,
        "rss_peak_mb": found["rss_peak_mb"],
    }
    setup = {"patients": made.patients, "standings": after - before, "marks": marks, "runs": found["runs"]}
    return Measured(UNITS, [sample], setup)


def fill(ground: Ground, made: Big) -> dict[str, float]:
    """Bring every standing up to date in a process of its own; return what it took."""
    command = [sys.executable, "-m", "tests.bench.standings_child", str(ground.home), str(made.tenant_id)]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    with connected(ground.cluster.url(LoginRole.ADMIN)) as connection:
        # What autovacuum does in a minute or two.
        connection.execute("VACUUM (ANALYZE) month_standings, standing_counts, standing_months, standing_marks")
    found: dict[str, float] = json.loads(ended.stdout)
    return found


def _standings(ground: Ground, made: Big) -> int:
    [(count,)] = asked(ground, "SELECT count(*) FROM month_standings WHERE tenant_id = %s", made.tenant_id)
    return int(count)


def _marks(ground: Ground, made: Big) -> int:
    [(count,)] = asked(ground, "SELECT count(*) FROM standing_marks WHERE tenant_id = %s", made.tenant_id)
    return int(count)
