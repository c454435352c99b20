"""Imports: FHIR files through the gateway's own process into a new tenant, and then the same files again.

Figures by core take the CPU time of all that works: gateway, application and database server together.
"""

import asyncio
import resource
import tempfile
from pathlib import Path
from typing import Final
from uuid import UUID

from caretide.demo.fhir import write_folder
from caretide.demo.people import DOCTORS, people
from caretide.ehr.gateway import run_import
from caretide.kernel.actor import Actor
from caretide.kernel.clock import system_clock
from caretide.runtime.tx import Database
from caretide.tenants import queries as tenants
from tests.bench.ground import Ground
from tests.bench.measure import Measured, Sample, Size, Stopwatch, repeated, say
from tests.bench.months import MONTH
from tests.cast import assemble

PATIENTS: Final = {"small": 100, "full": 400}
ROUNDS: Final = {"small": 2, "full": 3}
SYNTHEA: Final = Path(__file__).parents[2].parent / "shared" / "data" / "fhir" / "synthea"
UNITS: Final = {
    "resources_per_second": "1/s",
    "resources_per_core_second": "1/s",
    "gateway_cpu_us": "us per resource",
    "application_cpu_us": "us per resource",
    "database_cpu_us": "us per resource",
    "again_resources_per_second": "1/s",
    "again_resources_per_core_second": "1/s",
}


def run(ground: Ground, size: Size) -> Measured:
    """Import a generated cohort, a tenant of its own in every round."""
    folder = cohort(ground.folder, PATIENTS[size])
    return _measured(ground, size, folder, ROUNDS[size], {"patients": PATIENTS[size], "files": "generated"})


def run_synthea(ground: Ground, size: Size) -> Measured | None:
    """Import Synthea's sample, where it stands beside the clone; too large for a small run."""
    if size == "small" or not SYNTHEA.is_dir():
        say(f"import_synthea: left out: it needs --size full and {SYNTHEA}")
        return None
    return _measured(ground, size, SYNTHEA, 2, {"files": "Synthea sample"})


def cohort(folder: Path, count: int) -> Path:
    """Write the charts of generated people into a new folder inside one; return it."""
    made = Path(tempfile.mkdtemp(prefix="cohort-", dir=folder))
    write_folder(made, people(1, count, MONTH), DOCTORS)
    return made


def _measured(ground: Ground, size: Size, folder: Path, rounds: int, setup: dict[str, object]) -> Measured:
    samples = repeated(size, rounds, lambda _: asyncio.run(_round(ground, folder)))
    return Measured(UNITS, samples, {**setup, "resources": samples[0]["resources"]})


async def _round(ground: Ground, folder: Path) -> Sample:
    database = ground.database(system_clock)
    try:
        cast = await assemble(database)
        first = await _import(ground, database, folder, cast.tenant_id, cast.clinic_id)
        again = await _import(ground, database, folder, cast.tenant_id, cast.clinic_id)
    finally:
        await database.close()
    total = first["resources"]
    if again["changed"] or again["resources"] != total:
        raise RuntimeError("the second import of the same files changed something")
    return {
        "resources": total,
        "resources_per_second": total / first["wall"],
        "resources_per_core_second": total / (first["gateway"] + first["application"] + first["database"]),
        **{f"{part}_cpu_us": first[part] / total * 1e6 for part in ("gateway", "application", "database")},
        "again_resources_per_second": total / again["wall"],
        "again_resources_per_core_second": total / (again["gateway"] + again["application"] + again["database"]),
    }


async def _import(ground: Ground, database: Database, folder: Path, tenant_id: UUID, clinic_id: UUID) -> Sample:
    """Run one import; return what it took, in seconds, and how much it did."""
    async with database.tx(Actor.system(tenant_id)) as tx:
        clinic = await tenants.clinic(tx, clinic_id)
    gateway, server = -_children_cpu(), -ground.server_cpu()
    with Stopwatch() as watch:
        report = await run_import(database, folder, tenant_id, clinic)
    if report.failure:
        raise RuntimeError(report.failure)
    return {
        "wall": watch.wall,
        "application": watch.cpu,
        "gateway": gateway + _children_cpu(),
        "database": server + ground.server_cpu(),
        "resources": report.counts.total,
        "changed": report.counts.changed,
    }


def _children_cpu() -> float:
    """Return the CPU seconds of children that have ended: the gateway has when its import has."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
