"""The command line in a test: what a command is given in the place of the installation that the environment names."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from caretide.runtime import console
from caretide.runtime.installation import Installation
from caretide.runtime.tx import Database
from tests.database import Server


@pytest.fixture
def commands(installation: Installation, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands work on this test's installation, over a pool of their own loop's."""

    def run(work: Callable[[Any], Awaitable[Any]]) -> Any:
        async def opened() -> Any:
            database = Database(server.app, installation.database.stores, installation.database.clock, pool_size=1)
            try:
                return await work(replace(installation, database=database))
            finally:
                await database.close()

        return asyncio.run(opened())

    monkeypatch.setattr(console, "run", run)
