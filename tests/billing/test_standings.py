"""What is kept of each open month is what ruling it gives, or is marked; and no change is ever lost."""

import json
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import delete, func, insert, select, update

from caretide.billing import actions as billing
from caretide.billing.models import Candidate, MonthStanding, StandingCount, StandingMark
from caretide.billing.queries import board, candidates, freshness, standings
from caretide.billing.queries.board import Wanted
from caretide.billing.queries.freshness import Overlay, Scope
from caretide.billing.queries.standings import Listed
from caretide.billing.rules.standing import Kind, Standing, Sums, tally
from caretide.enrollment import actions as enrollment
from caretide.enrollment.rules import DISCLOSURES
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.patients.models import Condition, Coverage, Patient
from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database, Tx
from caretide.schedule import queue_rulings
from caretide.tenants import actions as tenants
from caretide.tenants import queries as tenants_asked
from caretide.tenants.models import Practitioner
from caretide.time_log import actions as time_log
from caretide.time_log import queries as time_asked
from tests.billing.months import FACTS, FIRST, OCTOBER, Recorded, add_patient, log_time, record_month, rule_all
from tests.cast import Cast, assemble
from tests.database import HandClock, Server

Step = Callable[[Database, Cast, HandClock, Recorded, random.Random], Awaitable[None]]


async def stored(tx: Tx) -> list[Standing]:
    scope = Scope(await freshness.to_keep(tx))
    return await standings.page(tx, scope, Overlay(), Listed(order="name", size=1000))


async def differences(database: Database, cast: Cast) -> list[str]:
    """Return every way in which what is kept is neither what ruling gives now nor marked."""
    found: list[str] = []
    async with database.tx(cast.system) as tx:
        marked = set((await tx.db.execute(select(StandingMark.patient_id))).scalars())
        everybody = list((await tx.db.execute(select(Patient.id))).scalars())
        kept = await freshness.to_keep(tx)
        rows = await stored(tx)
        right = {row.rules for row in rows} <= {one.rules for one in kept}
        now = await freshness.live(tx, kept, everybody)
        fresh = {key_of(row): row for row in rows if row.patient_id not in marked and right and row.rules}
        ruled = {key_of(row): row for row in now if row.patient_id not in marked and right}
        complete = {one.key for one in kept if one.is_complete}
        found += [
            f"{key}: {fresh.get(key)} is not {ruled.get(key)}"
            for key in fresh.keys() | ruled.keys()
            if fresh.get(key) != ruled.get(key) and (key not in ruled or place_of(ruled[key]) in complete)
        ]
        free = await candidates.judged(tx, await tenants_asked.clinics(tx), everybody)
        kept_free = await candidates.page(tx, Overlay(tuple(marked)), (), 0, 1000)
        if complete and kept_free != sorted(
            (one for one in free if one.patient_id not in marked), key=lambda c: c.place
        ):
            found.append(f"candidates {kept_free} are not {free}")
        found += await miscounts(tx, rows)
    return found


def key_of(row: Standing) -> tuple[UUID, UUID, date]:
    return row.patient_id, row.practitioner_id, row.service_month


def place_of(row: Standing) -> tuple[UUID, Month]:
    return row.clinic_id, Month.of(row.service_month)


async def miscounts(tx: Tx, rows: list[Standing]) -> list[str]:
    columns = [getattr(StandingCount, name) for name in (*Kind._fields, *Sums._fields)]
    width = len(Kind._fields)
    counted = {Kind(*row[:width]): Sums(*row[width:]) for row in (await tx.db.execute(select(*columns))).all()}
    return [] if counted == tally({}, (), rows) else [f"{counted} do not count {rows}"]


async def time(database: Database, cast: Cast, clock: HandClock, who: Recorded, draw: random.Random) -> None:
    await log_time(database, cast, clock, who, minutes=draw.choice([1, 12, 25]))


async def void(database: Database, cast: Cast, clock: HandClock, who: Recorded, draw: random.Random) -> None:
    del clock
    async with database.tx(cast.coordinator) as tx:
        entries = [one for one in await time_asked.entries(tx, who.patient_id, OCTOBER) if not one.is_void]
        if entries:
            await time_log.void_entry(tx, draw.choice(entries).id, "not this patient")


