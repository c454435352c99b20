"""A provider is asked between two transactions: how slow it is harms nobody, and what it says is judged anew."""

from contextlib import AsyncExitStack

import httpx
import psycopg
import pytest
from sqlalchemy.pool import QueuePool

from caretide.identity.provider import few
from caretide.kernel.errors import TooMany
from caretide.runtime.tx import Database
from tests.cast import Cast
from tests.database import Server
from tests.identity.idp import Claims, Provider, sign
from tests.tenants.sign_on.ways import enter, linked, why


@pytest.mark.req("V-15")
@pytest.mark.usefixtures("browser")
async def test_no_connection_is_held_while_a_provider_is_asked(
    cast: Cast, database: Database, provider: Provider, client: httpx.AsyncClient
) -> None:
    await linked(database, cast.manager, provider)
    held: list[int] = []
    pool = database.engine.sync_engine.pool
    assert isinstance(pool, QueuePool)

    def mint(asked: Provider, claims: Claims) -> str:
        held.append(pool.checkedout())
        return sign(asked.key, claims)

    provider.mint = mint
    assert (await enter(client, cast.slug, provider)).status_code == 303
    assert held == [0]


@pytest.mark.req("V-15")
@pytest.mark.usefixtures("browser")
async def test_provider_that_is_switched_off_while_it_is_asked_vouches_for_nobody(
    cast: Cast, database: Database, provider: Provider, client: httpx.AsyncClient, server: Server
) -> None:
    await linked(database, cast.manager, provider)

    def mint(asked: Provider, claims: Claims) -> str:
        with psycopg.connect(server.admin, autocommit=True) as behind:
            behind.execute("UPDATE tenant_providers SET is_on = false WHERE tenant_id = %s", [cast.tenant_id])
        return sign(asked.key, claims)

    provider.mint = mint
    assert (await enter(client, cast.slug, provider)).status_code == 401
    assert why(server) == "changed"


@pytest.mark.req("V-15", "W-10")
async def test_provider_that_does_not_answer_keeps_nobody_from_another(provider: Provider) -> None:
    async with AsyncExitStack() as waiting:
        for _ in range(10):
            await waiting.enter_async_context(few("https://slow.example"))
        with pytest.raises(TooMany):
            await waiting.enter_async_context(few("https://slow.example"))
        await waiting.enter_async_context(few(provider.issuer))
