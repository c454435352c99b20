"""Every recurring job in one table."""

from datetime import UTC, datetime, timedelta

import procrastinate

from caretide.billing import actions as billing
from caretide.billing.queries import freshness
from caretide.kernel.actor import Actor
from caretide.runtime.jobs import later, rescue
from caretide.runtime.limits import forget_old_counts
from caretide.runtime.tx import Database
from caretide.tenants import queries as tenants

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
    """Have patients ruled anew, in each tenant where somebody changed. Looking is no use of anybody's data."""
    async with database.tx(Actor.nobody()) as tx:
        ids = [row.id for row in await tenants.tenants(tx)]
        tx.trail.events.clear()
    for tenant_id in ids:
        async with database.tx(Actor.system(tenant_id)) as tx:
            with tx.trail.unseen():
                due = await freshness.is_due(tx)
            if due:
                await later(tx, billing.rule_patients, once="standings")
