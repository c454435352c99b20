"""The tenant's people: the list, and one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Final
from uuid import UUID

from sqlalchemy import func, or_, select

from caretide.identity import queries as identity
from caretide.identity.queries import Seen
from caretide.identity.queries import tokens as identity_tokens
from caretide.kernel.permissions import Permission, Role
from caretide.kernel.records import Data, reads
from caretide.reports.queries.endings import endings_of
from caretide.reports.rules import people as rules
from caretide.reports.rules.administration import (
    RENEW_WITHIN_DAYS,
    ago,
    days_left,
    last_here,
    license_ends,
    license_tone,
)
from caretide.reports.schemas.people import (
    LICENSE_ROWS,
    InviteLink,
    LicenseLine,
    MemberPage,
    PeoplePage,
    PersonForm,
    PersonLine,
    UserOut,
    UsersOut,
)
from caretide.rosters.models import Designation
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.models import Invitation, Member
from caretide.tenants.queries.people import MemberRow
from caretide.tenants.queries.recoveries import recoveries
from caretide.tenants.rules import LANGUAGES, LICENSES, ROLES
from caretide.tenants.rules import STATES as US_STATES
from caretide.tenants.rules.recoveries import STATES, RecoveryRow
from caretide.tenants.schemas.recoveries import NewWayIn, RecoveryLine
from caretide.time_log.models import Timer
from caretide.ui.forms import Option
from caretide.ui.shell import Tone
from caretide.ui.tables import Column, Filter, Listing, sort_of

COLUMNS = (
    Column("Name", "name"),
    Column("Role", "role"),
    Column("Languages"),
    Column("Licenses"),
    Column("Hours", "hours", "number", falling=True),
    Column("Status", "status"),
    Column("Last here", "seen", falling=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the address of the list asks for; text that names nothing shows everybody."""

    role: str = ""
    status: str = ""
    license: str = ""
    sort: str = ""
    page: int = 1


@requires(Permission.MEMBER_WRITE, reads(Data.STAFF))
async def open_invitations(tx: Tx) -> dict[UUID, datetime]:
    """Return by member until when the newest link works, of those who have not come yet; it may have passed."""
    wanted = (
        select(Invitation.member_id, func.max(Invitation.expires_at))
        .where(Member.id == Invitation.member_id, Member.tenant_id == Invitation.tenant_id, Member.status == "invited")
        .group_by(Invitation.member_id)
    )
    return {row[0]: row[1] for row in (await tx.db.execute(wanted)).all()}


@requires(Permission.MEMBER_WRITE, reads(Data.STAFF, Data.ACCOUNT))
async def people_page(tx: Tx, wanted: Wanted, invited: InviteLink | None = None) -> PeoplePage:
    """Return the people whom a list asks for, and the form to invite somebody."""
    lines = [line for line in await _lines(tx, await tenants.members(tx)) if _is_wanted(line, wanted)]
    sort = sort_of(wanted.sort, COLUMNS, "name")
    listing = Listing(path="/admin/people", columns=COLUMNS, sort=sort, filters=_filters(wanted), id="people")
    listing = listing.at(wanted.page, len(lines))
    lines.sort(key=rules.sort_key(sort), reverse=sort.startswith("-"))
    shown = tuple(lines[listing.offset : listing.offset + listing.size])
    waiting = tuple(one for one in await recoveries(tx) if one.state(tx.now) == "waits")
    return PeoplePage(listing=listing, people=shown, form=await _form(tx), invited=invited, waiting=waiting)


def _filters(wanted: Wanted) -> tuple[Filter, ...]:
    roles = tuple(Option(role, label) for role, label in ROLES.items())
    statuses = (Option("here", "Signed in now"), *(Option(key, label) for key, (label, _) in rules.STATUSES.items()))
    return (
        Filter("role", "Role", (Option("", "All roles"), *roles), wanted.role),
        Filter("status", "Status", (Option("", "Any status"), *statuses), wanted.status),
        Filter("license", "Licenses", (Option("", "All licenses"), Option("due", "To renew")), wanted.license),
    )


PAGE: Final = 50


