"""`caretide covers` and `duties`: who works whose roster for a while, and who answers which clinic's calls."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from caretide.tenants.cli import JsonOption, TenantOption, in_tenant

if TYPE_CHECKING:
    from caretide.rosters.rules import DutyRow
    from caretide.runtime.tx import Tx

covers = typer.Typer(help="Covers: somebody works a colleague's roster for a while.", no_args_is_help=True)
duties = typer.Typer(help="Duty: who answers which clinic's calls, and when.", no_args_is_help=True)

DAY = "%Y-%m-%d"
IdArgument = Annotated[UUID, typer.Argument(metavar="ID", help="Its id; see the list.")]


async def _member(tx: "Tx", email: str) -> UUID:
    """Return the member with an address; raise NotFound where there is none."""
    from caretide.kernel.errors import NotFound
    from caretide.tenants import queries

    found = {one.email: one.id for one in await queries.members(tx)}
    if email.strip().lower() not in found:
        raise NotFound("Nobody here has this address; see `caretide members list --tenant SLUG`")
    return found[email.strip().lower()]


@covers.command("list")
def list_covers(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """List the covers that run or will, and those of the last sixty days."""
    from caretide.rosters import queries
    from caretide.runtime.console import show

    async def work(tx: "Tx") -> list[dict[str, str]]:
        return [
            {
                "id": str(one.id),
                "away": one.absent,
                "covered by": one.cover,
                "from": str(one.first_on),
                "to": str(one.last_on),
                "state": "ended early" if one.ended_at else one.state(tx.now),
            }
            for one in await queries.covers(tx)
        ]

    columns = ("id", "away", "covered by", "from", "to", "state")
    show(in_tenant(tenant, work), columns, as_json=as_json, empty="Nobody is covered: caretide covers give")


@covers.command("give")
def give_cover(
    tenant: TenantOption,
    away: Annotated[str, typer.Option(help="Address of who is away.")],
    by: Annotated[str, typer.Option(help="Address of who works the roster.")],
    first: Annotated[datetime, typer.Option("--from", formats=[DAY], help="The first day.")],
    last: Annotated[datetime, typer.Option("--to", formats=[DAY], help="The last day.")],
    as_json: JsonOption = False,
) -> None:
    """Have somebody work a colleague's roster. The designations stay, and it ends by itself."""
    from caretide.rosters import actions
    from caretide.runtime.console import say

    async def give(tx: "Tx") -> UUID:
        absent, cover = await _member(tx, away), await _member(tx, by)
        return await actions.give_cover(tx, absent, cover, first.date(), last.date())

    made = in_tenant(tenant, give)
    text = f"{by} works the roster of {away} from {first:{DAY}} to {last:{DAY}}."
    say({"id": str(made)}, as_json=as_json, text=text)


@covers.command("end")
def end_cover(cover: IdArgument, tenant: TenantOption) -> None:
    """End a cover now; one that is still to come does not come."""
    from caretide.rosters import actions

    in_tenant(tenant, lambda tx: actions.end_cover(tx, cover))
    typer.echo("The cover has ended.")


def _shown(one: "DutyRow") -> dict[str, str]:
    return {
        "id": str(one.id),
        "clinic": one.clinic,
        "who": one.name,
        "days": one.days,
        "hours": one.hours,
        "from": str(one.first_on),
        "to": str(one.last_on or ""),
    }


@duties.command("list")
def list_duties(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """List every duty that stands, by clinic."""
    from caretide.rosters import queries
    from caretide.runtime.console import show

    rows = [_shown(one) for one in in_tenant(tenant, queries.duties)]
    columns = ("id", "clinic", "who", "days", "hours", "from", "to")
    show(rows, columns, as_json=as_json, empty="Nobody is on duty: caretide duties add")


@duties.command("add")
def add_duty(
    tenant: TenantOption,
    clinic: Annotated[str, typer.Option(help="The clinic's slug.")],
    who: Annotated[str, typer.Option(help="Address of who is on duty.")],
    first: Annotated[datetime, typer.Option("--from", formats=[DAY], help="The first day.")],
    last: Annotated[datetime | None, typer.Option("--to", formats=[DAY], help="The last day, if there is one.")] = None,
    weekday: Annotated[
        list[int] | None, typer.Option(min=1, max=7, help="1 is Monday; may be repeated. Every day without.")
    ] = None,
    begins: Annotated[str, typer.Option(help="When it begins, by the clinic's clock.")] = "00:00",
    until: Annotated[str, typer.Option(help="When it ends, by the clinic's clock.")] = "24:00",
    as_json: JsonOption = False,
) -> None:
    """Put somebody on duty for a clinic's calls: meanwhile they see all its patients."""
    from caretide.kernel.errors import NotFound
    from caretide.rosters import actions
    from caretide.rosters.rules.shifts import minute_of
    from caretide.runtime.console import say
    from caretide.tenants import queries

    async def add(tx: "Tx") -> UUID:
        clinic_ids = {one.slug: one.id for one in await queries.clinics(tx)}
        if clinic not in clinic_ids:
            raise NotFound("There is no such clinic; see `caretide clinics list --tenant SLUG`")
        new = actions.NewDuty(
            clinic_id=clinic_ids[clinic],
            member_id=await _member(tx, who),
            first_on=first.date(),
            last_on=last.date() if last else None,
            weekdays=tuple(weekday or ()),
            from_minute=minute_of(begins, "begins"),
            until_minute=minute_of(until, "until"),
        )
        return await actions.add_duty(tx, new)

    made = in_tenant(tenant, add)
    say({"id": str(made)}, as_json=as_json, text=f"{who} is on duty for {clinic} from {first:{DAY}}.")


@duties.command("end")
def end_duty(duty: IdArgument, tenant: TenantOption) -> None:
    """End a duty now; one that is still to come does not come."""
    from caretide.rosters import actions

    in_tenant(tenant, lambda tx: actions.end_duty(tx, duty))
    typer.echo("The duty has ended.")
