"""`caretide companies`, `tenants`, `clinics`, `practitioners` and `members`: an empty install becomes a working one."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from caretide.runtime.tx import Tx

T = TypeVar("T")

companies = typer.Typer(help="Service companies: their staff work in several tenants.", no_args_is_help=True)
tenants = typer.Typer(help="Tenants: the covered entities that this installation serves.", no_args_is_help=True)
clinics = typer.Typer(help="Clinics of a tenant.", no_args_is_help=True)
practitioners = typer.Typer(help="Billing practitioners of a tenant.", no_args_is_help=True)
members = typer.Typer(help="People who work in a tenant.", no_args_is_help=True)

settings = typer.Typer(help="What a tenant decides about itself.", no_args_is_help=True)

TenantOption = Annotated[str, typer.Option("--tenant", help="The tenant's slug.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def in_tenant(slug: str, work: "Callable[[Tx], Awaitable[T]]") -> T:
    """Do some work in one transaction as the command line acts in the tenant with a slug."""
    from caretide.kernel.actor import Actor
    from caretide.runtime.console import run
    from caretide.runtime.installation import Installation
    from caretide.tenants import queries

    async def opened(ours: Installation) -> T:
        async with ours.database.tx(Actor.nobody()) as tx:
            tenant_id = await queries.tenant_by_slug(tx, slug)
        async with ours.database.tx(Actor.system(tenant_id)) as tx:
            return await work(tx)

    return run(opened)


@companies.command("create")
def create_company(
    name: Annotated[str, typer.Argument(help="The company's name.")],
    slug: Annotated[str | None, typer.Option(help="Short name for commands; made from the name by default.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a service company."""
    from caretide.kernel.actor import Actor
    from caretide.runtime.console import run, say
    from caretide.runtime.installation import Installation
    from caretide.tenants import actions, rules

    chosen = rules.check_slug(slug) if slug else rules.slug_of(name)

    async def work(ours: Installation) -> None:
        async with ours.database.tx(Actor.operator()) as tx:
            await actions.create_company(tx, slug=chosen, name=name)

    run(work)
    say({"slug": chosen, "name": name}, as_json=as_json, text=f"Company '{chosen}' is ready.")


@companies.command("list")
def list_companies(as_json: JsonOption = False) -> None:
    """List the service companies and the tenants that say that they are served by them."""
    from caretide.kernel.actor import Actor
    from caretide.runtime.console import run, show
    from caretide.runtime.installation import Installation
    from caretide.tenants import queries

    async def work(ours: Installation) -> list[dict[str, Any]]:
        async with ours.database.tx(Actor.nobody()) as tx:
            found, served = await queries.companies(tx), await queries.tenants(tx)
        tenants_of: dict[str, list[str]] = {row.slug: [] for row in found}
        for tenant in served:
            async with ours.database.tx(Actor.system(tenant.id)) as tx:
                company = await queries.serving_company(tx)
            if company is not None:
                tenants_of[company.slug].append(tenant.slug)
        return [{"slug": row.slug, "name": row.name, "tenants": ", ".join(tenants_of[row.slug])} for row in found]

    empty = "No companies yet: caretide companies create NAME"
    show(run(work), ("slug", "name", "tenants"), as_json=as_json, empty=empty)


@companies.command("join")
def join_company(
    email: Annotated[str, typer.Argument(help="The address that the person signs in with.")],
    company: Annotated[str, typer.Option(help="The company's slug.")],
    director: Annotated[bool, typer.Option(help="Whether they see its figures: staff, hours and counts.")] = False,
) -> None:
    """Say that somebody works for a service company."""
    from caretide.kernel.actor import Actor
    from caretide.runtime.console import run
    from caretide.runtime.installation import Installation
    from caretide.tenants import actions, queries

    async def work(ours: Installation) -> None:
        async with ours.database.tx(Actor.operator()) as tx:
            company_id = await queries.company_by_slug(tx, company)
            await actions.join_company(tx, company_id, email, is_director=director)

    run(work)
    typer.echo(f"{email} works for '{company}'" + (" and directs it." if director else "."))


