"""What must be true before any time matters: payer, practitioner, consent, first visit, conditions, plan, elements.

Every gate answers for itself, so that a person sees all that is missing at once. None is unknown, and unknown blocks.
"""

from collections.abc import Iterator
from datetime import date

from caretide.programs.month_facts import CarePlan, Consent, InitiatingVisit, PatientMonth
from caretide.programs.packs import MonthRules
from caretide.programs.ruling import ExceptionCode, RuleException, adjust, block, info

# MLN909188 and 42 CFR 410.26: physicians, NP, PA, CNS and CNM. A specialty stands for its physician.
ELIGIBLE_KINDS = frozenset(
    [
        "physician",
        "aprn",
        "md",
        "do",
        "np",
        "pa",
        "cns",
        "cnm",
        "nurse_practitioner",
        "physician_assistant",
        "clinical_nurse_specialist",
        "certified_nurse_midwife",
        "nurse_midwife",
        "cardiologist",
        "nephrologist",
        "pulmonologist",
        "endocrinologist",
        "oncologist",
        "neurologist",
        "rheumatologist",
        "psychiatrist",
        "gastroenterologist",
        "geriatrician",
        "internist",
        "hospitalist",
        "hematologist",
        "urologist",
        "surgeon",
        "pediatrician",
        "family_physician",
        "primary_care_physician",
        "specialist",
        "pcp",
    ]
)

# Minimum months that a qualifying condition is expected to last, and how many conditions it takes.
CONDITIONS = {"CCM": (2, 12), "PCM": (1, 3)}

UNKNOWN = {
    "practitioner_kind": ("the billing practitioner's profession", "the practitioner's record"),
    "coverage": ("the patient's Medicare coverage in this month", "the patient's coverage"),
    "qmb": ("whether the patient is a Qualified Medicare Beneficiary", "the patient's coverage"),
    "facility_stays": ("whether the patient was in a hospital or nursing facility", "the patient's facility stays"),
    "hospice": ("whether the patient elected hospice", "the patient's hospice and home health"),
    "home_health": ("whether a home health episode was open", "the patient's hospice and home health"),
    "other_claims": ("whether anyone else bills care management for this month", "the patient's other claims"),
    "consent": ("the patient's consent", "the enrollment's consent"),
    "consent_elements": ("which disclosures came with the consent", "the enrollment's consent"),
    "initiating_visit": ("whether a first visit is needed and took place", "the enrollment's initiating visit"),
    "care_plan": ("whether there is a care plan", "the patient's care plan"),
    "care_plan_copy": ("whether the patient has a copy of the care plan", "the patient's care plan"),
    "access_24_7": ("whether patients reach someone round the clock", "the clinic's practice facts"),
    "designated_team_member": ("who the patient's designated contact is", "the patient's care coordinator"),
    "cehrt": ("whether certified health record technology is in use", "the clinic's practice facts"),
    "chronic_conditions": ("how many chronic conditions qualify", "the patient's conditions"),
    "condition_months": ("how long the conditions are expected to last", "the patient's risk and duration"),
    "high_risk": ("whether the conditions put the patient at significant risk", "the patient's risk and duration"),
}
"""What a fact is, in words, and where it is recorded, by its machine-readable name."""


def gates(facts: PatientMonth, rules: MonthRules, program: str) -> list[RuleException]:
    """Return every gate of a program that is closed, or that nobody recorded."""
    return [
        *_payer(facts),
        *_practitioner(facts),
        *_consent(facts, rules),
        *_first_visit(facts.initiating_visit),
        *_conditions(facts, program),
        *_care_plan(facts.care_plan, program),
        *_elements(facts),
        *_surroundings(facts, rules),
    ]


def unknown(fact: str) -> RuleException:
    """Return the exception for a fact that nobody recorded."""
    what, where = UNKNOWN[fact]
    return block(ExceptionCode.FACT_UNKNOWN, f"nobody recorded {what}; record it in {where}", fact)


