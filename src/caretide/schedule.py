"""Every recurring job in one table."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import procrastinate

from caretide.billing import actions as billing
from caretide.billing.queries import freshness
from caretide.kernel.actor import Actor
from caretide.runtime.jobs import later, rescue
from caretide.runtime.limits import forget_old_counts
from caretide.runtime.tx import Database, Tx
from caretide.tenants import actions as tenant_actions
from caretide.tenants import queries as tenants
from caretide.vault.envelope import IntegrityFault

log = logging.getLogger("caretide")

CRON = {
    "jobs.rescue": "* * * * *",
    "limits.forget": "17 * * * *",
    "billing.rule_stale": "* * * * * */10",
    "schedule.tell_of_endings": "23 11 * * *",
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
        await forget_old_counts(database, datetime.fromtimestamp(timestamp, UTC) - timedelta(days=1))

    async def tell_of_endings(timestamp: int) -> None:
        del timestamp
        await queue_notices(database)

    tasks = {
        "jobs.rescue": rescue_stalled,
        "limits.forget": forget_counts,
        "billing.rule_stale": rule_stale,
        "schedule.tell_of_endings": tell_of_endings,
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
            log.error("nothing is queued for tenant %s: %s", tenant_id, fault)  # noqa: TRY400 - no trace to tell
