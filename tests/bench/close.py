"""The close of a clinic's month: everything read, every patient-month ruled, lines and facts written; no records.

Each round closes another month of the same patients, in a process of its own.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from caretide.kernel.clock import system_clock
from caretide.kernel.month import Month
from tests.bench.ground import Ground
from tests.bench.measure import Measured, Sample, Size
from tests.bench.months import ZONE
from tests.bench.practice import Practice, build

PATIENTS: Final = {"small": 200, "full": 1_000}
MONTHS: Final = {
    "small": (Month(2026, 10),),
    "full": (Month(2026, 8), Month(2026, 9), Month(2026, 10)),
}
ROOT: Final = Path(__file__).parents[2]
UNITS: Final = {
    "seconds_per_1000": "s",
    "worker_cpu_seconds_per_1000": "s",
    "database_cpu_seconds_per_1000": "s",
    "rss_before_mb": "MB",
    "rss_peak_mb": "MB",
}


def run(ground: Ground, size: Size) -> Measured:
    """Close the months of a practice, oldest first."""
    if MONTHS[size][-1].bounds(ZONE)[1] > system_clock():
        raise RuntimeError("the machine's clock is before the months that this closes")
    practice = asyncio.run(build(ground, PATIENTS[size], 5, MONTHS[size]))
    rounds: list[Sample] = []
    setup: dict[str, float] = {}
    for month in MONTHS[size]:
        sample, setup = _close(ground, practice, month)
        rounds.append(sample)
    return Measured(UNITS, rounds, {"patients": practice.patients, **setup})


def _close(ground: Ground, practice: Practice, month: Month) -> tuple[Sample, dict[str, float]]:
    asked = [str(ground.home), str(practice.tenant_id), str(practice.clinic.id), str(month)]
    server = -ground.server_cpu()
    ended = subprocess.run(
        [sys.executable, "-m", "tests.bench.close_child", *asked],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        timeout=300,
        check=True,
    )
    server += ground.server_cpu()
    found = json.loads(ended.stdout)
    thousands = practice.patients / 1000
    sample = {
        "seconds_per_1000": found["seconds"] / thousands,
        "worker_cpu_seconds_per_1000": found["cpu"] / thousands,
        "database_cpu_seconds_per_1000": server / thousands,
        "rss_before_mb": found["rss_before_mb"],
        "rss_peak_mb": found["rss_peak_mb"],
    }
    return sample, {key: found[key] for key in ("ready", "blocked", "claim_lines")}
