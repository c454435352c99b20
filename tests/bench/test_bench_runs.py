import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.__main__ import BENCHMARKS
from tests.bench.measure import Measured, percentile

ROOT = Path(__file__).parents[2]


def bench(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False)


def test_one_benchmark_prints_one_json_object_and_nothing_else() -> None:
    ended = bench("--size", "small", "--only", "rulings_pure")
    assert ended.returncode == 0, ended.stderr
    [line] = ended.stdout.splitlines()
    told: dict[str, Any] = json.loads(line)
    assert (told["name"], told["size"]) == ("rulings_pure", "small")
    assert set(told["figures"]) == set(told["units"]) == set(told["spread"])
    assert all(figure > 0 for figure in told["figures"].values())
    assert set(told["machine"]) == {"cpus", "processor", "python", "postgres", "load_before"}
    assert told["rounds"] > 1
    assert told["date"].endswith("+00:00")


@pytest.mark.timeout(600)
def test_big_tenant_is_made_once_and_asked_by_every_benchmark_of_scale() -> None:
    names = ("generate", "standings", "worklist", "patient_page", "month_open", "whole_close", "month_closed")
    ended = bench("--patients", "9", *(part for name in names for part in ("--only", name)))
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("generating a tenant") == 1
    told: dict[str, dict[str, Any]] = {one["name"]: one for one in map(json.loads, ended.stdout.splitlines())}
    assert tuple(told) == names
    for name in ("worklist", "patient_page", "month_open", "month_closed"):
        figures = told[name]["figures"]
        assert 0 < figures["server_p50_ms"] <= figures["server_p99_ms"] <= figures["client_p99_ms"]
    assert told["whole_close"]["setup"]["patient_months"] == 9


def test_benchmark_that_is_not_known_is_refused_by_name() -> None:
    ended = bench("--only", "nonsense")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert all(name in ended.stderr for name in BENCHMARKS)


def test_figures_are_medians_with_their_spread() -> None:
    told = Measured({"a": "s"}, [{"a": 3.0}, {"a": 1.0}, {"a": 2.00001}]).report("x", "small", 0)
    assert told["figures"] == {"a": 2.0}
    assert told["spread"] == {"a": [1.0, 3.0]}


@pytest.mark.parametrize(("share", "found"), [(0.5, 50), (0.99, 99), (1, 100)])
def test_percentile_is_the_nearest_rank(share: float, found: int) -> None:
    assert percentile(range(1, 101), share) == found
