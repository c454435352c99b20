"""Sample patient pages: enrolled with the timer running, and new."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from caretide.ui.charts import MonthBar
from caretide.ui.forms import Option
from caretide.workspace.schemas.facts import FACT_TITLES, FactEntry, FactLine, fact_fields
from caretide.workspace.schemas.patient import (
    ChartLine,
    Designation,
    DocumentLine,
    EligibilityLine,
    EnrollForm,
    EnrollmentLine,
    EntryLine,
    MonthCard,
    PatientHeader,
    PatientPage,
    RulingException,
    TimerPane,
)
from tests.ui.samples import CCM, MONTH, TODAY, uid

ZONE = ZoneInfo("America/New_York")
PRACTITIONERS = (Option(str(uid(301)), "Priya Raman, MD"), Option(str(uid(302)), "Luis Ortega, NP"))
ACTIVITIES = tuple(
    Option(value, label)
    for value, label in [
        ("care_coordination", "Care coordination"),
        ("medication_review", "Medication review"),
        ("patient_education", "Patient education"),
        ("care_plan", "Care plan update"),
        ("referral", "Referral follow-up"),
    ]
)


def entry(number: int, day: int, seconds: int, activity: str, note: str = "", **more: object) -> EntryLine:
    start = datetime(2026, 11, day, 15, 29, 8, tzinfo=UTC)
    base = EntryLine(
        entry_id=uid(500 + number),
        started_at=start,
        ended_at=start + timedelta(seconds=seconds),
        seconds=seconds,
        activity=activity,
        person="A. Okafor, RN",
        note=note,
    )
    return replace(base, **more)


ENTRIES = (
    entry(
        1, 18, 552, "Medication review", "Metformin doubled on Nov 14; tolerates it. Pill count right.", may_void=True
    ),
    entry(2, 14, 300, "Referral follow-up", "Cardiology has the letter; appointment Dec 5.", may_void=True),
    entry(
        3, 6, 205, "Patient education", voided=True, void_reason="Timed the wrong patient", voided_by="A. Okafor, RN"
    ),
    entry(4, 3, 268, "Care plan update", may_void=True),
)

VALUES = {
    "initiating-visit": ("Annual wellness visit", date(2026, 2, 4)),
    "care-plan": ("Comprehensive; copy on paper Feb 11, 2026", date(2026, 2, 11)),
    "decision-making": ("", None),
    "election": ("No choice recorded: the default applies", date(2026, 11, 1)),
    "facility-stays": ("None this month", None),
    "other-claims": ("", None),
    "hospice-home-health": ("Neither", None),
}


def facts() -> tuple[FactLine, ...]:
    lines: list[FactLine] = []
    for kind, title in FACT_TITLES.items():
        value, effective = VALUES.get(kind, ("As recorded", TODAY))
        state = "missing" if not value else ("stale" if kind == "facility-stays" else "recorded")
        lines.append(
            FactLine(
                kind=kind,
                title=title,
                state=state,
                value=value,
                effective_on=effective,
                checked_on=date(2026, 11, 3) if value else None,
                recorded_by="A. Okafor, RN" if value else "",
                fields=() if kind == "decision-making" else fact_fields(kind, TODAY, PRACTITIONERS),
                why_not="Only a billing practitioner records decision making." if kind == "decision-making" else "",
                history=(
                    FactEntry(
                        value="Comprehensive; no copy",
                        effective_on=date(2025, 2, 2),
                        checked_on=date(2025, 2, 2),
                        recorded_by="L. Ortega, NP",
                    ),
                )
                if kind == "care-plan"
                else (),
            )
        )
    return tuple(lines)


TIMER = TimerPane(
    patient_id=uid(0),
    patient_name="Eleanor Whitfield",
    zone=ZONE,
    state="running",
    key="7f3a",
    started_at=datetime(2026, 11, 21, 15, 29, tzinfo=UTC),
    elapsed=754,
    activity="Care coordination",
    program="CCM",
    activities=ACTIVITIES,
    programs=(Option("CCM", "CCM"),),
)


def patient() -> PatientPage:
    return PatientPage(
        patient=PatientHeader(
            patient_id=uid(0),
            name="Eleanor Whitfield",
            birth_date=date(1948, 3, 17),
            age=78,
            sex="F",
            mrn="M0012345",
            coverage="Medicare Part B",
            clinic="Lakeside Family Medicine",
        ),
        zone=ZONE,
        today=TODAY,
        consent_label="Consent on file",
        consent_tone="good",
        timer=TIMER,
        months=(
            MonthCard(
                month=MONTH,
                program="CCM",
                bar=MonthBar(1060, CCM, uncounted=60),
                exceptions=(
                    RulingException(
                        code="BELOW_THRESHOLD", severity="block", message="17:40 counted of the 20:00 that 99490 needs"
                    ),
                    RulingException(
                        code="OTHER_CLAIMS_UNKNOWN",
                        severity="block",
                        message="Nobody checked for claims by others in November",
                        fix="fact-other-claims",
                    ),
                    RulingException(
                        code="DOUBLE_COUNTED_TIME",
                        severity="adjust",
                        message="1:00 of Nov 14 is already used for 99495 and is not counted",
                    ),
                ),
                days_left=5,
            ),
        ),
        entries=ENTRIES,
        eligibility=(
            EligibilityLine(
                program="CCM",
                eligible=True,
                reasons=(
                    "3 chronic conditions: type 2 diabetes, hypertension, chronic kidney disease 3a",
                    "Original Medicare, Part B",
                ),
            ),
        ),
        enrollments=(
            EnrollmentLine(
                enrollment_id=uid(601),
                program="CCM",
                practitioner="Priya Raman, MD",
                status="enrolled",
                since=date(2026, 2, 4),
                consent="Accepted by word on Feb 4, 2026, all five disclosures, by A. Okafor, RN",
                consent_tone="good",
                consented=True,
            ),
        ),
        enroll=EnrollForm(
            programs=(Option("CCM", "Chronic care management"), Option("PCM", "Principal care management")),
            practitioners=PRACTITIONERS,
        ),
        may_consent=True,
        facts=facts(),
        designation=Designation(
            current="Adaeze Okafor, RN",
            since=date(2026, 2, 4),
            options=(Option(str(uid(701)), "Adaeze Okafor, RN"), Option(str(uid(702)), "Sam Reyes, MA")),
        ),
        conditions=(
            ChartLine(text="Type 2 diabetes mellitus", detail="E11.22 · since 2011"),
            ChartLine(text="Essential hypertension", detail="I10 · since 2004"),
            ChartLine(text="Chronic kidney disease, stage 3a", detail="N18.31 · since 2021"),
        ),
        medications=(
            ChartLine(text="Metformin 1000 mg", detail="twice daily · since Nov 14, 2026"),
            ChartLine(text="Lisinopril 30 mg", detail="once daily"),
        ),
        allergies=(ChartLine(text="Penicillin", detail="hives"),),
        coverages=(ChartLine(text="Medicare Part B", detail="since Mar 1, 2013"),),
        documents=(
            DocumentLine(
                document_id=uid(801),
                title="Monthly record, October 2026",
                made_at=datetime(2026, 11, 2, 14, 5, tzinfo=UTC),
                octets=88_120,
            ),
            DocumentLine(
                document_id=uid(802),
                title="Monthly record, September 2026",
                made_at=datetime(2026, 10, 2, 14, 5, tzinfo=UTC),
                octets=85_003,
                superseded=True,
            ),
        ),
    )


def new_patient() -> PatientPage:
    page = patient()
    why = "Time counts for a program. Enroll the patient first."
    return replace(
        page,
        patient=replace(page.patient, name="Beatrice Lund", mrn="M0098110"),
        consent_label="No consent",
        consent_tone="warn",
        timer=replace(TIMER, state="barred", key="", why_not=why),
        months=(),
        entries=(),
        enrollments=(),
        facts=(),
        designation=Designation(options=page.designation.options),
        documents=(),
        allergies=(),
        medications=(),
        eligibility=(
            EligibilityLine(
                program="CCM", eligible=True, reasons=("3 chronic conditions", "Original Medicare, Part B")
            ),
            EligibilityLine(
                program="PCM", eligible=None, reasons=("Severity is not in the chart: a practitioner decides",)
            ),
        ),
    )
