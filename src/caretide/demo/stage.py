"""Builds the demonstration: founds the company, imports its patients, plays three months, and closes two of them."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from caretide.billing import actions as billing
from caretide.billing.queries import closes
from caretide.demo import company, desk, duties, emergencies, ending, fhir, month, story
from caretide.demo.company import Company, Opening
from caretide.demo.houses import HOUSES, House
from caretide.demo.moments import HandClock, perform
from caretide.demo.month import Enrolled, Play
from caretide.demo.people import Person, people
from caretide.demo.relay import Reached, Relay
from caretide.demo.story import Story
from caretide.demo.summary import Summary, summarize
from caretide.ehr.gateway import run_import
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Unavailable
from caretide.kernel.month import Month
from caretide.runtime.tx import Database

PATIENTS: Final = 1250
SEED: Final = 1
BILLER: Final = "carla"
PATIENCE_SECONDS: Final = 120
LATEST: Final = ZoneInfo("America/Los_Angeles")
"""Where a day ends last among the clinics."""

Drain = Callable[[], Awaitable[None]]
"""Runs queued jobs until none is waiting; it stands above us and is handed in."""

Tell = Callable[[str, int, int], None]
"""Hears what is being done, and how far it is: `done` of `total`."""


@dataclass(frozen=True, slots=True)
class Production:
    """What to play: the seed, how many patients in both health systems, and what keeps several demonstrations apart."""

    seed: int = SEED
    patients: int = PATIENTS
    suffix: str = ""

    def of(self, house: House) -> int:
        """Return how many of the patients are a health system's."""
        return round(self.patients * house.weight / sum(one.weight for one in HOUSES))


USUAL: Final = Production()


@dataclass(frozen=True, slots=True)
class Part:
    """One health system's share of a production, founded and ready to be played. It travels between processes."""

    production: Production
    house: House
    company: Company
    last: Month
    now: datetime

    @property
    def today(self) -> date:
        """The present day where it is earliest."""
        return self.now.astimezone(LATEST).date()


def last_month(now: datetime) -> Month:
    """Return the last month that is over at all clinics."""
    return Month.of(now.astimezone(LATEST).date()).previous()


async def open_doors(
    database: Database, url: str, passwords: Mapping[str, str], tell: Tell, production: Production = USUAL
) -> list[Part]:
    """Found the health systems and let everybody in: nobody's account is made twice, so one comes after the other."""
    now = database.clock()
    last = last_month(now)
    opening = Opening(last.previous().first, now.astimezone(LATEST).date(), passwords, production.suffix)
    company_id = await company.incorporate(database, opening)
    parts: list[Part] = []
    for place, house in enumerate(HOUSES):
        tell("Founding the company", place, len(HOUSES))
        clock = HandClock(datetime.combine(opening.on, time(6), house.zone))
        by_hand = Database(url, database.stores, clock, pool_size=2)
        try:
            founded = await company.found(by_hand, house, company_id, opening)
            clock.now = now - ending.INVITED_BEFORE
            if place == 0:
                await company.invite(by_hand, founded, opening)
        finally:
            await by_hand.close()
        parts.append(Part(production, house, founded, last, now))
    tell("Founding the company", len(HOUSES), len(HOUSES))
    return parts


async def play(database: Database, url: str, part: Part, reached: Reached, drain: Drain, tell: Tell) -> Summary:
    """Import a health system's patients, play its three months, close the two that are over, and add up.

    `database` has the true clock and `url` is its address: the months are played on a second pool whose clock is set by
    hand.
    """
    house, production = part.house, part.production
    drawn = people(production.seed, production.of(house), part.last, house)
    told = story.write(drawn, house, part.last, part.today, production.seed)
    clock = HandClock(datetime.combine(told.months[0].first, time(6), house.zone))
    by_hand = Database(url, database.stores, clock, pool_size=2)
    try:
        await _import(by_hand, part.company, house, drawn, tell)
        refused = await _perform(by_hand, clock, part, Relay(reached, HOUSES.index(house)), told, tell)
    finally:
        await by_hand.close()
    await emergencies.happen(database, part.company, told)
    await close(database, part.company.actors[BILLER], told.months[:2], drain, tell)
    return await summarize(database, part.company.system, part.last, refused_attempts=refused)


async def _perform(by_hand: Database, clock: HandClock, part: Part, relay: Relay, told: Story, tell: Tell) -> int:
    """Play the three months one after the other; return how many attempts were refused."""
    ids = await month.patient_ids(by_hand, part.company)
    cast = tuple(Enrolled(one, ids[one.person.mrn]) for one in told.parts)
    play = Play(told, part.company, ids, cast, part.production.seed, part.now)
    refused = 0
    for place, service_month in enumerate(told.months):
        title = f"Playing {service_month.title}{' to date' if place == 2 else ''}"
        script = [*month.month_moments(play, place), *desk.time_moments(play, place)]
        script += [*duties.moments(play, place), *ending.moments(play, place)]
        refused += await perform(
            by_hand,
            clock,
            part.company,
            relay,
            month.over(script, part.now),
            lambda done, total, title=title: tell(title, done, total),
        )
    relay.finish()
    dead = [one for one in cast if one.part.died_on and one.part.died_on < part.today]
    if dead:
        clock.now = part.now
        news = [replace(one.part.person, died_on=one.part.died_on) for one in dead]
        await _import(by_hand, part.company, part.house, news, _silent)
        await perform(by_hand, clock, part.company, relay, ending.deaths(play, dead), _still)
    return refused


def _silent(_what: str, _done: int, _total: int) -> None:
    return


def _still(_done: int, _total: int) -> None:
    return


async def _import(database: Database, practice: Company, house: House, drawn: Iterable[Person], tell: Tell) -> None:
    """Bring the patients in as an EHR's export, clinic by clinic."""
    drawn = list(drawn)
    for site, clinic in enumerate(practice.clinics):
        tell("Importing patients", site, len(practice.clinics))
        here = [one for one in drawn if one.site == site]
        if not here:
            continue
        with tempfile.TemporaryDirectory(prefix="caretide-demo-") as folder:
            fhir.write_folder(Path(folder), here, house.doctors)
            report = await run_import(database, Path(folder), practice.tenant_id, clinic)
        if report.failure is not None or report.counts.refused:
            raise Unavailable(f"The generated patients were not taken: {report.failure or report.counts.refusals[0]}")
    tell("Importing patients", len(practice.clinics), len(practice.clinics))


async def close(database: Database, actor: Actor, months: Sequence[Month], drain: Drain, tell: Tell) -> None:
    """Close months as their biller does, and run the jobs until every record is kept.

    Another process may hold some of the jobs, as this one may hold some of its: what it takes is waited for.
    """
    title = f"Closing {' and '.join(month.title for month in months)}"
    async with database.tx(actor) as tx:
        for service_month in months:
            await billing.request_close(tx, service_month)
    before, waited = -1, 0.0
    while waited < PATIENCE_SECONDS:
        working = asyncio.ensure_future(drain())
        while True:
            await asyncio.wait([working], timeout=1)
            async with database.tx(actor) as tx:
                states = [state for service_month in months for state in await closes.status(tx, service_month)]
            done = sum(state.records for state in states)
            tell(title, done, sum(state.ready for state in states))
            if working.done():
                break
        await working
        if all(state.done for state in states):
            return
        waited = 0.0 if done > before else waited + 0.5
        before = done
        await asyncio.sleep(0.5)
    raise Unavailable(f"{title} is not done; see `caretide month status MONTH --tenant SLUG`")
