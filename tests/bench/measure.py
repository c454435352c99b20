"""What a benchmark hands back, and how it is measured: rounds, medians, percentiles, CPU time of processes.

The CPU time of a process is what can be compared on a machine that does other work too; wall time is given beside it.
"""

import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, Self

from caretide.postgres import binaries

Size = Literal["small", "full"]
Sample = dict[str, float]
"""One round's figures by name."""

ENOUGH: Final = {"small": 10.0, "full": 75.0}
"""Seconds after which a benchmark begins no further round."""

PROC: Final = Path("/proc")
_TICK: Final = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """The figures of one benchmark: the median of its rounds, and the least and greatest beside it.

    `units` has one for every figure; `setup` says how much work a round was, in numbers or names.
    """

    units: dict[str, str]
    rounds: Sequence[Sample]
    setup: dict[str, Any] = field(default_factory=dict[str, Any])

    def report(self, name: str, size: Size, load: float) -> dict[str, Any]:
        """Return what is printed. `load` is the machine's load average when the benchmark began."""
        figures = {key: statistics.median(sample[key] for sample in self.rounds) for key in self.units}
        spread = {key: [min(s[key] for s in self.rounds), max(s[key] for s in self.rounds)] for key in self.units}
        return {
            "name": name,
            "size": size,
            "figures": {key: rounded(value) for key, value in figures.items()},
            "units": self.units,
            "spread": {key: [rounded(value) for value in values] for key, values in spread.items()},
            "rounds": len(self.rounds),
            "setup": self.setup,
            "machine": {**machine(), "load_before": rounded(load)},
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def rounded(value: float) -> float:
    """Keep four digits: more would pretend to a precision that no timing has."""
    return float(f"{value:.4g}")


def machine() -> dict[str, Any]:
    """Name what the figures depend on."""
    return {
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
        "postgres": binaries.find().version,
    }


def _processor() -> str:
    info = PROC / "cpuinfo"
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


@dataclass
class Stopwatch:
    """Wall and CPU seconds of a block in this process, its threads included."""

    wall: float = 0.0
    cpu: float = 0.0

    def __enter__(self) -> Self:
        self.wall, self.cpu = -time.perf_counter(), -time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall += time.perf_counter()
        self.cpu += time.process_time()


def timed(work: Callable[[], object]) -> Stopwatch:
    """Return how long some work took."""
    with Stopwatch() as watch:
        work()
    return watch


def repeated(size: Size, count: int, work: Callable[[int], Sample]) -> list[Sample]:
    """Return the samples of up to so many rounds, numbered from 0: fewer where the machine is slow or busy."""
    until = time.monotonic() + ENOUGH[size]
    samples = [work(0)]
    while len(samples) < count and time.monotonic() < until:
        samples.append(work(len(samples)))
    return samples


def percentile(values: Sequence[float], share: float) -> float:
    """Return the least value that a share (0 to 1) of the values do not exceed: the nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process, its living descendants and the dead ones it has collected."""
    parents = {int(entry.name): _stat(entry) for entry in PROC.iterdir() if entry.name.isdigit()}
    wanted, total = [pid], 0.0
    while wanted:
        current = wanted.pop()
        found = parents.get(current)
        if found is None:
            continue
        total += found[1]
        wanted += [child for child, entry in parents.items() if entry is not None and entry[0] == current]
    return total


def _stat(entry: Path) -> tuple[int, float] | None:
    """Return parent and CPU seconds; None for a process that has gone meanwhile."""
    try:
        fields = (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), sum(int(ticks) for ticks in fields[11:15]) * _TICK


def say(text: str) -> None:
    """Tell how far it is, on standard error."""
    print(text, file=sys.stderr, flush=True)
