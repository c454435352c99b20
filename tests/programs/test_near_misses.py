"""Near misses: a month that comes close to an exception and in which it must not be named."""

from typing import Any

import pytest

from tests.programs.build import APCM, COMPLEX, OURS, PCM, RPM, SNF, billed, claim, entry, judge, monitored, named

# a code that must not be named, changes, codes billed
NOT_NAMED: list[tuple[str, dict[str, Any], str]] = [
    ("BELOW_THRESHOLD", {"time_log": [entry(20)]}, "99490"),
    ("BELOW_THRESHOLD", {"time_log": [entry(10), entry(15, "non_clinical")]}, ""),
    ("BELOW_THRESHOLD", {**RPM, "time_log": []}, "99454 99457"),
    ("UNIT_CAP", {"time_log": [entry(79.9)]}, "99490 99439x2"),
    ("UNIT_CAP", {**COMPLEX, "time_log": [entry(389)]}, "99487 99489x10"),
    ("UNIT_CAP", {"requested_codes": ["99490", "99439", "99439"], "time_log": [entry(60)]}, "99490 99439x2"),
    ("COMPLEX_THRESHOLD_NOT_MET", {**COMPLEX, "time_log": [entry(60)]}, "99487"),
    ("COMPLEX_THRESHOLD_NOT_MET", {"time_log": [entry(59)], "mdm": "high"}, "99490 99439"),
    ("MDM_NOT_MET", {"time_log": [entry(65)]}, "99490 99439x2"),
    ("MDM_NOT_BY_PRACTITIONER", {**COMPLEX, "mdm_by": "NPI-A"}, "99487"),
    ("CODE_FAMILY_CONFLICT", {"requested_codes": ["99490", "99439"], "time_log": [entry(45)]}, "99490 99439"),
    ("CODE_FAMILY_CONFLICT", {**RPM, "requested_codes": ["99490", "99454", "99457"]}, "99490 99454 99457"),
    ("EXCLUSIVE_99490_99491", {"time_log": [entry(19), entry(30, "billing_practitioner")]}, "99490 99439"),
    ("EXCLUSIVE_99424_99426", {**PCM, "time_log": [entry(29), entry(30, "billing_practitioner")]}, "99424"),
    (
        "PRACTITIONER_TIME_COUNTED_AS_STAFF",
        {"election": "practitioner", "time_log": [entry(30, "billing_practitioner")]},
        "99491",
    ),
    (
        "NOT_PERSONALLY_PERFORMED",
        {"time_log": [entry(18, "billing_practitioner"), entry(14, "qhp_incident_to")]},
        "99490",
    ),
    ("OVERLAPPING_TIME", {"time_log": [entry(20, overlaps="a"), entry(5, overlaps="b")]}, "99490"),
    (
        "OVERLAPPING_TIME",
        {
            "time_log": [
                entry(15, start="10:00", end="10:15", date="2026-05-04"),
                entry(15, start="10:00", end="10:15", date="2026-05-05"),
            ]
        },
        "99490",
    ),
    ("OVERLAPPING_TIME", {"time_log": [entry(15, start="10:00", end="10:15")] * 2}, "99490"),
    ("DOUBLE_COUNTED_TIME", {"time_log": [entry(20, used_for="99490")]}, "99490"),
    ("EM_TIME_EXCLUDED", {"time_log": [entry(25, kind="face_to_face")]}, "99490"),
    (
        "EM_TIME_EXCLUDED",
        {
            "time_log": [entry(25, kind="face_to_face", date="2026-05-05")],
            "other_claims": [claim("99213", "NPI-A", dos="2026-05-04")],
        },
        "99490",
    ),
    ("NONCLINICAL_TIME", {"time_log": [entry(25, "clinical_staff_contracted")]}, "99490"),
    ("NOT_CLINICAL_STAFF", {"time_log": [entry(25, "qhp_incident_to")]}, "99490"),
    ("PRE_CONSENT_TIME", {"consent.obtained_on": "2026-05-15", "time_log": [entry(25, date="2026-05-15")]}, "99490"),
    ("PRE_CONSENT_TIME", {"consent.obtained_on": "2026-05-01"}, "99490"),
    ("POST_DEATH_TIME", {"patient.deceased_on": "2026-05-15", "time_log": [entry(25, date="2026-05-15")]}, "99490"),
    ("POST_DEATH_TIME", {"patient.deceased_on": "2026-06-02"}, "99490"),
    ("PART_A_FACILITY", {"patient.facility_stays": SNF, "time_log": [entry(25, date="2026-05-15")]}, "99490"),
    (
        "PART_A_FACILITY",
        {"patient.facility_stays": [{"type": "inpatient_hospital", "from": "2026-06-01", "to": None}]},
        "99490",
    ),
    ("NO_SERVICE_DELIVERED", {"time_log": [entry(19, activity="unsuccessful_outreach"), entry(1)]}, "99490"),
    ("NO_CONSENT", {"program": "CCM+PCM", "consent.program": "CCM"}, "99490"),
    ("CONSENT_REVOKED", {"consent.status": "revoked", "consent.revoked_on": "2026-05-02"}, "99490"),
    ("NO_INITIATING_VISIT", {"initiating_visit": {"required": True, "satisfied": True}}, "99490"),
    ("NO_INITIATING_VISIT", {"initiating_visit": {"required": False, "satisfied": False}}, "99490"),
    ("INELIGIBLE_CONDITIONS", {**APCM, "time_log": [], "patient.chronic_conditions": 0}, "G0556"),
    ("INELIGIBLE_CONDITIONS", {**APCM, "time_log": [], "patient.high_risk": False}, "G0557"),
    ("INELIGIBLE_CONDITION_DURATION", {**PCM, "time_log": [entry(30)]}, "99426"),
    ("INELIGIBLE_BILLING_PRACTITIONER", {"billing_practitioner": "NPI-A (nurse practitioner)"}, "99490"),
    ("NO_CARE_PLAN", {**PCM, "time_log": [entry(30)], "care_plan.type": "comprehensive"}, "99426"),
    ("SERVICE_ELEMENT_MISSING", {"practice": {"access_24_7": True, "designated_team_member": True}}, "99490"),
    ("CONCURRENT_TCM", {"other_claims": [claim("99496", **OURS)]}, "99490"),
    ("CONCURRENT_TCM", {**PCM, "time_log": [entry(30)], "other_claims": [claim("99495")]}, "99426"),
    ("CONCURRENT_HH_SUPERVISION", {"patient.home_health_episode": True, "other_claims": [claim("G0181")]}, "99490"),
    ("CONCURRENT_SAME_SERVICE_OTHER_PRACTITIONER", {"other_claims": [claim("99490", status="denied")]}, "99490"),
    ("CONCURRENT_SAME_SERVICE_OTHER_PRACTITIONER", {"other_claims": [claim("99490", dos="2026-04-30")]}, "99490"),
    ("CONCURRENT_SAME_SERVICE_OTHER_PRACTITIONER", {"other_claims": [claim("99426")]}, "99490"),
    ("CMMI_MODEL_OVERLAP", {"patient.cmmi_model": "ACCESS", "month": "2026-06"}, "99490"),
    ("CMMI_MODEL_OVERLAP", {"patient.cmmi_model": "MSSP"}, "99490"),
    ("CONCURRENT_APCM", {**PCM, "time_log": [entry(30)], "other_claims": [claim("G0557")]}, "99426"),
    ("CONCURRENT_APCM", {**APCM, "time_log": []}, "G0557"),
    (
        "CONCURRENT_PCM_SAME_PRACTITIONER",
        {"other_claims": [claim("99426", same_group=True, same_specialty=False)]},
        "99490",
    ),
    ("CONCURRENT_99091", {"other_claims": [claim("99091")]}, "99490"),
    ("CONCURRENT_RISK_OTHER_PRACTITIONER", {**RPM, "other_claims": [claim("99457", **OURS)]}, "99490 99454 99457"),
    ("CONCURRENT_REVIEW", {"other_claims": [claim("98967")]}, "99490"),
    (
        "DUPLICATE_SERVICE_PERIOD",
        {"requested_codes": ["99490", "99439", "99439"], "time_log": [entry(60)]},
        "99490 99439x2",
    ),
    ("ONCE_ONLY", {"requested_codes": ["99490", "G0506"]}, "99490 G0506"),
    (
        "DOS_BEFORE_THRESHOLD",
        {
            "requested_codes": ["99490"],
            "requested_dos": "2026-05-10",
            "time_log": [entry(20, date="2026-05-10"), entry(25, date="2026-05-20")],
        },
        "99490 99439",
    ),
    ("MODIFIER_25_NEEDED", {"other_claims": [claim("99214", "NPI-A", dos="same_as_99490")]}, "99490"),
    ("MODIFIER_25_NEEDED", {**COMPLEX, "other_claims": [claim("99214", dos="same_as_99487")]}, "99487"),
    ("ADDON_WITHOUT_BASE", {**APCM, "time_log": [], "requested_codes": ["G0557", "G0570"]}, "G0557 G0570"),
    ("CODE_NOT_ACTIVE", {**RPM, "rpm": monitored(10, 900)}, "99490 99445 99470"),
    ("CODE_NOT_ACTIVE", {"provider_type": "rhc", "month": "2025-09", "election": "G0511"}, "G0511"),
    ("RHC_NO_ADDON", {"provider_type": "rhc", "month": "2025-11", "time_log": [entry(45)]}, "99490 99439"),
    ("RHC_NO_ADDON", {**RPM, "provider_type": "rhc", "month": "2024-05"}, "G0511x2"),
    ("TIMELY_FILING", {"submitted_on": "2027-05-31"}, "99490"),
    ("RPM_NO_INTERACTIVE", {**RPM, "rpm": monitored(18, 0, interactive=False)}, "99490 99454"),
    ("RPM_RTM_CONFLICT", {"other_claims": [claim("98980", **OURS)]}, "99490"),
    ("PROVISIONAL_PACK", {"month": "2026-12"}, "99490"),
]


@pytest.mark.parametrize(("code", "changes", "codes"), NOT_NAMED)
def test_near_miss_is_not_named(code: str, changes: dict[str, Any], codes: str) -> None:
    ruling = judge(changes)
    assert code not in {pair[0] for pair in named(ruling)}
    assert billed(ruling) == codes
