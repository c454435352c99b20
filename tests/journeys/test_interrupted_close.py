"""A close that fails before any of its statements leaves nothing behind, and run again comes to the same end."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select

from caretide.billing import actions
from caretide.billing.models import PatientMonth
from caretide.billing.queries import closes, evidence
from caretide.billing.rules.freeze import freeze
from caretide.documents.models import Document
from caretide.documents.render.record import render_record
from caretide.documents.schemas import MonthlyRecord
from caretide.kernel.actor import Actor
from caretide.runtime.tx import Database
from caretide.tenants import queries as tenants
from tests.billing.months import OCTOBER, log_time, record_month
from tests.cast import Cast
from tests.database import HandClock

NOVEMBER = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)


class Pulled(BaseException):
    """The plug: nothing of ours catches it, as nothing catches a kill."""


@contextmanager
def plug_pulled_before(database: Database, statement: int) -> Iterator[None]:
    """Fail in the place of the n-th statement."""
    sent = 0

    def count(*_: Any) -> None:
        nonlocal sent
        sent += 1
        if sent == statement:
            raise Pulled

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", count)


async def attempts(database: Database, actor: Actor, action: Any, *args: Any) -> int:
    """Run an action again and again, each time failing one statement later, until it is through; count the failures."""
    failed = 0
    while True:
        try:
            with plug_pulled_before(database, failed + 1):
                async with database.tx(actor) as tx:
                    await action(tx, *args)
        except Pulled:
            failed += 1
        else:
            return failed


async def left(database: Database, cast: Cast) -> dict[UUID, tuple[str, str, str | None]]:
    async with database.tx(cast.administrator) as tx:
        wanted = select(PatientMonth.patient_id, PatientMonth.status, PatientMonth.facts_hash, Document.sha256)
        rows = await tx.db.execute(wanted.outerjoin(Document, Document.id == PatientMonth.document_id))
        return {row[0]: (row[1], row[2], row[3]) for row in rows.all()}


async def expected(database: Database, cast: Cast) -> dict[UUID, tuple[str, str, str | None]]:
    """Return what the recorded facts must come to, computed without a close."""
    async with database.tx(cast.administrator) as tx:
        clinic = await tenants.clinic(tx, cast.clinic_id)
        packs = await evidence.packs(tx)
        frozen = [freeze(one, packs) for one in await evidence.judged(tx, clinic, OCTOBER)]
    answers: dict[UUID, tuple[str, str, str | None]] = {}
    for one in frozen:
        month = one.month
        pdf = (
            render_record(MonthlyRecord.model_validate_json(month["facts"])).pdf if month["status"] == "ready" else None
        )
        sha256 = hashlib.sha256(pdf).hexdigest() if pdf else None
        answers[month["patient_id"]] = (month["status"], month["facts_hash"], sha256)
    return answers


@pytest.fixture
async def october(database: Database, cast: Cast, clock: HandClock) -> None:
    """Record three months: one with an add-on, one just at the threshold, one short of it."""
    for family, minutes in (("Vega", 41), ("Stone", 20), ("Marsh", 7)):
        recorded = await record_month(database, cast, family=family)
        await log_time(database, cast, clock, recorded, minutes=minutes)
    clock.now = NOVEMBER


@pytest.mark.usefixtures("october")
async def test_close_that_fails_before_any_statement_comes_to_the_same_end(database: Database, cast: Cast) -> None:
    wanted = await expected(database, cast)
    assert await attempts(database, cast.billing, actions.request_close, OCTOBER) > 3
    assert await left(database, cast) == {}
    # Each failure undid everything before it, or the next attempt would find rows and clash with them.
    assert await attempts(database, cast.system, actions.close_clinic, cast.clinic_id, str(OCTOBER)) > 10
    assert {key: row[:2] for key, row in (await left(database, cast)).items()} == {
        key: row[:2] for key, row in wanted.items()
    }
    async with database.tx(cast.system) as tx:
        waiting = await closes.unrendered(tx, cast.clinic_id, OCTOBER)
    assert len(waiting) == 2
    for patient_month_id in waiting:
        assert await attempts(database, cast.system, actions.render_month, patient_month_id) > 3
    assert await left(database, cast) == wanted
