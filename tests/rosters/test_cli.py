"""`caretide covers` and `duties`, and what `waivers list` says."""

import asyncio
import json
from datetime import UTC, timedelta
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from caretide.cli import app
from caretide.kernel.errors import Invalid, NotFound
from caretide.rosters.cli import covers, duties
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenants
from caretide.tenants import queries
from tests.cast import Cast
from tests.database import HandClock

pytestmark = pytest.mark.usefixtures("commands")


async def call(nouns: typer.Typer, *arguments: str) -> Result:
    """Run a command beside the test's own loop."""
    return await asyncio.to_thread(CliRunner().invoke, nouns, arguments)


async def addresses(database: Database, cast: Cast) -> dict[Any, str]:
    """Return everybody's address by member."""
    async with database.tx(cast.system) as tx:
        return {one.id: one.email for one in await queries.members(tx)}


async def test_cover_is_given_listed_and_called_off(database: Database, cast: Cast, clock: HandClock) -> None:
    people = await addresses(database, cast)
    away, by = people[cast.other_coordinator.member_id], people[cast.coordinator.member_id]
    first = clock.now.date() + timedelta(days=2)
    days = ("--from", str(first), "--to", str(first + timedelta(days=4)))
    at = ("--tenant", cast.slug)
    given = await call(covers, "give", *at, "--away", away, "--by", by, *days, "--json")
    assert given.exit_code == 0
    [line] = json.loads((await call(covers, "list", *at, "--json")).stdout)
    assert (line["id"], line["from"], line["state"]) == (json.loads(given.stdout)["id"], str(first), "to come")
    assert (await call(covers, "end", line["id"], *at)).exit_code == 0
    [ended] = json.loads((await call(covers, "list", *at, "--json")).stdout)
    assert ended["state"] == "ended early"
    unknown = await call(covers, "give", *at, "--away", "nobody@example.com", "--by", by, *days)
    assert isinstance(unknown.exception, NotFound)


async def test_duty_is_added_listed_and_ended(database: Database, cast: Cast, clock: HandClock) -> None:
    who = (await addresses(database, cast))[cast.coordinator.member_id]
    at = ("--tenant", cast.slug)
    wanted = ("--clinic", cast.clinic_slug, "--who", who, "--from", str(clock.now.date() + timedelta(days=1)))
    weekend = ("--weekday", "6", "--weekday", "7", "--begins", "09:00", "--until", "13:00")
    added = await call(duties, "add", *at, *wanted, *weekend, "--json")
    assert added.exit_code == 0
    [line] = json.loads((await call(duties, "list", *at, "--json")).stdout)
    assert (line["days"], line["hours"], line["to"]) == ("Sat, Sun", "9:00 AM\N{EN DASH}1:00 PM", "")
    assert (await call(duties, "end", line["id"], *at)).exit_code == 0
    assert json.loads((await call(duties, "list", *at, "--json")).stdout) == []
    late = await call(duties, "add", *at, *wanted, "--begins", "noon")
    assert isinstance(late.exception, Invalid)
    nowhere = await call(duties, "add", *at, *wanted[2:], "--clinic", "nowhere")
    assert isinstance(nowhere.exception, NotFound)


async def test_waivers_are_listed_with_their_state(database: Database, cast: Cast, clock: HandClock) -> None:
    manager, last = cast.manager.member_id, clock.now.astimezone(UTC) + timedelta(days=30)
    assert manager is not None
    async with database.tx(cast.administrator) as tx:
        await tenants.waive_duty(tx, manager, "approve_own_time", last.date(), "The only manager until next month")
    [line] = json.loads((await call(app, "waivers", "list", "--tenant", cast.slug, "--json")).stdout)
    assert (line["duty"], line["state"], line["last day"]) == ("approve_own_time", "stands", str(last.date()))
