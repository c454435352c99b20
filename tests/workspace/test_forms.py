"""Forms of the patient page: what they record, and how a wrong one names its own field."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from caretide.enrollment.schemas import FACTS, read_fact
from caretide.kernel.errors import Invalid, NotFound
from caretide.kernel.month import Month
from caretide.ui.forms import Option
from caretide.workspace.rules import forms
from caretide.workspace.schemas.facts import FACT_TITLES, fact_fields

OCTOBER = Month(2026, 10)
CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 10, 5, 15, 0, tzinfo=UTC)
SOMEBODY = "0192f000-0000-7000-8000-000000000001"
DAY, LOOKED = "2026-10-02", "2026-10-05"

GOOD: dict[str, dict[str, str]] = {
    "initiating-visit": {"visit": "office_visit", "effective_on": DAY},
    "risk": {"is_high_risk": "yes", "expected_months": "12", "effective_on": DAY},
    "care-plan": {
        "plan": "comprehensive",
        "effective_on": DAY,
        "copy_how": "mail",
        "copy_to": "caregiver",
        "copy_on": "2026-10-03",
    },
    "decision-making": {"month": "2026-10", "level": "moderate", "practitioner_id": SOMEBODY, "effective_on": DAY},
    "election": {"month": "2026-10", "family": "complex", "practitioner_id": SOMEBODY},
    "facility-stays": {
        "stay": "inpatient_hospital",
        "from": "2026-10-01",
        "to": "2026-10-03",
        "stay_2": "SNF_part_A",
        "from_2": "2026-10-03",
    },
    "other-claims": {"month": "2026-10", "found": "yes", "code": "99490", "biller": "elsewhere", "dos": DAY},
    "hospice-home-health": {"month": "2026-10", "hospice": "no", "home_health": "yes"},
}

VALUES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "initiating-visit": [("initiating-visit", {"visit": "office_visit"})],
    "risk": [("risk", {"is_high_risk": True, "expected_months": 12})],
    "care-plan": [
        ("care-plan", {"plan": "comprehensive"}),
        ("care-plan-copy", {"how": "mail", "to": "caregiver"}),
    ],
    "decision-making": [
        ("decision-making", {"month": "2026-10", "level": "moderate", "practitioner_id": SOMEBODY}),
    ],
    "election": [("election", {"month": "2026-10", "family": "complex", "practitioner_id": SOMEBODY})],
    "facility-stays": [
        (
            "facility-stays",
            {
                "month": "2026-10",
                "stays": [
                    {"type": "inpatient_hospital", "from": "2026-10-01", "to": "2026-10-03"},
                    {"type": "SNF_part_A", "from": "2026-10-03"},
                ],
            },
        )
    ],
    "other-claims": [
        (
            "other-claims",
            {
                "month": "2026-10",
                "claims": [{"code": "99490", "practitioner": "", "same_group": False, "dos": "2026-10-02"}],
            },
        )
    ],
    "hospice-home-health": [
        ("hospice-home-health", {"month": "2026-10", "hospice_elected": False, "home_health_episode": True})
    ],
}


@pytest.mark.parametrize("kind", GOOD)
def test_filled_form_becomes_facts_of_the_recorded_shape(kind: str) -> None:
    made = forms.facts_of(kind, GOOD[kind] | {"checked_on": LOOKED}, OCTOBER)
    assert [(fact.kind, fact.value) for fact in made] == VALUES[kind]
    for fact in made:
        read_fact(fact.kind, fact.value)
        assert fact.checked_on == date(2026, 10, 5)


def test_every_form_of_the_page_is_translated_and_every_fact_has_a_form() -> None:
    assert GOOD.keys() == FACT_TITLES.keys()
    recorded = {kind for made in VALUES.values() for kind, _ in made}
    assert recorded == FACTS.keys()


@pytest.mark.parametrize("kind", FACT_TITLES)
def test_every_choice_that_a_form_offers_is_accepted(kind: str) -> None:
    for field in fact_fields(kind, date(2026, 10, 5), (Option(SOMEBODY, "Priya Raman"),)):
        for option in field.options:
            sent = GOOD[kind] | {"checked_on": LOOKED, field.name: option.value}
            if option.value in {"", "none"} or (field.name, option.value) == ("found", "no"):
                continue
            for fact in forms.facts_of(kind, sent, OCTOBER):
                read_fact(fact.kind, fact.value)


@pytest.mark.parametrize("kind", GOOD)
def test_field_that_is_needed_is_named_when_it_is_left_empty(kind: str) -> None:
    optional = {"copy_how", "copy_to", "copy_on", "month", "to", "dos", "stay_2", "from_2", "to_2"}
    for name in {*GOOD[kind], "checked_on"} - optional:
        with pytest.raises(Invalid) as refused:
            forms.facts_of(kind, GOOD[kind] | {"checked_on": LOOKED} | {name: ""}, OCTOBER)
        assert refused.value.field == name


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("initiating-visit", {"visit": "house_call"}, "visit"),
        ("initiating-visit", {"effective_on": "10/02/2026"}, "effective_on"),
        ("initiating-visit", {"checked_on": "yesterday"}, "checked_on"),
        ("care-plan", {"copy_on": ""}, "copy_on"),
        ("care-plan", {"copy_how": ""}, "copy_how"),
        ("care-plan", {"copy_to": "neighbor"}, "copy_to"),
        ("decision-making", {"practitioner_id": "Dr. A"}, "practitioner_id"),
        ("facility-stays", {"to": "2026-09-30"}, "to"),
        ("facility-stays", {"stay": "none"}, "stay"),
        ("facility-stays", {"from_2": ""}, "from_2"),
        ("facility-stays", {"stay_2": "hotel"}, "stay_2"),
        ("other-claims", {"found": "no"}, "found"),
        ("other-claims", {"code": "1234"}, "code"),
        ("other-claims", {"code_2": "99487"}, "biller_2"),
        ("hospice-home-health", {"hospice": "perhaps"}, "hospice"),
        ("risk", {"expected_months": "601"}, "expected_months"),
        ("risk", {"expected_months": "a year"}, "expected_months"),
        ("risk", {"expected_months": "²"}, "expected_months"),
        ("risk", {"expected_months": "9" * 5000}, "expected_months"),
    ],
)
def test_wrong_input_is_refused_beside_its_field(kind: str, change: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        forms.facts_of(kind, GOOD[kind] | {"checked_on": LOOKED} | change, OCTOBER)
    assert refused.value.field == field
    for typed in change.values():
        assert not typed or typed not in refused.value.message


def test_plan_without_a_copy_records_the_plan_alone() -> None:
    sent = GOOD["care-plan"] | {"checked_on": LOOKED, "copy_how": "", "copy_to": "patient", "copy_on": ""}
    assert [fact.kind for fact in forms.facts_of("care-plan", sent, OCTOBER)] == ["care-plan"]


def test_no_stay_and_no_claim_are_recorded_as_looked_for_and_not_found() -> None:
    stays = forms.facts_of("facility-stays", {"stay": "none", "checked_on": LOOKED}, OCTOBER)
    claims = forms.facts_of("other-claims", {"found": "no", "checked_on": LOOKED}, OCTOBER)
    assert stays[0].value == {"month": "2026-10", "stays": []}
    assert claims[0].value == {"month": "2026-10", "claims": []}


def test_our_own_claim_names_whoever_bills_the_month() -> None:
    sent = GOOD["other-claims"] | {"checked_on": LOOKED, "biller": "ours", "code": "g0511", "dos": ""}
    claim = forms.facts_of("other-claims", sent, OCTOBER)[0].value["claims"][0]
    assert claim == {"code": "G0511", "practitioner": "ours", "same_group": True}


def test_form_that_does_not_exist_is_not_found() -> None:
    with pytest.raises(NotFound):
        forms.facts_of("horoscope", {"checked_on": LOOKED}, OCTOBER)


CONSENT = {"enrollment_id": SOMEBODY, "mode": "verbal", "answer": "accepted", "obtained_on": LOOKED}


def test_consent_of_today_is_of_this_moment_and_of_an_earlier_day_of_its_noon() -> None:
    told = {"disclosures": ("available", "sharing")}
    today = forms.consent_of(CONSENT | told, NOW, CHICAGO)
    assert (today.decided_at, today.disclosures) == (NOW, ("available", "sharing"))
    earlier = forms.consent_of(CONSENT | {"obtained_on": DAY, "disclosures": "sharing"}, NOW, CHICAGO)
    assert earlier.decided_at == datetime(2026, 10, 2, 12, tzinfo=CHICAGO)
    assert earlier.disclosures == ("sharing",)
    assert forms.consent_of(CONSENT, NOW, CHICAGO).disclosures == ()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"obtained_on": "2026-10-06"}, "obtained_on"),
        ({"obtained_on": ""}, "obtained_on"),
        ({"mode": "telepathy"}, "mode"),
        ({"answer": "revoked"}, "answer"),
        ({"enrollment_id": "1"}, "enrollment_id"),
    ],
)
def test_wrong_consent_is_refused_beside_its_field(change: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        forms.consent_of(CONSENT | change, NOW, CHICAGO)
    assert refused.value.field == field


def test_today_is_the_clinics_and_not_londons() -> None:
    late = datetime(2026, 10, 6, 3, 0, tzinfo=UTC)
    assert forms.consent_of(CONSENT, late, CHICAGO).decided_at == late
    with pytest.raises(Invalid):
        forms.consent_of(CONSENT | {"obtained_on": "2026-10-06"}, late, CHICAGO)


def test_box_that_is_not_ticked_attests_nothing() -> None:
    sent = {"program": "PCM", "practitioner_id": SOMEBODY, "effective_on": DAY}
    plain = forms.enrolling_of(sent)
    assert (plain.is_high_risk, plain.expected_months) == (None, None)
    ticked = forms.enrolling_of(sent | {"attests_risk": "yes", "attests_duration": "yes"})
    assert (ticked.is_high_risk, ticked.expected_months) == (True, 3)
    assert ticked.practitioner_id == UUID(SOMEBODY)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_void_needs_a_reason_of_some_length(reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        forms.void_reason_of({"reason": reason})
    assert refused.value.field == "reason"
