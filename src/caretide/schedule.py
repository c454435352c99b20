"""Every recurring job in one table."""

import procrastinate

from caretide.runtime.jobs import rescue

CRON = {"jobs.rescue": "* * * * *"}
"""Job -> when it runs (cron, UTC)."""


def schedule(app: procrastinate.App) -> None:
    """Put the recurring jobs on the queue's application."""

    async def rescue_stalled(timestamp: int) -> None:
        del timestamp
        await rescue(app)

    task = app.task(name="jobs.rescue", queueing_lock="jobs.rescue", pass_context=False)(rescue_stalled)
    app.periodic(cron=CRON["jobs.rescue"])(task)
