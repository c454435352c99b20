"""What `caretide demo` does, given what stands above it: how to run jobs, and how to serve."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from time import monotonic
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from caretide.demo.company import code_of
from caretide.demo.houses import HOUSES
from caretide.demo.performance import Performance, SignIn, clear_ruins, performance, seeds_by_email, start_over
from caretide.demo.sign_ins import Entrant, print_sign_ins
from caretide.demo.stage import Part, Production, Tell
from caretide.demo.summary import Summary
from caretide.demo.troupe import DrainOf, Troupe, troupe
from caretide.identity.rules import STEP
from caretide.kernel.clock import system_clock
from caretide.kernel.errors import Invalid, NotFound
from caretide.runtime import log
from caretide.runtime.console import FAILURE, err
from caretide.runtime.installation import Installation, installation
from caretide.settings import load_settings

Work = Callable[[Installation], Awaitable[None]]


def run_demo(drain: DrainOf, serve: Work, *, leave: bool, fresh: bool, seed: int) -> int:
    """Build or find the demonstration, show it, and serve it unless told to leave; return the exit status."""
    log.configure()
    settings = load_settings()
    if settings.mode == "production":
        raise Invalid("The demo is for trying things out; it does not run with CARETIDE_MODE=production")

    async def run(players: Troupe) -> int:
        async def play(parts: Sequence[Part], tell: Tell) -> list[Summary]:
            return await players.play(settings, parts, drain, tell)

        if fresh:
            start_over(settings)
        elif clear_ruins(settings):
            err.print("An earlier demo was interrupted here; nothing in it was real, so it starts over.")
        async with installation(settings) as ours:
            with progress() as tell:
                found = await performance(ours, play, tell, Production(seed=seed))
            players.dismiss()
            _show(found, settings.base_url, as_json=leave)
            if not found.summary.adds_up:
                checks = found.summary.as_json()["checks"]
                wrong = ", ".join(name for name, holds in checks.items() if not holds)
                err.print(f"[bold red]Error:[/] the month does not add up: {wrong}")
                return FAILURE
            if not leave:
                await serve(ours)
        return 0

    with troupe(len(HOUSES)) as players:
        return asyncio.run(run(players))


@contextmanager
def progress() -> Generator[Tell]:
    """Show on standard error what is being done; where nobody watches, when each part of it began."""
    started = monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        tasks = {"": progress.add_task("", visible=False)}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                if not err.is_terminal:
                    err.print(f"{monotonic() - started:4.0f} s  {what}")
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield tell


def _show(found: Performance, url: str, *, as_json: bool) -> None:
    summary = found.summary
    if as_json:
        sign_ins = [asdict(one) for one in found.sign_ins]
        sys.stdout.write(json.dumps(summary.as_json() | {"sign_ins": sign_ins, "url": url}) + "\n")
        return
    console = screen()
    for one in summary.tenants:
        dollars = f"${one.total_cents / 100:,.2f}"
        console.print(
            f"[bold]{one.month}[/] is closed for [bold]{one.name}[/]: {one.ready:,} of {one.ruled:,} patient-months "
            f"ready, {one.blocked:,} blocked, {dollars} on {sum(line.units for line in one.lines):,} units, "
            f"{one.records:,} records."
        )
    console.print()
    print_sign_ins(console, [_entrant(one) for one in found.sign_ins])
    console.print("\nEverything here is generated: no person, number or address is anybody's. What to try: README.md.")


def screen() -> Console:
    """Return standard output; as wide as the terminal, or where nobody watches as wide as columns need."""
    return Console() if sys.stdout.isatty() else Console(width=PIPE)


PIPE: Final = 140


def _entrant(one: SignIn) -> Entrant:
    where = " and ".join(slug.partition("-")[0].title() for slug in one.tenants)
    return Entrant(one.email, one.password, one.totp_seed, f"{one.name}, {one.role}, {where}", one.try_this)


def print_code(email: str) -> None:
    """Print the code that the authenticator app of somebody of the demonstration would show now."""
    seed = seeds_by_email(load_settings()).get(email)
    if not seed:
        raise NotFound(f"Nobody of the demo here signs in as {email} with an app; `script/demo` prints who does")
    now = system_clock()
    left = STEP - int(now.timestamp()) % STEP
    sys.stdout.write(f"{code_of(seed, now)}\n")
    err.print(f"It counts once, for {left} seconds and half a minute more.")
