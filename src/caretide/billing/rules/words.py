"""Exceptions in words, and where each is mended."""

from typing import Final

TITLES: Final = {
    "BELOW_THRESHOLD": "Not enough time",
    "UNIT_CAP": "More time than the limit pays",
    "COMPLEX_THRESHOLD_NOT_MET": "Complex threshold not met",
    "MDM_NOT_MET": "Decision making too low for complex",
    "MDM_NOT_BY_PRACTITIONER": "Decision making not by the practitioner",
    "CODE_FAMILY_CONFLICT": "Codes of two families",
    "EXCLUSIVE_99490_99491": "Staff and practitioner time both earned",
    "EXCLUSIVE_99424_99426": "Staff and practitioner time both earned",
    "PRACTITIONER_TIME_COUNTED_AS_STAFF": "Practitioner time counted as staff time",
    "NOT_PERSONALLY_PERFORMED": "Not the practitioner's own time",
    "OVERLAPPING_TIME": "Overlapping time",
    "DOUBLE_COUNTED_TIME": "Time counted elsewhere",
    "EM_TIME_EXCLUDED": "Time within a visit",
    "SUPERVISION_TIME": "Supervision only",
    "NONCLINICAL_TIME": "Not clinical work",
    "QUESTIONABLE_ACTIVITY": "Activity that may not count",
    "NOT_CLINICAL_STAFF": "Not clinical staff",
    "OFFSHORE_STAFF": "Staff outside the United States",
    "EXCLUDED_INDIVIDUAL": "Excluded individual",
    "PRE_CONSENT_TIME": "Time before consent",
    "POST_DEATH_TIME": "Time after death",
    "PART_A_FACILITY": "Time during a Part A stay",
    "UNAPPROVED_TIME": "Time not approved",
    "NO_SERVICE_DELIVERED": "Attempts only, no service",
    "NO_CONSENT": "Consent missing",
    "CONSENT_INCOMPLETE": "Consent incomplete",
    "CONSENT_REVOKED": "Consent revoked",
    "NEW_CONSENT_REQUIRED": "New consent needed",
    "NO_INITIATING_VISIT": "Initiating visit missing",
    "INELIGIBLE_CONDITIONS": "Too few chronic conditions",
    "INELIGIBLE_CONDITION_DURATION": "Conditions too short",
    "INELIGIBLE_BILLING_PRACTITIONER": "Practitioner may not bill this",
    "NO_PART_B": "No Part B",
    "ROUTE_TO_MA_PLAN": "Another payer",
    "NO_CARE_PLAN": "Care plan missing",
    "NO_CARE_PLAN_COPY": "Care plan copy missing",
    "SERVICE_ELEMENT_MISSING": "Service element missing",
    "CONCURRENT_TCM": "Transitional care billed",
    "CONCURRENT_HH_SUPERVISION": "Home health supervision billed",
    "CONCURRENT_HOSPICE_SUPERVISION": "Hospice supervision billed",
    "CONCURRENT_ESRD_MCP": "Dialysis care billed",
    "CONCURRENT_SAME_SERVICE_OTHER_PRACTITIONER": "Enrolled elsewhere",
    "CMMI_MODEL_OVERLAP": "Payment model overlaps",
    "CONCURRENT_APCM": "APCM billed",
    "FACT_UNKNOWN": "Not recorded yet",
    "PROVISIONAL_PACK": "Rules not final for this month",
    "HOSPICE_REVIEW": "Hospice: review",
    "CONCURRENT_REVIEW": "Other service: review",
}
"""Exception code -> title."""

EXPLAINED: Final = {
    "BELOW_THRESHOLD": "What counts is less than the first code asks for.",
    "FACT_UNKNOWN": "Nobody has recorded something that the month rests on.",
    "NO_CONSENT": "Nothing bills before the patient has agreed.",
    "NO_CARE_PLAN_COPY": "The patient or a caregiver is given the plan before it counts.",
    "NO_SERVICE_DELIVERED": "Tries that reached nobody are no service.",
    "PROVISIONAL_PACK": "The year's rules are not out yet.",
}
"""What blocks a month, by code, in a sentence, where the title leaves a question."""

# The fact that nobody recorded -> the form that records it: on the patient's page, or on the clinic's.
PATIENT_ANCHORS: Final = {
    "consent": "enrollment",
    "consent_elements": "enrollment",
    "consent_date": "enrollment",
    "initiating_visit": "fact-initiating-visit",
    "initiating_visit_required": "fact-initiating-visit",
    "care_plan": "fact-care-plan",
    "care_plan_kind": "fact-care-plan",
    "care_plan_copy": "fact-care-plan",
    "facility_stays": "fact-facility-stays",
    "other_claims": "fact-other-claims",
    "hospice": "fact-hospice-home-health",
    "home_health": "fact-hospice-home-health",
    "designated_team_member": "designation",
    "high_risk": "fact-risk",
    "coverage": "coverage",
    "qmb": "coverage",
    "chronic_conditions": "enrollment",
    "condition_months": "fact-risk",
}
CODE_ANCHORS: Final = {
    "NO_CONSENT": "enrollment",
    "CONSENT_INCOMPLETE": "enrollment",
    "NEW_CONSENT_REQUIRED": "enrollment",
    "NO_INITIATING_VISIT": "fact-initiating-visit",
    "NO_CARE_PLAN": "fact-care-plan",
    "NO_CARE_PLAN_COPY": "fact-care-plan",
}
CLINIC_FACTS: Final = frozenset({"access_24_7", "cehrt", "provider_type"})


def title(code: str) -> str:
    """Return an exception's title."""
    return TITLES.get(code, code.replace("_", " ").capitalize())


def explained(code: str) -> str:
    """Return what an exception means, in a sentence; empty where its title says it all."""
    return EXPLAINED.get(code, "")


def anchor(code: str, fact: str | None) -> str:
    """Return the anchor on the patient's page where an exception is mended; empty where there is none there."""
    return PATIENT_ANCHORS.get(fact or "", "") or CODE_ANCHORS.get(code, "")
