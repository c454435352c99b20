"""Every recurring job in one table."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import procrastinate

from caretide.billing import actions as billing
from caretide.billing.queries import freshness
from caretide.identity.tries import forget_old_tries
from caretide.kernel.actor import Actor
from caretide.kernel.errors import CaretideError
from caretide.runtime.jobs import later, rescue
from caretide.runtime.limits import forget_old_counts
from caretide.runtime.log import log
from caretide.runtime.trail import Origin
from caretide.runtime.tx import Database, Tx
from caretide.tenants import actions as tenant_actions
from caretide.tenants import queries as tenants
from caretide.time_log import actions as time_log
from caretide.time_log import queries as times
from caretide.vault.envelope import IntegrityFault

CRON = {
    "jobs.rescue": "* * * * *",
    "limits.forget": "17 * * * *",
    "billing.rule_stale": "* * * * * */10",
    "schedule.tell_of_endings": "23 11 * * *",
    "time_log.stop_silent": "* * * * *",
}
"""Job -> when it runs (cron, UTC; a sixth field is seconds)."""


def schedule(app: procrastinate.App, database: Database) -> None:
    """Put the recurring jobs on the queue's application."""

    async def rescue_stalled(timestamp: int) -> None:
        del timestamp
        await rescue(app)

    async def rule_stale(timestamp: int) -> None:
        del timestamp
        await queue_rulings(database)

    async def forget_counts(timestamp: int) -> None:
        now = datetime.fromtimestamp(timestamp, UTC)
        await forget_old_counts(database, now - timedelta(days=1))
        await forget_old_tries(database, now)

    async def tell_of_endings(timestamp: int) -> None:
        del timestamp
        await queue_notices(database)

    async def stop_silent(timestamp: int) -> None:
        del timestamp
        await stop_silent_timers(database)

    tasks = {
        "jobs.rescue": rescue_stalled,
        "limits.forget": forget_counts,
        "billing.rule_stale": rule_stale,
        "schedule.tell_of_endings": tell_of_endings,
        "time_log.stop_silent": stop_silent,
    }
    for name, task in tasks.items():
        registered = app.task(name=name, queueing_lock=name, pass_context=False)(task)
        app.periodic(cron=CRON[name])(registered)


async def queue_rulings(database: Database) -> None:
    """Have patients ruled anew, in each tenant where somebody changed."""

    async def queue(tx: Tx) -> None:
        with tx.trail.unseen():
            due = await freshness.is_due(tx)
        if due:
            await later(tx, billing.rule_patients, once="standings")

    await _in_each_tenant(database, queue)


async def queue_notices(database: Database) -> None:
    """Have the ends of agreements told of, in each tenant where one is near."""

    async def queue(tx: Tx) -> None:
        with tx.trail.unseen():
            due = await tenants.ending_agreements(tx)
        if due:
            await later(tx, tenant_actions.tell_of_endings, once="agreements")

    await _in_each_tenant(database, queue)


async def stop_silent_timers(database: Database) -> None:
    """Stop the timers that asked and were not answered, each as its own member's: the note that they typed is theirs.

    One that cannot be stopped, as when its person comes back at that moment, keeps no other.
    """
    silent: list[tuple[UUID, UUID, UUID]] = []

    async def look(tx: Tx) -> None:
        with tx.trail.unseen():
            silent.extend([(tx.tenant_id, *one) for one in await times.silent_timers(tx)])

    await _in_each_tenant(database, look)
    for tenant_id, timer_id, member_id in silent:
        actor = Actor("job", tenant_id, Actor.system(tenant_id).permissions, member_id=member_id)
        try:
            async with database.tx(actor, Origin(route="job time_log.stop_silent")) as tx:
                await time_log.stop_silent(tx, timer_id)
        except CaretideError as error:
            log.warning("a silent timer goes on", tenant=str(tenant_id), exc_info=error)


async def _in_each_tenant(database: Database, queue: Callable[[Tx], Awaitable[None]]) -> None:
    """Queue what is due in each tenant. Looking is no use of anybody's data; broken keys of one delay no other."""
    async with database.tx(Actor.nobody()) as tx:
        ids = [row.id for row in await tenants.tenants(tx)]
        tx.trail.events.clear()
    for tenant_id in ids:
        try:
            async with database.tx(Actor.system(tenant_id)) as tx:
                await queue(tx)
        except IntegrityFault as fault:
            log.error("nothing is queued for a tenant", tenant=str(tenant_id), exc_info=fault)
