"""Sample view models for previews and browser tests. Every patient is invented."""

from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import UUID

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
from caretide.ui.shell import Message, RunningTimer, Shell, Workplace, navigation
from caretide.workspace.schemas.roster import MyDay, RosterCount, RosterRow

TODAY = date(2026, 11, 21)
MONTH = Month(2026, 11)
CCM = (1200, 2400, 3600)
PCM = (1800, 3600)


def uid(number: int) -> UUID:
    """Return a stable id."""
    return UUID(int=0x0192_0000_0000_7000_8000_0000_0000_0000 + number)


class Line(NamedTuple):
    """What the palette needs of a patient."""

    id: UUID
    given: str
    family: str
    birth_date: date
    mrn: str


SHELL = Shell(
    section="my-day",
    nav=navigation(frozenset(Permission)),
    account_name="Adaeze Okafor, RN",
    role="Care coordinator",
    tenant_name="Lakeside Health Partners",
    places=(
        Workplace(UUID(int=1), "Lakeside Health Partners", is_here=True),
        Workplace(UUID(int=2), "Prairie Medical Group", is_here=False),
    ),
    demo=True,
)
VISITOR = Shell(demo=True)

PATIENTS = [
    ("Eleanor Whitfield", 78, "F", "T2DM, HTN, CKD 3a", "CCM", 1120, 18, "1:20 min to 20", "warn"),
    ("Rosa Delgado", 69, "F", "COPD, HTN", "CCM", 540, None, "Consent missing", "bad"),
    ("Marcus Bell", 75, "M", "HF, AFib", "CCM", 1112, 17, "1:28 min to 20", "warn"),
    ("Harold Nakamura", 89, "M", "T2DM, HF, CKD 3b", "CCM", 0, None, "20:00 min to 20", "warn"),
    ("Ingrid Sørensen", 78, "F", "RA, osteoporosis", "PCM", 1380, 12, "7:00 to 30", "warn"),
    ("Calvin Brooks", 81, "M", "HTN, depression", "CCM", 1325, 19, "Care plan copy not given", "bad"),
    ("Mei-Ling Zhao", 70, "F", "T2DM, HLD", "CCM", 2280, 16, "2:00 min to 40", "info"),
    ("Theodore Rusk", 68, "M", "CAD, HTN", "CCM", 3480, 20, "2:00 min to 60", "info"),
    ("Nguyễn Thị Hạnh", 72, "F", "T2DM, HTN, OA", "CCM", 1500, 14, "15:00 min to 40", "info"),
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
        clinics=(Option("1", "Lakeside Family Medicine"), Option("2", "Harbor Internists")),
        programs=(Option("CCM", "CCM"), Option("PCM", "PCM")),
        coordinators=(Option("3", "Adaeze Okafor, RN"),),
        total=42,
        page=1,
        pages=4,
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
                fields=clinic_fact_fields(kinds[0][0], TODAY),
            ),
            PracticeFact(kind=kinds[1][0], title=kinds[1][1], fields=clinic_fact_fields(kinds[1][0], TODAY)),
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


SIGN_IN = SignInPage(email="adaeze@example.org")
INVITATION = InvitationPage(
    token="8sJ2c0-vQm4tXn1WZr7k",
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
