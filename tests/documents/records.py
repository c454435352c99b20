"""A record to render: one believable month, and ways to make it strange."""

from datetime import UTC, date, datetime, timedelta

from caretide.documents.schemas import (
    Attestation,
    CarePlan,
    Clinic,
    CodeLine,
    ConcurrencyCheck,
    Condition,
    Consent,
    Eligibility,
    FacilityStay,
    Finding,
    InitiatingVisit,
    MonthlyRecord,
    Patient,
    Practitioner,
    Review,
    RoleTotal,
    Ruling,
    Threshold,
    TimeEntry,
)

ACTIVITIES = ("Medication review", "Call with the patient", "Care-plan update", "Coordination with cardiology")


def entry(number: int = 0, **changes: object) -> TimeEntry:
    """Return one time entry; a different one for every number."""
    start = datetime(2026, 10, 1 + number * 3 % 28, 14, number % 60, 7, tzinfo=UTC)
    seconds = 312 + number * 97 % 700
    facts: dict[str, object] = {
        "started_at": start,
        "ended_at": start + timedelta(seconds=seconds),
        "seconds": seconds,
        "counted_seconds": seconds,
        "person": "Adaeze Okafor" if number % 3 else "Miguel Santos",
        "credential": "RN" if number % 3 else "LPN",
        "employer": "Harbor Care Services, contracted" if number % 3 else "Lakeside Health, employee",
        "activity": ACTIVITIES[number % len(ACTIVITIES)],
        "program": "CCM",
    }
    return TimeEntry.model_validate(facts | changes)


def uncounted(number: int, reason: str) -> TimeEntry:
    """Return an entry that the ruling left out."""
    return entry(number, counted_seconds=0, reason=reason)


