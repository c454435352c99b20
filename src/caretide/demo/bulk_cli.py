"""What `caretide demo --patients N` does: a generated tenant of that many patients, made once and found again."""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from caretide.demo import bulk
from caretide.demo.bulk_practice import PLACES, Order
from caretide.demo.cli import Work, progress, screen
from caretide.demo.company import new_pass_phrase
from caretide.demo.performance import BULK_NOTEBOOK, Notebook, start_over
from caretide.demo.sign_ins import Entrant, print_sign_ins
from caretide.demo.stage import Tell
from caretide.demo.tidying import tidy
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Invalid, NotFound
from caretide.postgres.roles import LoginRole
from caretide.runtime import log
from caretide.runtime.installation import Installation, installation
from caretide.runtime.tx import Database
from caretide.settings import load_settings
from caretide.tenants import queries as tenants


def run_scale(serve: Work, *, patients: int, leave: bool, fresh: bool, seed: int) -> int:
    """Generate the tenant or find it, show it, and serve unless told to leave; return the exit status."""
    log.configure()
    bulk.check_count(patients)
    settings = load_settings()
    if settings.mode == "production":
        raise Invalid("The demo is for trying things out; it does not run with CARETIDE_MODE=production")
    order = Order(patients, seed)

    async def run() -> None:
        if fresh:
            start_over(settings)
            (settings.home / BULK_NOTEBOOK).unlink(missing_ok=True)
        async with installation(settings) as ours:
            with progress() as tell:
                summary = await scale(ours, order, tell)
            _show(summary | {"url": settings.base_url}, as_json=leave)
            if not leave:
                await serve(ours)

    asyncio.run(run())
    return 0


async def scale(ours: Installation, order: Order, tell: Tell) -> dict[str, Any]:
    """Return the summary of the generated tenant; generate it where there is none yet.

    Raises Conflict where there is one of another size, and where an earlier run was interrupted.
    """
    notebook = Notebook(ours.settings.home / BULK_NOTEBOOK)
    known, tenant_id = notebook.read(), await _tenant(ours.database, order.slug)
    if tenant_id is None:
        summary = await _generated(ours, order, tell)
        notebook.write(summary)
        return summary
    if known is None or known["tenant_id"] != tenant_id:
        raise Conflict("An earlier tenant was not finished here; start over with `caretide demo --patients N --fresh`")
    if known["patients"] != order.patients:
        raise Conflict(f"The tenant that is here has {known['patients']:,} patients; for another size add --fresh")
    return known


async def _tenant(database: Database, slug: str) -> str | None:
    try:
        async with database.tx(Actor.nobody()) as tx:
            return str(await tenants.tenant_by_slug(tx, slug))
    except NotFound:
        return None


async def _generated(ours: Installation, order: Order, tell: Tell) -> dict[str, Any]:
    passwords = {place.key: new_pass_phrase() for place in PLACES}
    began = time.perf_counter()
    made = await bulk.generate(ours.database, order, passwords, tell)
    tell("Tidying the tables", 0, 1)
    tidied = time.perf_counter()
    # Statistics are the owner's to gather; autovacuum would get there, too, in its own time.
    await asyncio.to_thread(tidy, ours.urls.url(LoginRole.MIGRATOR))
    made.seconds["tidying"] = time.perf_counter() - tidied
    made.seconds["all"] = time.perf_counter() - began
    tell("Tidying the tables", 1, 1)
    return summary_of(made, passwords)


def summary_of(made: bulk.Generated, passwords: Mapping[str, str]) -> dict[str, Any]:
    """Return what `--exit` prints: what there is, what it took, and who may sign in."""
    return {
        "tenant": made.order.slug,
        "tenant_id": str(made.tenant_id),
        "generated": True,
        "patients": made.order.patients,
        "seed": made.order.seed,
        "clinics": len(made.sites),
        "coordinators": sum(len(site.coordinators) for site in made.sites),
        "months": [str(month) for month in made.months],
        "rows": {name: loaded.rows for name, loaded in made.tables.items()},
        "statement_seconds": {name: round(loaded.seconds, 2) for name, loaded in made.tables.items()},
        "seconds": {step: round(taken, 2) for step, taken in made.seconds.items()},
        "sign_ins": [
            {
                "role": place.role.value,
                "name": place.name,
                "email": f"{place.key}@{made.order.domain}",
                "password": passwords[place.key],
                "totp_seed": made.seeds[place.key],
            }
            for place in PLACES
        ],
    }


def _show(summary: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(summary) + "\n")
        return
    console = screen()
    console.print(
        f"[bold]{summary['patients']:,}[/] generated patients in [bold]{summary['tenant']}[/]: {summary['clinics']} "
        f"clinics, {summary['coordinators']} coordinators, {summary['rows']['time_log_entries']:,} time entries in "
        f"{' and '.join(summary['months'])}, made in {summary['seconds']['all']:.0f} s."
    )
    console.print()
    entrants = [
        Entrant(one["email"], one["password"], one.get("totp_seed", ""), f"{one['name']}, {one['role']}")
        for one in summary["sign_ins"]
    ]
    print_sign_ins(console, entrants)
