"""Plays the health systems side by side: each in a process of its own, told of through a pipe.

One interpreter uses one core, and the two have nothing to say to each other: what is one person's in both is kept apart
by the hours in which they work for each.
"""

import asyncio
import gc
import multiprocessing
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from caretide.demo import stage
from caretide.demo.relay import Reached
from caretide.demo.stage import Part, Tell
from caretide.demo.summary import Summary
from caretide.kernel.errors import CaretideError, Unavailable
from caretide.postgres.roles import LoginRole
from caretide.runtime import log
from caretide.runtime.installation import Installation, installation
from caretide.settings import Settings

DrainOf = Callable[[Installation], Awaitable[None]]
"""Runs an installation's jobs; a module's own function, so that another process can be told which."""


@dataclass(frozen=True, slots=True)
class _Order:
    """What a process is told to do."""

    settings: Settings
    part: Part
    drain: DrainOf
    reached: Reached


async def side_by_side(settings: Settings, parts: Sequence[Part], drain: DrainOf, tell: Tell) -> list[Summary]:
    """Play every part in a process of its own; return their summaries in the same order.

    Raises Unavailable with the first fault; the other processes are ended then.
    """
    context = multiprocessing.get_context("spawn")
    reached = context.Array("i", [0] * len(parts), lock=False)
    pipes = [context.Pipe(duplex=False) for _ in parts]
    players = [
        context.Process(target=_perform, args=(_Order(settings, part, drain, reached), there), daemon=True)
        for part, (_, there) in zip(parts, pipes, strict=True)
    ]
    try:
        for player, (_, there) in zip(players, pipes, strict=True):
            player.start()
            there.close()
        heard = [_listen(here, part, tell) for part, (here, _) in zip(parts, pipes, strict=True)]
        return list(await asyncio.gather(*heard))
    finally:
        for player in players:
            if player.is_alive():
                player.terminate()
            player.join()


async def _listen(here: "Connection[Any, Any]", part: Part, tell: Tell) -> Summary:
    """Pass on what a process tells, until it has the summary."""
    while True:
        try:
            kind, said = await asyncio.to_thread(here.recv)
        except EOFError:
            raise Unavailable(f"What plays {part.house.name} ended without a word") from None
        if kind == "done":
            return said
        if kind == "failed":
            raise Unavailable(said)
        what, done, total = said
        tell(f"{part.house.label}: {what}", done, total)


def _perform(order: _Order, there: "Connection[Any, Any]") -> None:
    """Do what the order says, in the process made for it."""
    log.configure()
    # It keeps much and leaves few cycles: looking for them every few hundred objects took a tenth of the time.
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    try:
        there.send(("done", asyncio.run(_play(order, there))))
    except CaretideError as error:
        there.send(("failed", error.message))
    except KeyboardInterrupt:
        return
    finally:
        there.close()


async def _play(order: _Order, there: "Connection[Any, Any]") -> Summary:
    async with installation(order.settings) as ours:
        return await stage.play(
            ours.database,
            ours.urls.url(LoginRole.APP),
            order.part,
            order.reached,
            lambda: order.drain(ours),
            lambda what, done, total: there.send(("told", (what, done, total))),
        )
