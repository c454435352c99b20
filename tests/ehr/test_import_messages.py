"""Batches of contract messages become versions and charts."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import func, insert, select

from caretide.ehr import actions, queries
from caretide.ehr.actions import Message
from caretide.ehr.models import EhrMessage
from caretide.ehr.schemas import Counts
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Forbidden, NotFound
from caretide.kernel.ids import new_id
from caretide.patients import queries as patients
from caretide.patients.models import Condition, Patient
from caretide.rosters.models import Designation
from caretide.runtime.models import AuditEvent, AuditEventPatient
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenants
from caretide.tenants.models import Practitioner
from tests.cast import Cast, assemble
from tests.database import HandClock, Server
from tests.ehr.messages import CANARY, condition, patient, practitioner
from tidegate.contract import Retracted, When, decode

SOURCE = "lakeside-ehr"


async def take(
    database: Database, cast: Cast, messages: Sequence[Message], *, clinic_id: UUID | None = None, source: str = SOURCE
) -> Counts:
    async with database.tx(cast.system) as tx:
        return await actions.import_messages(tx, clinic_id or cast.clinic_id, source, messages)


async def only_patient(database: Database, actor: Actor) -> UUID:
    async with database.tx(actor) as tx:
        (line,) = await patients.search(tx)
    return line.id


async def names_of_conditions(database: Database, cast: Cast) -> list[str]:
    patient_id = await only_patient(database, cast.system)
    async with database.tx(cast.system) as tx:
        return sorted(row.name for row in await patients.conditions(tx, patient_id))


def tally(counts: Counts, kind: str) -> tuple[int, int, int, int]:
    found = counts.tallies[kind]
    return found.created, found.updated, found.unchanged, found.removed


async def test_patient_goes_in_with_everything(database: Database, cast: Cast) -> None:
    counts = await take(database, cast, [patient()])
    patient_id = await only_patient(database, cast.manager)
    async with database.tx(cast.manager) as tx:
        row = await patients.patient(tx, patient_id)
        chart = [
            await patients.conditions(tx, patient_id),
            await patients.medications(tx, patient_id),
            await patients.allergies(tx, patient_id),
            await patients.coverages(tx, patient_id),
            await patients.encounters(tx, patient_id),
        ]
    assert (row.name, row.mbi, row.phone) == ("Ana Vega", "1S00A00AA00", f"+1 555 {CANARY}")
    assert row.address == f"1 {CANARY} Street\nSpringfield, IL 62701"
    assert [len(part) for part in chart] == [2, 1, 1, 1, 1]
    assert tally(counts, "patient") == (1, 0, 0, 0)
    assert tally(counts, "condition") == (2, 0, 0, 0)


async def test_same_message_again_writes_nothing(database: Database, cast: Cast) -> None:
    await take(database, cast, [patient()])
    counts = await take(database, cast, [patient()])
    assert counts.changed == 0
    assert tally(counts, "condition") == (0, 0, 2, 0)


async def test_order_of_a_message_is_no_change(database: Database, cast: Cast) -> None:
    message = patient()
    await take(database, cast, [message])
    counts = await take(database, cast, [patient(conditions=tuple(reversed(message.conditions)))])
    assert counts.changed == 0


async def test_update_makes_version_two_and_keeps_version_one(database: Database, cast: Cast, clock: HandClock) -> None:
    await take(database, cast, [patient()])
    patient_id = await only_patient(database, cast.system)
    clock.advance(days=3)
    counts = await take(database, cast, [patient(family="Vega-Ruiz")])
    async with database.tx(cast.system) as tx:
        versions = await queries.history(tx, patient_id)
        row = await patients.patient(tx, patient_id)
    assert tally(counts, "patient") == (0, 1, 0, 0)
    assert tally(counts, "condition") == (0, 0, 2, 0)
    assert (row.family, row.updated_at) == ("Vega-Ruiz", clock.now)
    assert [version.version for version in versions] == [1, 2]
    assert [decode(version.body) for version in versions] == [patient(), patient(family="Vega-Ruiz")]
    assert versions[0].received_at < versions[1].received_at


async def test_back_to_an_old_version_is_a_new_version(database: Database, cast: Cast) -> None:
    for family in ("Vega", "Ruiz", "Vega"):
        await take(database, cast, [patient(family=family)])
    patient_id = await only_patient(database, cast.system)
    async with database.tx(cast.system) as tx:
        assert [row.version for row in await queries.history(tx, patient_id)] == [1, 2, 3]


async def test_what_the_ehr_no_longer_names_leaves_the_chart(database: Database, cast: Cast) -> None:
    await take(database, cast, [patient()])
    counts = await take(database, cast, [patient(conditions=(condition("c-2", "I10", "High blood pressure"),))])
    assert tally(counts, "condition") == (0, 1, 0, 1)
    assert await names_of_conditions(database, cast) == ["High blood pressure"]


async def test_retracted_condition_leaves_the_chart(database: Database, cast: Cast) -> None:
    await take(database, cast, [patient()])
    counts = await take(database, cast, [patient(retracted=(Retracted(kind="condition", source_id="c-1"),))])
    assert tally(counts, "condition") == (0, 0, 1, 1)
    assert await names_of_conditions(database, cast) == ["Hypertension"]


async def test_one_patients_update_leaves_of_another_chart(database: Database, cast: Cast) -> None:
    await take(database, cast, [patient("p-1"), patient("p-2", family="Stone")])
    await take(database, cast, [patient("p-2", family="Stone", conditions=())])
    async with database.tx(cast.system) as tx:
        rows = (await tx.db.execute(select(func.count()).select_from(Condition))).scalar_one()
    assert rows == 2


async def test_unchanged_rows_keep_their_ids(database: Database, cast: Cast) -> None:
    await take(database, cast, [patient()])
    patient_id = await only_patient(database, cast.system)
    async with database.tx(cast.system) as tx:
        before = {row.source_id: row.id for row in await patients.conditions(tx, patient_id)}
    await take(database, cast, [patient(conditions=(*patient().conditions, condition("c-3", "N18.30", "CKD 3")))])
    async with database.tx(cast.system) as tx:
        after = {row.source_id: row.id for row in await patients.conditions(tx, patient_id)}
    assert after.items() >= before.items()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"family": ""}, "no family name"),
        ({"birth_date": None}, "no birth date"),
        ({"birth_date": When(year="1941")}, "the birth date is not known to the day"),
        ({"given": "A\x00na"}, "holds a value that cannot be recorded"),
    ],
)
async def test_unfit_patient_is_refused_and_the_others_go_on(
    database: Database, cast: Cast, changes: dict[str, Any], reason: str
) -> None:
    messages = [patient("p-1"), patient("p-2", **changes), patient("p-3")]
    counts = await take(database, cast, messages)
    assert [(item.place, item.reason) for item in counts.refusals] == [("patient p-2", reason)]
    assert (counts.refused, tally(counts, "patient")) == (1, (2, 0, 0, 0))
    async with database.tx(cast.system) as tx:
        taken = (await tx.db.execute(select(Patient.source_id).order_by(Patient.source_id))).scalars().all()
    assert taken == ["p-1", "p-3"]


async def test_patient_of_another_clinic_stays_there_and_is_reported(database: Database, cast: Cast) -> None:
    await take(database, cast, [patient()])
    async with database.tx(cast.system) as tx:
        new = tenants.NewClinic(name="Hillside", time_zone="America/Denver", tin_group="TIN-1")
        second = await tenants.create_clinic(tx, new)
    counts = await take(database, cast, [patient(family="Ruiz"), patient("p-2")], clinic_id=second)
    assert counts.elsewhere == ["p-1"]
    async with database.tx(cast.system) as tx:
        places = dict((await tx.db.execute(select(Patient.source_id, Patient.clinic_id))).all())
    assert places == {"p-1": cast.clinic_id, "p-2": second}


async def test_same_id_from_another_source_is_another_patient(database: Database, cast: Cast) -> None:
    await take(database, cast, [patient()])
    counts = await take(database, cast, [patient()], source="hillside-ehr")
    assert tally(counts, "patient") == (1, 0, 0, 0)


async def test_practitioner_goes_in_without_billing_group(database: Database, cast: Cast) -> None:
    counts = await take(database, cast, [practitioner(), practitioner("dr-2", npi=None, family="Nobody")])
    assert tally(counts, "practitioner") == (1, 0, 0, 0)
    assert [(item.place, item.reason) for item in counts.refusals] == [("practitioner dr-2", "no valid NPI")]
    async with database.tx(cast.system) as tx:
        wanted = select(Practitioner.tin_group, Practitioner.source_id).where(Practitioner.npi == "9990000108")
        assert (await tx.db.execute(wanted)).one() == (None, "dr-1")


async def test_imported_practitioner_keeps_how_they_bill(database: Database, cast: Cast) -> None:
    """The cast's practitioner bills under TIN-1; the EHR names the same NPI, twice."""
    known = [practitioner("dr-1", npi="9990000009", family="Raman"), practitioner("dr-2", npi="9990000009")]
    await take(database, cast, known)
    assert (await take(database, cast, known)).changed == 0
    async with database.tx(cast.system) as tx:
        wanted = select(Practitioner.id, Practitioner.tin_group).where(Practitioner.npi == "9990000009")
        assert (await tx.db.execute(wanted)).one() == (cast.practitioner_id, "TIN-1")


