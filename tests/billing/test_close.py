"""The close: what bills is frozen and recorded, what does not names why, and a killed close comes to the same end."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from caretide import worker
from caretide.billing import actions
from caretide.billing.models import ClaimLine, MonthException, PatientMonth
from caretide.billing.queries import board, closes, evidence
from caretide.documents import queries as documents
from caretide.kernel.errors import Conflict, Forbidden
from caretide.runtime.installation import Installation
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenant_actions
from caretide.tenants import queries as tenants
from tests.billing.months import FACTS, OCTOBER, log_time, record_month
from tests.cast import Cast
from tests.database import HandClock

NOVEMBER = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)


async def close(installation: Installation, cast: Cast) -> closes.ClinicStatus:
    async with installation.database.tx(cast.billing) as tx:
        await actions.request_close(tx, OCTOBER)
    await worker.drain(installation)
    async with installation.database.tx(cast.billing) as tx:
        return (await closes.status(tx, OCTOBER))[0]


async def test_twenty_minutes_bill_and_leave_a_record(installation: Installation, cast: Cast, clock: HandClock) -> None:
    database = installation.database
    recorded = await record_month(database, cast)
    await log_time(database, cast, clock, recorded, minutes=20)
    clock.now = NOVEMBER
    status = await close(installation, cast)
    assert (status.state, status.ready, status.blocked, status.records) == ("closed", 1, 0, 1)
    async with database.tx(cast.billing) as tx:
        lines = (await tx.db.execute(select(ClaimLine.code, ClaimLine.units, ClaimLine.amount_cents))).all()
        kept = (await documents.of_patient(tx, recorded.patient_id))[0]
        _, pdf = await documents.content(tx, kept.id)
    assert [tuple(line) for line in lines] == [("99490", 1, 6613)]
    assert pdf.startswith(b"%PDF")


@pytest.mark.parametrize("missing", ["consent", *FACTS, "round-the-clock-access", "certified-ehr"])
async def test_what_nobody_recorded_holds_the_month(
    database: Database, cast: Cast, clock: HandClock, missing: str
) -> None:
    recorded = await record_month(database, cast, without=missing)
    await log_time(database, cast, clock, recorded, minutes=25)
    async with database.tx(cast.billing) as tx:
        clinic = await tenants.clinic(tx, cast.clinic_id)
        (judged,) = await evidence.judged(tx, clinic, OCTOBER)
    assert judged.ruling.blocked
    assert judged.ruling.codes == ()
    assert {found.code for found in judged.ruling.exceptions} & {"FACT_UNKNOWN", "NO_CONSENT"}


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({5: False, 20: True}, True),
        ({1: False, 31: True}, True),
        # What was wrong is recorded anew as of the same day; what comes after the month is not of it.
        ({5: False, 6: True, 5.5: True}, False),
        ({1: True, 32: False}, False),
    ],
)
async def test_an_element_that_was_missing_on_a_day_of_the_month_holds_it(
    database: Database, cast: Cast, clock: HandClock, said: dict[float, bool], missing: bool
) -> None:
    recorded = await record_month(database, cast)
    await log_time(database, cast, clock, recorded, minutes=25)
    clock.now = NOVEMBER
    async with database.tx(cast.administrator) as tx:
        for day, value in said.items():
            since = OCTOBER.first + timedelta(days=int(day) - 1)
            what = {"value": {"value": value}, "effective_on": since, "checked_on": NOVEMBER.date()}
            await tenant_actions.record_clinic_fact(tx, cast.clinic_id, "round-the-clock-access", **what)
    async with database.tx(cast.billing) as tx:
        (judged,) = await evidence.judged(tx, await tenants.clinic(tx, cast.clinic_id), OCTOBER)
    assert ("SERVICE_ELEMENT_MISSING" in {found.code for found in judged.ruling.exceptions}) is missing
    assert bool(judged.ruling.codes) is not missing


async def test_a_short_month_is_blocked_by_name(installation: Installation, cast: Cast, clock: HandClock) -> None:
    recorded = await record_month(installation.database, cast)
    await log_time(installation.database, cast, clock, recorded, minutes=19, seconds=59)
    clock.now = NOVEMBER
    status = await close(installation, cast)
    assert (status.ready, status.blocked, status.lines) == (0, 1, 0)
    async with installation.database.tx(cast.billing) as tx:
        found = (await tx.db.execute(select(MonthException.code, MonthException.severity))).all()
    assert ("BELOW_THRESHOLD", "block") in [tuple(row) for row in found]


async def test_a_month_that_still_runs_is_not_closed(database: Database, cast: Cast) -> None:
    with pytest.raises(Conflict, match="not over yet"):
        async with database.tx(cast.billing) as tx:
            await actions.request_close(tx, OCTOBER)


async def test_a_coordinator_may_not_close(database: Database, cast: Cast, clock: HandClock) -> None:
    clock.now = NOVEMBER
    with pytest.raises(Forbidden, match="month:close"):
        async with database.tx(cast.coordinator) as tx:
            await actions.request_close(tx, OCTOBER)


async def test_closing_again_changes_nothing(installation: Installation, cast: Cast, clock: HandClock) -> None:
    recorded = await record_month(installation.database, cast)
    await log_time(installation.database, cast, clock, recorded, minutes=41)
    clock.now = NOVEMBER
    await close(installation, cast)
    first = await frozen(installation.database, cast)
    await close(installation, cast)
    assert await frozen(installation.database, cast) == first


async def frozen(database: Database, cast: Cast) -> list[tuple[object, ...]]:
    async with database.tx(cast.billing) as tx:
        wanted = select(PatientMonth.id, PatientMonth.facts_hash, PatientMonth.document_id, ClaimLine.code)
        joined = wanted.join(ClaimLine, ClaimLine.patient_month_id == PatientMonth.id).order_by(ClaimLine.position)
        return [tuple(row) for row in (await tx.db.execute(joined)).all()]


async def test_a_closed_month_takes_no_time(installation: Installation, cast: Cast, clock: HandClock) -> None:
    recorded = await record_month(installation.database, cast)
    clock.now = NOVEMBER
    await close(installation, cast)
    clock.now = datetime(2026, 10, 20, 15, 0, tzinfo=UTC)
    with pytest.raises(Conflict, match="closed"):
        await log_time(installation.database, cast, clock, recorded, minutes=5)


async def test_a_clinic_added_later_leaves_the_month_closed(
    installation: Installation, cast: Cast, clock: HandClock
) -> None:
    database = installation.database
    recorded = await record_month(database, cast)
    await log_time(database, cast, clock, recorded, minutes=20)
    clock.now = NOVEMBER
    await close(installation, cast)
    async with database.tx(cast.administrator) as tx:
        new = tenant_actions.NewClinic(name="Second", time_zone="America/Denver", tin_group="TIN-1")
        await tenant_actions.create_clinic(tx, new)
        page = await board.month_page(tx, OCTOBER, board.Wanted())
    assert page.state == "closed"


async def test_what_blocks_a_past_month_is_mended_in_that_month(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    recorded = await record_month(database, cast, without="facility-stays")
    await log_time(database, cast, clock, recorded, minutes=20)
    clock.now = NOVEMBER
    async with database.tx(cast.billing) as tx:
        page = await board.month_page(tx, OCTOBER, board.Wanted(show="blocked"))
    (found,) = page.blocked[0].rows[0].exceptions
    assert found.fix == f"/patients/{recorded.patient_id}?month=2026-10#fact-facility-stays"
