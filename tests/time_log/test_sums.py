"""The sums of time always equal what the entries add up to."""

import itertools
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from caretide.kernel.actor import Actor
from caretide.kernel.errors import CaretideError
from caretide.kernel.month import Month
from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database, Tx
from caretide.time_log import actions, queries
from caretide.time_log.models import MemberDay, MonthSum, TimeApproval, TimeEntry
from caretide.time_log.rules import ACTIVITY_TYPES, AWAITING
from tests.cast import Cast
from tests.database import HandClock
from tests.enrollment.panel import enrolled

STAFF_ROLES = ("clinical_staff", "non_clinical", "billing_practitioner")


async def test_the_database_knows_what_counts_as_the_rules_do(database: Database, cast: Cast) -> None:
    async with database.tx(cast.system) as tx:
        for kind, role in itertools.product(ACTIVITY_TYPES.values(), STAFF_ROLES):
            asked = text("SELECT ctx.counts_as(:kind, :role), ctx.is_contact(:kind)")
            found = (await tx.db.execute(asked, {"kind": kind.code, "role": role})).one()
            counted = "practitioner" if role == "billing_practitioner" else "staff"
            assert tuple(found) == (
                counted if kind.counts and role != "non_clinical" else "uncounted",
                kind.is_contact,
            )
        for source in ("timer", "timer_stopped_by_another", "manual", "correction", "correction_adding"):
            waits = (await tx.db.execute(text("SELECT ctx.awaits(:source)"), {"source": source})).scalar_one()
            assert waits == (source in AWAITING)


CHICAGO = ZoneInfo("America/Chicago")
BEGIN = datetime(2026, 10, 31, 12, 0, tzinfo=UTC)
PRESENT = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    """Something that somebody tries; much of it is refused, which must leave the sums as they were."""

    what: str
    who: int
    whom: int
    after: int
    minutes: int
    activity: str
    which: int


STEPS = st.builds(
    Step,
    what=st.sampled_from(["timer", "tell", "tell", "void", "correct", "approve", "approve", "refuse", "hand over"]),
    who=st.integers(0, 3),
    whom=st.integers(0, 2),
    after=st.integers(0, 2400),
    minutes=st.integers(1, 300),
    activity=st.sampled_from(["patient_call", "education", "care_plan", "scheduling", "unsuccessful_outreach"]),
    which=st.integers(0, 30),
)


@dataclass(frozen=True)
class Ground:
    cast: Cast
    patients: list[tuple[UUID, UUID]]

    @property
    def people(self) -> list[Actor]:
        cast = self.cast
        return [cast.coordinator, cast.other_coordinator, cast.manager, cast.practitioner]


@pytest.fixture
async def ground(database: Database, cast: Cast, clock: HandClock) -> Ground:
    clock.now = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
    patients = [await enrolled(database, cast, program=program) for program in ("CCM", "PCM")]
    patients.append(await enrolled(database, cast, to=cast.other_coordinator))
    clock.now = PRESENT
    return Ground(cast, patients)


async def take(tx: Tx, ground: Ground, clock: HandClock, step: Step, ids: list[UUID]) -> None:
    """Do what a step says."""
    whom, entry = ground.patients[step.whom], ids[step.which % len(ids)] if ids else UUID(int=0)
    start = BEGIN + timedelta(minutes=step.after)
    span = (start, start + timedelta(minutes=step.minutes))
    match step.what:
        case "timer":
            await actions.start_timer(tx, *whom, step.activity)
            clock.advance(minutes=step.minutes)
            tx.now = clock.now
            await actions.stop_timer(tx)
        case "tell":
            await actions.record_manual_entry(tx, *whom, step.activity, *span, "Forgot the timer")
        case "void":
            await actions.void_entry(tx, entry, "Not so")
        case "correct":
            row = (await tx.db.execute(select(TimeEntry).where(TimeEntry.id == entry))).one_or_none()
            kept = row is not None and step.which % 2 == 0
            start = row.start_time if kept else span[0]
            await actions.correct_entry(tx, entry, start, start + (span[1] - span[0]), step.activity, "Typed wrong")
        case "approve":
            await actions.approve_entry(tx, entry)
        case "refuse":
            await actions.refuse_entry(tx, entry, "Nobody was there")
        case _:
            new = ground.people[step.who % 2].member_id
            assert new
            await rosters.designate(tx, whom[0], new)


