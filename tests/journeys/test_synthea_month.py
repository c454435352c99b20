"""A scripted month over a public synthetic cohort: it closes, and a close that is killed comes to the same end."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select

from caretide import worker
from caretide.billing import actions as billing
from caretide.billing.models import ClaimLine, MonthException, PatientMonth
from caretide.billing.queries import closes
from caretide.documents.models import Document
from caretide.ehr.gateway import run_import
from caretide.enrollment import actions as enrollment
from caretide.enrollment import queries as enrollments
from caretide.enrollment.rules import DISCLOSURES
from caretide.kernel.month import Month
from caretide.patients.models import Patient
from caretide.postgres.roles import LoginRole
from caretide.postgres.server import Cluster
from caretide.rosters import actions as rosters
from caretide.runtime.installation import Installation
from caretide.tenants import actions as tenants
from caretide.tenants import queries as tenant_queries
from caretide.time_log import actions as time_log
from tests.cast import Cast, assemble
from tests.database import HandClock, clone_database, drop_database
from tests.journeys.close_worker import installed

pytestmark = [pytest.mark.shared, pytest.mark.timeout(900)]

OCTOBER = Month(2026, 10)
FIRST = OCTOBER.first
NOVEMBER = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
MINUTES = ((9, 10), (12, 8), (11, 9), (14, 17), (21, 22), (30, 33))
"""Two entries each, so that the months fall below, on and above every threshold."""


@dataclass(frozen=True)
class Cohort:
    """A database in which October is played and not yet closed, to be copied; who is in it."""

    cluster: Cluster
    database: str
    home: Path
    cast: Cast
    imported: int
    eligible: int


@asynccontextmanager
async def opened(cluster: Cluster, database: str, home: Path) -> AsyncGenerator[Installation]:
    app, worker_url = (cluster.url(role, database) for role in (LoginRole.APP, LoginRole.WORKER))
    ours = installed(app, worker_url, home, NOVEMBER)
    try:
        yield ours
    finally:
        await ours.database.close()


@pytest.fixture(scope="module")
async def cohort(
    cluster: Cluster, shared_data: Path, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Cohort]:
    """Import the cohort, enroll whoever is eligible by rule, and play October."""
    name, home = f"synthea_{worker_id}", tmp_path_factory.mktemp("synthea")
    clone_database(cluster, name)
    try:
        async with opened(cluster, name, home) as ours:
            cast = await assemble(ours.database)
            async with ours.database.tx(cast.system) as tx:
                clinic = await tenant_queries.clinic(tx, cast.clinic_id)
            report = await run_import(ours.database, shared_data / "fhir" / "synthea", cast.tenant_id, clinic)
            again = await run_import(ours.database, shared_data / "fhir" / "synthea", cast.tenant_id, clinic)
            assert report.failure is None
            assert again.counts.changed == 0
            chosen = await _enroll(ours, cast)
            await _log(ours, cast, chosen)
        yield Cohort(cluster, name, home, cast, report.counts.tallies["patient"].created, len(chosen))
    finally:
        drop_database(cluster, name)


async def _enroll(ours: Installation, cast: Cast) -> list[tuple[UUID, UUID]]:
    """Enroll every eligible patient, half of them with each coordinator, and record what the month needs."""
    clock = ours.database.clock
    assert isinstance(clock, HandClock)
    clock.now = datetime(2026, 10, 1, 13, 0, tzinfo=UTC)
    async with ours.database.tx(cast.administrator) as tx:
        judged = await enrollments.eligibility(tx, cast.clinic_id)
        keys = dict((await tx.db.execute(select(Patient.id, Patient.source_id))).all())
        eligible = sorted((one for one, found in judged.items() if found.ccm or found.pcm), key=keys.__getitem__)
        for kind in ("round-the-clock-access", "certified-ehr"):
            await tenants.record_clinic_fact(
                tx, cast.clinic_id, kind, value={"value": True}, effective_on=FIRST, checked_on=FIRST
            )
        for number, coordinator in enumerate((cast.coordinator, cast.other_coordinator)):
            assert coordinator.member_id
            await rosters.designate_many(tx, eligible[number::2], coordinator.member_id)
    chosen: list[tuple[UUID, UUID]] = []
    clock.now = NOVEMBER
    async with ours.database.tx(cast.practitioner) as tx:
        for number, patient_id in enumerate(eligible):
            program = "CCM" if judged[patient_id].ccm else "PCM"
            enrollment_id = await enrollment.enroll(
                tx,
                patient_id,
                program,
                cast.practitioner_id,
                started_on=FIRST,
                is_high_risk=True,
                expected_months=12,
            )
            # One in eleven consents in the middle of the month; what came before does not count.
            day = 14 if number % 11 == 5 else 1
            await enrollment.record_consent(
                tx,
                enrollment_id,
                "accepted",
                mode="verbal",
                decided_at=datetime(2026, 10, day, 13, 0, tzinfo=UTC),
                disclosures=DISCLOSURES,
            )
            for kind, value in _facts(number, program).items():
                await enrollment.record_fact(
                    tx, patient_id, kind, value, effective_on=FIRST, checked_on=date(2026, 10, 30)
                )
            chosen.append((patient_id, enrollment_id))
    return chosen


def _facts(number: int, program: str) -> dict[str, dict[str, Any]]:
    """Return the facts of the number-th patient: some lack one, some are billed elsewhere, some were in hospital."""
    month = {"month": str(OCTOBER)}
    other = {"code": "99490", "units": 1, "practitioner": "Riverside", "same_group": False}
    stay = {"type": "inpatient_hospital", "from": "2026-10-05", "to": "2026-10-07"}
    facts: dict[str, dict[str, Any]] = {
        "initiating-visit": {"visit": "office_visit"},
        "care-plan": {"plan": "comprehensive" if program == "CCM" else "disease_specific"},
        "care-plan-copy": {"how": "mail", "to": "patient"},
        "facility-stays": month | {"stays": [stay] if number % 17 == 3 else []},
        "other-claims": month | {"claims": [other] if number % 19 == 4 else []},
        "hospice-home-health": month | {"hospice_elected": False, "home_health_episode": False},
    }
    if number % 13 == 7:
        del facts["care-plan-copy"]
    if number % 23 == 9:
        del facts["other-claims"]
    if number % 9 == 5 and program == "CCM":
        facts["decision-making"] = month | {"level": "moderate"}
        facts["election"] = month | {"family": "complex"}
    return facts


async def _log(ours: Installation, cast: Cast, chosen: list[tuple[UUID, UUID]]) -> None:
    """Let both coordinators' timers run, patient after patient: once early in October, once late."""
    clock = ours.database.clock
    assert isinstance(clock, HandClock)
    for early in (True, False):
        for offset, coordinator in enumerate((cast.coordinator, cast.other_coordinator)):
            clock.now = datetime(2026, 10, 5 if early else 19, 14, 0, tzinfo=UTC)
            for number in range(offset, len(chosen), 2):
                patient_id, enrollment_id = chosen[number]
                async with ours.database.tx(coordinator) as tx:
                    await time_log.start_timer(tx, patient_id, enrollment_id, "patient_call")
                clock.advance(minutes=MINUTES[number % len(MINUTES)][early], seconds=number % 59)
                async with ours.database.tx(coordinator) as tx:
                    await time_log.stop_timer(tx)
                clock.advance(seconds=20)
    clock.now = NOVEMBER


