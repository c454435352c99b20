"""Real exports: the synthetic Medicare cohort and the US Core examples."""

import gzip
import json
import random
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tidegate.conftest import Stream, run
from tidegate.contract import Condition, PatientMessage, digest

pytestmark = pytest.mark.shared
Run = Callable[[Path], Stream]


@pytest.fixture(scope="module")
def cohort(shared_data: Path) -> Path:
    return shared_data / "fhir" / "synthea"


@pytest.fixture(scope="module")
def stream(cohort: Path) -> Stream:
    return run(cohort)


@pytest.fixture(scope="module")
def summary(cohort: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in json.loads((cohort / "patients_summary.json").read_text())}


def is_active_problem(condition: Condition) -> bool:
    return condition.clinical_status == "active" and "problem-list-item" in condition.categories


def test_cohort_is_mapped_without_loss(stream: Stream, cohort: Path) -> None:
    stats = json.loads((cohort / "stats.json").read_text())
    assert stream.rejected == []
    assert {row.resource_type: row.read for row in stream.summary.resources} == stats["resources"]
    assert (len(stream.patients), len(stream.practitioners)) == (275, 221)
    lists = [len(p.conditions) for p in stream.patients], [len(p.encounters) for p in stream.patients]
    assert [sum(counts) for counts in lists] == [stats["resources"]["Condition"], stats["resources"]["Encounter"]]


def test_active_problems_agree_with_the_cohorts_own_summary(stream: Stream, summary: dict[str, dict[str, Any]]) -> None:
    chronic = {code for row in summary.values() for code in row["chronic_icd10"]}
    found = {
        patient.source_id: {c.icd10 for c in patient.conditions if c.icd10 and is_active_problem(c)}
        for patient in stream.patients
    }
    assert {patient: sorted(codes & chronic) for patient, codes in found.items()} == {
        patient: sorted(row["chronic_icd10"]) for patient, row in summary.items()
    }
    # Active on the list as well, but no chronic disease: the summary leaves them out.
    assert set().union(*found.values()) - chronic == {"J32.9", "K01.1", "N30.00", "R73.03", "Z73.3", "Z86.73", "Z86.74"}


def age_when_summarized(patient: PatientMessage) -> int:
    assert patient.birth_date
    assert patient.birth_date.day
    born = patient.birth_date.day
    return 2026 - born.year - ((born.month, born.day) > (11, 21))


def test_age_sex_and_death_agree_with_the_cohorts_own_summary(
    stream: Stream, summary: dict[str, dict[str, Any]]
) -> None:
    assert {p.source_id: (age_when_summarized(p), p.sex, bool(p.deceased)) for p in stream.patients} == {
        key: (row["age"], row["sex"], row["deceased"]) for key, row in summary.items()
    }


def test_every_patient_has_numbers_and_a_name(stream: Stream) -> None:
    for patient in stream.patients:
        assert patient.mbi
        assert patient.mrn
        assert patient.family
        assert patient.given
        assert patient.language
    assert all(item.npi for item in stream.practitioners)


def test_part_b_is_proven_for_those_whose_coverage_says_so(stream: Stream) -> None:
    kinds = [{coverage.kind for coverage in patient.coverages} for patient in stream.patients]
    assert sum("original_medicare_part_b" in found for found in kinds) == 193
    assert sum("unknown" in found for found in kinds) == 82


def test_second_run_is_the_same_to_the_byte(stream: Stream, cohort: Path, mapped_folder: Run) -> None:
    assert mapped_folder(cohort).lines == stream.lines


def test_order_of_files_and_lines_makes_no_difference(
    stream: Stream, cohort: Path, tmp_path: Path, mapped_folder: Run
) -> None:
    lines = [line for path in sorted(cohort.glob("*.gz")) for line in gzip.decompress(path.read_bytes()).splitlines()]
    random.Random(7).shuffle(lines)
    for part in range(14):
        (tmp_path / f"part-{part}.ndjson").write_bytes(b"\n".join(lines[part::14]))
    shuffled = mapped_folder(tmp_path)
    assert shuffled.lines[:-1] == stream.lines[:-1]
    assert shuffled.summary.resources == stream.summary.resources
    assert [digest(patient) for patient in shuffled.patients] == [digest(patient) for patient in stream.patients]


def test_us_core_examples_are_mapped(shared_data: Path, tmp_path: Path, mapped_folder: Run) -> None:
    archive = shared_data / "fhir" / "us-core" / "us-core-examples-CC0.tar.gz"
    if not archive.exists():
        pytest.skip(f"reads {archive}, which is not there")
    with tarfile.open(archive) as examples:
        # Read by hand: the first releases of Python 3.11 have no extraction filter yet.
        for member in examples.getmembers():
            if file := examples.extractfile(member):
                (tmp_path / Path(member.name).name).write_bytes(file.read())
    stream = mapped_folder(tmp_path)
    assert stream.rejected == []
    amy = next(patient for patient in stream.patients if patient.source_id == "example")
    assert (amy.given, amy.family, len(amy.medications)) == ("Amy V.", "Baxter", 4)
    assert {item.rxnorm for item in amy.medications} == {"1187314", "476872", "582620"}
