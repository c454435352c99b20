"""What a close freezes is what the record's models write, and nobody reads it without the tenant's key."""

import hashlib

import psycopg
import pytest
from sqlalchemy import select, text

from caretide.billing.models import PatientMonth
from caretide.billing.queries import closes, evidence
from caretide.billing.rules.freeze import freeze
from caretide.documents.schemas import MonthlyRecord
from caretide.runtime.installation import Installation
from caretide.runtime.tx import Database
from caretide.tenants import queries as tenants
from tests.billing.months import OCTOBER, log_time, record_month
from tests.billing.test_close import NOVEMBER, close
from tests.cast import Cast
from tests.database import HandClock, Server


async def record_some(database: Database, cast: Cast, clock: HandClock) -> None:
    """Record a ready month, a short one, and one of which next to nothing is known."""
    for family, minutes, without in (("Vega", 41, ""), ("Stone", 7, ""), ("Marsh", 20, "facility-stays")):
        recorded = await record_month(database, cast, family=family, without=without)
        await log_time(database, cast, clock, recorded, minutes=minutes)
    clock.now = NOVEMBER


async def test_frozen_facts_are_what_the_models_write(database: Database, cast: Cast, clock: HandClock) -> None:
    await record_some(database, cast, clock)
    async with database.tx(cast.billing) as tx:
        clinic = await tenants.clinic(tx, cast.clinic_id)
        packs = await evidence.packs(tx)
        frozen = [freeze(one, packs).month for one in await evidence.judged(tx, clinic, OCTOBER)]
    assert {month["status"] for month in frozen} == {"ready", "blocked"}
    for month in frozen:
        assert MonthlyRecord.model_validate_json(month["facts"]).to_json() == month["facts"]
        assert hashlib.sha256(month["facts"]).hexdigest() == month["facts_hash"]


@pytest.mark.req("H-04")
async def test_frozen_facts_are_sealed_and_small(
    installation: Installation, cast: Cast, clock: HandClock, server: Server
) -> None:
    await record_some(installation.database, cast, clock)
    await close(installation, cast)
    asked = "SELECT facts FROM patient_months WHERE tenant_id = %s"
    with psycopg.connect(server.admin) as behind:
        held = behind.execute(asked, [cast.tenant_id]).fetchall()
    assert len(held) == 3
    for (stored,) in held:
        assert stored[:1] == b"\1"
        assert b"Vega" not in stored
        assert len(stored) < 1_500


async def test_facts_frozen_before_there_was_a_seal_are_read(
    installation: Installation, cast: Cast, clock: HandClock
) -> None:
    await record_some(installation.database, cast, clock)
    await close(installation, cast)
    async with installation.database.tx(cast.billing) as tx:
        wanted = select(PatientMonth.id, PatientMonth.facts).where(PatientMonth.status == "ready")
        month_id, facts = (await tx.db.execute(wanted)).one()
        plain = text("UPDATE patient_months SET facts = '\\x00'::bytea || :facts WHERE id = :id")
        await tx.db.execute(plain, {"facts": facts, "id": month_id})
        assert (await closes.frozen_facts(tx, month_id)).facts == facts
