"""`caretide activities`: under which names a tenant offers kinds of work."""

from typing import TYPE_CHECKING, Annotated

import typer

from caretide.tenants.cli import JsonOption, TenantOption, in_tenant

if TYPE_CHECKING:
    from caretide.runtime.tx import Tx
    from caretide.time_log.rules import Offering

activities = typer.Typer(help="Under which names a tenant offers kinds of work.", no_args_is_help=True)


@activities.command("list")
def list_activities(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """List a tenant's activities, those that are not offered any more too."""
    from caretide.runtime.console import show
    from caretide.time_log import queries

    rows = [
        {
            "code": one.code,
            "name": one.label,
            "counts as": one.standard.label,
            "counts": one.standard.counts,
            "offered": one.is_offered,
        }
        for one in in_tenant(tenant, queries.activities).values()
    ]
    show(rows, ("code", "name", "counts as", "counts", "offered"), as_json=as_json, empty="")


@activities.command("add")
def add_activity(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    tenant: TenantOption,
    standard: Annotated[str, typer.Option(help="Code of the standard type that it stands on; see the list.")],
) -> None:
    """Offer an activity of the tenant's own. The standard type alone says how its time counts."""
    from caretide.time_log import actions

    async def add(tx: "Tx") -> "Offering":
        return await actions.add_activity(tx, name, standard)

    made = in_tenant(tenant, add)
    typer.echo(f"'{made.label}' is offered from now on, as {made.code}; it counts as: {made.standard.label}.")


@activities.command("change")
def change_activity(
    code: Annotated[str, typer.Argument(help="The activity's code; see the list.")],
    tenant: TenantOption,
    name: Annotated[str | None, typer.Option(help="What it is called from now on.")] = None,
    offered: Annotated[bool | None, typer.Option("--offered/--not-offered", help="Whether it is offered.")] = None,
) -> None:
    """Rename an activity, stop offering it, or offer it again. What was recorded keeps its words."""
    from caretide.time_log import actions

    async def change(tx: "Tx") -> "Offering":
        return await actions.change_activity(tx, code, label=name, is_offered=offered)

    made = in_tenant(tenant, change)
    typer.echo(f"'{made.label}' is {'offered' if made.is_offered else 'not offered'} from now on.")
