"""A tenant that is generated in bulk stands within every rule, wall and sum that a practice at work does."""

import socket
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from caretide.billing.queries import evidence
from caretide.cli import app
from caretide.demo.bulk import Generated, check_count, generate
from caretide.demo.bulk_cli import summary_of
from caretide.demo.bulk_practice import PER_CLINIC, PLACES, Order, Site
from caretide.demo.company import code_of
from caretide.demo.tidying import tidy
from caretide.identity import actions as identity
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Invalid, Unavailable
from caretide.kernel.month import Month
from caretide.patients import queries as patients
from caretide.postgres.roles import connected
from caretide.rosters.models import Designation
from caretide.runtime.tx import Database
from caretide.tenants import queries as tenants
from caretide.time_log import queries as time_log
from caretide.time_log.models import TimeEntry
from tests.database import HandClock, Server

NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
LAST, RUNNING = Month(2026, 10), Month(2026, 11)
PASSWORDS = {place.key: f"{place.key}-correct-horse-battery" for place in PLACES}


def silent(_what: str, _done: int, _total: int) -> None:
    return


def order_of(patients: int) -> Order:
    """Return an order under a name of its own: the tests share a database."""
    name = uuid4().hex[:12]
    return Order(patients, slug=f"scale-{name}", domain=f"{name}.example")


@pytest.fixture
async def made(database: Database, clock: HandClock) -> Generated:
    clock.now = NOW
    return await generate(database, order_of(240), PASSWORDS, silent)


async def test_most_months_are_ready_and_the_rest_say_why(database: Database, made: Generated) -> None:
    async with database.tx(Actor.system(made.tenant_id)) as tx:
        [clinic] = await tenants.clinics(tx)
        closed = await evidence.judged(tx, clinic, LAST)
        assert len(closed) == 240
        ready = [one for one in closed if one.ruling.codes]
        assert 0.6 < len(ready) / len(closed) < 0.85
        assert {one.evidence.program for one in ready} == {"CCM", "PCM"}
        reasons = Counter(found.code for one in closed for found in one.ruling.exceptions if found.severity == "block")
        assert {"BELOW_THRESHOLD", "NO_CONSENT", "NO_PART_B"} <= set(reasons)
        running = await evidence.judged(tx, clinic, RUNNING)
        assert 0 < len([one for one in running if one.ruling.codes]) < len(ready)


async def test_time_is_as_stopped_timers_leave_it(database: Database, made: Generated) -> None:
    async with database.tx(Actor.system(made.tenant_id)) as tx:
        assert await time_log.altered(tx, LAST) == []
        count, latest, short = (
            await tx.db.execute(select(func.count(), func.max(TimeEntry.end_time), func.min(TimeEntry.duration_secs)))
        ).one()
        by_month = dict(
            (await tx.db.execute(select(TimeEntry.service_month, func.count()).group_by(TimeEntry.service_month))).all()
        )
        assert count == made.tables["time_log_entries"].rows
        assert 3 < by_month[LAST.first] / 240 < 5
        assert by_month[RUNNING.first] / 240 > 2
        assert latest <= NOW
        assert short >= 30


async def test_everybody_has_a_coordinator_who_may_look_after_them(database: Database, made: Generated) -> None:
    async with database.tx(Actor.system(made.tenant_id)) as tx:
        rosters = (
            (await tx.db.execute(select(func.count(Designation.id)).group_by(Designation.member_id))).scalars().all()
        )
        assert sorted(rosters) == [120, 120]
        [first, *_] = await patients.search(tx)
        assert (await patients.patient(tx, first.id)).phone in {f"(217) 555-01{one:02d}" for one in range(100)}
    async with database.tx(Actor.nobody()) as tx:
        # The code of this half minute was used to set the app up.
        later = code_of(made.seeds["nurse"], tx.now + timedelta(seconds=30))
        begun = await identity.sign_in(tx, f"nurse@{made.order.domain}", PASSWORDS["nurse"])
        assert isinstance(begun, identity.SignedIn)
        signed_in = await identity.prove_code(tx, begun.secret, later)
        assert isinstance(signed_in, identity.SignedIn)
    async with database.tx(Actor.nobody()) as tx:
        nurse = await tenants.actor_behind(tx, signed_in.secret)
    async with database.tx(nurse) as tx:
        assert len(await patients.search(tx, limit=500)) == 120
    async with database.tx(Actor.nobody()) as tx:
        nobody = await identity.sign_in(tx, f"nurse-1-1@{made.order.domain}", "any password at all")
        assert isinstance(nobody, identity.Refused)


async def test_same_seed_gives_the_same_people(database: Database, clock: HandClock, made: Generated) -> None:
    again = await generate(database, order_of(240), PASSWORDS, silent)
    assert {name: one.rows for name, one in again.tables.items()} == {
        name: one.rows for name, one in made.tables.items()
    }
    with pytest.raises(Conflict, match="taken"):
        await generate(database, made.order, PASSWORDS, silent)


def test_summary_tells_sizes_and_sign_ins(database: Database, made: Generated) -> None:
    summary = summary_of(made, PASSWORDS)
    assert (summary["patients"], summary["clinics"], summary["coordinators"]) == (240, 1, 2)
    assert summary["months"] == ["2026-10", "2026-11"]
    assert [one["role"] for one in summary["sign_ins"]] == [place.role for place in PLACES]


def test_statistics_are_gathered_as_the_owner(server: Server) -> None:
    tidy(server.migrator)
    with connected(server.migrator) as connection:
        # A table of which nobody gathered anything has -1 rows.
        known = connection.execute("SELECT reltuples FROM pg_class WHERE relname = 'members'").fetchone()
    assert known is not None
    assert known[0] >= 0


def test_rosters_share_a_clinic_without_a_gap(made: Generated) -> None:
    [site] = made.sites
    big = Site(site.clinic, site.practitioners, site.coordinators * 12, 5_000, PER_CLINIC)
    numbers = [number for place in range(24) for number in big.roster(place)]
    assert numbers == list(range(5_000, 10_000))


@pytest.mark.parametrize("patients", [0, -1, 100_001])
def test_count_out_of_range_is_refused_in_words(patients: int) -> None:
    with pytest.raises(Invalid, match="One to 100,000 patients"):
        check_count(patients)


def test_production_refuses_to_generate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARETIDE_MODE", "production")
    monkeypatch.setenv("CARETIDE_HOME", str(tmp_path))
    refused = CliRunner().invoke(app, ["demo", "--patients", "10", "--exit"])
    assert isinstance(refused.exception, Invalid)
    assert "production" in refused.exception.message


@pytest.mark.parametrize("day", [1, 2])
async def test_first_days_of_a_month_have_little_time_or_none(database: Database, clock: HandClock, day: int) -> None:
    clock.now = datetime(2026, 12, day, 9, tzinfo=UTC)
    few = await generate(database, order_of(3), PASSWORDS, silent)
    assert few.months[1] in {Month(2026, 11), Month(2026, 12)}
    assert clock.now - timedelta(days=70) < datetime.combine(few.months[0].first, datetime.min.time(), UTC)


@pytest.mark.parametrize("more", [[], ["--patients", "10"]])
def test_port_that_is_taken_is_told_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("CARETIDE_PORT", str(taken.getsockname()[1]))
        monkeypatch.setenv("CARETIDE_HOME", str(tmp_path / "home"))
        refused = CliRunner().invoke(app, ["demo", *more])
    assert isinstance(refused.exception, Unavailable)
    assert "CARETIDE_PORT" in refused.exception.message
    assert not (tmp_path / "home").exists()
