"""`caretide accounts`, `tokens`, `service-accounts`, `waivers` and `companies sign-on`: who and what gets in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from caretide.tenants.cli import JsonOption, TenantOption, companies, in_tenant

if TYPE_CHECKING:
    from caretide.runtime.tx import Tx

accounts = typer.Typer(help="Accounts: people who sign in, in one tenant or several.", no_args_is_help=True)
tokens = typer.Typer(help="Tokens by which programs work in a tenant.", no_args_is_help=True)
services = typer.Typer(help="Service accounts: programs that have tokens and never sign in.", no_args_is_help=True)
waivers = typer.Typer(
    help="Waivers of separated duties; an administrator records them in person.", no_args_is_help=True
)


@accounts.command("end")
def end_account(
    email: Annotated[str, typer.Argument(help="The address that the person signs in with.")],
    as_json: JsonOption = False,
) -> None:
    """End somebody's access everywhere: sessions, tokens, and a running timer at its last sign of life."""
    from caretide.identity import actions as identity
    from caretide.kernel.actor import Actor
    from caretide.reports import actions
    from caretide.runtime.console import run, say
    from caretide.runtime.installation import Installation
    from caretide.tenants import queries

    async def work(ours: Installation) -> int:
        async with ours.database.tx(Actor.operator()) as tx:
            places = await identity.end_account(tx, email)
        ended = 0
        for tenant_id, member_id in places:
            async with ours.database.tx(Actor.system(tenant_id)) as tx:
                if (await queries.member(tx, member_id)).status != "suspended":
                    await actions.end_access(tx, member_id)
                    ended += 1
        return ended

    ended = run(work)
    say(
        {"email": email, "tenants": ended},
        as_json=as_json,
        text=f"{email} opens nothing any more. Places ended: {ended}.",
    )


@accounts.command("reopen")
def reopen_account(email: Annotated[str, typer.Argument(help="The address that the person signs in with.")]) -> None:
    """Let an ended account sign in again; each tenant reinstates its member itself."""
    from caretide.identity import actions as identity
    from caretide.kernel.actor import Actor
    from caretide.runtime.console import run
    from caretide.runtime.installation import Installation

    async def work(ours: Installation) -> None:
        async with ours.database.tx(Actor.operator()) as tx:
            await identity.reopen_account(tx, email)

    run(work)
    typer.echo(f"{email} can sign in again. Where they work, an administrator there lets them in.")