async def revoke(database: Database, cast: Cast, clock: HandClock, who: Recorded, draw: random.Random) -> None:
    del draw
    async with database.tx(cast.administrator) as tx:
        await enrollment.record_consent(
            tx, who.enrollment_id, "revoked", mode="verbal", decided_at=clock.now, disclosures=()
        )


async def consent(database: Database, cast: Cast, clock: HandClock, who: Recorded, draw: random.Random) -> None:
    del draw
    async with database.tx(cast.administrator) as tx:
        await enrollment.record_consent(
            tx, who.enrollment_id, "accepted", mode="verbal", decided_at=clock.now, disclosures=DISCLOSURES
        )


async def fact(database: Database, cast: Cast, clock: HandClock, who: Recorded, draw: random.Random) -> None:
    del clock
    kind = draw.choice(sorted(FACTS))
    async with database.tx(cast.administrator) as tx:
        await enrollment.record_fact(tx, who.patient_id, kind, FACTS[kind], checked_on=FIRST, effective_on=FIRST)


async def designation(database: Database, cast: Cast, clock: HandClock, who: Recorded, draw: random.Random) -> None:
    del draw
    clock.advance(minutes=1)
    async with database.tx(cast.administrator) as tx:
        assert cast.other_coordinator.member_id
        await rosters.designate(tx, who.patient_id, cast.other_coordinator.member_id)
    clock.advance(minutes=1)
    async with database.tx(cast.administrator) as tx:
        assert cast.coordinator.member_id
        await rosters.designate(tx, who.patient_id, cast.coordinator.member_id)


async def leaving(database: Database, cast: Cast, clock: HandClock, who: Recorded, draw: random.Random) -> None:
    del clock, draw
    async with database.tx(cast.administrator) as tx:
        await enrollment.end_enrollment(tx, who.enrollment_id, ended_on=FIRST, reason="moved away")
        await enrollment.enroll(tx, who.patient_id, "PCM", cast.practitioner_id, started_on=FIRST)


async def chart(database: Database, cast: Cast, clock: HandClock, who: Recorded, draw: random.Random) -> None:
    del clock
    async with database.tx(cast.system) as tx:
        change: dict[str, Any] = draw.choice([{"is_active": False}, {"is_active": True}])
        table = draw.choice([Condition, Coverage])
        await tx.db.execute(update(table).where(table.patient_id == who.patient_id).values(**change))


async def arrival(database: Database, cast: Cast, clock: HandClock, who: Recorded, draw: random.Random) -> None:
    del clock, who
    await add_patient(database, cast, f"New{draw.randrange(9)}")


async def practice(database: Database, cast: Cast, clock: HandClock, who: Recorded, draw: random.Random) -> None:
    del clock, who
    async with database.tx(cast.administrator) as tx:
        await tenants.record_clinic_fact(
            tx,
            cast.clinic_id,
            "certified-ehr",
            value={"value": draw.random() < 0.5},
            effective_on=FIRST + timedelta(days=draw.choice([-9, -1, 0])),
            checked_on=FIRST,
        )


async def profession(database: Database, cast: Cast, clock: HandClock, who: Recorded, draw: random.Random) -> None:
    del clock, who
    kind = draw.choice(["physician", "nurse_practitioner"])
    async with database.tx(cast.system) as tx:
        await tx.db.execute(update(Practitioner).where(Practitioner.id == cast.practitioner_id).values(kind=kind))


async def ruling(database: Database, cast: Cast, clock: HandClock, who: Recorded, draw: random.Random) -> None:
    del clock, who, draw
    async with database.tx(cast.system) as tx:
        await billing.rule_some(tx)


