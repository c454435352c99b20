"""Plays moments in their order, each by the person who would do it, at the time when they would.

One person's day in one health system is one transaction, whose clock is moved from moment to moment: thousands of
actions of a few people take thousands of transactions otherwise. What the database stamps itself (when a row was
inserted) stays true.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final

from caretide.demo.company import Company
from caretide.demo.relay import SHARED, Relay
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Unavailable
from caretide.runtime.tx import Database, Tx

Do = Callable[[Tx], Awaitable[object]]
OnStep = Callable[[int, int], None]
"""Hears how many of how many moments have been played."""

MORNING, DAY, EVENING = 0, 1, 2


@dataclass
class HandClock:
    """A clock that is set by hand."""

    now: datetime

    def __call__(self) -> datetime:
        """Return the time that was set."""
        return self.now


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that somebody does at a time, told in the health system's own zone. `who` is a seat.

    Within a day everybody's mornings come first, their evenings last. `refused` is set where the system must say no.
    """

    at: datetime
    who: str
    do: Do
    part: int = DAY
    refused: bool = False


async def perform(
    database: Database, clock: HandClock, company: Company, relay: Relay, script: Iterable[Moment], on_step: OnStep
) -> int:
    """Play every moment; return how many attempts were refused, as they had to be."""

    def batch_of(moment: Moment) -> tuple[date, int, int, str]:
        return moment.at.date(), moment.part, relay.rank(moment.who), moment.who

    moments = sorted(script, key=lambda moment: (*batch_of(moment), moment.at))
    refused = played = 0
    for (day, part, rank, who), same in groupby(moments, key=batch_of):
        relay.begun(day)
        if part == DAY and who in SHARED:
            await relay.turn(day)
        elif (part, rank) > (DAY, 0):
            relay.done(day)
        batch = list(same)
        clock.now = batch[0].at
        # Who acts has just signed in: the session that they came into the company by is months away.
        actor = replace(company.actors[who], proved_at=None)
        try:
            await _day(database, actor, batch)
        except Unavailable:
            # The two health systems share people, and wait for each other's word on their time: one of two gives way.
            await _day(database, actor, batch)
        refused += sum(moment.refused for moment in batch)
        played += len(batch)
        on_step(played, len(moments))
    return refused


async def _day(database: Database, actor: Actor, batch: Sequence[Moment]) -> None:
    """Play one person's moments of a day, all of them or none."""
    async with database.tx(actor) as tx:
        tx.recalled = _Kept(tx)
        for moment in batch:
            tx.now = moment.at
            await (_refused(tx, moment) if moment.refused else moment.do(tx))


STANDING: Final = ("caretide.tenants.", "caretide.patients.", "caretide.time_log.queries.activities")
"""Modules whose answers no day of the play changes: clinics and members, patients, the names of kinds of work."""


class _Kept(dict[Any, Any]):
    """What a transaction remembers: what stands in the play, beyond what it writes."""

    def __init__(self, tx: Tx) -> None:
        super().__init__()
        self._tx = tx

    def get(self, key: Any, default: Any = None) -> Any:
        """Return an answer; one about what stands is never older than the last write."""
        found = super().get(key, default)
        if found is default or not key[0].__module__.startswith(STANDING):
            return found
        return (self._tx.writes, *found[1:])


async def _refused(tx: Tx, moment: Moment) -> None:
    """Try what cannot be; what it wrote before it was refused is undone, and the day goes on."""
    try:
        async with tx.attempt():
            await moment.do(tx)
    except Conflict:
        return
    raise LookupError("the story expected a refusal")
