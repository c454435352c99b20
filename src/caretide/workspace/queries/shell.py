"""The frame of every page."""

from datetime import timedelta

from sqlalchemy import select

from caretide.identity.models import Membership
from caretide.identity.sessions import is_fresh
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients.models import Patient
from caretide.reports.queries import company
from caretide.rosters import queries as rosters
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.models import Tenant
from caretide.tenants.rules import ROLES
from caretide.time_log import queries as time_log
from caretide.time_log.actions import note_sign
from caretide.ui.filters import time_of_day
from caretide.ui.shell import COMPANY, Emergency, Message, RunningTimer, Shell, Workplace, navigation


@requires(Permission.SELF, reads(Data.SETTINGS, Data.ACCOUNT))
async def make_shell(tx: Tx, section: str, message: Message | None) -> Shell:
    """Return the frame for whoever acts: where they can go, what runs, what they should be told. Three statements."""
    messages = (message,) if message else ()
    if tx.actor.tenant_id is None:
        nav = (COMPANY,) if await company.directs(tx) else ()
        name, fresh = tx.actor.name, is_fresh(tx)
        return Shell(section=section, nav=nav, account_name=name, messages=messages, is_fresh=fresh)
    tenant = await tenants.my_tenant(tx)
    return Shell(
        section=section,
        nav=navigation(tx.actor.permissions),
        account_name=tx.actor.name,
        role=", ".join(ROLES[one] for one in tx.actor.roles),
        tenant_name=tenant.name,
        places=await workplaces(tx),
        demo=tenant.is_generated,
        running=await running(tx),
        emergencies=await emergencies(tx) if tx.actor.glasses else (),
        idle_seconds=tenant.idle_minutes * 60,
        messages=messages,
        is_fresh=is_fresh(tx),
    )


@requires(Permission.SELF, reads(Data.ACCOUNT, Data.SETTINGS))
async def workplaces(tx: Tx) -> tuple[Workplace, ...]:
    """Return where the acting account works, by name. Whether a place still takes them is asked when they choose it."""
    wanted = select(Tenant.id, Tenant.name).where(
        Membership.account_id == tx.actor.account_id, Tenant.id == Membership.tenant_id
    )
    rows = (await tx.db.execute(wanted.order_by(Tenant.name, Tenant.id))).all()
    return tuple(Workplace(row.id, row.name, row.id == tx.actor.tenant_id) for row in rows)


@requires(Permission.SELF, reads(Data.ROSTER, Data.DEMOGRAPHICS))
async def emergencies(tx: Tx) -> tuple[Emergency, ...]:
    """Return what the acting member has open by emergency access: every page says so."""
    return tuple(
        Emergency(
            id=one.id,
            label=one.patient,
            href=f"/patients/{one.patient_id}",
            until=time_of_day(one.until, one.zone),
        )
        for one in await rosters.my_glasses(tx)
    )


@requires(Permission.SELF, reads(Data.TIME, Data.DEMOGRAPHICS))
async def running(tx: Tx) -> RunningTimer | None:
    """Return the member's timer; its patient is not named to somebody who may no longer see them."""
    if Permission.TIME_READ not in tx.actor.permissions:
        return None
    timer = await time_log.running_timer(tx)
    if timer is None:
        return None
    tenant = await tenants.my_tenant(tx)
    if not tx.is_quiet and Permission.TIME_WRITE in tx.actor.permissions:
        await note_sign(tx)
    wanted = select(Patient.given, Patient.family).where(Patient.id == timer.patient_id)
    row = (await tx.db.execute(wanted)).one_or_none()
    return RunningTimer(
        label=f"{row.given} {row.family}".strip() if row else "A patient no longer on your list",
        href=f"/patients/{timer.patient_id}" if row else "/my-day",
        elapsed=max(0, int((tx.now - timer.started_at).total_seconds())),
        key=timer.id.hex,
        asks_after=int(timer.signs.patience(timedelta(minutes=tenant.timer_ask_minutes)).total_seconds()),
    )
