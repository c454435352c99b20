"""What a ruling carries beside its codes: unknown facts, ladder, citations, notes; and who elects what."""

from dataclasses import fields, replace
from typing import Any

import pytest

from caretide.kernel.month import Month
from caretide.programs.evaluate import rule
from caretide.programs.gates import UNKNOWN
from caretide.programs.month_bar import thresholds
from caretide.programs.month_facts import PatientMonth, Practitioner
from caretide.programs.ruling import ExceptionCode
from tests.programs.build import APCM, PCM, billed, claim, entry, facts, judge, named, packs


def unknown(**changes: Any) -> tuple[str, ...]:
    return rule(replace(facts(), **changes), packs()).unknown_facts


def patient(**changes: Any) -> tuple[str, ...]:
    return unknown(patient=replace(facts().patient, **changes))


def test_unknown_facts_block_and_are_named() -> None:
    assert unknown(consent=None) == ("consent",)
    assert unknown(consent=replace(facts().consent, elements_complete=None)) == ("consent_elements",)  # type: ignore[type-var] -- built with one
    assert unknown(initiating_visit=None) == ("initiating_visit",)
    assert unknown(care_plan=None) == ("care_plan",)
    assert unknown(care_plan=replace(facts().care_plan, copy_given=None)) == ("care_plan_copy",)  # type: ignore[type-var] -- built with one
    assert unknown(access_24_7=None) == ("access_24_7",)
    assert unknown(designated_team_member=None) == ("designated_team_member",)
    assert unknown(cehrt=None) == ("cehrt",)
    assert unknown(other_claims=None) == ("other_claims",)
    assert unknown(practitioner=Practitioner("NPI-A", None)) == ("practitioner_kind",)
    assert patient(coverage=None) == ("coverage",)
    assert patient(facility_stays=None) == ("facility_stays",)
    assert patient(hospice_elected=None) == ("hospice",)
    assert patient(home_health_episode=None) == ("home_health",)
    assert patient(chronic_conditions=None) == ("chronic_conditions",)
    assert patient(condition_min_months=None) == ("condition_months",)
    assert patient(high_risk=None) == ("high_risk",)


def test_month_of_which_nothing_is_known_names_every_fact() -> None:
    blank = replace(facts(), **{f.name: f.default for f in fields(PatientMonth) if f.name in BLANK})
    blank = replace(blank, patient=type(blank.patient)(), practitioner=Practitioner("NPI-A", None))
    ruling = rule(blank, packs())
    beyond = {"qmb", "consent_elements", "care_plan_copy"}  # asked for once the first of the two is known
    assert set(ruling.unknown_facts) == UNKNOWN.keys() - beyond
    assert ruling.codes == ()
    assert all("record it in" in item.message for item in ruling.exceptions if item.fact)


BLANK = {"consent", "initiating_visit", "care_plan", "access_24_7", "designated_team_member", "cehrt", "other_claims"}


def test_level_of_apcm_needs_to_know_the_qmb_status() -> None:
    level = facts(APCM, time_log=[])
    ruling = rule(replace(level, patient=replace(level.patient, qmb=None)), packs())
    assert ruling.unknown_facts == ("qmb",)
    one = replace(level.patient, qmb=None, chronic_conditions=1)
    assert billed(rule(replace(level, patient=one), packs())) == "G0556"


def test_several_closed_gates_are_all_named() -> None:
    ruling = judge({"care_plan.copy_given": False, "consent.elements_complete": False, "cehrt": False})
    wanted = {"NO_CARE_PLAN_COPY", "CONSENT_INCOMPLETE", "SERVICE_ELEMENT_MISSING"}
    assert {code for code, severity in named(ruling) if severity == "block"} == wanted


def test_ladder_says_how_far_it_is_to_the_next_code() -> None:
    steps = [(rung.code, rung.units, rung.seconds, rung.met, rung.missing) for rung in judge().ladder]
    assert steps == [("99490", 1, 1200, True, 0), ("99439", 1, 2400, False, 900), ("99439", 2, 3600, False, 2100)]