def _payer(facts: PatientMonth) -> Iterator[RuleException]:
    coverage = facts.patient.coverage
    if coverage is None:
        yield unknown("coverage")
    elif coverage == "medicare_part_a_only":
        yield block(ExceptionCode.NO_PART_B, "the patient has Part A only; care management is a Part B service")
    elif coverage == "medicare_advantage":
        yield adjust(
            ExceptionCode.ROUTE_TO_MA_PLAN, "the patient is in Medicare Advantage: bill the plan, by its rules"
        )


def _practitioner(facts: PatientMonth) -> Iterator[RuleException]:
    kind = facts.practitioner.kind
    if kind is None:
        yield unknown("practitioner_kind")
    elif kind.strip().lower().replace(" ", "_").replace("-", "_") not in ELIGIBLE_KINDS:
        yield block(
            ExceptionCode.INELIGIBLE_BILLING_PRACTITIONER,
            f"a {kind} may not bill care management; a physician, NP, PA, CNS or CNM may",
        )


def _consent(facts: PatientMonth, rules: MonthRules) -> Iterator[RuleException]:
    consent = facts.consent
    if consent is None:
        yield unknown("consent")
        return
    found = _consent_fault(consent, facts, rules)
    if found is not None:
        yield found
    elif consent.elements_complete is None:
        yield unknown("consent_elements")
    elif not consent.elements_complete:
        yield block(ExceptionCode.CONSENT_INCOMPLETE, "the consent lacks one of its disclosures; obtain it anew")
    elif consent.practitioner is not None and consent.practitioner != facts.practitioner.id:
        yield info(
            ExceptionCode.NEW_CONSENT_REQUIRED,
            f"the consent names {consent.practitioner}, the month is billed by {facts.practitioner.id}: check",
        )


def _consent_fault(consent: Consent, facts: PatientMonth, rules: MonthRules) -> RuleException | None:
    """Return what is wrong with whose, which and how old the consent is; its disclosures are judged apart."""
    if consent.status == "missing":
        return block(ExceptionCode.NO_CONSENT, "no consent is on file; obtain and document it before the service")
    if consent.status == "undocumented":
        return block(ExceptionCode.NO_CONSENT, "the consent is not documented; document date, mode and disclosures")
    if consent.status in {"other_practitioner", "other_practitioner_same_group"}:
        whose = consent.practitioner or "another practitioner"
        return block(ExceptionCode.NEW_CONSENT_REQUIRED, f"the consent was given to {whose}; obtain one for ours")
    if consent.programs is not None and not set(consent.programs) & set(facts.programs):
        given, wanted = " and ".join(consent.programs), " or ".join(facts.programs)
        return block(ExceptionCode.NO_CONSENT, f"the consent is for {given}; obtain one for {wanted}")
    if consent.revoked_on is not None and consent.revoked_on < rules.first:
        return block(ExceptionCode.CONSENT_REVOKED, f"the consent was revoked on {consent.revoked_on}")
    if consent.status == "revoked" and consent.revoked_on is None:
        return block(ExceptionCode.CONSENT_REVOKED, "the consent was revoked on a day that is not recorded")
    return _consent_date_fault(consent, facts, rules)


def _consent_date_fault(consent: Consent, facts: PatientMonth, rules: MonthRules) -> RuleException | None:
    obtained = consent.obtained_on
    if obtained is None:
        if consent.before_month:
            return None
        return block(ExceptionCode.CONSENT_INCOMPLETE, "the date of the consent is not recorded")
    if obtained > rules.last and not facts.entries:
        # With time in the month, that time is what came too early, and says so.
        return block(ExceptionCode.NO_CONSENT, f"the consent is of {obtained}, after the month")
    months = rules.settings.consent_valid_months
    if months is not None and _months_between(obtained, rules.first) > months:
        return block(ExceptionCode.NO_CONSENT, f"the consent of {obtained} is older than {months} months; renew it")
    return None


