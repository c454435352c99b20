"""The rules alone: a patient-month in, a ruling out, nothing read and nothing written."""

import statistics
from typing import Final

from caretide.programs.cases import read_cases
from caretide.programs.evaluate import rule
from caretide.programs.month_facts import PatientMonth
from caretide.programs.packs import Packs, load_packs
from tests.bench.ground import Ground
from tests.bench.measure import Measured, Sample, Size, repeated, timed
from tests.bench.months import months
from tests.programs.build import CASES

ROUNDS: Final = 7
MONTHS: Final = {"small": 1_000, "full": 5_000}
CASE_TURNS: Final = {"small": 10, "full": 50}
UNITS: Final = {
    "months_per_core_second": "1/s",
    "month_cpu_us": "us",
    "cases_per_core_second": "1/s",
    "case_cpu_us": "us",
}


def run(_: Ground, size: Size) -> Measured:
    """Rule drawn months and the published cases in turn."""
    packs = load_packs()
    drawn = months(MONTHS[size])
    cases = [case.facts for case in read_cases(CASES.read_bytes())[0]] * CASE_TURNS[size]
    billed = sum(1 for facts in drawn if rule(facts, packs).codes)
    rounds = repeated(size, ROUNDS, lambda _: _round(drawn, cases, packs))
    entries = statistics.median(len(facts.entries) for facts in drawn)
    setup = {"months": len(drawn), "months_billed": billed, "entries_median": entries, "cases": len(cases)}
    return Measured(UNITS, rounds, setup)


def _round(drawn: list[PatientMonth], cases: list[PatientMonth], packs: Packs) -> Sample:
    by_month = timed(lambda: [rule(facts, packs) for facts in drawn])
    by_case = timed(lambda: [rule(facts, packs) for facts in cases])
    return {
        "months_per_core_second": len(drawn) / by_month.cpu,
        "month_cpu_us": by_month.cpu / len(drawn) * 1e6,
        "cases_per_core_second": len(cases) / by_case.cpu,
        "case_cpu_us": by_case.cpu / len(cases) * 1e6,
    }