def record(**changes: object) -> MonthlyRecord:
    """Return a billed month of chronic care management, with the given facts changed."""
    return MonthlyRecord(
        as_of=datetime(2026, 11, 1, 5, tzinfo=UTC),
        month="2026-10",
        program="CCM",
        program_name="Chronic Care Management",
        clinic=Clinic(
            name="Lakeside Family Medicine",
            address="1200 Lake Shore Drive, Chicago, IL 60610",
            phone="(312) 555-0142",
            time_zone="America/Chicago",
            billing_group="Lakeside Health Partners, TIN ending 4417",
        ),
        patient=Patient(name="Eleanor Whitfield", birth_date=date(1948, 3, 17), mbi="1EG4-TE5-MK73", mrn="M0012345"),
        practitioner=Practitioner(name="Priya Raman, MD", npi="1003000126", kind="Physician (MD)"),
        supervision="General supervision by the billing practitioner (42 CFR 410.26(b)(5))",
        eligibility=Eligibility(
            statement="Three chronic conditions, expected to last at least 12 months or until death, that place the "
            "patient at significant risk of acute decompensation and functional decline.",
            conditions=(
                Condition(icd10="E11.22", name="Type 2 diabetes with diabetic chronic kidney disease"),
                Condition(icd10="I10", name="Essential hypertension"),
                Condition(icd10="N18.31", name="Chronic kidney disease, stage 3a"),
            ),
        ),
        consent=Consent(
            given_at=datetime(2026, 6, 11, 15, 20, tzinfo=UTC),
            mode="Verbal, by phone",
            obtained_by="Adaeze Okafor, RN",
            practitioner="Priya Raman, MD",
            script_version="ccm-consent 3, English",
            disclosures=(
                "The service is available, and cost sharing applies",
                "Only one practitioner can be paid for it in a month",
                "It can be stopped at any time, at the end of a calendar month",
                "Health information is shared with the others who give care",
            ),
        ),
        initiating_visit=InitiatingVisit(on=date(2026, 6, 4), kind="Annual wellness visit (G0439)"),
        care_plan=CarePlan(
            kind="Comprehensive",
            version="4",
            dated=date(2026, 9, 22),
            copy_given_on=date(2026, 9, 24),
            copy_given_how="Mailed; receipt confirmed by phone",
        ),
        access_24_7=Attestation(
            met=True,
            statement="On-call nurse line and covering physician",
            effective_on=date(2026, 1, 1),
            checked_on=date(2026, 10, 2),
        ),
        designated_contact=Attestation(met=True, statement="Adaeze Okafor, RN", effective_on=date(2026, 6, 11)),
        certified_ehr=Attestation(met=True, statement="Certified EHR in use", checked_on=date(2026, 10, 2)),
        ruling=Ruling(
            family="CCM, clinical staff",
            election="None recorded; default family",
            countable_seconds=2537,
            codes=(
                CodeLine(code="99490", name="CCM staff, first 20 minutes", units=1, unit_cents=6613),
                CodeLine(code="99439", name="CCM staff, each further 20 minutes", units=1, unit_cents=5044),
            ),
            service_date=date(2026, 10, 22),
            place_of_service="11, office",
            diagnoses=("E11.22", "I10", "N18.31"),
            thresholds=(
                Threshold(seconds=1200, label="20 min"),
                Threshold(seconds=2400, label="40 min"),
                Threshold(seconds=3600, label="60 min"),
            ),
        ),
        rule_pack="CCM 2026.1, effective Jan 1, 2026",
        citations=(
            "42 CFR 410.26(b)(5): general supervision of care management",
            "CMS MLN909188, Chronic Care Management Services",
            "CMS RVU26A, conversion factor 33.4009",
        ),
        entries=(*(entry(number) for number in range(5)), uncounted(7, "Before consent"), uncounted(8, "Supervision")),
        totals=(
            RoleTotal(role="Clinical staff", before=3280, after=2537),
            RoleTotal(role="Billing practitioner", before=0, after=0),
        ),
        concurrency=(
            ConcurrencyCheck(
                service="CCM by another practitioner",
                source="Claims known for the month",
                checked_on=date(2026, 11, 2),
                result="None found",
                clear=True,
            ),
            ConcurrencyCheck(
                service="Home health or hospice supervision",
                source="Eligibility inquiry",
                checked_on=date(2026, 11, 2),
                result="None found",
                clear=True,
            ),
        ),
        findings=(
            Finding(severity="adjust", code="PRE_CONSENT_TIME", message="5:12 before consent is not counted"),
            Finding(severity="info", code="UNIT_CAP", message="7:17 beyond the last full unit"),
        ),
        review=Review(by="Priya Raman, MD", at=datetime(2026, 11, 2, 16, 5, tzinfo=UTC)),
        generated=True,
    ).model_copy(update=changes)


def bare() -> MonthlyRecord:
    """Return a month of which next to nothing was recorded."""
    return record(
        patient=Patient(name="A", birth_date=date(1950, 1, 1), mbi=None, mrn=None),
        supervision=None,
        eligibility=None,
        consent=None,
        initiating_visit=None,
        care_plan=None,
        access_24_7=None,
        designated_contact=None,
        certified_ehr=None,
        ruling=Ruling(family=None, election="None recorded", countable_seconds=0),
        citations=(),
        entries=(),
        totals=(),
        concurrency=(),
        findings=(Finding(severity="block", code="NO_CONSENT", message="No consent was recorded"),),
        review=None,
        generated=False,
    )


def named(name: str) -> MonthlyRecord:
    """Return a month of a patient with this name."""
    return record(patient=Patient(name=name, birth_date=date(1948, 3, 17), mbi=None, mrn="M0012345"))


def long() -> MonthlyRecord:
    """Return a month with 200 entries and every optional part."""
    return record(
        entries=tuple(entry(number) for number in range(200)),
        stays=(FacilityStay(kind="Inpatient hospital", start=date(2026, 10, 12), end=date(2026, 10, 14)),),
    )
