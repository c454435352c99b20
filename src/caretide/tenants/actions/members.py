"""Letting people in, changing what is known of them, and ending their access."""

from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update

from caretide.identity import actions as identity
from caretide.identity.sessions import require_fresh
from caretide.kernel.errors import Conflict, Forbidden, Invalid
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission, Role
from caretide.kernel.records import Data, changes, creates, signs_out
from caretide.runtime.access import requires
from caretide.runtime.mail import Letter
from caretide.runtime.tx import Tx
from caretide.tenants import queries, rules
from caretide.tenants.actions.clinics import NewPractitioner, save_practitioner
from caretide.tenants.endings import StoppedTimer, record_ending
from caretide.tenants.links import Invited, link_for, void_links
from caretide.tenants.models import Member, MemberLicense
from caretide.tenants.queries.settings import standing
from caretide.tenants.rules import License, MemberDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember(MemberDetails):
    """Somebody to invite: what is known of them, and where the invitation goes."""

    email: str


@requires(Permission.MEMBER_WRITE, creates(Data.STAFF))
async def invite_member(tx: Tx, new: NewMember) -> Invited:
    """Make a member and a one-time link for them; who was invited before and did not come gets a new link.

    Asks for a recent sign-in, as everything does that lets people in.
    """
    require_fresh(tx)
    email = rules.check_email(new.email)
    details = rules.checked_details(new)
    known = (await tx.db.execute(select(Member.id, Member.status).where(Member.email == email))).one_or_none()
    if known is not None:
        if known.status != "invited":
            raise Conflict("Somebody with this address is already a member")
        return await _renew(tx, known.id)
    member_id = new_id()
    await tx.db.execute(insert(Member).values(id=member_id, email=email, **_columns(details)))
    await _add_licenses(tx, member_id, details.licenses)
    await _tell_of_administrator(tx, member_id, details.role)
    return await link_for(tx, member_id)


def _columns(details: MemberDetails) -> dict[str, Any]:
    """Return a member's own columns: the name has another one, and licenses have rows."""
    values = asdict(details)
    del values["licenses"], values["name"]
    return values | {
        "display_name": details.name,
        "languages": list(details.languages),
        "staff_role": details.staff_role or rules.staff_role_of(Role(details.role)),
    }


async def _add_licenses(tx: Tx, member_id: UUID, licenses: tuple[License, ...]) -> None:
    who = {"member_id": member_id, "recorded_by": tx.actor.member_id, "recorded_at": tx.now}
    rows = [{"id": new_id(), **who, **asdict(one)} for one in licenses]
    if rows:
        await tx.db.execute(insert(MemberLicense), rows)


@requires(Permission.MEMBER_WRITE, changes(Data.STAFF))
async def renew_invitation(tx: Tx, member_id: UUID) -> Invited:
    """Give somebody who has not come yet a new link; the lost one opens nothing any more. Asks for a recent sign-in."""
    require_fresh(tx)
    if (await queries.member(tx, member_id)).status != "invited":
        raise Conflict("Only somebody who has not come yet can be invited anew")
    return await _renew(tx, member_id)


async def _renew(tx: Tx, member_id: UUID) -> Invited:
    await void_links(tx, member_id)
    return await link_for(tx, member_id)


@requires(Permission.MEMBER_WRITE, creates(Data.STAFF))
async def invite_to_clinic(tx: Tx, clinic_id: UUID, new: NewMember, npi: str) -> Invited:
    """Invite a member; a practitioner's NPI makes them one who bills for the clinic's group."""
    require_fresh(tx)
    clinic = await queries.clinic(tx, clinic_id)
    is_practitioner = rules.require_role(new.role) is Role.PRACTITIONER
    if is_practitioner != bool(npi):
        raise Invalid("A billing practitioner has an NPI, and nobody else", field="npi")
    if is_practitioner:
        given, _, family = new.name.strip().rpartition(" ")
        kind = rules.practitioner_kind(new.credential)
        named = NewPractitioner(npi=npi, family=family, given=given, kind=kind, tin_group=clinic.tin_group)
        new = replace(new, practitioner_id=await save_practitioner(tx, named))
    return await invite_member(tx, new)


