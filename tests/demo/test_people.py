"""Generated patients: the same every time, valid as FHIR, as ill as Medicare's, and nobody who could exist."""

import re
from collections import Counter
from pathlib import Path
from statistics import mean, median

import pytest
from fhir.resources.R4B import get_fhir_model_class

from caretide.demo.catalogue import DISEASES
from caretide.demo.fhir import resources, write_folder
from caretide.demo.people import DOCTORS, Person, people
from caretide.enrollment.rules import chronic_conditions
from caretide.kernel.month import Month
from caretide.programs.conditions import load_conditions
from caretide.tenants.rules import check_npi
from tidegate.contract import MBI_FORM

OCTOBER = Month(2026, 10)


@pytest.fixture(scope="module")
def many() -> list[Person]:
    return people(7, 1200, OCTOBER)


def test_same_seed_draws_the_same_people() -> None:
    assert people(3, 60, OCTOBER) == people(3, 60, OCTOBER)
    assert people(3, 60, OCTOBER) != people(4, 60, OCTOBER)


def test_every_resource_is_valid_r4() -> None:
    kinds: Counter[str] = Counter()
    for resource in resources(people(3, 30, OCTOBER), DOCTORS):
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        kinds[resource["resourceType"]] += 1
    assert set(kinds) == {
        "AllergyIntolerance",
        "Condition",
        "Coverage",
        "Encounter",
        "MedicationRequest",
        "Patient",
        "Practitioner",
    }


def test_every_resource_says_that_it_is_generated() -> None:
    for resource in resources(people(3, 20, OCTOBER), DOCTORS):
        assert resource["meta"]["tag"][0]["code"] == "generated"
        assert resource["meta"]["security"][0]["code"] == "HTEST"


def test_written_folder_has_one_file_a_type(tmp_path: Path) -> None:
    write_folder(tmp_path, people(3, 20, OCTOBER), DOCTORS)
    assert (tmp_path / "Patient.ndjson").read_text("utf-8").count("\n") == 20
    assert (tmp_path / "Practitioner.ndjson").read_text("utf-8").count("\n") == len(DOCTORS)


def test_nobody_has_a_number_that_could_be_a_persons(many: list[Person]) -> None:
    for person in many:
        assert re.fullmatch(MBI_FORM, person.mbi)
        assert person.mbi[1] == "S"
        assert re.fullmatch(r"\(\d{3}\) 555-01\d{2}", person.phone)
        assert person.email is None or person.email.endswith("@example.com")
    for doctor in DOCTORS:
        assert check_npi(doctor.npi).startswith("999")


def test_numbers_are_nobody_elses() -> None:
    sixty = people(1, 60, OCTOBER)
    assert len({person.mbi for person in sixty}) == len({person.mrn for person in sixty}) == 60
    assert len({person.phone[-4:] for person in sixty}) == 60


def test_age_sex_and_language_are_those_of_a_medicare_clinic(many: list[Person]) -> None:
    ages = [(OCTOBER.first - person.birth_date).days / 365.25 for person in many]
    assert 75 < mean(ages) < 78
    assert min(ages) > 65
    assert sum(person.sex == "female" for person in many) == round(0.58 * len(many))
    spoken = Counter(person.language for person in many)
    assert spoken["en"] / len(many) == pytest.approx(0.82, abs=0.01)
    assert spoken["es"] / len(many) == pytest.approx(0.13, abs=0.01)


def test_conditions_have_median_four_and_seven_in_a_hundred_have_ten(many: list[Person]) -> None:
    counts = [len(person.diseases) for person in many if len(person.diseases) > 1]
    assert median(counts) == 4
    assert min(counts) == 2
    assert sum(count >= 10 for count in counts) / len(counts) == pytest.approx(0.07, abs=0.02)


def test_common_conditions_are_common_and_rare_ones_rare(many: list[Person]) -> None:
    ill = [person for person in many if len(person.diseases) > 1]
    found = Counter(disease.key for person in ill for disease, _ in person.diseases)
    share = {disease.key: found[disease.key] / len(ill) for disease in DISEASES}
    # People in care management are sicker than Medicare's average; the order stays, and nothing is everywhere.
    for disease in DISEASES[:13]:
        assert 0.7 * disease.share < share[disease.key] < min(0.92, 3.2 * disease.share), disease.key
    assert share["hypertension"] > share["diabetes"] > share["copd"] > share["asthma"]


def test_every_condition_is_chronic_by_the_lists_that_eligibility_uses() -> None:
    lists = load_conditions()
    for disease in DISEASES:
        assert chronic_conditions([disease.icd10], lists), disease.key
    everything = [disease.icd10 for disease in DISEASES]
    assert len(chronic_conditions(everything, lists)) == len(DISEASES)


def test_sixty_hold_one_of_each_case() -> None:
    sixty = people(1, 60, OCTOBER)
    assert sum(person.stay is not None for person in sixty) == 1
    assert sum(person.coverage == "unrecorded" for person in sixty) == 1
    assert {person.coverage for person in sixty} == {"original_b", "advantage", "part_a_only", "unrecorded"}
    assert sum(len(person.diseases) == 1 for person in sixty) == 8
    assert any(not person.diseases for person in sixty)


def test_hospital_stay_lies_inside_the_month() -> None:
    stay = next(person.stay for person in people(1, 60, OCTOBER) if person.stay)
    assert OCTOBER.first <= stay.first < stay.last <= OCTOBER.last