@waivers.command("list")
def list_waivers(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """List who may do alone what two people do otherwise, until when and by whose word."""
    from caretide.runtime.console import show
    from caretide.tenants import queries

    async def work(tx: "Tx") -> list[dict[str, str]]:
        return [
            {
                "id": str(one.id),
                "who": one.member,
                "duty": one.duty,
                "by": one.granted_by,
                "last day": str(one.ends_on),
                "state": one.state(tx.now),
            }
            for one in await queries.waivers(tx)
        ]

    columns = ("who", "duty", "by", "last day", "state")
    show(in_tenant(tenant, work), columns, as_json=as_json, empty="No duty is waived.")


@accounts.command("reset")
def reset_account(
    email: Annotated[str, typer.Argument(help="The address that the person signs in with.")],
    reason: Annotated[str, typer.Option(help="How you made sure of them, for every tenant where they work to read.")],
    as_json: JsonOption = False,
) -> None:
    """Take away all that somebody signs in with, in every tenant, and print a link and a code to bind it anew."""
    from caretide.reports.resets import reset
    from caretide.runtime.console import run, say

    made = run(lambda ours: reset(ours, email, reason))
    told = {"email": email, "tenants": made.tenants, "link": made.link, "code": made.code}
    say(
        told | {"expires_at": made.expires_at.isoformat()},
        as_json=as_json,
        text=f"{email} opens nothing any more, in any tenant ({made.tenants}).\n\n"
        f"Link, to send to the person:\n  {made.link}\n\n"
        f"Code, to tell them by voice, never with the link:\n  {made.code}\n\n"
        f"Both are good until {made.expires_at:%Y-%m-%d %H:%M} UTC, once; the fifth wrong code makes the link void.",
    )


@tokens.command("list")
def list_tokens(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """List the tokens of people and service accounts."""
    from caretide.identity.queries.tokens import tokens as asked
    from caretide.runtime.console import show

    columns = ("id", "name", "owner", "state", "expires_at", "last_used_at")
    rows = [one.model_dump(mode="json") for one in in_tenant(tenant, asked)]
    show(rows, columns, as_json=as_json, empty="No tokens yet.")


@tokens.command("revoke")
def revoke_token(token: Annotated[UUID, typer.Argument(help="The token's id.")], tenant: TenantOption) -> None:
    """Revoke a token, from the next request on."""
    from caretide.identity import actions

    in_tenant(tenant, lambda tx: actions.revoke_token(tx, token))
    typer.echo("The token is revoked.")


@services.command("create")
def create_service(
    name: Annotated[str, typer.Argument(help="The program's name.")],
    tenant: TenantOption,
    purpose: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Make a service account."""
    from caretide.identity import actions
    from caretide.identity.schemas import ServiceForm
    from caretide.runtime.console import say

    made = in_tenant(tenant, lambda tx: actions.create_service_account(tx, ServiceForm(name=name, purpose=purpose)))
    say({"id": str(made), "name": name}, as_json=as_json, text=f"Service account {made}; give it a token next.")


@services.command("list")
def list_services(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """List the service accounts."""
    from caretide.identity.queries.tokens import services as asked
    from caretide.runtime.console import show

    rows = [one.model_dump(mode="json") for one in in_tenant(tenant, asked)]
    columns = ("id", "name", "purpose", "tokens", "ended_at")
    show(rows, columns, as_json=as_json, empty="None yet: caretide service-accounts create NAME")


@services.command("token")
def create_token(
    service: Annotated[UUID, typer.Argument(help="The service account's id.")],
    tenant: TenantOption,
    scope: Annotated[list[str], typer.Option(help="A permission that the token has; once for each.")],
    name: Annotated[str, typer.Option(help="The token's name.")] = "command line",
    days: Annotated[int, typer.Option(help="Days until it expires.", min=1, max=365)] = 90,
    as_json: JsonOption = False,
) -> None:
    """Make a token of a service account and print it, once."""
    from caretide.identity import actions
    from caretide.identity.schemas import TokenForm
    from caretide.runtime.console import say
    from caretide.settings import load_settings

    new, mode = TokenForm(name=name, days=days, scopes=tuple(scope)), load_settings().mode
    made = in_tenant(tenant, lambda tx: actions.create_service_token(tx, "", service, new, mode=mode))
    say(made.model_dump(mode="json"), as_json=as_json, text=f"{made.token}\nIt expires on {made.expires_at:%Y-%m-%d}.")


@services.command("end")
def end_service(
    service: Annotated[UUID, typer.Argument(help="The service account's id.")], tenant: TenantOption
) -> None:
    """End a service account and revoke its tokens."""
    from caretide.identity import actions

    revoked = in_tenant(tenant, lambda tx: actions.end_service_account(tx, service))
    typer.echo(f"The service account has ended. Tokens revoked with it: {revoked}.")


@companies.command("sign-on")
def company_sign_on(
    company: Annotated[str, typer.Argument(help="The company's slug.")],
    issuer: Annotated[str, typer.Option(help="The identity provider's issuer, letter by letter.")] = "",
    client_id: Annotated[str, typer.Option(help="The client that the provider knows us as.")] = "",
    secret_file: Annotated[Path | None, typer.Option(help="A file with the client's secret, if it has one.")] = None,
    name: Annotated[str, typer.Option(help="What people know it as.")] = "Company sign-on",
    acr: Annotated[str, typer.Option(help="What its acr says when two factors were given.")] = "",
    amr: Annotated[str, typer.Option(help="What its amr says when two factors were given.")] = "",
    off: Annotated[bool, typer.Option("--off", help="Take its word no more.")] = False,
) -> None:
    """Set up the identity provider of a service company, for its people in the tenants that it serves."""
    from caretide.identity.actions import providers
    from caretide.identity.schemas import ProviderForm
    from caretide.kernel.actor import Actor
    from caretide.runtime.console import run
    from caretide.runtime.installation import Installation
    from caretide.tenants import queries

    secret = secret_file.read_text("utf-8").strip() if secret_file else ""
    new = ProviderForm(name=name, issuer=issuer, client_id=client_id, client_password=secret, acr=acr, amr=amr)

    async def work(ours: Installation) -> None:
        async with ours.database.tx(Actor.operator()) as tx:
            company_id = await queries.company_by_slug(tx, company)
            if off:
                await providers.switch_off_company_provider(tx, company_id)
            else:
                await providers.save_company_provider(tx, company_id, new)

    run(work)
    typer.echo("Its word is not taken any more." if off else f"The people of '{company}' sign in by {issuer}.")
