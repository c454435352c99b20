"""A month that bills, recorded through the real actions, and ways to spoil it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from caretide.billing import actions as billing
from caretide.enrollment import actions as enrollment
from caretide.enrollment.rules import DISCLOSURES
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.patients.models import Condition, Coverage, Patient
from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenants
from caretide.time_log import actions as time_log
from tests.cast import Cast
from tests.database import HandClock

OCTOBER = Month(2026, 10)
FIRST = date(2026, 10, 1)

FACTS: Mapping[str, Mapping[str, Any]] = {
    "initiating-visit": {"visit": "office_visit"},
    "care-plan": {"plan": "comprehensive"},
    "care-plan-copy": {"how": "mail"},
    "facility-stays": {"month": "2026-10", "stays": []},
    "other-claims": {"month": "2026-10", "claims": []},
    "hospice-home-health": {"month": "2026-10", "hospice_elected": False, "home_health_episode": False},
}


@dataclass(frozen=True)
class Recorded:
    """A patient whose month is complete."""

    patient_id: UUID
    enrollment_id: UUID


async def add_patient(database: Database, cast: Cast, family: str = "Whitfield") -> UUID:
    """Put a patient with two chronic conditions and Part B into the chart."""
    patient_id = new_id()
    async with database.tx(cast.system) as tx:
        row = {"id": patient_id, "clinic_id": cast.clinic_id, "source": "test", "source_id": patient_id.hex}
        who = {"family": family, "given": "Eleanor", "birth_date": date(1948, 3, 17), "sex": "female", "mrn": "M001"}
        await tx.db.execute(insert(Patient).values(**row, **who))
        for code, name in (("I10", "Hypertension"), ("E11.9", "Type 2 diabetes")):
            fact = {"id": new_id(), "patient_id": patient_id, "source_id": code, "icd10": code, "name": name}
            await tx.db.execute(insert(Condition).values(**fact, is_active=True, is_problem=True, icd10_also=[]))
        cover = {"id": new_id(), "patient_id": patient_id, "source_id": "b", "kind": "original_medicare_part_b"}
        await tx.db.execute(insert(Coverage).values(**cover, payor="Medicare", is_active=True))
    return patient_id


async def record_month(database: Database, cast: Cast, *, without: str = "", family: str = "Whitfield") -> Recorded:
    """Enroll a patient and record everything that October's ruling needs, but for one kind of fact."""
    patient_id = await add_patient(database, cast, family)
    async with database.tx(cast.administrator) as tx:
        assert cast.coordinator.member_id
        await rosters.designate(tx, patient_id, cast.coordinator.member_id)
        for kind in ("round-the-clock-access", "certified-ehr"):
            if kind != without:
                await tenants.record_clinic_fact(
                    tx, cast.clinic_id, kind, value={"value": True}, effective_on=FIRST, checked_on=FIRST
                )
        enrollment_id = await enrollment.enroll(
            tx, patient_id, "CCM", cast.practitioner_id, started_on=FIRST, is_high_risk=True, expected_months=12
        )
        if without != "consent":
            await enrollment.record_consent(
                tx,
                enrollment_id,
                "accepted",
                mode="verbal",
                decided_at=datetime(2026, 10, 1, 14, 0, tzinfo=UTC),
                disclosures=DISCLOSURES,
            )
        for kind, value in FACTS.items():
            if kind != without:
                await enrollment.record_fact(tx, patient_id, kind, value, checked_on=FIRST, effective_on=FIRST)
    return Recorded(patient_id, enrollment_id)


async def log_time(database: Database, cast: Cast, clock: HandClock, recorded: Recorded, **span: float) -> None:
    """Let the coordinator's timer run for a span from now on."""
    async with database.tx(cast.coordinator) as tx:
        await time_log.start_timer(tx, recorded.patient_id, recorded.enrollment_id, "patient_call")
    clock.advance(**span)
    async with database.tx(cast.coordinator) as tx:
        await time_log.stop_timer(tx)
    clock.advance(minutes=1)


async def rule_all(database: Database, cast: Cast) -> None:
    """Bring every standing up to date, as the worker does."""
    left = True
    while left:
        async with database.tx(cast.system) as tx:
            left = await billing.rule_some(tx)
