"""`caretide audit` and `caretide breach`: whether the trail holds, and whom a breach concerns."""

from typing import Annotated

import typer

from caretide.tenants.cli import JsonOption, TenantOption, in_tenant

audit = typer.Typer(help="The audit trail of a tenant.", no_args_is_help=True)
breach = typer.Typer(help="What a breach concerns.", no_args_is_help=True)


@audit.command("verify")
def verify_command(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """Work out every leaf anew, compare every column with its bytes, and name the first fault."""
    from caretide.audit.queries import verify
    from caretide.runtime.console import say

    found = in_tenant(tenant, verify.verify)
    values = {"events": found.events, "fault": found.fault, "event": found.event_id, "at": found.at}
    text = f"{found.events:,} events hold."
    if found.fault:
        text = f"Event {found.event_id} ({found.at}): {found.fault}; the {found.events:,} before it hold."
    say(values, as_json=as_json, text=text)
    raise typer.Exit(1 if found.fault else 0)


@breach.command("scope")
def scope_command(
    tenant: TenantOption,
    since: Annotated[str, typer.Option("--from", help="Day or moment, UTC unless it says otherwise.")],
    until: Annotated[str, typer.Option("--to", help="Day (included) or moment.")],
    actor: Annotated[str, typer.Option(help="A member's or account's id, or an address.")] = "",
    session: Annotated[str, typer.Option(help="A session as the audit calls it.")] = "",
    token: Annotated[str, typer.Option(help="A token as the audit calls it.")] = "",
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """List every patient whose data was returned, with classes of data and counts, from the audit alone."""
    from caretide.audit.queries import scope
    from caretide.audit.rules import moment_of
    from caretide.runtime.console import show
    from caretide.ui.sheet import csv_text

    span = (moment_of(since), moment_of(until, ends=True))
    found = in_tenant(
        tenant, lambda tx: scope.breach_scope(tx, since=span[0], until=span[1], actor=actor, session=session or token)
    )
    columns = ("patient_id", "events", "first", "last", "data")
    rows = [
        {
            "patient_id": str(one.patient_id),
            "events": one.events,
            "first": one.first,
            "last": one.last,
            "data": one.data if as_json else ", ".join(f"{name} {count}" for name, count in one.data.items()),
        }
        for one in found
    ]
    if as_csv:
        typer.echo(csv_text(columns, ([row[name] for name in columns] for row in rows)), nl=False)
    else:
        show(rows, columns, as_json=as_json, empty="Nothing of any patient was returned.")
