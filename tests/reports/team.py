"""A team's month as it was ruled, laid down directly: how a month is ruled has tests of its own."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from typing import Final
from uuid import UUID

from sqlalchemy import insert

from caretide.billing.models import MonthStanding, StandingCount
from caretide.kernel.ids import new_id
from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database
from tests.cast import Cast
from tests.enrollment.panel import new_patient

OCTOBER: Final = date(2026, 10, 1)
FIRST: Final = 1200
_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class Stand:
    """How a month stands: its band, counted seconds, what blocks it, and who looks after the patient."""

    band: int = 2
    seconds: int = 300
    blocked_by: str | None = "BELOW_THRESHOLD"
    member_id: UUID | None = None
    designated: bool = True


async def stands(database: Database, cast: Cast, how: Stand) -> UUID:
    """Make a patient whose October stands so; return the patient."""
    patient_id = await new_patient(database, cast)
    under = how.seconds < FIRST
    shared = {
        "clinic_id": cast.clinic_id,
        "coordinator_id": how.member_id,
        "service_month": OCTOBER,
        "program": "CCM",
        "status": "blocked" if how.blocked_by else "ready",
        "band": how.band,
        "blocked_by": how.blocked_by,
        "lines": 0,
        "countable_secs": how.seconds,
        "rules": next(_numbers),
    }
    row = {
        "patient_id": patient_id,
        "practitioner_id": cast.practitioner_id,
        "name_key": "vega ana",
        "leads": True,
        "reason": "15:00 min to 20" if how.band == 2 else "Consent missing",
        "tone": "warn",
        "missing_secs": max(0, FIRST - how.seconds),
        "recorded_secs": how.seconds,
        "is_under": under,
        "thresholds": [1200, 2400, 3600],
        "codes": [],
        "exceptions": [],
        "conditions": "",
    }
    optional = {"ruled_program": "CCM"} if "ruled_program" in MonthStanding.__table__.columns else {}
    counted = {"months": 1, "patients": 1, "under": int(under), "amount_cents": 0}
    async with database.tx(cast.system) as tx:
        await tx.db.execute(insert(MonthStanding).values(id=new_id(), **shared, **row, **optional))
        await tx.db.execute(insert(StandingCount).values(id=new_id(), **shared, **counted))
        if how.member_id is not None and how.designated:
            await rosters.designate(tx, patient_id, how.member_id)
    return patient_id


async def mixed(database: Database, cast: Cast) -> dict[str, UUID]:
    """Make a panel of the coordinator's with one patient of each kind, and one whom nobody looks after."""
    mine = cast.coordinator.member_id
    kinds = {
        "near": Stand(seconds=900, member_id=mine),
        "far": Stand(seconds=0, member_id=mine),
        "held": Stand(band=0, seconds=1300, blocked_by="NO_CONSENT", member_id=mine),
        "reached": Stand(band=3, seconds=1500, blocked_by=None, member_id=mine),
        "complete": Stand(band=4, seconds=4000, blocked_by=None, member_id=mine),
        "nobody": Stand(seconds=600),
    }
    return {name: await stands(database, cast, how) for name, how in kinds.items()}


NOON: Final = datetime(2026, 10, 20, 17, 0, tzinfo=UTC)
"""A Tuesday with nine working days of October's twenty-two left, itself among them."""
