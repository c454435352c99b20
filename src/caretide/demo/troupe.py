"""Plays the health systems side by side: each in a process of its own, told what to do and heard through a pipe.

One interpreter uses one core, and the two have nothing to say to each other: what is one person's in both is kept apart
by the hours in which they work for each.
"""

import asyncio
import gc
import multiprocessing
import sys
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

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


class _Process(Protocol):
    """What is asked of a process, whichever way it was started."""

    def is_alive(self) -> bool: ...
    def terminate(self) -> None: ...
    def join(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Player:
    """A process, and our end of the pipe to it."""

    process: _Process
    pipe: "Connection[Any, Any]"


@contextmanager
def troupe(size: int) -> Generator["Troupe"]:
    """Start processes that wait to be told what to play; end those that still live at the end.

    To be called before anything is opened and before there is a second thread: where the system can, they are copies
    of this process, so that none of them reads half a thousand modules again.
    """
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    reached = context.Array("i", [0] * size, lock=False)
    players: list[_Player] = []
    try:
        for _ in range(size):
            here, there = context.Pipe()
            ours = (here, *(one.pipe for one in players))
            process = context.Process(target=_perform, args=(there, ours, reached), daemon=True)
            process.start()
            there.close()
            players.append(_Player(process, here))
        yield Troupe(players)
    finally:
        Troupe(players).dismiss()


@dataclass(frozen=True, slots=True)
class Troupe:
    """Processes that wait to be told what to play."""

    players: Sequence[_Player]

    async def play(self, settings: Settings, parts: Sequence[Part], drain: DrainOf, tell: Tell) -> list[Summary]:
        """Play every part in a process of its own; return their summaries in the same order.

        Raises Unavailable with the first fault; the other processes are ended then.
        """
        try:
            for one, part in zip(self.players, parts, strict=True):
                one.pipe.send(_Order(settings, part, drain))
            heard = [_listen(one.pipe, part, tell) for one, part in zip(self.players, parts, strict=True)]
            return list(await asyncio.gather(*heard))
        finally:
            # Here already: a thread that waits for one's word would keep the loop from ending.
            self.dismiss()

    def dismiss(self) -> None:
        """End the processes that still live; again does nothing."""
        for one in self.players:
            if one.process.is_alive():
                one.process.terminate()
            one.process.join()
            one.pipe.close()


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


def _perform(there: "Connection[Any, Any]", others: Sequence["Connection[Any, Any]"], reached: Reached) -> None:
    """Wait for an order and do what it says, in the process made for it.

    `others` are copies of the ends that are not ours: as long as one is open, nobody would hear that we are gone.
    """
    for one in others:
        one.close()
    try:
        order: _Order = there.recv()
        log.configure()
        # It keeps much and leaves few cycles: looking for them every few hundred objects took a tenth of the time.
        gc.freeze()
        gc.set_threshold(100_000, 50, 50)
        there.send(("done", asyncio.run(_play(order, reached, there))))
    except CaretideError as error:
        there.send(("failed", error.message))
    except (EOFError, KeyboardInterrupt):
        return
    finally:
        there.close()


async def _play(order: _Order, reached: Reached, there: "Connection[Any, Any]") -> Summary:
    async with installation(order.settings) as ours:
        return await stage.play(
            ours.database,
            ours.urls.url(LoginRole.APP),
            order.part,
            reached,
            lambda: order.drain(ours),
            lambda what, done, total: there.send(("told", (what, done, total))),
        )