@pytest.fixture
def copy(cohort: Cohort, worker_id: str) -> Iterator[str]:
    """A copy of the cohort's database, for one close."""
    name = f"synthea_{worker_id}_copy"
    clone_database(cohort.cluster, name, cohort.database)
    yield name
    drop_database(cohort.cluster, name)


async def ask(ours: Installation, cast: Cast) -> int:
    """Ask for the close as the biller does; return how many clinics have something left to do."""
    async with ours.database.tx(cast.billing) as tx:
        return await billing.request_close(tx, OCTOBER)


async def outcome(ours: Installation, cast: Cast) -> dict[str, object]:
    """Return everything that a close leaves, by the patients' own ids: rulings, lines, exceptions, record hashes."""
    async with ours.database.tx(cast.administrator) as tx:
        months = (
            await tx.db.execute(
                select(
                    PatientMonth.id,
                    Patient.source_id,
                    PatientMonth.status,
                    PatientMonth.countable_seconds,
                    PatientMonth.facts_hash,
                    Document.sha256,
                )
                .join(Patient, Patient.id == PatientMonth.patient_id)
                .outerjoin(Document, Document.id == PatientMonth.document_id)
            )
        ).all()
        lines = (await tx.db.execute(select(ClaimLine.__table__).order_by(ClaimLine.position))).all()
        found = (await tx.db.execute(select(MonthException.__table__).order_by(MonthException.position))).all()
    names = {row.id: row.source_id for row in months}
    return {
        "months": sorted(tuple(row)[1:] for row in months),
        "lines": sorted(
            (names[row.patient_month_id], row.position, row.code, row.units, str(row.service_date), row.amount_cents)
            for row in lines
        ),
        "exceptions": sorted(
            (names[row.patient_month_id], row.position, row.code, row.severity, row.message) for row in found
        ),
    }


