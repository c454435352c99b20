"""Patient-months for the rules: complete ones as a running program has them, drawn from a seed."""

from datetime import date, datetime, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from caretide.kernel.month import Month
from caretide.programs.month_facts import (
    CarePlan,
    Consent,
    InitiatingVisit,
    Patient,
    PatientMonth,
    Practitioner,
    TimeEntry,
)

MONTH: Final = Month(2026, 10)
ZONE: Final = ZoneInfo("America/Chicago")
DOCTOR: Final = Practitioner("NPI-A", "physician", "TIN-1")


def months(count: int, seed: int = 1) -> list[PatientMonth]:
    """Return months of 3 to 15 entries, nine in ten of CCM, the rest of PCM; some lack time, some consent."""
    rng = Random(seed)
    return [_month(rng) for _ in range(count)]


def _month(rng: Random) -> PatientMonth:
    is_ccm = rng.random() < 0.9
    program = "CCM" if is_ccm else "PCM"
    consented = rng.random() < 0.97
    patient = Patient(
        coverage="original_medicare_part_b",
        qmb=False,
        chronic_conditions=rng.randint(2, 7) if is_ccm else 1,
        condition_min_months=12,
        high_risk=True,
        facility_stays=(),
        hospice_elected=False,
        home_health_episode=False,
    )
    consent = Consent(
        "documented",
        obtained_on=date(2026, 10, 12) if rng.random() < 0.05 else date(2026, 6, 11),
        programs=(program,),
        mode="verbal",
        elements_complete=True,
        practitioner=DOCTOR.id,
    )
    return PatientMonth(
        month=MONTH,
        programs=(program,),
        provider_type="physician_practice",
        practitioner=DOCTOR,
        patient=patient,
        consent=consent if consented else Consent("missing"),
        initiating_visit=InitiatingVisit(required=False, satisfied=True),
        care_plan=CarePlan(exists=True, kind="comprehensive" if is_ccm else "disease_specific", copy_given=True),
        access_24_7=True,
        designated_team_member=True,
        cehrt=True,
        entries=tuple(_entry(number, rng) for number in range(rng.randint(3, 15))),
        other_claims=(),
    )


def _entry(number: int, rng: Random) -> TimeEntry:
    start = datetime(
        2026, 10, rng.randint(1, 30), rng.randint(8, 16), rng.randint(0, 59), rng.randint(0, 59), tzinfo=ZONE
    )
    seconds = rng.randint(45, 900)
    return TimeEntry(
        id=str(number),
        who=f"RN-{rng.randint(1, 3)}",
        role="clinical_staff",
        seconds=seconds,
        start=start,
        end=start + timedelta(seconds=seconds),
    )
