"""Operator commands of billing: the rules without a database, and months."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from caretide.tenants.cli import JsonOption, TenantOption, in_tenant

if TYPE_CHECKING:
    from caretide.billing.queries.closes import ClinicStatus

rules = typer.Typer(help="The billing rules.", no_args_is_help=True)
month = typer.Typer(help="Service months: look, close, collect.", no_args_is_help=True)
MonthArgument = Annotated[str, typer.Argument(metavar="MONTH", help="YYYY-MM")]


@rules.callback()
def group() -> None:
    """The billing rules: a patient-month in, a ruling out."""


@rules.command()
def evaluate(
    cases: Annotated[str, typer.Argument(help="A JSON file with a case or a list of cases; - reads standard input.")],
) -> None:
    """Print the ruling of each case as JSON: an object for one case, a list for a list, in the same order."""
    import json

    from caretide.kernel.errors import Invalid
    from caretide.programs.cases import answer, read_cases
    from caretide.programs.evaluate import rule
    from caretide.programs.packs import load_packs

    try:
        found, several = read_cases(_read(cases))
    except Invalid as error:
        _refuse(error.message)
    except OSError as error:
        _refuse(f"{cases}: {error.strerror or 'cannot be read'}")
    packs = load_packs()
    answers = [answer(case, rule(case.facts, packs)) for case in found]
    typer.echo(json.dumps(answers if several else answers[0], indent=2))


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _refuse(message: str) -> NoReturn:
    """Say what is wrong in one printable line and end with the status of wrong usage."""
    line = " ".join(message.split())
    typer.echo(line.encode("ascii", "backslashreplace").decode("ascii"), err=True)
    raise typer.Exit(2)


@rules.command()
def load(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="JSON, or CMS's CSV table of limits (MUE).")
    ],
    quarter: Annotated[str | None, typer.Option(help="For CSV: the quarter it is for, such as 2026Q4.")] = None,
) -> None:
    """Load a quarter's unit limits in place of the assumed ones."""
    from caretide.billing import actions
    from caretide.kernel.actor import Actor
    from caretide.kernel.errors import Invalid
    from caretide.programs.limits import parse_limits
    from caretide.runtime.console import run
    from caretide.runtime.installation import Installation

    try:
        limits = parse_limits(file.read_text("utf-8"), quarter=quarter, source=file.name)
    except UnicodeDecodeError:
        raise Invalid("the file is not UTF-8 text", field="file") from None
    except Invalid as error:
        raise Invalid(f"{file.name}: {error.message}", field="file") from None

    async def work(ours: Installation) -> None:
        async with ours.database.tx(Actor.operator()) as tx:
            await actions.load_limits(tx, limits)

    run(work)
    typer.echo(f"{len(limits.limits)} limits of {limits.quarter} stand from that quarter on.")


@month.command("status")
def status_command(service_month: MonthArgument, tenant: TenantOption, as_json: JsonOption = False) -> None:
    """Show how each clinic's month stands."""
    from caretide.billing.queries import closes
    from caretide.kernel.month import Month

    chosen = Month.parse(service_month)
    show_status(in_tenant(tenant, lambda tx: closes.status(tx, chosen)), as_json=as_json)


def show_status(states: "Sequence[ClinicStatus]", *, as_json: bool) -> None:
    """Print a row for each clinic."""
    from caretide.kernel.money import dollars
    from caretide.runtime.console import show

    rows = [
        {
            "slug": state.slug,
            "state": state.state,
            "ready": state.ready,
            "blocked": state.blocked,
            "lines": state.lines,
            ("amount_cents" if as_json else "amount"): state.amount if as_json else dollars(state.amount),
            "records": state.records,
        }
        for state in states
    ]
    columns = ("slug", "state", "ready", "blocked", "lines", "amount", "records")
    show(rows, columns, as_json=as_json, empty="This tenant has no clinics yet: caretide clinics create NAME")


@month.command("rule")
def rule_command(tenant: TenantOption) -> None:
    """Rule now every patient-month that changed or was never ruled; the worker does it by itself within seconds."""
    from caretide.billing import actions
    from caretide.kernel.actor import Actor
    from caretide.runtime.console import run
    from caretide.runtime.installation import Installation
    from caretide.tenants import queries as tenants

    async def work(ours: Installation) -> None:
        async with ours.database.tx(Actor.nobody()) as tx:
            tenant_id = await tenants.tenant_by_slug(tx, tenant)
        left = True
        while left:
            # A transaction each: whoever else works is never kept waiting for long.
            async with ours.database.tx(Actor.system(tenant_id)) as tx:
                left = await actions.rule_some(tx)

    run(work)
    typer.echo("Every month stands as it is recorded.")


@month.command("documents")
def documents_command(
    service_month: MonthArgument,
    tenant: TenantOption,
    out: Annotated[Path, typer.Option("--out", file_okay=False, help="Folder to write the monthly records into.")],
) -> None:
    """Write a month's records as PDF files, each checked against its SHA-256."""
    from caretide.billing.queries import closes
    from caretide.documents import queries as documents
    from caretide.kernel.month import Month
    from caretide.runtime.tx import Tx

    chosen = Month.parse(service_month)

    async def write(tx: Tx) -> int:
        ids = await closes.records(tx, chosen)
        if ids:
            out.mkdir(mode=0o700, parents=True, exist_ok=True)
        for document_id in ids:
            found, pdf = await documents.content(tx, document_id)
            _write_private(out / found.file_name, pdf)
        return len(ids)

    count = in_tenant(tenant, write)
    typer.echo(
        f"{count} records of {chosen} are in {out}." if count else f"{chosen} has no records yet.", err=not count
    )


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whatever the folder allows."""
    import os

    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
