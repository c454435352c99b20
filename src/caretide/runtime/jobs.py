"""A job is an action run later: its arguments are ids, and running it twice is the same as once.

Jobs are queued in the caller's own transaction through one definer function, which stamps tenant and member from
the context: no argument can choose a tenant. procrastinate keeps the queue in the schema `jobs`, which the
application's role cannot touch.
"""

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar
from uuid import UUID

import procrastinate
from procrastinate import exceptions, jobs
from psycopg import errors as pg
from sqlalchemy import text

from caretide.kernel.actor import Actor
from caretide.kernel.errors import CaretideError, Unavailable
from caretide.runtime.access import verb_name
from caretide.runtime.trail import Origin
from caretide.runtime.tx import Database, Tx

Action = Callable[..., Awaitable[Any]]
F = TypeVar("F", bound=Action)

JOBS: dict[str, Action] = {}
"""Every action that may run as a job, by verb name."""

STALLED_AFTER_SECONDS = 30
_WAITING = """
    SELECT EXISTS (
        SELECT FROM procrastinate_jobs WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
    ) AS waiting
"""
_ENQUEUE = text("SELECT jobs.enqueue_many(:verb, CAST(:items AS json))")


def job(action: F) -> F:
    """Register an action as one that can run later."""
    JOBS[verb_name(action)] = action
    return action


async def later(tx: Tx, action: Action, *, once: str | None = None, **ids: UUID | str) -> None:
    """Queue an action in this transaction. While one with the same `once` waits, another is not queued."""
    await later_each(tx, action, [(once, ids)])


async def later_each(tx: Tx, action: Action, calls: Iterable[tuple[str | None, dict[str, UUID | str]]]) -> None:
    """Queue one action many times in a single statement."""
    items = [{"once": once, "args": {key: str(value) for key, value in ids.items()}} for once, ids in calls]
    await tx.db.execute(_ENQUEUE, {"verb": verb_name(action), "items": json.dumps(items)})


def worker_app(url: str, database: Database) -> procrastinate.App:
    """Return the queue's application: every registered action as a task, run by `database` in the job's own tenant."""
    connector = procrastinate.PsycopgConnector(conninfo=url, kwargs={"options": "-c search_path=jobs"})
    app = procrastinate.App(connector=connector)
    for name, action in JOBS.items():
        app.task(name=name, retry=RETRY)(_runner(database, action))
    return app


# Refusals of our own (CaretideError) are final and fail the job at once; everything else may be the weather.
class _Weather(procrastinate.BaseRetryStrategy):
    """Retry what is not a refusal of our own, four times, after 2, 4, 8 and 16 seconds."""

    def get_retry_decision(self, *, exception: BaseException, job: jobs.Job) -> procrastinate.RetryDecision | None:
        """Decide by the kind of failure and the attempts so far."""
        refused = isinstance(exception, CaretideError) and not isinstance(exception, Unavailable)
        final = refused and not isinstance(exception.__cause__, pg.Error)
        if final or job.attempts >= 4:
            return None
        return procrastinate.RetryDecision(retry_in={"seconds": 2 ** (job.attempts + 1)})


RETRY = _Weather()


def _runner(database: Database, action: Action) -> Callable[..., Awaitable[None]]:
    """Return the task that runs an action for the tenant that the definer function stamped."""
    origin = Origin(route=f"job {verb_name(action)}")

    async def run(*, tenant: str, member: str | None = None, **args: str) -> None:
        system = Actor.system(UUID(tenant))
        actor = Actor("job", system.tenant_id, system.permissions, member_id=UUID(member) if member else None)
        async with database.tx(actor, origin) as tx:
            await action(tx, **{name: _argument(value) for name, value in args.items()})

    return run


def _argument(value: str) -> UUID | str:
    """Read an id back from the queue's JSON; anything else (a month) stays text."""
    try:
        return UUID(value)
    except ValueError:
        return value


async def is_waiting(app: procrastinate.App) -> bool:
    """Tell whether a job could start now; one that is to be tried again later does not count."""
    row = await app.connector.execute_query_one_async(_WAITING)
    return bool(row["waiting"])


async def rescue(app: procrastinate.App) -> int:
    """Queue again the jobs whose worker died; return how many.

    Where a sibling with the same queueing lock waits already, the queue refuses the retry (procrastinate issue 1446):
    the sibling will do the work, so the dead one is closed instead of staying "doing" for ever.
    """
    rescued = 0
    for stalled in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS):
        try:
            await app.job_manager.retry_job(stalled)
        except exceptions.ConnectorException:
            await app.job_manager.finish_job(stalled, jobs.Status.FAILED, delete_job=False)
        rescued += 1
    return rescued
