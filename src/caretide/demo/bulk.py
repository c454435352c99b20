"""Up to a hundred thousand patients in a tenant of their own, written in bulk through the walls.

Rows go in by the thousand patients, each thousand in a transaction of its own, so that memory stays what it was with
the first; every constraint, trigger and policy holds for them as for anything else.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, exists

from caretide.billing.models import StandingMark, StandingMonth
from caretide.demo.bulk_charts import Rows, Ward
from caretide.demo.bulk_practice import Order, Site, found
from caretide.demo.bulk_time import calls, entry_rows
from caretide.enrollment.models import Consent, Enrollment, EnrollmentStatus, PatientFact
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Invalid
from caretide.kernel.month import Month
from caretide.kernel.records import HEALTH, creates
from caretide.patients.models import Condition, Coverage, Medication, Patient
from caretide.rosters.models import Designation
from caretide.runtime.bulk import insert_many
from caretide.runtime.db import TenantTable
from caretide.runtime.tx import Database, Tx
from caretide.time_log.models import TimeEntry

MOST: Final = 100_000
"""Patients that one tenant is generated with at most: what the product promises to be quick with."""

TOGETHER: Final = 5
"""Coordinators whose patients go in together: a thousand of them, with some eight thousand entries."""

LANES: Final = 2
"""Transactions at work at once: while the database takes one's rows, the next ones are drawn."""

ORDER: Final[tuple[type[TenantTable], ...]] = (
    Patient,
    Condition,
    Medication,
    Coverage,
    Enrollment,
    EnrollmentStatus,
    Consent,
    PatientFact,
    Designation,
    TimeEntry,
)
"""Tables as their foreign keys ask for them."""

WESTMOST: Final = ZoneInfo("America/Los_Angeles")

# Everybody is marked as changed, a dozen times over, and nobody was ruled yet: the first ruling takes all patients that
# were committed before it began, so these marks would only have each ruled twice. Once it began, they stay.
_FORGET_MARKS: Final = delete(StandingMark).where(~exists().select_from(StandingMonth))

Tell = Callable[[str, int, int], None]
"""Hears what is being done, and how far it is: `done` of `total`."""


@dataclass(slots=True)
class Loaded:
    """What one table took: rows, and the seconds that its statements ran, those of all lanes added up."""

    rows: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Generated:
    """A tenant that was generated, and what it took. `seconds` are of the wall, by step.

    `seeds` are those of the authenticator apps of whoever may sign in, by the keys of `bulk_practice.PLACES`.
    """

    tenant_id: UUID
    order: Order
    months: tuple[Month, Month]
    sites: Sequence[Site]
    seeds: Mapping[str, str]
    tables: dict[str, Loaded] = field(default_factory=dict[str, Loaded])
    seconds: dict[str, float] = field(default_factory=dict[str, float])


def check_count(patients: int) -> None:
    """Raise Invalid for a number of patients that cannot be generated."""
    if not 1 <= patients <= MOST:
        raise Invalid(f"One to {MOST:,} patients can be generated in a tenant, not {patients:,}", field="patients")


async def generate(database: Database, order: Order, passwords: Mapping[str, str], tell: Tell) -> Generated:
    """Make the tenant and fill it: the last full month, and this one as far as it has come.

    `passwords` are by the keys of `bulk_practice.PLACES`. Raises Conflict where the tenant's slug is taken.
    """
    check_count(order.patients)
    began = time.perf_counter()
    now = database.clock()
    # The latest of the clinics' calendars: a month that is over there is over everywhere else.
    this_month = Month.of(now.astimezone(WESTMOST).date())
    tell("Founding the clinics", 0, 1)
    seeds: dict[str, str] = {}
    tenant_id, sites = await found(database, order, now.date(), passwords, seeds)
    made = Generated(tenant_id, order, (this_month.previous(), this_month), sites, seeds)
    made.seconds["founding"] = time.perf_counter() - began
    tell("Founding the clinics", 1, 1)
    await _fill(database, made, now, tell)
    async with database.tx(Actor.system(tenant_id)) as tx:
        await tx.db.execute(_FORGET_MARKS)
    made.seconds["filling"] = time.perf_counter() - began - made.seconds["founding"]
    return made


async def _fill(database: Database, made: Generated, now: datetime, tell: Tell) -> None:
    waiting = iter([part for site in made.sites for part in _parts(site)])
    done = 0

    async def lane() -> None:
        nonlocal done
        for site, places in waiting:
            async with database.tx(Actor.system(made.tenant_id)) as tx:
                done += await _load(tx, made, site, places, now)
            tell("Generating patients", done, made.order.patients)

    tell("Generating patients", 0, made.order.patients)
    async with asyncio.TaskGroup() as lanes:
        for _ in range(LANES):
            lanes.create_task(lane())


def _parts(site: Site) -> Iterator[tuple[Site, range]]:
    """Cut a clinic's team into the parts that go in together."""
    for first in range(0, len(site.coordinators), TOGETHER):
        yield site, range(first, min(first + TOGETHER, len(site.coordinators)))


_RECORDS = creates(*HEALTH)


async def _load(tx: Tx, made: Generated, site: Site, places: range, now: datetime) -> int:
    """Draw the patients of some coordinators and write them; return how many they were."""
    rows: Rows = {model: [] for model in ORDER}
    for place in places:
        who, seed = site.coordinators[place], made.order.seed
        ward = Ward(site, who, made.months, now.astimezone(site.clinic.zone).date())
        roster = ward.admit(site.roster(place), seed)
        for model, drawn in ward.rows.items():
            rows[model] += drawn
        rng = Random(f"{seed}/time/{site.first}/{place}")
        for month in made.months:
            rows[TimeEntry] += entry_rows(site, who, tx.tenant_id, list(calls(roster, month, site, now, rng)))
    with tx.trail.entering("demo.generate", _RECORDS):
        tx.note(generated=len(rows[Patient]), clinic=str(site.clinic.id))
        tx.touch(*(row["id"] for row in rows[Patient]))
        for model in ORDER:
            began = time.perf_counter()
            await insert_many(tx, model, rows[model])
            loaded = made.tables.setdefault(model.__tablename__, Loaded())
            loaded.rows += len(rows[model])
            loaded.seconds += time.perf_counter() - began
    return len(rows[Patient])
