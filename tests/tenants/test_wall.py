"""Two tenants cannot meet."""

import pytest
from sqlalchemy import select

from caretide.kernel.errors import Forbidden, NotFound
from caretide.runtime.tx import Database
from caretide.tenants import actions, queries
from caretide.tenants.models import Clinic
from tests.cast import Cast, assemble


async def test_one_tenant_does_not_see_of_another_clinics(database: Database, cast: Cast) -> None:
    other = await assemble(database)
    async with database.tx(other.administrator) as tx:
        found = [row.id for row in (await tx.db.execute(select(Clinic.id))).all()]
        with pytest.raises(NotFound):
            await queries.clinic(tx, cast.clinic_id)
    assert found == [other.clinic_id]


async def test_a_coordinator_may_not_make_a_clinic(database: Database, cast: Cast) -> None:
    new = actions.NewClinic(name="Second", time_zone="America/Denver", tin_group="TIN-1")
    with pytest.raises(Forbidden, match="clinic:write"):
        async with database.tx(cast.coordinator) as tx:
            await actions.create_clinic(tx, new)
