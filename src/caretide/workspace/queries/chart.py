"""What the EHR says of a patient, as lines of the page."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients import queries as patients
from caretide.patients.rules import age
from caretide.patients.schemas import ConditionRow, CoverageRow, MedicationRow, PatientRow
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants.queries import ClinicRow
from caretide.ui.filters import day_long
from caretide.workspace.schemas.patient import Chart, ChartLine, PatientHeader

COVERAGES: Final = {
    "medicare_advantage": "Medicare Advantage",
    "original_medicare_part_b": "Original Medicare, Part B",
    "medicare_part_a_only": "Medicare, Part A only",
    "unknown": "Medicare, parts unknown",
    "medicaid": "Medicaid",
    "commercial": "Commercial",
    "other": "Other",
}

NO_MRN: Final = "unknown"


@requires(
    Permission.PATIENT_READ,
    reads(
        Data.CONDITIONS,
        Data.MEDICATIONS,
        Data.ALLERGIES,
        Data.COVERAGE,
        Data.ENCOUNTERS,
        Data.DEMOGRAPHICS,
        Data.CONTACT,
    ),
)
async def chart(tx: Tx, who: PatientRow, clinic: ClinicRow, today: date) -> Chart:
    """Return the chart of a patient who was read before: what is active, and every coverage."""
    coverages = await patients.coverages(tx, who.id)
    return Chart(
        header=_header(who, clinic, today, coverages),
        coverages=tuple(_coverage(row, today) for row in coverages),
        **await _record(tx, who),
    )


async def _record(tx: Tx, who: PatientRow) -> dict[str, tuple[ChartLine, ...] | None]:
    """Return what the chart says beyond coverage; nothing to somebody whose role does not need it."""
    if Permission.CHART_READ not in tx.actor.permissions:
        return dict.fromkeys(("conditions", "medications", "allergies"))
    return {
        "conditions": tuple(_condition(row) for row in await patients.conditions(tx, who.id) if row.is_active),
        "medications": tuple(_medication(row) for row in await patients.medications(tx, who.id) if row.is_active),
        "allergies": tuple(
            ChartLine(text=row.name, detail=f"{row.criticality} risk" if row.criticality else "")
            for row in await patients.allergies(tx, who.id)
            if row.is_active
        ),
    }


def _header(who: PatientRow, clinic: ClinicRow, today: date, coverages: Sequence[CoverageRow]) -> PatientHeader:
    inside = [row for row in coverages if _in_force(row, today)]
    named = [COVERAGES[kind] for kind in COVERAGES if any(row.kind == kind for row in inside)]
    return PatientHeader(
        patient_id=who.id,
        name=who.name,
        birth_date=who.birth_date,
        age=age(who.birth_date, who.deceased_on or today),
        sex=sex_letter(who.sex),
        mrn=who.mrn or NO_MRN,
        coverage=named[0] if named else "No coverage in force",
        clinic=clinic.name,
        has_died=who.is_deceased or who.deceased_on is not None,
        deceased_on=who.deceased_on,
    )


def sex_letter(sex: str) -> str:
    """Return how a sex reads in a line: `F`, `M`, or the word itself."""
    return {"female": "F", "male": "M"}.get(sex, sex)


def _in_force(row: CoverageRow, today: date) -> bool:
    begun = row.starts_on is None or row.starts_on <= today
    return row.is_active and begun and (row.ends_on is None or row.ends_on >= today)


def _condition(row: ConditionRow) -> ChartLine:
    codes = " ".join(filter(None, (row.icd10, *row.icd10_also)))
    since = f"since {row.onset[:4]}" if row.onset else ""
    return ChartLine(text=row.name, detail=" · ".join(filter(None, (codes, since))))


def _medication(row: MedicationRow) -> ChartLine:
    since = f"since {_written(row.authored)}" if row.authored else ""
    return ChartLine(text=row.name, detail=" · ".join(filter(None, (row.dosage, since))))


def _written(text: str) -> str:
    """Return a FHIR dateTime as a page has it: a day in full; a year, or a month of one, as it was recorded."""
    day = text[:10]
    return day_long(date.fromisoformat(day)) if len(day) == len("2026-10-05") else day


def _coverage(row: CoverageRow, today: date) -> ChartLine:
    since = f"since {day_long(row.starts_on)}" if row.starts_on else ""
    until = f"until {day_long(row.ends_on)}" if row.ends_on else ""
    state = "" if _in_force(row, today) else "not in force"
    plan = row.plan or ""
    named = plan if plan.lower().startswith(row.payor.lower()) else f"{row.payor} {plan}".strip()
    detail = " · ".join(filter(None, (named, since, until, state)))
    return ChartLine(text=COVERAGES.get(row.kind, row.kind), detail=detail)