@requires(Permission.MEMBER_WRITE, changes(Data.STAFF))
async def update_member(tx: Tx, member_id: UUID, details: MemberDetails) -> None:
    """Put what is known of a member in place of what was. A license that is no longer named is withdrawn.

    Minutes already recorded, and a timer that runs, keep the role and credential they began with. Nobody changes
    their own role, and the last active administrator stays one. Whose role changes confirms who they are, and goes on
    under a new session; who changes it has signed in lately.
    """
    known = await queries.member_details(tx, member_id)
    checked = rules.checked_details(rules.following_role(known, details))
    if checked.role != known.role:
        require_fresh(tx)
        if member_id == tx.actor.member_id:
            raise Forbidden("Nobody changes their own role; ask another administrator")
        await _keep_an_administrator(tx, member_id)
        account_id = (await queries.member(tx, member_id)).account_id
        if account_id is not None:
            await identity.pause_sessions(tx, account_id)
        await _tell_of_administrator(tx, member_id, checked.role)
    await tx.db.execute(update(Member).where(Member.id == member_id).values(**_columns(checked)))
    gone = [one for one in known.licenses if one not in checked.licenses]
    for one in gone:
        standing = update(MemberLicense).where(
            MemberLicense.member_id == member_id,
            MemberLicense.kind == one.kind,
            MemberLicense.state == one.state,
            MemberLicense.withdrawn_at.is_(None),
        )
        await tx.db.execute(standing.values(withdrawn_at=tx.now))
    await _add_licenses(tx, member_id, tuple(one for one in checked.licenses if one not in known.licenses))
    tx.note(member_id=str(member_id), changed=rules.changed(known, checked))


@requires(Permission.MEMBER_WRITE, changes(Data.STAFF))
async def suspend_member(tx: Tx, member_id: UUID, timer: StoppedTimer | None = None) -> None:
    """End a member's access here: their sessions and tokens in this tenant end, and an open invitation is void.

    Refused are one's own suspension, that of the last active administrator, and while the member's timer runs: time
    never ends silently, so `time_log.stop_timer_of` or `end_timer_of` comes first (`reports.end_access` does both).
    The patients designated for them stay so until somebody hands them over. What they recorded stands. The event
    `workforce.access_ended` is written with it, and told to the tenant's privacy contact.
    """
    person = await queries.member(tx, member_id)
    if member_id == tx.actor.member_id:
        raise Forbidden("Nobody suspends themselves; ask another administrator")
    if person.status == "suspended":
        raise Conflict("This person's access has ended already")
    await _keep_an_administrator(tx, member_id)
    ended = {"status": "suspended", "suspended_at": tx.now}
    await tx.db.execute(update(Member).where(Member.id == member_id).values(**ended))
    links = await void_links(tx, member_id)
    sessions = 0 if person.account_id is None else await identity.end_sessions(tx, person.account_id)
    tokens = await identity.end_tokens(tx, member_id)
    await record_ending(tx, member_id, timer, sessions=sessions, tokens=tokens, links=links)


async def _keep_an_administrator(tx: Tx, member_id: UUID) -> None:
    """Refuse what would leave the tenant without an administrator; two who try it side by side wait for each other."""
    administering = select(Member.id).where(Member.role == Role.ADMINISTRATOR, Member.status == "active")
    active = set((await tx.db.execute(administering.order_by(Member.id).with_for_update())).scalars())
    if active == {member_id}:
        raise Conflict("This is the last active administrator; make somebody else one first")


@requires(Permission.MEMBER_WRITE, signs_out(Data.ACCOUNT))
async def sign_out_member(tx: Tx, member_id: UUID) -> int:
    """End a member's sessions in this tenant, from the next request on; return how many there were."""
    person = await queries.member(tx, member_id)
    ended = 0 if person.account_id is None else await identity.end_sessions(tx, person.account_id)
    tx.note(member_id=str(member_id), sessions_ended=ended)
    return ended


@requires(Permission.MEMBER_WRITE, changes(Data.STAFF))
async def reinstate_member(tx: Tx, member_id: UUID) -> None:
    """Let a suspended member in again: at work at once with an account, else invited, and in need of a new link.

    Asks for a recent sign-in.
    """
    require_fresh(tx)
    person = await queries.member(tx, member_id)
    if person.status != "suspended":
        raise Conflict("This person's access has not ended")
    status = "invited" if person.account_id is None else "active"
    await tx.db.execute(update(Member).where(Member.id == member_id).values(status=status, suspended_at=None))
    await _tell_of_administrator(tx, member_id, person.role)
    tx.note(member_id=str(member_id))


async def _tell_of_administrator(tx: Tx, member_id: UUID, role: str) -> None:
    """Write to the other administrators and the privacy contact where somebody becomes one of them.

    One alone would else make, unseen, the second who confirms what takes two.
    """
    if role != Role.ADMINISTRATOR:
        return
    known = {tx.actor.member_id, member_id}
    people = [one for one in await queries.members(tx) if one.role == Role.ADMINISTRATOR and one.status == "active"]
    contact = (await tx.db.execute(select(standing("privacy_contact")))).scalar_one()
    to = {one.email for one in people if one.id not in known} | {contact or ""}
    text = (
        f"{tx.actor.name or 'The command line'} made the member {member_id} an administrator, or invited them as one."
        " See Administration, People, in Caretide. If you know nothing of it, speak with your colleagues now."
    )
    tx.letters += [Letter(one, "Your organization has another administrator", text) for one in sorted(to - {""})]
