"""A patient's documents as a list: empty for somebody without any, and the same answer for whoever cannot be seen."""

import pytest

from caretide.documents import actions as documents
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database
from tests.billing.months import record_month
from tests.cast import Cast, assemble
from tests.client import Visit

PDF = b"%PDF-1.7\n%%EOF\n"


async def test_documents_are_listed_and_none_are_an_empty_list(database: Database, cast: Cast, api: Visit) -> None:
    with_one, without = await record_month(database, cast), await record_month(database, cast, family="Okafor")
    async with database.tx(cast.system) as tx:
        new = documents.NewDocument(
            patient_id=with_one.patient_id, kind="monthly-record", month=Month(2026, 9), title="September", pdf=PDF
        )
        document_id = await documents.keep(tx, new)
    program = await api(cast.manager)
    (listed,) = (await program.get(f"patients/{with_one.patient_id}/documents")).json()
    assert (listed["id"], listed["patient_id"]) == (str(document_id), str(with_one.patient_id))
    none = await program.get(f"patients/{without.patient_id}/documents")
    assert (none.status_code, none.json()) == (200, [])


@pytest.mark.req("T-23")
async def test_whoever_cannot_be_seen_has_no_list(database: Database, cast: Cast, api: Visit) -> None:
    behind_the_wall = await record_month(database, cast)
    elsewhere = await assemble(database)
    foreign = await record_month(database, elsewhere)
    async with database.tx(cast.manager) as tx:
        assert cast.other_coordinator.member_id
        await rosters.designate(tx, behind_the_wall.patient_id, cast.other_coordinator.member_id)
    program = await api(cast.coordinator)
    unknown = new_id()
    wanted = await program.get(f"patients/{unknown}/documents")
    assert wanted.status_code == 404
    for patient_id in (behind_the_wall.patient_id, foreign.patient_id):
        answer = await program.get(f"patients/{patient_id}/documents")
        assert (answer.status_code, answer.text) == (404, wanted.text.replace(str(unknown), str(patient_id)))