def _months_between(earlier: date, later: date) -> int:
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def _first_visit(visit: InitiatingVisit | None) -> Iterator[RuleException]:
    if visit is None or (visit.required is not False and visit.satisfied is None):
        yield unknown("initiating_visit")
    elif visit.required is not False and not visit.satisfied:
        yield block(
            ExceptionCode.NO_INITIATING_VISIT,
            "a first visit is needed and none is recorded; see the patient (wellness visit, TCM or qualifying visit)",
        )


def _conditions(facts: PatientMonth, program: str) -> Iterator[RuleException]:
    patient = facts.patient
    count, months, risk = patient.chronic_conditions, patient.condition_min_months, patient.high_risk
    if count is None:
        yield unknown("chronic_conditions")
    if program not in CONDITIONS:
        if patient.qmb is None and count is not None and count >= 2:
            yield unknown("qmb")
        return
    least, least_months = CONDITIONS[program]
    if risk is None:
        yield unknown("high_risk")
    if count is not None and count < least:
        yield block(ExceptionCode.INELIGIBLE_CONDITIONS, f"{program} needs {least} chronic conditions; found {count}")
    elif risk is False:
        yield block(ExceptionCode.INELIGIBLE_CONDITIONS, "the conditions do not put the patient at significant risk")
    if months is None:
        yield unknown("condition_months")
    elif months < least_months and (count is None or count >= least):
        yield block(
            ExceptionCode.INELIGIBLE_CONDITION_DURATION,
            f"{program} needs conditions expected to last {least_months} months; the shortest lasts {months}",
        )


def _care_plan(plan: CarePlan | None, program: str) -> Iterator[RuleException]:
    if plan is None or plan.exists is None:
        yield unknown("care_plan")
        return
    if not plan.exists:
        yield block(ExceptionCode.NO_CARE_PLAN, "there is no care plan; write one")
        return
    if program != "PCM" and plan.kind == "disease_specific":
        yield block(
            ExceptionCode.NO_CARE_PLAN, f"{program} needs a comprehensive care plan; this one is for one disease"
        )
    if plan.copy_given is None:
        yield unknown("care_plan_copy")
    elif not plan.copy_given:
        yield block(ExceptionCode.NO_CARE_PLAN_COPY, "the patient has no copy of the care plan; give one and record it")


def _elements(facts: PatientMonth) -> Iterator[RuleException]:
    elements = (
        ("access_24_7", facts.access_24_7, "round-the-clock access"),
        ("designated_team_member", facts.designated_team_member, "a designated team member"),
        ("cehrt", facts.cehrt, "certified health record technology"),
    )
    for fact, present, name in elements:
        if present is None:
            yield unknown(fact)
        elif not present:
            yield block(ExceptionCode.SERVICE_ELEMENT_MISSING, f"{name} is part of the service and is missing")


def _surroundings(facts: PatientMonth, rules: MonthRules) -> Iterator[RuleException]:
    patient = facts.patient
    if patient.facility_stays is None:
        yield unknown("facility_stays")
    if facts.other_claims is None:
        yield unknown("other_claims")
    if patient.hospice_elected is None:
        yield unknown("hospice")
    elif patient.hospice_elected:
        yield adjust(ExceptionCode.HOSPICE_REVIEW, "the patient elected hospice: decide on modifier GV or GW")
    if patient.home_health_episode is None:
        yield unknown("home_health")
    if patient.cmmi_model is not None:
        yield from _model(patient.cmmi_model, rules)


def _model(name: str, rules: MonthRules) -> Iterator[RuleException]:
    known = name.strip().upper().replace(" ", "_").replace("-", "_")
    started = rules.models.get(known)
    if started == "block" or known not in rules.known_models:
        yield block(
            ExceptionCode.CMMI_MODEL_OVERLAP, f"the patient is in {name}, which may pay for this; hold for review"
        )
    elif started is None:
        yield info(ExceptionCode.CONCURRENT_REVIEW, f"{name} had not begun in {rules.month}")