STEPS: tuple[Step, ...] = (
    time, void, revoke, consent, fact, designation, leaving, chart, arrival, practice, profession, ruling, ruling,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_work_what_is_not_marked_is_what_ruling_gives(
    database: Database, cast: Cast, clock: HandClock, seed: int
) -> None:
    draw = random.Random(seed)
    people = [await record_month(database, cast, family=name) for name in ("Ames", "Bell", "Cole")]
    await rule_all(database, cast)
    for _ in range(12):
        step = draw.choice(STEPS)
        who = draw.choice(people)
        clock.advance(minutes=1)
        try:
            await step(database, cast, clock, who, draw)
        except billing.Conflict:
            continue
        assert await differences(database, cast) == [], step.__name__
    await rule_all(database, cast)
    assert await differences(database, cast) == []
    async with database.tx(cast.system) as tx:
        assert not await freshness.is_due(tx)
        assert (await tx.db.execute(select(func.count()).select_from(StandingMark))).scalar_one() == 0


async def test_change_that_commits_while_the_judge_reads_stays_marked(
    database: Database, cast: Cast, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = await record_month(database, cast)
    await rule_all(database, cast)
    await log_time(database, cast, clock, who, minutes=5)
    read = freshness.live

    async def late(tx: Tx, *given: Any) -> tuple[Standing, ...]:
        found = await read(tx, *given)
        # The judge has read everything by now and has not written yet.
        await log_time(database, cast, clock, who, minutes=7)
        return found

    monkeypatch.setattr(freshness, "live", late)
    async with database.tx(cast.system) as tx:
        assert await billing.rule_some(tx)
    monkeypatch.undo()
    assert await differences(database, cast) == []
    async with database.tx(cast.system) as tx:
        assert [row.countable_secs for row in await stored(tx) if row.service_month == FIRST] == [300]
        assert set((await tx.db.execute(select(StandingMark.patient_id))).scalars()) == {who.patient_id}
    await rule_all(database, cast)
    async with database.tx(cast.system) as tx:
        assert [row.countable_secs for row in await stored(tx) if row.service_month == FIRST] == [720]


async def test_changed_clinic_and_new_month_are_ruled_again(database: Database, cast: Cast, clock: HandClock) -> None:
    await record_month(database, cast)
    await rule_all(database, cast)
    async with database.tx(cast.system) as tx:
        before = [row.rules for row in await stored(tx)]
    await practice(database, cast, clock, Recorded(new_id(), new_id()), random.Random(2))
    async with database.tx(cast.system) as tx:
        assert await freshness.is_due(tx)
    await rule_all(database, cast)
    async with database.tx(cast.system) as tx:
        assert {row.rules for row in await stored(tx)}.isdisjoint(before)
    clock.now = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
    await rule_all(database, cast)
    async with database.tx(cast.system) as tx:
        assert {row.service_month for row in await stored(tx)} == {FIRST, date(2026, 11, 1)}
    assert await differences(database, cast) == []


async def test_closed_month_stands_as_it_was_frozen(database: Database, cast: Cast, clock: HandClock) -> None:
    ready = await record_month(database, cast, family="Ready")
    await record_month(database, cast, family="Blocked", without="consent")
    await log_time(database, cast, clock, ready, minutes=25)
    await rule_all(database, cast)
    clock.now = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
    async with database.tx(cast.billing) as tx:
        await billing.request_close(tx, OCTOBER)
    async with database.tx(cast.system) as tx:
        await billing.close_clinic(tx, cast.clinic_id, str(OCTOBER))
    async with database.tx(cast.system) as tx:
        assert await freshness.is_due(tx)
    await rule_all(database, cast)
    # Recorded after the close: October stays as it was frozen.
    async with database.tx(cast.administrator) as tx:
        await enrollment.record_fact(
            tx, ready.patient_id, "care-plan", FACTS["care-plan"], checked_on=FIRST, effective_on=FIRST
        )
    await rule_all(database, cast)
    async with database.tx(cast.system) as tx:
        rows = {row.name_key.split()[0]: row for row in await stored(tx) if row.service_month == FIRST}
    assert {name: (row.status, row.lines, row.blocked_by, row.rules) for name, row in rows.items()} == {
        "ready": ("ready", 1, None, 0),
        "blocked": ("blocked", 0, "NO_CONSENT", 0),
    }
    assert rows["ready"].amount_cents
    assert await differences(database, cast) == []


async def test_large_month_that_closed_a_moment_ago_says_so_and_is_listed_before_anything_else(
    database: Database, cast: Cast, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "READ", 1)
    people = [await record_month(database, cast, family=name) for name in ("Ames", "Bell")]
    await log_time(database, cast, clock, people[1], minutes=25)
    await rule_all(database, cast)
    clock.now = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
    async with database.tx(cast.billing) as tx:
        await billing.request_close(tx, OCTOBER)
    async with database.tx(cast.system) as tx:
        await billing.close_clinic(tx, cast.clinic_id, str(OCTOBER))
    await log_time(database, cast, clock, people[0], minutes=25)

    async def shown() -> tuple[int, int, list[str]]:
        async with database.tx(cast.billing) as tx:
            page = await board.month_page(tx, OCTOBER, Wanted())
            return page.unlisted, page.totals.ready, [row.name.split()[-1] for row in page.ready]

    assert await shown() == (2, 1, ["Bell"])
    async with database.tx(cast.system) as tx:
        assert await billing.rule_some(tx)
    assert await shown() == (0, 1, ["Bell"])
    async with database.tx(cast.system) as tx:
        assert {row.rules for row in await stored(tx) if row.service_month == FIRST} == {freshness.FROZEN}
        assert (await freshness.marked(tx, 5)).keys() == {people[0].patient_id}


async def test_lists_are_the_same_with_and_without_what_changed_since(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    people = [await record_month(database, cast, family=f"P{number}") for number in range(5)]
    await rule_all(database, cast)
    for number, who in enumerate(people[1:4]):
        await log_time(database, cast, clock, who, minutes=30 - 9 * number)

    async def lists(tx: Tx) -> list[Any]:
        scope = Scope(await freshness.present(tx, await tenants_asked.clinics(tx)))
        over = await freshness.overlay(tx, scope)
        found: list[Any] = [await standings.counts(tx, scope, over)]
        for order in ("urgency", "name", "minutes", "contact", "amount"):
            for start in range(5):
                listed = Listed(order=order, start=start, size=2)
                found.append([key_of(row) for row in await standings.page(tx, scope, over, listed)])
        found += [
            [row.name_key for row in await standings.page(tx, scope, over, listed)]
            for listed in (Listed(under=True), Listed(status="ready"), Listed(bands=frozenset({3}), leads=True))
        ]
        return [{kind: sums for kind, sums in found[0].items() if any(sums)}, *found[1:]]

    async with database.tx(cast.manager) as tx:
        before = await lists(tx)
    await rule_all(database, cast)
    async with database.tx(cast.manager) as tx:
        assert await lists(tx) == before


async def test_too_many_changes_are_said_and_not_ruled_in_the_page(
    database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "LIVE", 1)
    for name in ("Ames", "Bell"):
        await record_month(database, cast, family=name)
    async with database.tx(cast.manager) as tx:
        scope = Scope(await freshness.present(tx, await tenants_asked.clinics(tx)))
        assert await freshness.overlay(tx, scope) == Overlay(waiting=2)


async def test_schedule_queues_rulings_only_where_something_changed(database: Database, cast: Cast) -> None:
    await record_month(database, cast)
    async with database.tx(cast.system) as tx:
        waiting = "SELECT jobs.waiting('billing.rule_patients')"
        before = (await tx.db.exec_driver_sql(waiting)).scalar_one()
    await queue_rulings(database)
    await queue_rulings(database)
    async with database.tx(cast.system) as tx:
        assert ((await tx.db.exec_driver_sql(waiting)).scalar_one(), before) == (1, 0)


async def test_tenant_whose_keys_do_not_open_keeps_no_other_waiting(
    database: Database, server: Server, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    broken = await assemble(database)
    await record_month(database, cast)
    spoil = "UPDATE tenant_keys SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) WHERE tenant_id = %s"
    for _ in ("spoiled", "mended"):
        with psycopg.connect(server.admin) as connection:
            connection.execute(spoil, [broken.tenant_id])
        database.ciphers.clear()
        await queue_rulings(database)
    async with database.tx(cast.system) as tx:
        waiting = await tx.db.exec_driver_sql("SELECT jobs.waiting('billing.rule_patients')")
        assert waiting.scalar_one() == 1
    said = [json.loads(record.getMessage()) for record in caplog.records if record.name == "caretide"]
    assert [(one["message"], one["fault"]) for one in said if one["tenant"] == str(broken.tenant_id)] == [
        ("nothing is queued for a tenant", "IntegrityFault")
    ]


async def test_nobody_behind_the_wall_sees_marks_or_standings_of_others(database: Database, cast: Cast) -> None:
    await record_month(database, cast)
    other = await add_patient(database, cast)
    async with database.tx(cast.other_coordinator) as tx:
        for table in (StandingMark, MonthStanding, Candidate):
            assert (await tx.db.execute(select(func.count()).select_from(table))).scalar_one() == 0
        await tx.db.execute(delete(StandingMark))
    async with database.tx(cast.system) as tx:
        assert other in set((await tx.db.execute(select(StandingMark.patient_id))).scalars())
        with pytest.raises(Exception, match="permission denied"):
            await tx.db.execute(insert(StandingMark).values(patient_id=other))