async def undisturbed(cohort: Cohort, worker_id: str) -> dict[str, object]:
    """Close a copy without interruption and return what that leaves: the killed close is held against it."""
    name = f"synthea_{worker_id}_undisturbed"
    clone_database(cohort.cluster, name, cohort.database)
    try:
        async with opened(cohort.cluster, name, cohort.home) as ours:
            assert await ask(ours, cohort.cast) == 1
            await worker.drain(ours)
            async with ours.database.tx(cohort.cast.billing) as tx:
                assert all(one.done for one in await closes.status(tx, OCTOBER))
            return await outcome(ours, cohort.cast)
    finally:
        drop_database(cohort.cluster, name)


def check_rulings(cohort: Cohort, left: Any) -> None:
    """Hold an outcome against what the script put into the month: rulings of every kind."""
    assert cohort.imported == 275
    assert cohort.eligible > 100
    assert len(left["months"]) == cohort.eligible
    status = Counter(row[1] for row in left["months"])
    assert status["ready"] > 40
    assert status["blocked"] > 20
    assert {row[2] for row in left["lines"]} >= {"99490", "99439", "99487"}
    codes = {row[2] for row in left["exceptions"]}
    assert codes >= {
        "BELOW_THRESHOLD",
        "FACT_UNKNOWN",
        "CONCURRENT_SAME_SERVICE_OTHER_PRACTITIONER",
        "PART_A_FACILITY",
        "PRE_CONSENT_TIME",
    }
    for _, ready, _, _, sha256 in left["months"]:
        assert (sha256 is not None) == (ready == "ready")


async def test_cohort_closes_and_a_killed_close_comes_to_the_same_lines_and_hashes(
    cohort: Cohort, copy: str, worker_id: str
) -> None:
    # One test, not two: the cohort takes long to build, and two processes would each build it.
    expected = await undisturbed(cohort, worker_id)
    check_rulings(cohort, expected)
    async with opened(cohort.cluster, copy, cohort.home) as ours:
        await ask(ours, cohort.cast)
        admin = cohort.cluster.url(LoginRole.ADMIN, copy)
        for point in (
            "SELECT 1 FROM jobs.procrastinate_jobs WHERE status = 'doing'",
            "SELECT 1 FROM patient_months",
            "SELECT 1 FROM documents",
            "SELECT 1 FROM documents OFFSET 9",
        ):
            kill_when(cohort, copy, admin, point)
            # Started again, the close takes up what is left; killed workers' jobs stay as they are.
            assert await ask(ours, cohort.cast) == 1
        await worker.drain(ours)
        assert await ask(ours, cohort.cast) == 0
        assert await outcome(ours, cohort.cast) == expected


def kill_when(cohort: Cohort, database: str, admin: str, point: str) -> None:
    """Run a worker in a process of its own and kill it as soon as the database answers a question with a row."""
    told = {
        "app": cohort.cluster.url(LoginRole.APP, database),
        "worker": cohort.cluster.url(LoginRole.WORKER, database),
        "home": str(cohort.home),
        "now": NOVEMBER.isoformat(),
    }
    command = [sys.executable, "-m", "tests.journeys.close_worker"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdin
    process.stdin.write(json.dumps(told).encode())
    process.stdin.close()
    try:
        with psycopg.connect(admin, autocommit=True) as connection:
            patience = time.monotonic() + 120
            while not connection.execute(point).fetchone():
                assert process.poll() is None, "the worker ended before it could be killed"
                assert time.monotonic() < patience
                time.sleep(0.01)
    finally:
        process.kill()
        assert process.wait() == -9
