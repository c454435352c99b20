"""A provider of the tests' own, an application that may reach it, and a tenant that trusts it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import httpx
import pytest

from caretide.kernel.ids import new_id
from caretide.runtime.tx import Database, Stores
from tests.cast import Cast
from tests.client import Visit
from tests.database import HandClock, Server
from tests.identity.idp import Provider, serving
from tests.tenants.sign_on.ways import form


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Provider, list[HandClock]]]:
    """One provider for all tests of this module: its keys take a while to make."""
    clocks: list[HandClock] = []
    with serving(tmp_path_factory.mktemp("provider"), lambda: clocks[-1].now) as running:
        yield running, clocks


@pytest.fixture
def provider(house: tuple[Provider, list[HandClock]], clock: HandClock) -> Provider:
    """The provider, honest again, with somebody signed in there whom nobody has seen yet."""
    running, clocks = house
    clocks.append(clock)
    running.subject, running.amr, running.acr, running.proved_ago = f"sub-{new_id()}", ["pwd"], "", 5
    running.mint, running.document, running.status, running.published = None, {}, 200, []
    running.codes.clear()
    running.asked.clear()
    return running


@pytest.fixture
async def database(server: Server, stores: Stores, clock: HandClock, provider: Provider) -> AsyncIterator[Database]:
    """The application's pool, from which that provider may be reached."""
    opened = Database(server.app, replace(stores, reach=provider.reach), clock, pool_size=4)
    yield opened
    await opened.close()


@pytest.fixture
async def browser(cast: Cast, signed_in: Visit, provider: Provider) -> httpx.AsyncClient:
    """An administrator's browser, in a tenant whose provider is set up."""
    made = await signed_in(cast.administrator)
    saved = await made.post("/admin/sign-on", data=form(provider))
    assert saved.status_code == 303, saved.text
    return made
