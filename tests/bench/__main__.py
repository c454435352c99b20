"""`script/bench`: measure what the product promises to be quick at; see docs/performance.md.

One JSON object per benchmark and line on standard output, progress on standard error. Exit status 2 for an option that
is not known, 1 when a benchmark failed.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, get_args

from caretide.kernel.errors import CaretideError
from tests.bench import (
    big,
    close,
    foreign_ids,
    imports,
    month_page,
    patient_page,
    records,
    rulings,
    standings,
    team_page,
    time_entry,
    walls,
    whole_close,
    worklist,
)
from tests.bench.ground import Ground, prepared
from tests.bench.measure import Measured, Size, say

BENCHMARKS: Final[dict[str, Callable[[Ground, Size], Measured | None]]] = {
    "import": imports.run,
    "import_synthea": imports.run_synthea,
    "time_entry": time_entry.run,
    "rulings_pure": rulings.run,
    "rulings_close": close.run,
    "records": records.run,
    "generate": big.run,
    "standings": standings.run,
    "walls": walls.run,
    "foreign_ids": foreign_ids.run,
    "worklist": worklist.run,
    "patient_page": patient_page.run,
    "team_page": team_page.run,
    "month_open": month_page.run_open,
    "whole_close": whole_close.run,
    "month_closed": month_page.run_closed,
}
"""By name, in the order in which they run: the close comes after the pages that look at the month before it."""


def main() -> None:
    """Run the benchmarks that were asked for."""
    parser = argparse.ArgumentParser(prog="script/bench", description="Measure imports, requests, rulings, records.")
    parser.add_argument("--size", choices=get_args(Size), default="small", help="small: a minute; full: half an hour")
    parser.add_argument("--only", action="append", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--home", type=Path, help="build in this home, or use what is in it, and keep it")
    parser.add_argument("--patients", type=int, help="of the big tenant; 400 or 100,000 by size")
    asked = parser.parse_args()
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    failed = False
    with prepared(asked.home, asked.patients) as ground:
        for name in asked.only or BENCHMARKS:
            failed |= not _run(name, ground, asked.size)
    sys.exit(1 if failed else 0)


def _run(name: str, ground: Ground, size: Size) -> bool:
    """Run one benchmark and print its figures; say in one line why it failed and return False."""
    say(f"{name} ({size})")
    load, started = os.getloadavg()[0], time.perf_counter()
    try:
        measured = BENCHMARKS[name](ground, size)
    except (CaretideError, RuntimeError, OSError, subprocess.SubprocessError) as error:
        say(f"{name}: failed: {error}")
        return False
    if measured is not None:
        print(json.dumps(measured.report(name, size, load)), flush=True)
        say(f"{name}: {time.perf_counter() - started:.1f} s")
    return True


if __name__ == "__main__":
    main()
