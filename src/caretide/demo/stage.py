"""Builds the demonstration in an installation, closes its month, and finds it again the next time."""

import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from caretide.billing import actions as billing
from caretide.billing.queries import closes
from caretide.demo import company, fhir, month, story
from caretide.demo.company import Company
from caretide.demo.month import HandClock, Play
from caretide.demo.people import DOCTORS, Person, people
from caretide.demo.summary import Summary, summarize
from caretide.ehr.gateway import run_import
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Unavailable
from caretide.kernel.month import Month
from caretide.runtime.tx import Database

PATIENTS: Final = 60
SEED: Final = 1

Drain = Callable[[], Awaitable[None]]
"""Runs queued jobs until none is waiting; it stands above us and is handed in."""

Tell = Callable[[str, int, int], None]
"""Hears what is being done, and how far it is: `done` of `total`."""


@dataclass(frozen=True, slots=True)
class Production:
    """What to play, and as whom: the seed, how many patients, the practice's name in addresses, who may sign in."""

    seed: int = SEED
    patients: int = PATIENTS
    slug: str = company.SLUG
    domain: str = company.DOMAIN


USUAL: Final = Production()


def last_month(now: datetime) -> Month:
    """Return the last month that is over at the clinics."""
    return Month.of(now.astimezone(ZoneInfo(company.TIME_ZONE)).date()).previous()


async def play(
    database: Database,
    url: str,
    passwords: Mapping[str, str],
    drain: Drain,
    tell: Tell,
    production: Production = USUAL,
) -> Summary:
    """Found the practice, import its patients, play the last month and this one to date, close the last, add it up.

    `database` has the true clock and `url` is its address: the month is played on a second pool whose clock is set by
    hand.
    """
    service_month = last_month(database.clock())
    drawn = people(production.seed, production.patients, service_month)
    script = story.write(drawn, service_month, production.seed)
    opening = datetime.combine(service_month.first, datetime.min.time(), ZoneInfo(company.TIME_ZONE))
    clock = HandClock(opening)
    tell("Founding the practice", 0, 1)
    by_hand = Database(url, database.stores, clock, pool_size=2)
    try:
        practice = await company.found(
            by_hand, service_month.first, passwords, slug=production.slug, domain=production.domain
        )
        await _import(by_hand, practice, drawn, tell)
        ids = await month.patient_ids(by_hand, practice)
        told = Play(script, practice, ids, production.seed)
        cast = month.cast_of(told)
        refused = await month.perform(
            by_hand,
            clock,
            practice,
            month.whole_month(told, cast),
            lambda done, total: tell(f"Playing {service_month.title}", done, total),
        )
        follow = story.follow(script, service_month.next(), production.seed)
        running = Play(follow, practice, ids, production.seed + 1)
        for one, part in zip(cast, follow.parts, strict=True):
            one.part = part
        await month.perform(
            by_hand,
            clock,
            practice,
            month.to_date(running, cast, database.clock()),
            lambda done, total: tell(f"Playing {follow.month.title} to date", done, total),
        )
    finally:
        await by_hand.close()
    await close(database, practice.actors["billing"], service_month, drain, tell)
    return await summarize(database, practice.system, service_month, refused_attempts=refused)


async def _import(database: Database, practice: Company, drawn: list[Person], tell: Tell) -> None:
    """Bring the patients in as an EHR's export, clinic by clinic."""
    for site, clinic in enumerate(practice.clinics):
        tell("Importing patients", site, len(practice.clinics))
        with tempfile.TemporaryDirectory(prefix="caretide-demo-") as folder:
            fhir.write_folder(Path(folder), [one for one in drawn if one.site == site], DOCTORS)
            report = await run_import(database, Path(folder), practice.tenant_id, clinic)
        if report.failure is not None or report.counts.refused:
            raise Unavailable(f"The generated patients were not taken: {report.failure or report.counts.refusals[0]}")


async def close(database: Database, actor: Actor, service_month: Month, drain: Drain, tell: Tell) -> None:
    """Close the month as its biller does, and run the jobs until every record is kept."""
    async with database.tx(actor) as tx:
        await billing.request_close(tx, service_month)
    tell(f"Closing {service_month.title}", 0, 1)
    await drain()
    async with database.tx(actor) as tx:
        states = await closes.status(tx, service_month)
    if not all(one.done for one in states):
        raise Unavailable(f"The close of {service_month.title} is not done; see `caretide month status`")
