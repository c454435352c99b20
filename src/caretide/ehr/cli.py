"""`caretide import`: patients and practitioners from the EHR."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from uuid import UUID

    from rich.progress import Progress, TaskID

    from caretide.ehr.schemas import Counts, ImportReport
    from caretide.runtime.tx import Database
    from caretide.tenants.queries import ClinicRow

imports = typer.Typer(help="Bring patients in from an EHR.", no_args_is_help=True)

SHOWN = 20
"""Rejected pieces that a person is shown; `--json` has up to 1,000."""


@imports.callback()
def group() -> None:
    """Bring patients in from an EHR."""


@imports.command("fhir")
def fhir(
    path: Annotated[
        Path, typer.Argument(exists=True, help="A folder or file of FHIR R4: NDJSON or Bundles, plain or gzip.")
    ],
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant's slug.")],
    clinic: Annotated[str, typer.Option("--clinic", help="The clinic's slug.")],
    source: Annotated[
        str | None, typer.Option(help="Name of the EHR that gave the ids; needed when a tenant has several.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Import FHIR files into a clinic. Running it again changes only what has changed."""
    import time

    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from caretide.ehr.gateway import run_import
    from caretide.runtime.console import err, run
    from caretide.runtime.installation import Installation

    started = time.perf_counter()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        shown = progress.add_task("Reading files")

        async def work(ours: Installation) -> "ImportReport":
            tenant_id, place = await _where(ours.database, tenant, clinic)
            return await run_import(ours.database, path, tenant_id, place, source, _told(progress, shown))

        report = run(work)
    seconds = time.perf_counter() - started
    if as_json:
        _write_json(report, tenant, clinic, seconds)
    else:
        _write_tables(report, seconds)
    if report.failure:
        raise typer.Exit(1)


async def _where(database: "Database", tenant: str, clinic: str) -> "tuple[UUID, ClinicRow]":
    """Return the tenant's id and the clinic behind two slugs; raise NotFound naming the one that is unknown."""
    from caretide.kernel.actor import Actor
    from caretide.tenants import queries

    async with database.tx(Actor.nobody()) as tx:
        tenant_id = await queries.tenant_by_slug(tx, tenant)
    async with database.tx(Actor.system(tenant_id)) as tx:
        return tenant_id, await queries.clinic_by_slug(tx, clinic)


def _told(progress: "Progress", shown: "TaskID") -> Any:
    def tell(report: "ImportReport") -> None:
        counts = report.counts
        patients = counts.tallies["patient"].total
        progress.update(shown, description=f"{patients:,} patients, {counts.total:,} resources, {counts.changed:,} new")

    return tell


def _write_json(report: "ImportReport", tenant: str, clinic: str, seconds: float) -> None:
    import json
    from dataclasses import asdict

    counts = report.counts
    told = {
        "tenant": tenant,
        "clinic": clinic,
        "source": report.source,
        "complete": report.failure is None,
        "failure": report.failure,
        "seconds": round(seconds, 3),
        "resources": counts.total,
        "changed": counts.changed,
        "counts": {kind: asdict(tally) for kind, tally in counts.tallies.items()},
        "rejected_count": counts.refused,
        "rejected": [asdict(item) for item in counts.refusals],
        "at_another_clinic": counts.elsewhere,
        "skipped_files": [{"file": f.file, "reason": f.reason} for f in report.summary.skipped_files]
        if report.summary
        else [],
    }
    typer.echo(json.dumps(told))


def _write_tables(report: "ImportReport", seconds: float) -> None:
    from caretide.runtime.console import err

    counts = report.counts
    _write_counts(counts)
    rate = counts.total / max(seconds, 0.001)
    typer.echo(f"{counts.total:,} resources from source '{report.source}' in {seconds:.1f} s ({rate:,.0f} a second).")
    for item in report.summary.skipped_files if report.summary else ():
        typer.echo(f"{item.file}: left aside: {item.reason}", err=True)
    for item in counts.refusals[:SHOWN]:
        typer.echo(f"{item.place}: {item.reason}", err=True)
    if counts.refused:
        more = f" ({counts.refused - SHOWN:,} more: see --json)" if counts.refused > SHOWN else ""
        typer.echo(f"{counts.refused:,} rejected{more}; everything else was taken.", err=True)
    if counts.elsewhere:
        typer.echo(
            f"{len(counts.elsewhere):,} patients belong to another clinic of the tenant and stay there.", err=True
        )
    if report.failure:
        err.print("[bold red]Error:[/]", end=" ")
        said = f"{report.failure} What the table counts was imported; run it again for the rest."
        err.print(said, markup=False, soft_wrap=True)


def _write_counts(counts: "Counts") -> None:
    from dataclasses import astuple

    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    for heading in ("created", "updated", "unchanged", "removed"):
        table.add_column(heading, justify="right")
    for kind, tally in counts.tallies.items():
        table.add_row(kind, *(f"{number:,}" for number in astuple(tally)))
    Console().print(table)