def test_month_bar_has_the_ticks_of_its_program() -> None:
    may = Month(2026, 5)
    assert [(t.seconds, t.label) for t in thresholds("CCM", packs(), may)] == [
        (1200, "99490"),
        (2400, "99439"),
        (3600, "99439 ×2"),
    ]
    assert [t.seconds for t in thresholds("PCM", packs(), may)] == [1800, 3600, 5400]
    assert [t.seconds for t in thresholds("CCM", packs(), may, family="complex")][:2] == [3600, 5400]
    assert thresholds("APCM", packs(), may) == ()
    assert thresholds("CCM", packs(), Month(2020, 1)) == ()


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"mdm": "high", "time_log": [entry(65)]}, "99487"),
        ({"mdm": "high", "time_log": [entry(65)], "election": "staff"}, "99490 99439x2"),
        ({"mdm": "high", "time_log": [entry(65)], "requested_codes": ["99490", "99439"]}, "99490 99439x2"),
        ({"time_log": [entry(30, "billing_practitioner")], "requested_codes": ["99491"]}, "99491"),
        ({**PCM, "time_log": [entry(30, "billing_practitioner")]}, "99424"),
        ({**PCM, "time_log": [entry(30, "billing_practitioner")], "election": "staff"}, "99426"),
        ({**PCM, "time_log": [entry(29, "billing_practitioner"), entry(1)], "election": "practitioner"}, "99426"),
        ({"program": "CCM+PCM", "time_log": [entry(15, program="CCM"), entry(35, program="PCM")]}, "99426"),
        (
            {"program": "CCM+PCM", "time_log": [entry(15, program="CCM"), entry(35, program="PCM")], "election": "CCM"},
            "",
        ),
        ({**APCM, "program": "CCM+APCM", "time_log": []}, "G0557"),
        ({"program": "CCM+APCM", "month": "2024-05"}, "99490"),
        ({"provider_type": "rhc", "month": "2025-05"}, "99490"),
        ({"provider_type": "rhc", "month": "2025-05", "election": "G0511", "time_log": [entry(45)]}, "G0511"),
        ({"provider_type": "rhc", "month": "2025-05", "election": "individual_codes"}, "99490"),
        ({"provider_type": "rhc", "month": "2025-05", "requested_codes": ["G0511"]}, "G0511"),
        ({**APCM, "provider_type": "fqhc", "time_log": [], "month": "2025-05"}, "G0557"),
        ({**PCM, "provider_type": "rhc", "month": "2024-05", "time_log": [entry(29)]}, ""),
        ({**PCM, "provider_type": "rhc", "month": "2024-05", "time_log": [entry(30)]}, "G0511"),
        ({"provider_type": "hospital_outpatient_professional"}, "99490"),
    ],
)
def test_family_follows_election_draft_and_calendar(changes: dict[str, Any], codes: str) -> None:
    assert billed(judge(changes)) == codes


def test_default_on_which_sources_differ_is_cited() -> None:
    ruling = judge(mdm="high", time_log=[entry(65)])
    assert [one.key for one in ruling.citations if one.uncertain] == ["complex_without_election"]
    assert any("complex CCM is ruled" in note for note in ruling.notes)
    visit = judge(time_log=[entry(25, date="2026-05-04")], other_claims=[claim("99213", "NPI-A", dos="2026-05-04")])
    assert [one.key for one in visit.citations if one.uncertain] == ["em_day_staff_time"]


def test_every_exception_and_family_has_a_source() -> None:
    cited = packs().cited_by
    wanted = {code.value for code in ExceptionCode} | {ladder.id for ladder in _rules().ladders.values()}
    assert wanted | {"apcm", "general"} == cited.keys()
    assert all(one.text and one.source for rows in cited.values() for one in rows)


def _rules() -> Any:
    return packs().at(Month(2026, 5))


def test_provisional_month_is_marked() -> None:
    ruling = judge(month="2027-03")
    assert ruling.provisional
    assert ruling.pack == "medicare-2026"
    assert not judge().provisional


def test_draft_codes_that_the_rules_do_not_earn_are_noted() -> None:
    assert judge(requested_codes=["99490", "99439"]).notes == ("The draft's 99439 did not come out of the rules.",)


def test_assumed_limit_says_so() -> None:
    held = judge(election="complex", mdm="high", time_log=[entry(390)]).exceptions[-1].message
    assert "MUE of 2024Q2, assumed to hold still" in held