async def test_two_imports_at_once_take_each_message_once(database: Database, cast: Cast) -> None:
    messages = [patient(f"p-{number}") for number in range(40)]
    both = await asyncio.gather(
        take(database, cast, messages), take(database, cast, list(reversed(messages))), take(database, cast, messages)
    )
    assert sum(counts.tallies["patient"].created for counts in both) == 40
    assert sum(counts.tallies["patient"].unchanged for counts in both) == 80
    async with database.tx(cast.system) as tx:
        assert (await tx.db.execute(select(func.max(EhrMessage.version)))).scalar_one() == 1


async def test_coordinator_may_not_import(database: Database, cast: Cast) -> None:
    with pytest.raises(Forbidden, match="patient:import"):
        async with database.tx(cast.coordinator) as tx:
            await actions.import_messages(tx, cast.clinic_id, SOURCE, [patient()])


async def test_import_into_of_another_clinic_is_refused(database: Database, cast: Cast) -> None:
    other = await assemble(database)
    with pytest.raises(NotFound):
        await take(database, cast, [patient()], clinic_id=other.clinic_id)


async def test_audit_names_the_patients_that_changed(database: Database, cast: Cast) -> None:
    await take(database, cast, [patient("p-1"), patient("p-2")])
    await take(database, cast, [patient("p-1"), patient("p-2", family="Ruiz")])
    async with database.tx(cast.system) as tx:
        ids = dict((await tx.db.execute(select(Patient.source_id, Patient.id))).all())
        wanted = (
            select(AuditEvent.details, func.array_agg(AuditEventPatient.patient_id).label("seen"))
            .join(AuditEventPatient, AuditEventPatient.id == AuditEvent.id)
            .where(AuditEvent.verb == "ehr.import_messages")
            .group_by(AuditEvent.tenant_id, AuditEvent.id)
            .order_by(AuditEvent.at)
        )
        first, second = (await tx.db.execute(wanted)).all()
    assert set(first.seen) == set(ids.values())
    assert second.seen == [ids["p-2"]]
    assert second.details["patient"] == {"created": 0, "updated": 1, "unchanged": 1, "removed": 0}


