"""`caretide`: nouns, then verbs. Heavy imports wait inside the commands, so that help answers at once."""

import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from caretide.audit.cli import audit, breach
from caretide.billing.cli import month, rules
from caretide.ehr.cli import imports
from caretide.operations.cli import archive, backup, doctor, evidence, mail, restore, rotate_keys
from caretide.postgres.cli import db
from caretide.reports.cli import accounts, services, tokens, waivers
from caretide.rosters.cli import covers, duties
from caretide.runtime.cli import keys
from caretide.tenants.cli import (
    JsonOption,
    TenantOption,
    clinics,
    companies,
    members,
    practitioners,
    settings,
    tenants,
)
from caretide.tenants.cli.agreements import agreements
from caretide.time_log.cli import activities

if TYPE_CHECKING:
    from caretide.runtime.installation import Installation

app = typer.Typer(
    help="Run a care-management month for many health systems.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(companies, name="companies")
app.add_typer(tenants, name="tenants")
app.add_typer(clinics, name="clinics")
app.add_typer(practitioners, name="practitioners")
app.add_typer(members, name="members")
app.add_typer(covers, name="covers")
app.add_typer(duties, name="duties")
app.add_typer(accounts, name="accounts")
app.add_typer(tokens, name="tokens")
app.add_typer(services, name="service-accounts")
app.add_typer(waivers, name="waivers")
app.add_typer(agreements, name="agreements")
app.add_typer(settings, name="settings")
app.add_typer(activities, name="activities")
app.add_typer(imports, name="import")
app.add_typer(month, name="month")
app.add_typer(rules, name="rules")
app.add_typer(audit, name="audit")
app.add_typer(breach, name="breach")
app.add_typer(db, name="db")
app.add_typer(keys, name="keys")
app.add_typer(mail, name="mail")
app.command("doctor")(doctor)
app.command("backup")(backup)
app.command("archive")(archive)
app.command("restore")(restore)
app.command("evidence")(evidence)
keys.command("rotate")(rotate_keys)


@db.command("migrate")
def migrate_command() -> None:
    """Bring the schema up to date."""
    from caretide.postgres.databases import shared
    from caretide.postgres.roles import LoginRole
    from caretide.runtime.context_keys import install, signing_keys
    from caretide.runtime.migrations import migrate
    from caretide.settings import load_settings

    settings = load_settings()
    with shared(settings) as urls:
        before, after = migrate(urls.url(LoginRole.MIGRATOR))
        install(urls.url(LoginRole.MIGRATOR), signing_keys(settings.home))
    typer.echo(f"The schema is at revision {after}" + (f" (was {before or 'empty'})." if before != after else "."))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address; CARETIDE_HOST otherwise.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; CARETIDE_PORT otherwise.")] = None,
    worker: Annotated[bool, typer.Option(help="Run jobs in this process too.")] = True,
) -> None:
    """Serve pages and API, and run jobs."""
    import asyncio

    from caretide.serving import serve_forever
    from caretide.settings import load_settings

    chosen = {"host": host, "port": port}
    asyncio.run(serve_forever(load_settings(**{k: v for k, v in chosen.items() if v is not None}), with_worker=worker))


demo_app = typer.Typer(invoke_without_command=True)
app.add_typer(demo_app, name="demo")


@demo_app.callback()
def demo(
    context: typer.Context,
    leave: Annotated[bool, typer.Option("--exit", help="Stop after the close and print a JSON summary.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over; refused where a tenant is real.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Another number draws other people.")] = 1,
    patients: Annotated[
        int | None, typer.Option(help="Generate a tenant of so many patients, 100,000 at most.")
    ] = None,
) -> None:
    """Build a generated practice, play and close its last month, and serve it.

    With --patients it builds and serves a tenant of that size instead, beside whatever is there: for seeing and
    measuring how the system bears it.
    """
    if context.invoked_subcommand is not None:
        return
    from caretide.demo.bulk_cli import run_scale
    from caretide.demo.cli import run_demo
    from caretide.serving import check_port
    from caretide.settings import load_settings
    from caretide.worker import drain

    if not leave:
        check_port(load_settings())

    async def serve_it(ours: "Installation") -> None:
        from caretide.serving import serve_installation

        await serve_installation(ours, with_worker=True)

    if patients is not None:
        raise typer.Exit(run_scale(serve_it, patients=patients, leave=leave, fresh=fresh, seed=seed))
    raise typer.Exit(run_demo(drain, serve_it, leave=leave, fresh=fresh, seed=seed))


@demo_app.command("code")
def demo_code(email: Annotated[str, typer.Argument(metavar="E-MAIL")]) -> None:
    """Print the code that the authenticator app of somebody of the demonstration would show now."""
    from caretide.demo.cli import print_code

    print_code(email)


@app.command("worker")
def worker_command() -> None:
    """Run jobs until told to stop."""
    from caretide.runtime.console import run as run_in
    from caretide.serving import work_forever

    run_in(work_forever)


@month.command("close")
def close_command(
    service_month: Annotated[str, typer.Argument(metavar="MONTH", help="YYYY-MM")],
    tenant: TenantOption,
    clinic: Annotated[str | None, typer.Option("--clinic", help="Only this clinic, by its slug.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Close a month: rule it, freeze its lines, write its records. Run again, it does what is left."""
    from caretide.billing.cli import show_status
    from caretide.kernel.month import Month
    from caretide.runtime.console import run
    from caretide.serving import close_month

    chosen = Month.parse(service_month)
    show_status(run(lambda ours: close_month(ours, tenant, chosen, clinic)), as_json=as_json)


@app.callback(invoke_without_command=True)
def start(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Run a care-management month for many health systems."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("caretide"))
        raise typer.Exit


def _ended(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    sys.exit(128 + number)


def main() -> None:
    """Run the command line; every error is one line and an exit status, never a traceback."""
    # A service manager's signal ends a command as an interruption does: what it holds is let go.
    signal.signal(signal.SIGTERM, _ended)
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the last resort: a fault of ours is told in one line, too
        from caretide.runtime.console import exit_code

        sys.exit(exit_code(error))
