"""The demonstration from founding to records, small: it adds up, and the same seed gives the same figures."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from uuid import uuid4

import pytest

from caretide import worker
from caretide.demo import company
from caretide.demo.houses import CASCADIA, House
from caretide.demo.stage import Production, last_month, open_doors, play
from caretide.demo.summary import Summary
from caretide.kernel.month import Month
from caretide.runtime.installation import Installation
from tests.database import HandClock, Server

NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
Perform = Callable[[House], Awaitable[Summary]]


def silent(_what: str, _done: int, _total: int) -> None:
    return


@pytest.fixture
async def perform(installation: Installation, server: Server, clock: HandClock) -> Perform:
    """Play one health system's share of a small demonstration; return its summary."""
    clock.now = NOW

    async def performed(house: House, seed: int = 5) -> Summary:
        production = Production(seed=seed, patients=56, suffix=f"-{uuid4().hex[:12]}")
        database, drain = installation.database, partial(worker.drain, installation)
        parts = await open_doors(database, server.app, company.new_passwords(), silent, production)
        part = next(one for one in parts if one.house is house)
        # The other house waits for nobody and keeps nobody waiting.
        reached = [date.max.toordinal() for _ in parts]
        reached[parts.index(part)] = 0
        return await play(database, server.app, part, reached, drain, silent)

    return performed


def test_month_is_the_last_that_is_over_at_the_clinics() -> None:
    assert last_month(NOW) == Month(2026, 10)
    # Two in the morning of December in London is still November in the west.
    assert last_month(datetime(2026, 12, 1, 2, 0, tzinfo=UTC)) == Month(2026, 10)
    assert last_month(datetime(2026, 12, 1, 9, 0, tzinfo=UTC)) == Month(2026, 11)


def test_pass_phrases_are_long_enough_and_differ() -> None:
    phrases = company.new_passwords()
    assert all(len(phrase) >= 15 for phrase in phrases.values())
    assert phrases != company.new_passwords()


async def test_small_demo_adds_up_and_repeats(perform: Perform) -> None:
    first = await perform(CASCADIA)
    assert first.checks == dict.fromkeys(first.checks, True)
    assert first.patients == 26
    assert first.refused_attempts == 2
    assert first.ready > 0
    assert first.blocked > 0
    again = await perform(CASCADIA)
    assert replace(again, tenant=first.tenant) == first
