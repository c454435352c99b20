"""`caretide db`: the embedded server, by hand."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from caretide.postgres.roles import LoginRole

db = typer.Typer(help="The database: start, stop, look, connect.", no_args_is_help=True)


@db.command("start")
def start_command() -> None:
    """Start the embedded PostgreSQL and leave it running until `db stop`."""
    from caretide.postgres import server
    from caretide.postgres.databases import archive_seconds
    from caretide.settings import load_settings

    cluster = server.start(_embedded_home(), archive=archive_seconds(load_settings()))
    typer.echo(f"PostgreSQL runs from {cluster.home}, on 127.0.0.1:{cluster.port} and in {cluster.socket_dir}.")


@db.command("stop")
def stop_command(
    force: Annotated[bool, typer.Option("--force", help="Stop it even while other processes use it.")] = False,
) -> None:
    """Stop the embedded PostgreSQL."""
    from caretide.postgres import server

    stopped = server.stop(_embedded_home(), force=force)
    typer.echo("PostgreSQL is stopped." if stopped else "PostgreSQL was not running.")


@db.command("url")
def url_command(
    role: Annotated[LoginRole, typer.Option(help="Who connects.")] = LoginRole.APP,
) -> None:
    """Print a role's connection URL, password included, and nothing else."""
    from caretide.postgres.databases import known
    from caretide.settings import load_settings

    typer.echo(known(load_settings()).url(role))


@db.command("status")
def status_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show whether the embedded PostgreSQL runs, where, and what holds it up."""
    from rich.console import Console
    from rich.table import Table

    from caretide.postgres import server

    found = dataclasses.asdict(server.status(_embedded_home()))
    if as_json:
        typer.echo(json.dumps(found, default=str))
        return
    table = Table(show_header=False, box=None)
    for name, value in found.items():
        table.add_row(name.replace("_", " "), {True: "yes", False: "no", None: "-"}.get(value, str(value)))
    Console().print(table)


# `db migrate` belongs here, between the server and its URLs.


def _embedded_home() -> Path:
    from caretide.kernel.errors import Invalid
    from caretide.settings import load_settings

    settings = load_settings()
    if settings.database_url is not None:
        raise Invalid("CARETIDE_DATABASE_URL is set: that server is not Caretide's to start or stop.")
    return settings.home