@tenants.command("create")
def create_tenant(
    name: Annotated[str, typer.Argument(help="The tenant's name.")],
    slug: Annotated[str | None, typer.Option(help="Short name for commands; made from the name by default.")] = None,
    company: Annotated[str | None, typer.Option(help="Slug of the service company whose staff work here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a tenant."""
    from caretide.kernel.actor import Actor
    from caretide.kernel.ids import new_id
    from caretide.runtime.console import run, say
    from caretide.runtime.installation import Installation
    from caretide.tenants import actions, queries, rules

    chosen = rules.check_slug(slug) if slug else rules.slug_of(name)

    async def work(ours: Installation) -> None:
        async with ours.database.tx(Actor.system(new_id())) as tx:
            company_id = await queries.company_by_slug(tx, company) if company else None
            await actions.create_tenant(tx, slug=chosen, name=name)
            if company_id is not None:
                await actions.serve_tenant(tx, company_id)

    run(work)
    say({"slug": chosen, "name": name}, as_json=as_json, text=f"Tenant '{chosen}' is ready.")


@tenants.command("serve")
def serve_tenant(
    tenant: Annotated[str, typer.Argument(help="The tenant's slug.")],
    company: Annotated[str, typer.Option(help="The company's slug.")],
) -> None:
    """Say which service company's staff work in a tenant, from now on."""
    from caretide.tenants import actions, queries

    async def serve(tx: "Tx") -> None:
        await actions.serve_tenant(tx, await queries.company_by_slug(tx, company))

    in_tenant(tenant, serve)
    typer.echo(f"'{company}' serves '{tenant}'.")


@tenants.command("list")
def list_tenants(as_json: JsonOption = False) -> None:
    """List the tenants."""
    from caretide.kernel.actor import Actor
    from caretide.runtime.console import run, show
    from caretide.runtime.installation import Installation
    from caretide.tenants import queries

    async def work(ours: Installation) -> list[dict[str, Any]]:
        async with ours.database.tx(Actor.nobody()) as tx:
            found = await queries.tenants(tx)
        return [{"slug": row.slug, "name": row.name, "generated": row.is_generated} for row in found]

    show(run(work), ("slug", "name"), as_json=as_json, empty="No tenants yet: caretide tenants create NAME")


@clinics.command("create")
def create_clinic(
    name: Annotated[str, typer.Argument(help="The clinic's name.")],
    tenant: TenantOption,
    time_zone: Annotated[str, typer.Option(help="IANA time zone, such as America/Chicago.")],
    tin: Annotated[str, typer.Option(help="Billing group (TIN).")],
    slug: Annotated[str | None, typer.Option(help="Short name; made from the name by default.")] = None,
    address: Annotated[str, typer.Option(help="Postal address, lines apart by a comma.")] = "",
    phone: Annotated[str, typer.Option(help="The number that patients call.")] = "",
    provider_type: Annotated[
        str, typer.Option(help="physician_practice, rhc, fqhc or hospital_outpatient_professional.")
    ] = "physician_practice",
    place_of_service: Annotated[str, typer.Option(help="CMS place-of-service code.")] = "11",
) -> None:
    """Create a clinic."""
    from caretide.tenants import actions, rules

    new = actions.NewClinic(
        name=name,
        slug=slug or rules.slug_of(name),
        time_zone=rules.check_zone(time_zone),
        tin_group=tin,
        address=address,
        phone=phone,
        provider_type=provider_type,
        place_of_service=place_of_service,
    )
    in_tenant(tenant, lambda tx: actions.create_clinic(tx, new))
    typer.echo(f"Clinic '{new.slug}' is ready.")


@clinics.command("list")
def list_clinics(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """List a tenant's clinics."""
    from caretide.runtime.console import show
    from caretide.tenants import queries

    rows = [
        {"slug": row.slug, "name": row.name, "time_zone": row.time_zone} for row in in_tenant(tenant, queries.clinics)
    ]
    show(rows, ("slug", "name", "time_zone"), as_json=as_json, empty="No clinics yet: caretide clinics create NAME")


@practitioners.command("create")
def create_practitioner(
    tenant: TenantOption,
    npi: Annotated[str, typer.Option(help="National Provider Identifier, ten digits.")],
    family: Annotated[str, typer.Option(help="Family name.")],
    given: Annotated[str, typer.Option(help="Given name.")],
    tin: Annotated[str, typer.Option(help="Billing group (TIN) under which they bill.")],
    kind: Annotated[str, typer.Option(help="physician, nurse_practitioner, physician_assistant, ...")] = "physician",
) -> None:
    """Add a billing practitioner, or say how an imported one bills."""
    from caretide.tenants import actions

    new = actions.NewPractitioner(npi=npi, family=family, given=given, kind=kind, tin_group=tin)
    in_tenant(tenant, lambda tx: actions.save_practitioner(tx, new))
    typer.echo(f"{given} {family} may bill under {tin}.")


@practitioners.command("list")
def list_practitioners(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """List a tenant's billing practitioners."""
    from caretide.runtime.console import show
    from caretide.tenants import queries

    found = in_tenant(tenant, queries.practitioners)
    rows = [{"slug": row.npi, "name": row.name, "kind": row.kind, "tin": row.tin_group} for row in found]
    empty = "No billing practitioners yet: caretide practitioners create"
    show(rows, ("slug", "name", "kind", "tin"), as_json=as_json, empty=empty)


@members.command("invite")
def invite_member(
    email: Annotated[str, typer.Argument(help="The person's e-mail address.")],
    tenant: TenantOption,
    name: Annotated[str, typer.Option(help="The person's name.")],
    role: Annotated[str, typer.Option(help="administrator, manager, coordinator, billing, practitioner or auditor.")],
    credential: Annotated[str, typer.Option(help="Such as RN, LPN or MA.")] = "",
    npi: Annotated[str | None, typer.Option(help="For a billing practitioner: which one they are.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="BCP 47 tag, such as es; may be repeated.")] = None,
    hours: Annotated[float | None, typer.Option(help="Hours a week.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Invite somebody: prints a one-time link by which they choose a password."""
    from caretide.kernel.errors import NotFound
    from caretide.runtime.console import say
    from caretide.settings import load_settings
    from caretide.tenants import actions, queries

    async def invite(tx: "Tx") -> actions.Invited:
        found = {row.npi: row.id for row in await queries.practitioners(tx)}
        if npi is not None and npi not in found:
            raise NotFound("No billing practitioner has this NPI; see `caretide practitioners list --tenant SLUG`")
        new = actions.NewMember(
            email=email,
            name=name,
            role=role,
            credential=credential,
            practitioner_id=found[npi] if npi else None,
            languages=tuple(language or ()),
            weekly_hours=hours,
        )
        return await actions.invite_member(tx, new)

    invited = in_tenant(tenant, invite)
    link = f"{load_settings().base_url}/invitations/{invited.token}"
    say({"link": link}, as_json=as_json, text=f"Send this link; it works once, for 7 days:\n{link}")


@members.command("list")
def list_members(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """List a tenant's members."""
    from caretide.runtime.console import show
    from caretide.tenants import queries

    rows = [
        {"slug": row.email, "name": row.display_name, "role": row.role, "status": row.status}
        for row in in_tenant(tenant, queries.members)
    ]
    columns = ("slug", "name", "role", "status")
    show(rows, columns, as_json=as_json, empty="No members yet: caretide members invite EMAIL")


@settings.command("show")
def show_settings(tenant: TenantOption, as_json: JsonOption = False) -> None:
    """Show a tenant's settings as they stand."""
    from caretide.runtime.console import show
    from caretide.tenants import queries
    from caretide.tenants.rules.settings import kept

    values = kept(in_tenant(tenant, queries.settings))
    show(
        [{"name": name, "value": value} for name, value in values.items()], ("name", "value"), as_json=as_json, empty=""
    )


@settings.command("change")
def change_settings(
    tenant: TenantOption,
    administrators_see_health: Annotated[bool | None, typer.Option(help="Whether administrators do.")] = None,
    idle_minutes: Annotated[int | None, typer.Option(help="Minutes until a session rests: 5 to 30, in fives.")] = None,
    timer_ask_minutes: Annotated[int | None, typer.Option(help="Minutes until a timer asks: 3 to 20.")] = None,
    sign_in_policy: Annotated[str | None, typer.Option(help="Passkeys only: any, administrators, everybody.")] = None,
    privacy_contact: Annotated[str | None, typer.Option(help="Address of who is told of emergency access.")] = None,
) -> None:
    """Change a tenant's settings; what is not named stays."""
    from dataclasses import replace

    from caretide.tenants import actions, queries

    sent = {
        "administrators_see_health": administrators_see_health,
        "idle_minutes": idle_minutes,
        "timer_ask_minutes": timer_ask_minutes,
        "sign_in_policy": sign_in_policy,
        "privacy_contact": privacy_contact,
    }
    named: dict[str, Any] = {name: value for name, value in sent.items() if value is not None}

    async def change(tx: "Tx") -> list[str]:
        return await actions.change_settings(tx, replace(await queries.settings(tx), **named))

    changed = in_tenant(tenant, change)
    typer.echo(f"Changed: {', '.join(changed)}." if changed else "Nothing differs from what stands.")
