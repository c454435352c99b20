"""The frame of every page."""

from sqlalchemy import select

from caretide.identity import queries as identity
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.patients.models import Patient
from caretide.reports.queries import company
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.rules import ROLES
from caretide.time_log import queries as time_log
from caretide.ui.shell import COMPANY, Message, RunningTimer, Shell, navigation


@requires(Permission.SELF, reads(Data.SETTINGS, Data.ACCOUNT))
async def make_shell(tx: Tx, section: str, message: Message | None) -> Shell:
    """Return the frame for whoever acts: where they can go, what runs, what they should be told. Five statements."""
    messages = (message,) if message else ()
    if tx.actor.tenant_id is None:
        nav = (COMPANY,) if await company.directs(tx) else ()
        return Shell(section=section, nav=nav, account_name=tx.actor.name, messages=messages)
    tenant = await tenants.my_tenant(tx)
    return Shell(
        section=section,
        nav=navigation(tx.actor.permissions),
        account_name=tx.actor.name,
        role=ROLES[(await tenants.myself(tx)).role],
        tenant_name=tenant.name,
        may_switch=len(await identity.memberships(tx)) > 1,
        demo=tenant.is_generated,
        running=await running(tx),
        messages=messages,
    )


@requires(Permission.SELF, reads(Data.TIME, Data.DEMOGRAPHICS))
async def running(tx: Tx) -> RunningTimer | None:
    """Return the member's timer; its patient is not named to somebody who may no longer see them."""
    if Permission.TIME_READ not in tx.actor.permissions:
        return None
    timer = await time_log.running_timer(tx)
    if timer is None:
        return None
    wanted = select(Patient.given, Patient.family).where(Patient.id == timer.patient_id)
    row = (await tx.db.execute(wanted)).one_or_none()
    return RunningTimer(
        label=f"{row.given} {row.family}".strip() if row else "A patient no longer on your list",
        href=f"/patients/{timer.patient_id}" if row else "/my-day",
        elapsed=max(0, int((tx.now - timer.started_at).total_seconds())),
    )
