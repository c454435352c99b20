"""A new way in for a member who lost every one: asked for, confirmed by somebody else, carried out.

Whoever asks has made sure who it is and gets the code; whoever confirms gets the link. The person needs both, so that
neither administrator, and nobody who reads a mailbox, comes in as them. The database's guards say the same once more.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, update

from caretide.identity import actions as identity
from caretide.identity import queries as accounts
from caretide.identity.notices import tell
from caretide.identity.opening import require_recent
from caretide.kernel.errors import Conflict, Forbidden
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission, Role
from caretide.kernel.records import Data, changes, decides
from caretide.kernel.text import REASON_LENGTH, clean_text
from caretide.runtime.access import requires
from caretide.runtime.mail import Letter
from caretide.runtime.tx import Tx
from caretide.tenants import queries
from caretide.tenants.links import Invited, link_for, void_links
from caretide.tenants.models import Member, Recovery
from caretide.tenants.queries.people import MemberRow
from caretide.tenants.queries.recoveries import recoveries, recovery
from caretide.tenants.rules.recoveries import LASTS, RecoveryRow, code_hash, new_code


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a new way in: its code, shown once, and the link where nobody else is there to confirm it."""

    recovery_id: UUID
    code: str
    expires_at: datetime
    invited: Invited | None


@requires(Permission.MEMBER_WRITE, changes(Data.ACCOUNT))
async def ask_recovery(tx: Tx, secret: str, member_id: UUID, reason: str) -> Asked:
    """Ask for a new way in for a member, saying how one made sure of them; asks for a recent sign-in.

    Another administrator confirms it within a day. Where there is none, it is carried out at once: the audit prints
    that one acted alone, and the privacy contact is told. Refused for oneself, and for an account that works in another
    tenant too.
    """
    await require_recent(tx, secret)
    why = clean_text(reason, field="reason", limit=REASON_LENGTH, required=True)
    # Two who ask side by side wait for each other: there is one request at a time.
    await tx.db.execute(select(Member.id).where(Member.id == member_id).with_for_update())
    person = await queries.member(tx, member_id)
    if person.account_id is None or person.status != "active":
        raise Conflict("Only somebody who has come in can be given a new way in")
    address = await identity.check_factors_can_go(tx, person.account_id)
    if any(one.state(tx.now) == "waits" for one in await recoveries(tx, member_id)):
        raise Conflict("A new way in for this person waits to be confirmed already")
    others = await _others(tx, member_id)
    asked = Asked(new_id(), new_code(), tx.now + LASTS, None)
    row = {"id": asked.recovery_id, "member_id": member_id, "reason": why, "is_alone": not others}
    row |= {"asked_by": tx.member_id, "asked_at": tx.now, "expires_at": asked.expires_at}
    await tx.db.execute(insert(Recovery).values(**row, code_hash=code_hash(asked.recovery_id, asked.code)))
    tx.note(recovery_id=str(asked.recovery_id), member_id=str(member_id), alone=not others)
    if others:
        for known in sorted({address, person.email}):
            tell(tx, known, "recovery-asked")
        _tell_others(tx, others, person, "waits for you to confirm it, or to decline it, within 24 hours")
        return asked
    alone = "was given by one administrator alone: there is no other"
    _tell_others(tx, await _contact(tx), person, alone)
    return Asked(asked.recovery_id, asked.code, asked.expires_at, await _carry_out(tx, asked.recovery_id, person))


@requires(Permission.MEMBER_WRITE, decides(Data.ACCOUNT))
async def confirm_recovery(tx: Tx, secret: str, recovery_id: UUID) -> Invited:
    """Confirm what another administrator asked for; asks for a recent sign-in.

    Everything that the member signs in with is taken away, their sessions and tokens end, and the link is returned by
    which they bind it anew, with the code that was told to them.
    """
    await require_recent(tx, secret)
    asked = await _waiting(tx, recovery_id)
    if tx.member_id in {asked.asked_by_id, asked.member_id}:
        raise Conflict("Another administrator confirms this: not the one who asked, and not the one it is for")
    person = await queries.member(tx, asked.member_id)
    if person.status != "active":
        raise Conflict("This person's access has ended")
    confirmed = {"confirmed_by": tx.member_id, "confirmed_at": tx.now}
    await tx.db.execute(update(Recovery).where(Recovery.id == recovery_id).values(**confirmed))
    # The privacy contact too: two who act together are as many as it takes.
    _tell_others(tx, [*await _others(tx, asked.member_id), *await _contact(tx)], person, "was confirmed")
    return await _carry_out(tx, recovery_id, person)


