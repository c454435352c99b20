"""One process that serves pages and API and, unless told not to, runs the jobs."""

import asyncio

import uvicorn

from caretide import worker
from caretide.kernel.clock import system_clock
from caretide.main import create_app
from caretide.runtime.console import err
from caretide.runtime.installation import Installation, installation
from caretide.settings import Settings


async def serve_forever(settings: Settings, *, with_worker: bool) -> None:
    """Open the installation and serve it until told to stop."""
    async with installation(settings, system_clock) as ours:
        await serve_installation(ours, with_worker=with_worker)


async def serve_installation(ours: Installation, *, with_worker: bool) -> None:
    """Serve an open installation until told to stop."""
    settings = ours.settings
    config = uvicorn.Config(
        create_app(ours),
        host=settings.host,
        port=settings.port,
        access_log=False,  # addresses hold patients' ids
        log_level="warning",
        server_header=False,
        date_header=True,
        lifespan="off",
        proxy_headers=False,
    )
    err.print(f"Caretide serves [bold]{settings.base_url}[/] (Ctrl+C stops it)")
    jobs = asyncio.create_task(worker.run(ours)) if with_worker else None
    try:
        await uvicorn.Server(config).serve()
    finally:
        if jobs is not None:
            await worker.stop(jobs)
