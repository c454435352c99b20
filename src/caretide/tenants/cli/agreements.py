"""`caretide agreements`: the register of business associate agreements."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from caretide.tenants.cli import JsonOption, TenantOption, in_tenant

if TYPE_CHECKING:
    from caretide.runtime.tx import Tx

agreements = typer.Typer(help="Agreements by which a tenant's patient data may be held.", no_args_is_help=True)


@agreements.command("add")
def add_agreement(  # noqa: PLR0913, PLR0917 - an option for each thing that an agreement says
    tenant: TenantOption,
    party: Annotated[str, typer.Option("--with", help="The business associate's name.")],
    file: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="The signed agreement, a PDF of up to 10 MB.")
    ],
    effective: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day on which it takes effect.")],
    ends: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Its last day, if it has one.")] = None,
    kind: Annotated[str, typer.Option(help="operator (who runs this installation) or subcontractor.")] = "operator",
    company: Annotated[str | None, typer.Option(help="Slug of the service company that it is with.")] = None,
    breach_hours: Annotated[int, typer.Option(help="Hours within which a breach is told of.")] = 72,
    subcontractor: Annotated[list[str] | None, typer.Option(help="A subcontractor; may be repeated.")] = None,
    at_end: Annotated[str, typer.Option(help="return, destroy or return_or_destroy.")] = "return_or_destroy",
    as_json: JsonOption = False,
) -> None:
    """Record a signed agreement. Before one is in force a tenant can have no patients."""
    from caretide.runtime.console import say
    from caretide.tenants import actions, queries
    from caretide.tenants.rules.agreements import NewAgreement

    async def add(tx: "Tx") -> tuple[str, list[str]]:
        company_id = await queries.company_by_slug(tx, company) if company else None
        new = NewAgreement(
            kind="company" if company else kind,
            party=party,
            file=_small(file),
            effective_on=effective.date(),
            ends_on=ends.date() if ends else None,
            breach_notice_hours=breach_hours,
            subcontractors=tuple(subcontractor or ()),
            at_end=at_end,
            company_id=company_id,
        )
        made = await actions.add_agreement(tx, new)
        beside = [str(one.id) for one in await queries.agreements_beside(tx, made)]
        return (await queries.agreement(tx, made)).file_sha256, beside

    digest, beside = in_tenant(tenant, add)
    text = f"Recorded; the file's SHA-256 is {digest}."
    if beside:
        text += f"\nAnother agreement of this kind with {party} binds on the same days; end the one that it replaces."
    say({"sha256": digest, "overlaps": beside}, as_json=as_json, text=text)


def _small(file: Path) -> bytes:
    """Return a file's bytes, of one that is too large no more than show it."""
    from caretide.tenants.rules.agreements import MOST_BYTES

    with file.open("rb") as opened:
        return opened.read(MOST_BYTES + 1)


@agreements.command("list")
def list_agreements(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """List a tenant's agreements with their state today."""
    from caretide.runtime.console import show
    from caretide.tenants import queries
    from caretide.tenants.rules.agreements import AgreementRow, overlapping, today_of

    async def find(tx: "Tx") -> tuple[list[AgreementRow], date]:
        return await queries.agreements(tx), today_of(tx.now)

    found, today = in_tenant(tenant, find)
    rows = [
        {
            "with": one.party,
            "kind": one.kind,
            "state": one.state(today),
            "effective": one.effective_on.isoformat(),
            "last day": one.last_day.isoformat() if one.last_day else "",
            "breach notice": f"{one.breach_notice_hours} h",
            "overlaps": "another one" if overlapping(one, found, today) else "",
            "sha256": one.file_sha256,
        }
        for one in found
    ]
    columns = ("with", "kind", "state", "effective", "last day", "breach notice", "overlaps")
    show(rows, columns, as_json=as_json, empty="No agreements yet: caretide agreements add")
