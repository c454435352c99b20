"""Every recurring job in one table."""

import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

import procrastinate

from caretide.billing import actions as billing
from caretide.billing.queries import freshness
from caretide.kernel.actor import Actor
from caretide.runtime.jobs import later, rescue
from caretide.runtime.limits import forget_old_counts
from caretide.runtime.tx import Database
from caretide.tenants import queries as tenants
from caretide.vault.envelope import IntegrityFault

log = logging.getLogger("caretide")

CRON = {
    "jobs.rescue": "* * * * *",
    "limits.forget": "17 * * * *",
    "billing.rule_stale": "* * * * * */10",
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

    tasks = {"jobs.rescue": rescue_stalled, "limits.forget": forget_counts, "billing.rule_stale": rule_stale}
    for name, task in tasks.items():
        registered = app.task(name=name, queueing_lock=name, pass_context=False)(task)
        app.periodic(cron=CRON[name])(registered)


async def queue_rulings(database: Database) -> None:
    """Have patients ruled anew, in each tenant where somebody changed. Looking is no use of anybody's data.

    A tenant whose keys do not open keeps no other waiting.
    """
    async with database.tx(Actor.nobody()) as tx:
        ids = [row.id for row in await tenants.tenants(tx)]
        tx.trail.events.clear()
    for tenant_id in ids:
        try:
            await _queue_for(database, tenant_id)
        except IntegrityFault as fault:
            log.error("tenant %s is not ruled: %s", tenant_id, fault)  # noqa: TRY400 - no trace to tell


async def _queue_for(database: Database, tenant_id: UUID) -> None:
    async with database.tx(Actor.system(tenant_id)) as tx:
        with tx.trail.unseen():
            due = await freshness.is_due(tx)
        if due:
            await later(tx, billing.rule_patients, once="standings")
