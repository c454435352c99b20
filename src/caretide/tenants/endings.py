"""The event `workforce.access_ended`: a step of the verbs that end somebody's access."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import insert

from caretide.kernel.ids import new_id
from caretide.runtime.mail import Letter
from caretide.runtime.tx import Tx
from caretide.tenants import queries
from caretide.tenants.models import AccessEnding

EVENT: Final = "workforce.access_ended"


@dataclass(frozen=True, slots=True)
class StoppedTimer:
    """A timer that was stopped because its member's access ends: at which sign of life, and what was recorded."""

    at: datetime
    seconds: int


async def record_ending(
    tx: Tx, member_id: UUID, timer: StoppedTimer | None, *, sessions: int, tokens: int, links: int
) -> None:
    """Write what ended with a member's access, in the transaction that ends it, and tell the privacy contact.

    The letter names a member by id: who else has to know within a day (45 CFR 164.308(a)(3)(ii)(C)) finds the rest
    under Administration, or asks the API.
    """
    ended = {"id": new_id(), "member_id": member_id, "ended_by": tx.actor.member_id, "ended_at": tx.now}
    counts = {"sessions": sessions, "tokens": tokens, "links": links}
    stopped = {"had_timer": timer is not None}
    if timer is not None:
        stopped |= {"timer_ended_at": timer.at, "timer_seconds": timer.seconds}
    await tx.db.execute(insert(AccessEnding).values(**ended, **counts, **stopped))
    tx.note(event=EVENT, member_id=str(member_id), sessions_ended=sessions, tokens_revoked=tokens)
    contact = (await queries.settings(tx)).privacy_contact
    if contact:
        text = (
            f"The access of the member {member_id} ended at {tx.now:%Y-%m-%d %H:%M} UTC. {sessions} sessions and"
            f" {tokens} tokens ended with it. Whoever else gives this person access has to be told within a day."
        )
        tx.letters.append(Letter(contact, f"{EVENT}: somebody's access ended", text))
