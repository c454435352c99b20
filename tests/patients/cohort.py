"""Patients put straight into the tables, for tests of what is read from them."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from caretide.kernel.ids import new_id
from caretide.patients.models import Patient
from caretide.runtime.db import TenantTable
from caretide.runtime.tx import Database
from tests.cast import Cast


async def admit(database: Database, cast: Cast, **changes: Any) -> UUID:
    """Make a patient; return the id."""
    patient_id = new_id()
    usual = {
        "id": patient_id,
        "clinic_id": cast.clinic_id,
        "source": "test",
        "source_id": str(patient_id),
        "mrn": f"MRN-{patient_id.hex}",
        "family": "Vega",
        "given": "Ana",
        "birth_date": date(1941, 3, 7),
        "sex": "female",
    }
    async with database.tx(cast.system) as tx:
        await tx.db.execute(insert(Patient).values(**(usual | changes)))
    return patient_id


async def chart(
    database: Database, cast: Cast, patient_id: UUID, table: type[TenantTable], rows: Sequence[dict[str, Any]]
) -> None:
    """Add rows to a patient's chart."""
    async with database.tx(cast.system) as tx:
        for row in rows:
            source_id = str(new_id())
            await tx.db.execute(insert(table).values(patient_id=patient_id, **({"source_id": source_id} | row)))
