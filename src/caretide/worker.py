"""The queue's process: takes jobs under the worker's database role, and runs each in its own tenant under the app's.

Only the worker's role can touch the queue. An action that runs as a job has no more rights than one that runs in a
request: whatever SQL it were made to run could neither read the queue nor write another tenant into it.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import procrastinate

from caretide.billing import actions as billing  # registers its jobs
from caretide.postgres.roles import LoginRole
from caretide.runtime.installation import Installation
from caretide.runtime.jobs import is_waiting, rescue, worker_app
from caretide.runtime.tx import Database
from caretide.schedule import schedule

CONCURRENCY = 2
REGISTERS = (billing,)
"""Features whose actions may run as jobs: importing them registers the jobs."""


@asynccontextmanager
async def queue(installation: Installation) -> AsyncGenerator[procrastinate.App]:
    """Open the queue with the worker's role, and a pool for its jobs with the app's."""
    urls, clock = installation.urls, installation.database.clock
    database = Database(urls.url(LoginRole.APP), installation.stores, clock, pool_size=CONCURRENCY + 2)
    app = worker_app(urls.url(LoginRole.WORKER), database)
    try:
        async with app.open_async():
            yield app
    finally:
        await database.close()


async def run(installation: Installation) -> None:
    """Work until told to stop, recurring jobs included."""
    async with queue(installation) as app:
        schedule(app, installation.database)
        await app.run_worker_async(concurrency=CONCURRENCY, install_signal_handlers=False, wait=True)


async def drain(installation: Installation) -> None:
    """Work until nothing is left to take, what the jobs themselves queue included.

    What another process holds is left to it; what a dead one held is taken up again.
    """
    async with queue(installation) as app:
        await rescue(app)
        while await is_waiting(app):
            await app.run_worker_async(
                concurrency=CONCURRENCY, install_signal_handlers=False, wait=False, listen_notify=False
            )


async def stop(task: "asyncio.Task[None]") -> None:
    """End a running worker and wait until it has put its jobs down."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
