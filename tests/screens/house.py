"""A small demonstration, served to a browser by a clock that stands still: what it shows is the same each time."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from caretide import main, worker
from caretide.demo import company
from caretide.demo.houses import SEATS
from caretide.demo.stage import Production, open_doors, play
from caretide.kernel.actor import Actor
from caretide.kernel.permissions import Role
from caretide.runtime.installation import Installation
from caretide.schedule import queue_rulings
from tests.client import COOKIE, open_session
from tests.database import HandClock, Server
from tests.ui.test_browser import FLAGS, SIZES
from tests.workspace.test_browser import serving

NOW = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)
"""A Friday morning at the clinics."""

SCHEMES = ("light", "dark")


@dataclass(frozen=True)
class House:
    """A served demonstration: where it is, and the session of somebody in each role."""

    address: str
    sessions: dict[Role, str]


@dataclass
class Look:
    """A tab of somebody's, and everything that its console complained of."""

    page: Page
    faults: list[str] = field(default_factory=list[str])

    def listen(self) -> None:
        """Note what the console says from now on."""
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.faults.append(f"{self.page.url}: {error}"))

    def _note(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"{self.page.url}: {message.text}")


async def demonstration(
    installation: Installation, server: Server, patients: int, suffix: str = "-screens"
) -> dict[Role, Actor]:
    """Play one health system's share of so many patients; return somebody in each role of it."""
    production = Production(seed=1, patients=patients, suffix=suffix)
    database, drain = installation.database, partial(worker.drain, installation)
    parts = await open_doors(database, server.app, company.new_passwords(), _silent, production)
    # The other house waits for nobody and keeps nobody waiting.
    reached = [0, *(date.max.toordinal() for _ in parts[1:])]
    await play(database, server.app, parts[0], reached, drain, _silent)
    await queue_rulings(database)
    await drain()
    found: dict[Role, Actor] = {}
    for seat in SEATS:
        if seat.key in parts[0].company.actors:
            found.setdefault(seat.role, parts[0].company.actors[seat.key])
    return found


def _silent(_what: str, _done: int, _total: int) -> None:
    return


@asynccontextmanager
async def open_house(
    installation: Installation, server: Server, clock: HandClock, patients: int, suffix: str = "-screens"
) -> AsyncIterator[House]:
    """Play and serve a demonstration. `suffix` tells its names from those of another in the same database."""
    clock.now = NOW
    people = await demonstration(installation, server, patients, suffix)
    sessions = {role: await open_session(installation.database, actor) for role, actor in people.items()}
    async with serving(main.create_app(installation)) as address:
        yield House(address, sessions)


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Open Chromium."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS.split())
        yield opened
        await opened.close()


async def signed_in(opened: Browser, house: House, role: Role | None, width: int = 1440, scheme: Any = "light") -> Look:
    """Return a tab of somebody in a role, or of nobody, at a width and in a color scheme."""
    size: Any = {"width": width, "height": SIZES[width]}
    context: BrowserContext = await opened.new_context(
        viewport=size,
        base_url=house.address,
        color_scheme=scheme,
        reduced_motion="reduce",
        has_touch=width < 500,
        is_mobile=width < 500,
    )
    if role is not None:
        await context.add_cookies([{"name": COOKIE, "value": house.sessions[role], "url": house.address}])
    look = Look(await context.new_page())
    look.listen()
    return look


def forms() -> Iterator[tuple[int, str]]:
    """Yield every width and color scheme that a page has to look right in."""
    for width in SIZES:
        for scheme in SCHEMES:
            yield width, scheme