@requires(Permission.MEMBER_WRITE, decides(Data.ACCOUNT))
async def decline_recovery(tx: Tx, recovery_id: UUID) -> None:
    """Decline a new way in, or take back that one asked for it; nothing of its person's has changed."""
    asked = await _waiting(tx, recovery_id)
    ended = {"ended_by": tx.member_id, "ended_at": tx.now}
    await tx.db.execute(update(Recovery).where(Recovery.id == recovery_id).values(**ended))
    tx.note(recovery_id=str(recovery_id), member_id=str(asked.member_id))
    person = await queries.member(tx, asked.member_id)
    _tell_others(tx, await _others(tx, asked.member_id), person, "was declined, or taken back")


@requires(Permission.COMPANY_WRITE, decides(Data.ACCOUNT))
async def record_reset(tx: Tx, member_id: UUID, reason: str, *, with_link: bool) -> Asked:
    """Record that whoever runs the installation gives a member a new way in: here, where they work.

    Their account was taken everything before. Their tokens and open links end; they and the administrators are told.
    `with_link` in one of the places: by its link, and its code apart from it, they bind it all anew, for every place.
    """
    person = await queries.member(tx, member_id)
    why = clean_text(reason, field="reason", limit=REASON_LENGTH, required=True)
    asked = Asked(new_id(), new_code(), tx.now + LASTS, None)
    row = {"id": asked.recovery_id, "member_id": member_id, "reason": why, "is_alone": False, "asked_at": tx.now}
    row |= {"expires_at": asked.expires_at, "code_hash": code_hash(asked.recovery_id, asked.code)}
    await tx.db.execute(insert(Recovery).values(**row))
    revoked, voided = await identity.end_tokens(tx, member_id), await void_links(tx, member_id)
    made = await link_for(tx, member_id, lasts=LASTS, recovery_id=asked.recovery_id) if with_link else None
    tx.note(recovery_id=str(asked.recovery_id), member_id=str(member_id), tokens_revoked=revoked, links_ended=voided)
    # Where the account's own address is this one too, it was written to before.
    if person.account_id is None or await accounts.address_of(tx, person.account_id) != person.email:
        tell(tx, person.email, "reset")
    _tell_others(tx, await _others(tx, member_id), person, "was given by whoever runs this installation")
    return Asked(asked.recovery_id, asked.code, asked.expires_at, made)


async def _waiting(tx: Tx, recovery_id: UUID) -> RecoveryRow:
    """Return a request that waits; two who decide side by side wait for each other."""
    await tx.db.execute(select(Recovery.id).where(Recovery.id == recovery_id).with_for_update())
    asked = await recovery(tx, recovery_id)
    state = asked.state(tx.now)
    if state == "expired":
        raise Conflict("Nobody confirmed this within a day; ask anew")
    if state != "waits":
        raise Conflict("This was decided before")
    return asked


async def _others(tx: Tx, member_id: UUID) -> list[str]:
    """Return the addresses of the administrators who could decide beside the acting one."""
    if tx.actor.member_id == member_id:
        raise Forbidden("Ask another administrator: nobody resets their own account")
    people = [one for one in await queries.members(tx) if one.role == Role.ADMINISTRATOR and one.status == "active"]
    return [one.email for one in people if one.id not in {tx.actor.member_id, member_id}]


async def _contact(tx: Tx) -> list[str]:
    contact = (await queries.settings(tx)).privacy_contact
    return [contact] if contact else []


async def _carry_out(tx: Tx, recovery_id: UUID, person: MemberRow) -> Invited:
    if person.account_id is None:
        raise Conflict("Only somebody who has come in can be given a new way in")
    await identity.take_factors(tx, person.account_id)
    if all(letter.to != person.email for letter in tx.letters):
        # The account's own address was written to; the tenant knows another.
        tell(tx, person.email, "reset")
    revoked = await identity.end_tokens(tx, person.id)
    tx.note(recovery_id=str(recovery_id), member_id=str(person.id), tokens_revoked=revoked)
    await void_links(tx, person.id)
    return await link_for(tx, person.id, lasts=LASTS, recovery_id=recovery_id)


def _tell_others(tx: Tx, addresses: list[str], person: MemberRow, what: str) -> None:
    text = (
        f"A new way in for the member {person.id} {what}. See Administration, People, in Caretide. If you know nothing"
        " of it, speak with your colleagues now."
    )
    tx.letters += [Letter(one, "A new way in for somebody of your organization", text) for one in sorted({*addresses})]