@requires(Permission.MEMBER_WRITE, reads(Data.STAFF, Data.ACCOUNT))
async def users(tx: Tx, *, role: str = "", status: str = "", page: int = 1, user_id: UUID | None = None) -> UsersOut:
    """Return a page of the tenant's people for programs, by name; with an id that one, or raise NotFound."""
    rows = await tenants.members(tx) if user_id is None else [await tenants.member(tx, user_id)]
    wanted = [one for one in rows if role in {"", one.role} and status in {"", one.status}]
    seen, invitations = await identity.seen_here(tx), await open_invitations(tx)
    pages = max(1, -(-len(wanted) // PAGE))
    page = min(max(1, page), pages)
    found = wanted[(page - 1) * PAGE : page * PAGE]
    return UsersOut(users=[_user(one, seen, invitations) for one in found], total=len(wanted), page=page, pages=pages)


def _user(person: MemberRow, seen: Mapping[UUID, Seen], invitations: Mapping[UUID, datetime]) -> UserOut:
    was = seen.get(person.account_id) if person.account_id else None
    return UserOut(
        id=person.id,
        name=person.display_name,
        email=person.email,
        role=person.role,
        credential=person.credential,
        status=person.status,
        sessions=was.sessions if was else 0,
        last_seen_at=was.at if was else None,
        invited_until=invitations.get(person.id),
        suspended_at=person.suspended_at,
    )


def _is_wanted(line: PersonLine, wanted: Wanted) -> bool:
    label = rules.STATUSES.get(wanted.status, ("", ""))[0]
    return (
        (wanted.role not in ROLES or line.role == ROLES[wanted.role])
        and (not label or line.status == label)
        and (wanted.status != "here" or line.is_here)
        and (
            wanted.license != "due"
            or (line.status != "Access ended" and any(one.tone != "good" for one in line.licenses))
        )
    )


async def _lines(tx: Tx, people: Sequence[MemberRow]) -> list[PersonLine]:
    seen, invitations = await identity.seen_here(tx), await open_invitations(tx)
    clinics = await tenants.clinics(tx)
    zone = clinics[0].zone if clinics else UTC
    return [_line(tx, person, seen, invitations, zone) for person in people]


def _line(
    tx: Tx, person: MemberRow, seen: Mapping[UUID, Seen], invitations: Mapping[UUID, datetime], zone: tzinfo
) -> PersonLine:
    was = seen.get(person.account_id) if person.account_id else None
    is_here = was is not None and was.sessions > 0
    status, tone = rules.STATUSES[person.status]
    note, tone = _note(tx, person, invitations, tone)
    return PersonLine(
        member_id=person.id,
        name=person.display_name,
        email=person.email,
        role=ROLES[person.role],
        credential=person.credential,
        languages=rules.spoken(person.languages),
        licenses=tuple(
            LicenseLine(
                text=f"{one.kind}, {one.state}",
                ends=license_ends(left)
                if (left := days_left(one.expires_on, tx.now.date())) <= RENEW_WITHIN_DAYS
                else f"to {one.expires_on:%b} {one.expires_on.year}",
                tone=license_tone(left),
            )
            for one in person.licenses
        ),
        hours=person.weekly_hours,
        status=status,
        status_tone=tone,
        note=note,
        seen="Now" if is_here else last_here(was.at, tx.now, zone) if was else "Never",
        is_here=is_here,
        seen_at=was.at if was else None,
    )


def _note(tx: Tx, person: MemberRow, invitations: Mapping[UUID, datetime], tone: Tone) -> tuple[str, Tone]:
    """Return what the status leaves unsaid, and its tone: an invitation that has run out asks for a new one."""
    if person.status == "suspended":
        return (ago(person.suspended_at, tx.now) if person.suspended_at else ""), tone
    if person.status != "invited":
        return "", tone
    ends = invitations.get(person.id)
    if ends is None or ends <= tx.now:
        return "link expired", "warn"
    days = (ends - tx.now).days
    return f"link works {days} more day{'' if days == 1 else 's'}" if days else "link ends today", tone


async def _form(tx: Tx, person: MemberRow | None = None) -> PersonForm:
    """Return what the form about a person offers; with one, what stands in it."""
    practitioners = await tenants.practitioners(tx)
    spoken = person.languages if person else ()
    offered = {**LANGUAGES, **{tag: tag for tag in spoken if tag not in LANGUAGES}}
    form = PersonForm(
        roles=_options(ROLES),
        staff_roles=_options(rules.STAFF_ROLES),
        practitioners=tuple(Option(str(one.id), f"{one.name}, NPI {one.npi}") for one in practitioners),
        languages=_options(offered),
        license_kinds=tuple(Option(kind, f"{kind}: {label}") for kind, label in LICENSES.items()),
        states=tuple(Option(state, state) for state in US_STATES),
    )
    return form if person is None else replace(form, **_standing(person))


def _standing(person: MemberRow) -> dict[str, object]:
    values = {
        "name": person.display_name,
        "role": person.role,
        "credential": person.credential,
        "staff_role": person.staff_role,
        "practitioner_id": str(person.practitioner_id or ""),
        "weekly_hours": f"{person.weekly_hours:g}" if person.weekly_hours else "",
    }
    for number, one in enumerate(person.licenses, start=1):
        row = {"kind": one.kind, "state": one.state, "number": one.number, "expires_on": one.expires_on.isoformat()}
        values |= {f"license_{number}_{name}": value for name, value in row.items()}
    rows = min(LICENSE_ROWS, len(person.licenses) + 1)
    return {"values": values, "spoken": person.languages, "license_rows": rows}


def _options(choices: Mapping[str, str]) -> tuple[Option, ...]:
    return tuple(Option(value, label) for value, label in choices.items())


@requires(Permission.MEMBER_WRITE, reads(Data.STAFF, Data.ACCOUNT))
async def member_page(
    tx: Tx, member_id: UUID, invited: InviteLink | None = None, new_way_in: NewWayIn | None = None
) -> MemberPage:
    """Return one person, what would end with their access or did, and why it cannot end, if so."""
    person = await tenants.member(tx, member_id)
    (line,) = await _lines(tx, [person])
    seen = (await identity.seen_here(tx)).get(person.account_id) if person.account_id else None
    timing = select(func.count()).select_from(Timer).where(Timer.member_id == member_id)
    lasting = or_(Designation.valid_to.is_(None), Designation.valid_to > tx.now)
    panel = select(func.count()).select_from(Designation).where(Designation.member_id == member_id, lasting)
    return MemberPage(
        member_id=member_id,
        person=line,
        form=await _form(tx, person),
        state=person.status,
        joined=ago(person.created_at, tx.now),
        sessions=seen.sessions if seen else 0,
        is_timing=bool((await tx.db.execute(timing)).scalar_one()),
        panel=(await tx.db.execute(panel)).scalar_one(),
        why_not=await _why_not(tx, person),
        invited=invited,
        tokens=await identity_tokens.standing_tokens(tx, member_id),
        endings=await endings_of(tx, member_id),
        recoveries=tuple(_recovery(tx, one) for one in await recoveries(tx, member_id)),
        new_way_in=new_way_in,
    )


_TONES: Final[dict[str, Tone]] = {"waits": "warn", "alone": "warn", "operator": "warn", "confirmed": "good"}


def _recovery(tx: Tx, asked: RecoveryRow) -> RecoveryLine:
    state = asked.state(tx.now)
    return RecoveryLine(
        id=asked.id,
        state=state,
        words=STATES[state],
        tone=_TONES.get(state, "neutral"),
        reason=asked.reason,
        asked_by=asked.asked_by,
        asked_at=asked.asked_at,
        expires_at=asked.expires_at,
        decided_by=asked.confirmed_by or asked.ended_by or "",
        decided_at=asked.confirmed_at or asked.ended_at,
        is_mine=asked.asked_by_id == tx.actor.member_id,
    )


async def _why_not(tx: Tx, person: MemberRow) -> str:
    if person.id == tx.actor.member_id:
        return "Nobody ends their own access"
    wanted = select(func.count()).where(
        Member.role == Role.ADMINISTRATOR, Member.status == "active", Member.id != person.id
    )
    is_last = person.role == Role.ADMINISTRATOR and not (await tx.db.execute(wanted)).scalar_one()
    return "This is the last active administrator" if is_last else ""
