"""Sample view models for previews and browser tests. Every patient is invented."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from caretide.billing.schemas import (
    BlockedGroup,
    CloseProgress,
    CodeUnits,
    ExceptionLine,
    MonthPage,
    MonthTotals,
    RulingRow,
)
from caretide.identity.schemas import InvitationPage, SignInPage, TenantChoice, TenantsPage
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.tenants.schemas import (
    CLINIC_FACTS,
    ClinicLine,
    ClinicPage,
    ClinicsPage,
    InviteLink,
    MemberLine,
    PracticeFact,
    PractitionerLine,
    clinic_fact_fields,
)
from caretide.ui.charts import MonthBar
from caretide.ui.forms import Option
from caretide.ui.shell import Message, RunningTimer, Shell, navigation
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
    RulingCode,
    RulingException,
    TimerPane,
)
from caretide.workspace.schemas.roster import MyDay, RosterCount, RosterRow

TODAY = date(2026, 11, 21)
MONTH = Month(2026, 11)
ZONE = ZoneInfo("America/New_York")
CCM = (1200, 2400, 3600)
PCM = (1800, 3600)


def uid(number: int) -> UUID:
    """Return a stable id."""
    return UUID(int=0x0192_0000_0000_7000_8000_0000_0000_0000 + number)


SHELL = Shell(
    section="my-day",
    nav=navigation(frozenset(Permission)),
    account_name="Adaeze Okafor, RN",
    role="Care coordinator",
    tenant_name="Lakeside Health Partners",
    may_switch=True,
    demo=True,
)
VISITOR = Shell(demo=True)

PATIENTS = [
    ("Eleanor Whitfield", 78, "F", "T2DM, HTN, CKD 3a", "CCM", 1120, 18, "1:20 to 20", "warn"),
    ("Rosa Delgado", 69, "F", "COPD, HTN", "CCM", 540, None, "Consent missing", "bad"),
    ("Marcus Bell", 75, "M", "HF, AFib", "CCM", 1112, 17, "1:28 to 20", "warn"),
    ("Harold Nakamura", 89, "M", "T2DM, HF, CKD 3b", "CCM", 0, None, "20:00 to 20", "warn"),
    ("Ingrid Sørensen", 78, "F", "RA, osteoporosis", "PCM", 1380, 12, "7:00 to 30", "warn"),
    ("Calvin Brooks", 81, "M", "HTN, depression", "CCM", 1325, 19, "Care plan copy not given", "bad"),
    ("Mei-Ling Zhao", 70, "F", "T2DM, HLD", "CCM", 2280, 16, "2:00 to 40", "info"),
    ("Theodore Rusk", 68, "M", "CAD, HTN", "CCM", 3480, 20, "2:00 to 60", "info"),
    ("Nguyễn Thị Hạnh", 72, "F", "T2DM, HTN, OA", "CCM", 1500, 14, "15:00 to 40", "info"),
    ("Adaeze Obi", 68, "F", "Asthma, HTN", "CCM", 3720, 13, "Complete", "good"),
    ("Walter Kowalczyk", 84, "M", "COPD", "PCM", 3600, 9, "Complete", "good"),
]


def roster_rows() -> tuple[RosterRow, ...]:
    return tuple(
        RosterRow(
            patient_id=uid(index),
            name=name,
            age=age,
            sex=sex,
            conditions=conditions,
            program=program,
            bar=MonthBar(seconds, CCM if program == "CCM" else PCM),
            last_contact=date(2026, 11, day) if day else None,
            reason=reason,
            tone=tone,
            coordinator="A. Okafor" if index % 3 else "",
        )
        for index, (name, age, sex, conditions, program, seconds, day, reason, tone) in enumerate(PATIENTS)
    )


def my_day() -> MyDay:
    candidates = tuple(
        RosterRow(patient_id=uid(90 + n), name=name, age=age, sex="F", conditions=text, reason=why, tone="neutral")
        for n, (name, age, text, why) in enumerate(
            [
                ("Beatrice Lund", 74, "T2DM, HTN, HLD", "Eligible for CCM"),
                ("Opal Hutchinson", 88, "HF", "Eligible for PCM"),
            ]
        )
    )
    return MyDay(
        month=MONTH,
        today=TODAY,
        working_days_left=5,
        counts=(
            RosterCount(key="all", label="All", count=42),
            RosterCount(key="under", label="Under threshold", count=18),
            RosterCount(key="risk", label="At risk", count=6, tone="warn"),
            RosterCount(key="consent", label="No consent", count=3, tone="bad"),
            RosterCount(key="candidates", label="Not enrolled", count=2),
        ),
        rows=roster_rows(),
        candidates=candidates,
        total=42,
        page=1,
        pages=4,
    )


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
    return replace(base, **more)  # pyright: ignore[reportArgumentType]


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
        value, effective = VALUES[kind]
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
                bar=MonthBar(1120, CCM),
                countable=1060,
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


ROLES = tuple(
    Option(value, value.capitalize())
    for value in ("coordinator", "manager", "billing", "administrator", "practitioner")
)


def clinics() -> ClinicsPage:
    return ClinicsPage(
        clinics=(
            ClinicLine(clinic_id=uid(401), name="Lakeside Family Medicine", place="Erie, PA", missing_facts=1),
            ClinicLine(clinic_id=uid(402), name="Harbor Internists", place="Dunkirk, NY", missing_facts=0),
        ),
        zones=(Option("America/New_York", "Eastern"), Option("America/Chicago", "Central")),
        settings=(Option("physician_practice", "Physician practice"), Option("rhc", "Rural health clinic")),
    )


def clinic() -> ClinicPage:
    kinds = list(CLINIC_FACTS.items())
    return ClinicPage(
        clinic_id=uid(401),
        name="Lakeside Family Medicine",
        address=("214 Shoreline Drive", "Erie, PA 16507"),
        phone="(555) 010-0142",
        zone="Eastern time",
        setting="Physician practice",
        today=TODAY,
        facts=(
            PracticeFact(
                kind=kinds[0][0],
                title=kinds[0][1],
                value="Yes: nurse line (555) 010-0142",
                effective_on=date(2025, 1, 1),
                checked_on=date(2026, 11, 2),
                recorded_by="M. Castellano",
                fields=clinic_fact_fields(TODAY),
            ),
            PracticeFact(kind=kinds[1][0], title=kinds[1][1], fields=clinic_fact_fields(TODAY)),
        ),
        practitioners=(
            PractitionerLine(name="Priya Raman", credential="MD", npi="1999999984", group="Lakeside Group"),
            PractitionerLine(name="Luis Ortega", credential="NP", npi="1999999976", group="Lakeside Group"),
        ),
        members=(
            MemberLine(
                name="Adaeze Okafor", email="adaeze@example.org", role="Coordinator", credential="RN", state="active"
            ),
            MemberLine(
                name="Maria Castellano", email="maria@example.org", role="Administrator", credential="", state="active"
            ),
            MemberLine(name="Sam Reyes", email="sam@example.org", role="Coordinator", credential="MA", state="invited"),
        ),
        roles=ROLES,
        invited=InviteLink(
            name="Sam Reyes",
            url="http://localhost:8000/invitations/8sJ2c0-vQm4tXn1WZr7k",
            expires_at=datetime(2026, 11, 28, tzinfo=UTC),
        ),
    )


def ruling_rows() -> tuple[RulingRow, ...]:
    amounts = [(1320, 6613, 1), (2712, 11657, 2), (3720, 16701, 3), (1287, 6613, 1), (1904, 6780, 4)]
    rows: list[RulingRow] = []
    for number, (seconds, amount, shape) in enumerate(amounts):
        codes = {
            1: (CodeUnits(code="99490", units=1),),
            2: (CodeUnits(code="99490", units=1), CodeUnits(code="99439", units=1)),
            3: (CodeUnits(code="99490", units=1), CodeUnits(code="99439", units=2)),
            4: (CodeUnits(code="99426", units=1),),
        }[shape]
        remark = ExceptionLine(
            code="UNIT_CAP",
            severity="info",
            title="Unit cap",
            message="1:02:00 recorded; two units of 99439 are the limit",
        )
        rows.append(
            RulingRow(
                patient_id=uid(number),
                name=PATIENTS[number][0],
                practitioner="Priya Raman, MD",
                program="PCM" if shape == 4 else "CCM",
                seconds=seconds,
                codes=codes,
                amount=amount,
                service_date=date(2026, 10, 12 + number),
                exceptions=(remark,) if shape == 3 else (),
                document_id=uid(900 + number) if number != 3 else None,
            )
        )
    return tuple(rows)


def month() -> MonthPage:
    return MonthPage(
        month=Month(2026, 10),
        months=tuple(Option(str(m), m.title) for m in (Month(2026, 11), Month(2026, 10), Month(2026, 9))),
        clinics=(Option("lakeside", "Lakeside Family Medicine"), Option("harbor", "Harbor Internists")),
        clinic="",
        state="open",
        totals=MonthTotals(patients=58, ready=41, blocked=17, lines=63, seconds=71_204, amount=380_412),
        ready=ruling_rows(),
        page=1,
        pages=5,
        may_close=True,
    )


def blocked_month() -> MonthPage:
    def row(number: int, code: str, title: str, message: str, anchor: str) -> RulingRow:
        fact = ExceptionLine(
            code=code,
            severity="block",
            title=title,
            message=message,
            fix=f"/patients/{uid(number)}{anchor}" if anchor else "",
        )
        return RulingRow(
            patient_id=uid(number),
            name=PATIENTS[number][0],
            practitioner="Luis Ortega, NP",
            program="CCM",
            seconds=1100 + number * 61,
            exceptions=(fact,),
        )

    consent = [
        row(n, "NO_CONSENT", "No consent.", "None was recorded before October 31, 2026.", "#consent") for n in (1, 3)
    ]
    below = [
        row(n, "BELOW_THRESHOLD", "Below threshold.", f"{19 - n}:41 counted of the 20:00 that 99490 needs.", "")
        for n in (2, 4, 5)
    ]
    return replace(
        month(),
        show="blocked",
        clinic="lakeside",
        blocked=(
            BlockedGroup(code="NO_CONSENT", title="No consent on file", rows=tuple(consent)),
            BlockedGroup(code="BELOW_THRESHOLD", title="Not enough countable time", rows=tuple(below)),
        ),
        may_close=False,
        why_not="Closing a month is for billing staff.",
        pages=1,
    )


def closing_month() -> MonthPage:
    return replace(
        month(), state="closing", may_close=False, progress=CloseProgress(done=41, total=58, records_done=12, failed=1)
    )


SIGN_IN = SignInPage(email="adaeze@example.org")
INVITATION = InvitationPage(
    token="8sJ2c0-vQm4tXn1WZr7k",  # noqa: S106 - a sample, it opens nothing
    name="Sam Reyes",
    email="sam@example.org",
    tenant_name="Lakeside Health Partners",
    role="care coordinator",
    expires_at=datetime(2026, 11, 28, tzinfo=UTC),
)
TENANTS = TenantsPage(
    account_name="Adaeze Okafor, RN",
    choices=(
        TenantChoice(tenant_id=uid(1), name="Lakeside Health Partners", role="Care coordinator"),
        TenantChoice(tenant_id=uid(2), name="Great Bend Clinics", role="Manager"),
    ),
)
SAVED = Message("good", "Consent recorded.")
RUNNING = RunningTimer(label="Eleanor Whitfield", href=f"/patients/{uid(0)}", elapsed=754)
