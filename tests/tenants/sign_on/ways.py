"""The ways that people take to a provider and back."""

import html
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import psycopg

from caretide.identity.actions.providers import link, save_company_provider
from caretide.identity.schemas import ProviderForm
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenants
from tests.cast import Cast
from tests.database import Server
from tests.identity.idp import CLIENT, SECRET, Provider

WAY = "caretide_way"


def form(provider: Provider, **changes: str) -> dict[str, str]:
    known = {"name": "Lakeside sign-on", "issuer": provider.issuer, "client_id": CLIENT, "client_password": SECRET}
    return known | changes


def href_of(page: httpx.Response) -> str:
    """Return where a page leads on to."""
    found = re.search(r'href="(https://127\.0\.0\.1[^"]+)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


async def back(client: httpx.AsyncClient, page: httpx.Response, provider: Provider, **changes: str) -> httpx.Response:
    """Sign in at the provider that a page leads to, and come back."""
    answer = provider.authorize(href_of(page)) | changes
    return await client.get(return_of(page), params={k: v for k, v in answer.items() if v})


def return_of(page: httpx.Response) -> str:
    """Return where a page has the provider send people back to."""
    return urlsplit(dict(parse_qsl(urlsplit(href_of(page)).query))["redirect_uri"]).path


async def enter(client: httpx.AsyncClient, slug: str, provider: Provider, **changes: str) -> httpx.Response:
    """Sign in by an organization's sign-on."""
    return await back(client, await client.get("/sign-in/sso", params={"at": slug}), provider, **changes)


async def linked(database: Database, actor: Actor, provider: Provider) -> None:
    """Let the provider's person be an actor's account."""
    assert actor.account_id is not None
    async with database.tx(Actor.nobody()) as tx:
        await link(tx, actor.account_id, provider.issuer, provider.subject)


async def invited(database: Database, cast: Cast, email: str) -> str:
    async with database.tx(cast.administrator) as tx:
        return (
            await tenants.invite_member(tx, tenants.NewMember(email=email, name="Dana Reyes", role="manager"))
        ).token


async def company_of(database: Database, provider: Provider, *served: Cast) -> tuple[str, Any]:
    """Make a service company with a provider, serving tenants; return its slug and id."""
    slug = f"company-{new_id().hex}"
    async with database.tx(Actor.operator()) as tx:
        company_id = await tenants.create_company(tx, slug=slug, name="Tidewater Care Partners")
        sent = ProviderForm(
            name="Tidewater sign-on", issuer=provider.issuer, client_id=CLIENT, client_password=SECRET, amr="mfa"
        )
        await save_company_provider(tx, company_id, sent)
    for cast in served:
        async with database.tx(cast.system) as tx:
            await tenants.serve_tenant(tx, company_id)
    return slug, company_id


def why(server: Server) -> str:
    """Return why the last one who came back from the provider did not come in."""
    with psycopg.connect(server.admin) as connection:
        said = "SELECT details->>'why' FROM account_events WHERE verb = 'tenants.come_back' ORDER BY id DESC LIMIT 1"
        row = connection.execute(said).fetchone()
    assert row is not None
    return row[0]
