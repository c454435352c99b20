"""What asks for both factors just now: emergency access, and tokens of programs.

The database stamps the hour of emergency access itself, whatever a hand-set clock says: the story cannot have one in
the past. Both uses are of the day on which the demonstration is built; one is reviewed, one waits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from caretide.demo.company import Company, confirmed
from caretide.demo.houses import seats_of
from caretide.demo.month import MANAGER
from caretide.demo.story import Part, Story
from caretide.identity import actions as identity
from caretide.identity.schemas import ServiceForm, TokenForm
from caretide.kernel.actor import Actor
from caretide.kernel.permissions import Permission, Role
from caretide.patients import queries as patients
from caretide.rosters import actions as rosters
from caretide.rosters import queries as beyond
from caretide.runtime.tx import Database
from caretide.tenants import queries as tenants


@dataclass(frozen=True, slots=True)
class Emergency:
    """Who opens a record, whose patient it is, what for, and what the review found; None where it waits."""

    who: str
    whose: str
    category: str
    reason: str
    found: str | None = None


EMERGENCIES: Final = {
    "lakeside": (
        Emergency(
            "joy",
            "lucia",
            "call",
            "Daughter on the phone: dizzy since this morning, and Lucía is at Cascadia at this hour",
            "Spoke with Joy; the call is in the phone log. She looked at the medications and nothing else.",
        ),
        Emergency("kasia", "lucia", "urgent", "Pharmacy on the line about two drugs that interact; cannot wait"),
    )
}

TOKENS: Final = {"lakeside": "Evergreen analytics", "cascadia": "Registry feed"}
PURPOSE: Final = "Reads the team's figures each night"
NETWORK: Final = "192.0.2.0/24"


async def happen(database: Database, company: Company, story: Story) -> None:
    """Play a house's emergencies and make its programs' tokens, all of it now."""
    for one, part in _cast(story):
        await _use(database, company, one, part.person.mrn)
    await _tokens(database, company, story)


def _cast(story: Story) -> Iterator[tuple[Emergency, Part]]:
    """Give each emergency a patient of whom it names; in a small story perhaps of somebody else beyond its user."""
    taken = set[int]()
    for one in EMERGENCIES.get(story.house.key, ()):
        seen = {one.who, *(absence.who for absence in story.absences if absence.cover == one.who)}
        free = [
            part
            for part in story.parts
            if part.turn == "plain" and part.person.number not in taken
            if not {part.coordinator, part.later} & seen and part.until > story.today
        ]
        free.sort(key=lambda part, whose=one.whose: part.coordinator != whose)
        if free:
            taken.add(free[0].person.number)
            yield one, free[0]


async def _use(database: Database, company: Company, one: Emergency, mrn: str) -> None:
    """Look for a record by its number, open it, read it, end the access, and have it reviewed where it was."""
    async with confirmed(database, company, one.who) as secret:
        async with database.tx(await _behind(database, secret)) as tx:
            (found,) = await beyond.find_beyond(tx, mrn)
            opening_id = await rosters.open_glass(tx, secret, found.patient_id, one.category, one.reason)
        # From here on the actor carries the use, and so does every look.
        async with database.tx(await _behind(database, secret)) as tx:
            await patients.patient(tx, found.patient_id)
            await patients.medications(tx, found.patient_id)
        async with database.tx(await _behind(database, secret)) as tx:
            await rosters.end_glass(tx, opening_id)
    if one.found is not None:
        async with database.tx(company.actors[MANAGER]) as tx:
            await rosters.review_glass(tx, opening_id, "appropriate", one.found)


async def _behind(database: Database, secret: str) -> Actor:
    async with database.tx(Actor.nobody()) as tx:
        return await tenants.actor_behind(tx, secret)


async def _tokens(database: Database, company: Company, story: Story) -> None:
    """Make a service account with a token, and one of the administrator's own. Nobody is told what they are."""
    admin = next(seat.key for seat in seats_of(story.house) if seat.role is Role.ADMINISTRATOR)
    async with (
        confirmed(database, company, admin) as secret,
        database.tx(await _behind(database, secret)) as tx,
    ):
        service = ServiceForm(name=TOKENS[story.house.key], purpose=PURPOSE)
        service_id = await identity.create_service_account(tx, service)
        nightly = TokenForm(name="Nightly", days=180, scopes=(Permission.TEAM_READ,), networks=(NETWORK,))
        await identity.create_service_token(tx, secret, service_id, nightly)
        mine = TokenForm(name="Hours for payroll", days=90, scopes=(Permission.TEAM_READ,))
        await identity.create_token(tx, secret, mine)