async def test_other_tenant_sees_nothing_of_an_import(database: Database, cast: Cast) -> None:
    await take(database, cast, [patient()])
    patient_id = await only_patient(database, cast.system)
    other = await assemble(database)
    async with database.tx(other.administrator) as tx:
        assert await patients.search(tx) == []
        assert await queries.history(tx, patient_id) == []
        with pytest.raises(NotFound):
            await patients.patient(tx, patient_id)


async def test_coordinator_sees_an_imported_patient_only_once_designated(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    await take(database, cast, [patient("p-1"), patient("p-2")])
    async with database.tx(cast.coordinator) as tx:
        assert await patients.search(tx) == []
    async with database.tx(cast.system) as tx:
        patient_id = (await tx.db.execute(select(Patient.id).where(Patient.source_id == "p-1"))).scalar_one()
        row = {"id": new_id(), "patient_id": patient_id, "member_id": cast.coordinator.member_id}
        await tx.db.execute(insert(Designation).values(**row, valid_from=clock.now))
    async with database.tx(cast.coordinator) as tx:
        assert [line.id for line in await patients.search(tx)] == [patient_id]
        assert len(await patients.conditions(tx, patient_id)) == 2
        assert len(await queries.history(tx, patient_id)) == 1
    async with database.tx(cast.other_coordinator) as tx:
        assert await patients.search(tx) == []


@pytest.mark.req("H-04")
async def test_classified_columns_hold_no_plaintext(database: Database, cast: Cast, server: Server) -> None:
    await take(database, cast, [patient()])
    found: list[str] = []
    with psycopg.connect(server.admin) as admin:
        tables = admin.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'"
        )
        for (table,) in tables.fetchall():
            # As text, and as bytes in case something is stored raw.
            for needle in (CANARY, CANARY.encode().hex(), "1S00A00AA00", b"1S00A00AA00".hex()):
                query = f"SELECT count(*) FROM {table} AS t WHERE strpos(t::text, %s) > 0"  # noqa: S608 - a catalogue's names
                if admin.execute(query, (needle,)).fetchone() != (0,):
                    found.append(f"{table}: {needle}")
    assert found == []
