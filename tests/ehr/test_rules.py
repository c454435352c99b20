"""What a contract message means for the chart."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from caretide.ehr import rules
from tests.ehr.messages import condition, coverage, day, patient, practitioner, stay
from tidegate.contract import Address, Allergy, Code, ContactPoint, Encounter, Medication, When

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("changes", "is_active"),
    [
        ({}, True),
        ({"clinical_status": "recurrence"}, True),
        ({"clinical_status": "resolved"}, False),
        ({"clinical_status": None}, False),
        ({"verification": None}, True),
        ({"verification": "refuted"}, False),
        ({"verification": "unconfirmed"}, False),
    ],
)
def test_condition_is_active_only_where_present_and_not_in_doubt(changes: dict[str, Any], is_active: bool) -> None:
    assert rules.condition_row(condition("c", "I10", **changes))["is_active"] is is_active


def test_condition_of_one_encounter_is_no_problem() -> None:
    assert not rules.condition_row(condition("c", "I10", categories=("encounter-diagnosis",)))["is_problem"]


def test_condition_without_words_is_named_by_its_code() -> None:
    assert rules.condition_row(condition("c", "I10", name=None))["name"] == "I10"


@pytest.mark.parametrize(
    ("status", "intent", "is_active"),
    [("active", "order", True), ("active", None, True), ("active", "proposal", False), ("stopped", "order", False)],
)
def test_medication_is_active_only_where_ordered(status: str, intent: str | None, is_active: bool) -> None:
    row = rules.medication_row(Medication(source_id="m", text="Metformin", status=status, intent=intent))
    assert row["is_active"] is is_active


@pytest.mark.parametrize(
    ("status", "verification", "is_active"),
    [(None, None, True), ("active", "unconfirmed", True), ("resolved", None, False), ("active", "refuted", False)],
)
def test_allergy_stands_until_it_is_said_not_to(status: str | None, verification: str | None, is_active: bool) -> None:
    allergy = Allergy(source_id="a", code=Code(code="7980"), clinical_status=status, verification=verification)
    assert rules.allergy_row(allergy)["is_active"] is is_active


def test_partial_coverage_dates_stand_for_the_whole_span() -> None:
    row = rules.coverage_row(coverage(start=When(year="2024"), end=When(month="2026-02")))
    assert (row["starts_on"], row["ends_on"]) == (date(2024, 1, 1), date(2026, 2, 28))


@pytest.mark.parametrize(("status", "is_active"), [("active", True), ("cancelled", False), (None, False)])
def test_coverage_counts_only_where_said_to_be_active(status: str | None, is_active: bool) -> None:
    assert rules.coverage_row(coverage(status=status))["is_active"] is is_active


def test_days_of_an_encounter_are_the_clinics() -> None:
    row = rules.encounter_row(Encounter(source_id="e", start=day("2026-10-31"), end=day("2026-11-01")), CHICAGO)
    assert row["starts_at"] == datetime(2026, 10, 31, 5, tzinfo=UTC)
    # Clocks go back on 1 November: the day has 25 hours.
    assert row["ends_at"].astimezone(UTC) == datetime(2026, 11, 2, 5, 59, 59, tzinfo=UTC)


def test_instants_of_an_encounter_stay_as_they_are() -> None:
    row = rules.encounter_row(stay("e", "2026-10-31T10:00", "2026-11-01T11:00"), CHICAGO)
    assert (row["starts_at"], row["ends_at"]) == (
        datetime(2026, 10, 31, 10, tzinfo=UTC),
        datetime(2026, 11, 1, 11, tzinfo=UTC),
    )


def test_death_without_a_day_is_still_a_death() -> None:
    row = rules.patient_row(patient(deceased=True, deceased_on=When(year="2026")))
    assert (row["is_deceased"], row["deceased_on"]) == (True, None)
    row = rules.patient_row(patient(deceased_on=day("2026-09-01")))
    assert (row["is_deceased"], row["deceased_on"]) == (True, date(2026, 9, 1))


def test_merged_record_is_not_active() -> None:
    assert not rules.patient_row(patient(replaced_by="p-2"))["is_active"]
    assert rules.patient_row(patient(active=None))["is_active"]


def test_medicare_number_is_taken_from_the_coverage_where_the_patient_has_none() -> None:
    held = coverage(subscriber_id="1s00-a00-aa00")
    assert rules.patient_row(patient(mbi=None, coverages=(held,)))["mbi"] == "1S00A00AA00"
    plan = coverage(kind="commercial", subscriber_id="1S00A00AA00")
    assert rules.patient_row(patient(mbi=None, coverages=(plan,)))["mbi"] is None


def test_best_contact_and_current_home_address_are_taken() -> None:
    row = rules.patient_row(
        patient(
            phones=(
                ContactPoint(value="second", rank=2),
                ContactPoint(value="first", rank=1),
                ContactPoint(value="any"),
            ),
            addresses=(
                Address(lines=("1 Old Road",), use="old"),
                Address(lines=("2 Work Road",), use="work"),
                Address(lines=("3 Home Road", "Apt 4"), city="Salem", postal_code="97301", use="home"),
            ),
        )
    )
    assert (row["phone"], row["address"]) == ("first", "3 Home Road\nApt 4\nSalem, 97301")


def test_every_row_fills_the_columns_of_its_kind() -> None:
    message = patient()
    assert set(rules.patient_row(message)) == set(rules.COLUMNS["patient"])
    assert set(rules.practitioner_row(practitioner())) == set(rules.COLUMNS["practitioner"])
    for kind, rows in rules.chart_rows(message, CHICAGO).items():
        assert {name for row in rows for name in row} == set(rules.COLUMNS[kind])


def test_source_id_that_comes_twice_is_one_row() -> None:
    twice = patient(conditions=(condition("c", "I10"), condition("c", "E11.9")))
    assert [row["icd10"] for row in rules.chart_rows(twice, CHICAGO)["condition"]] == ["E11.9"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"npi": None}, "no valid NPI"),
        ({"npi": "9990000109"}, "This NPI's check digit is wrong; check it for a typing error"),
        ({"family": ""}, "no family name"),
        ({}, None),
    ],
)
def test_practitioner_needs_a_valid_npi_and_a_name(changes: dict[str, Any], reason: str | None) -> None:
    assert rules.refusal(practitioner(**changes)) == reason