async def summed(database: Database, cast: Cast) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Add up every entry by hand: what the tables of sums should hold."""
    months: dict[Any, list[Any]] = defaultdict(lambda: [0, 0, 0, 0, 0, None])
    days: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    async with database.tx(cast.system) as tx:
        decisions = dict((await tx.db.execute(select(TimeApproval.entry_id, TimeApproval.decision))).all())
        for row in (await tx.db.execute(select(TimeEntry).where(~TimeEntry.is_void))).all():
            kind, decision = ACTIVITY_TYPES[row.activity_type], decisions.get(row.id)
            if decision == "refused":
                continue
            place = 1 if row.staff_role == "billing_practitioner" else 0
            if not kind.counts:
                place = 2
            if row.source in AWAITING and decision is None:
                place = 3
            one = months[row.patient_id, row.program, row.service_month]
            one[place] += row.duration_secs
            one[4] += 1
            if kind.is_contact:
                one[5] = max(one[5] or row.end_time, row.end_time)
            day = days[row.coordinator_id, row.start_time.astimezone(CHICAGO).date()]
            day[0] += row.duration_secs
            day[1] += 1
    return {key: tuple(one) for key, one in months.items()}, {key: tuple(one) for key, one in days.items()}


async def kept(database: Database, cast: Cast) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Return what the tables of sums hold, without those of nothing."""
    async with database.tx(cast.system) as tx:
        months = (await tx.db.execute(select(MonthSum).where(MonthSum.entries > 0))).all()
        days = (await tx.db.execute(select(MemberDay).where(MemberDay.entries > 0))).all()
        empty = (await tx.db.execute(select(MonthSum).where(MonthSum.entries == 0))).all()
    for row in empty:
        sums = (row.staff_secs, row.practitioner_secs, row.uncounted_secs, row.awaiting_secs, row.last_contact_at)
        assert sums == (0, 0, 0, 0, None)
    return {
        (row.patient_id, row.program, row.service_month): (
            *(row.staff_secs, row.practitioner_secs, row.uncounted_secs, row.awaiting_secs),
            *(row.entries, row.last_contact_at),
        )
        for row in months
    }, {(row.member_id, row.day): (row.seconds, row.entries) for row in days}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=8, max_size=25))
async def test_the_sums_equal_the_entries_whatever_happens(
    database: Database, ground: Ground, clock: HandClock, steps: list[Step]
) -> None:
    cast = ground.cast
    for step in steps:
        async with database.tx(cast.system) as tx:
            ids = list((await tx.db.execute(select(TimeEntry.id).order_by(TimeEntry.id.desc()))).scalars())
        actor = ground.people[step.who]
        if step.what in {"approve", "refuse", "hand over"}:
            actor = (cast.manager, cast.administrator)[step.which % 2]
        try:
            async with database.tx(actor) as tx:
                await take(tx, ground, clock, step, ids)
        except CaretideError:
            pass
        clock.advance(minutes=5)
    assert await kept(database, cast) == await summed(database, cast)


async def test_a_sum_is_kept_for_a_patient_who_left_the_roster(
    database: Database, ground: Ground, clock: HandClock
) -> None:
    cast, whom = ground.cast, ground.patients[0]
    noon = datetime(2026, 10, 7, 17, 0, tzinfo=UTC)
    span = (noon, noon + timedelta(minutes=10))
    for actor, later in ((cast.coordinator, 0), (cast.manager, 30)):
        async with database.tx(actor) as tx:
            moved = [moment + timedelta(minutes=later) for moment in span]
            (made,) = await actions.record_manual_entry(tx, *whom, "patient_call", *moved, "Forgot")
        if actor is cast.coordinator:
            own = made
    async with database.tx(cast.manager) as tx:
        other = cast.other_coordinator.member_id
        assert other
        await rosters.designate(tx, whom[0], other)
    async with database.tx(cast.coordinator) as tx:
        await actions.void_entry(tx, own.id, "Was somebody else")
        assert await queries.month_seconds(tx, [whom[0]], Month(2026, 10)) == {}
    async with database.tx(cast.manager) as tx:
        found = await queries.month_seconds(tx, [whom[0]], Month(2026, 10))
        contacts = await queries.last_contact(tx, [whom[0]])
    # The manager's call, which the coordinator no longer sees, is the last contact still.
    assert found == {(whom[0], "CCM"): queries.MonthSeconds(awaiting=600)}
    assert contacts == {whom[0]: noon + timedelta(minutes=40)}
    assert await kept(database, cast) == await summed(database, cast)
