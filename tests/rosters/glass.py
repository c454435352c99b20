"""Emergency access for the tests: who is named for it, a use of it, and how it is moved in time."""

from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
from psycopg import sql

from caretide.kernel.actor import Actor
from caretide.rosters import actions
from caretide.runtime.mail import FolderPost
from caretide.runtime.tx import Database, Stores
from caretide.tenants import actions as tenants
from caretide.tenants.rules.settings import TenantSettings
from tests.cast import Cast
from tests.client import open_session
from tests.database import Server
from tests.enrollment.panel import new_patient
from tests.rosters.shifts import designated

WHY: Final = "Daughter on the phone: chest pain, own coordinator away"
CONTACT: Final = "privacy@example.com"


async def name_members(database: Database, cast: Cast, *actors: Actor, contact: str = CONTACT) -> None:
    """Have the administrator name who may use emergency access, and whom it is told to."""
    members = tuple(actor.member_id for actor in actors if actor.member_id)
    async with database.tx(cast.administrator) as tx:
        await tenants.change_settings(tx, TenantSettings(privacy_contact=contact, glass_members=members))


async def opened(database: Database, actor: Actor, patient_id: UUID) -> UUID:
    """Use emergency access with a session that was opened just now."""
    secret = await open_session(database, actor)
    async with database.tx(actor) as tx:
        return await actions.open_glass(tx, secret, patient_id, "urgent", WHY)


async def another(database: Database, cast: Cast) -> UUID:
    """Make a patient of the other coordinator's roster."""
    patient_id = await new_patient(database, cast)
    await designated(database, cast, patient_id, cast.other_coordinator)
    return patient_id


def shift(server: Server, opening_id: UUID, minutes: float) -> None:
    """Have an opening begin so many minutes ago, as the superuser: nobody else can."""
    moved = sql.SQL(
        "UPDATE glass_openings SET opened_at = now() - {0}, until = now() - {0} + interval '60 minutes' WHERE id = %s"
    )
    with psycopg.connect(server.admin, autocommit=True) as admin:
        admin.execute(moved.format(sql.Literal(timedelta(minutes=minutes))), (opening_id,))


def letters(stores: Stores) -> list[tuple[str, str, str]]:
    """Return address, subject and text of every letter that was sent."""
    assert isinstance(stores.post, FolderPost)
    found = [message_from_bytes(one.read_bytes(), policy=default) for one in sorted(Path(stores.post.folder).glob("*"))]
    return [(str(one["To"]), str(one["Subject"]), one.get_content()) for one in found]
