"""What needs the application and the queue together: serving with a worker inside, and a close watched to its end."""

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

import psycopg
import uvicorn
from rich.progress import Progress

from caretide import worker
from caretide.billing import actions as billing
from caretide.billing.queries import closes
from caretide.billing.queries.closes import ClinicStatus
from caretide.kernel.actor import Actor
from caretide.kernel.clock import system_clock
from caretide.kernel.errors import CaretideError, Invalid, Unavailable
from caretide.kernel.month import Month
from caretide.main import create_app, site_of
from caretide.operations.archive import Archivist, flush
from caretide.operations.courier import posted
from caretide.operations.doctor import refuse_if_open
from caretide.postgres.databases import revive
from caretide.postgres.roles import LoginRole
from caretide.runtime import log
from caretide.runtime.collector import settle
from caretide.runtime.console import err
from caretide.runtime.installation import Installation, installation
from caretide.runtime.protocol import protocol_for
from caretide.settings import Settings, unknown_variables
from caretide.tenants import queries as tenants

PATIENCE_SECONDS: Final = 120
"""How long a close waits for jobs that another process holds, without any progress, before it gives up."""


async def serve_forever(settings: Settings, *, with_worker: bool) -> None:
    """Open the installation and serve it until told to stop."""
    async with installation(settings, system_clock) as ours:
        await serve_installation(ours, with_worker=with_worker)


async def serve_installation(ours: Installation, *, with_worker: bool) -> None:
    """Serve an open installation until told to stop."""
    log.configure()
    settings = ours.settings
    if settings.mode == "production" and not settings.secure_cookies:
        raise Invalid("CARETIDE_BASE_URL: production is reached over TLS; name its https:// address", field="base_url")
    if settings.mode == "production":
        await asyncio.to_thread(refuse_if_open, settings, ours.urls)
    config = uvicorn.Config(
        create_app(ours),
        host=settings.host,
        port=settings.port,
        access_log=False,  # addresses hold patients' ids
        log_config=None,  # ours: uvicorn's own would print what a fault quotes
        server_header=False,
        date_header=True,
        lifespan="off",
        proxy_headers=False,  # the gate believes named proxies alone
        http=protocol_for(site_of(settings)),
        ws="none",
    )
    settle()
    listening = _listen(settings)
    for name in unknown_variables():
        err.print(f"{name} is not a setting and does nothing")
    err.print(f"Caretide serves [bold]{settings.base_url}[/] (Ctrl+C stops it)")
    jobs = asyncio.create_task(_work(ours)) if with_worker else None
    try:
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(_watch(ours))
            async with _archived(ours), posted(settings, ours.database.clock):
                await _Server(config).serve(sockets=[listening])
            watch.cancel()
    finally:
        if jobs is not None:
            await worker.stop(jobs)


async def work_forever(ours: Installation) -> None:
    """Run jobs until told to stop; production asks the doctor first, as serving does."""
    if ours.settings.mode == "production":
        await asyncio.to_thread(refuse_if_open, ours.settings, ours.urls)
    async with _archived(ours), posted(ours.settings, ours.database.clock):
        await worker.run(ours)


class _Server(uvicorn.Server):
    """Ends on a signal as a service should: uvicorn's own would raise the signal again, past the clean-up."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take the signals while serving."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


async def _work(ours: Installation) -> None:
    """Run jobs, and go on running them when the database was away for a while."""
    while True:
        try:
            await worker.run(ours)
        except Exception:  # noqa: BLE001 - whatever it was is logged, and the work goes on
            log.log.exception("the worker stopped; it starts again in five seconds")
        await asyncio.sleep(5)


@asynccontextmanager
async def _archived(ours: Installation) -> AsyncGenerator[None]:
    """Archive the embedded server's log meanwhile where that is wanted, and what is left of it at the end."""
    if ours.settings.archive is None or ours.urls.cluster is None:
        yield
        return
    archivist, stopping = Archivist(ours.settings, ours.database.clock), asyncio.Event()
    carrying = asyncio.create_task(_carry(archivist, stopping))
    try:
        yield
    finally:
        stopping.set()
        await carrying
        try:
            await asyncio.to_thread(flush, archivist, ours.urls.url(LoginRole.ADMIN))
        except (CaretideError, psycopg.Error) as error:
            log.log.error("the end of the log is not archived", fault=type(error).__name__)


async def _carry(archivist: Archivist, stopping: asyncio.Event) -> None:
    """Archive each second what waits; where it cannot be, try again after ten."""
    failing = False
    while not stopping.is_set():
        try:
            passed = await asyncio.to_thread(archivist.carry)
        except Exception:  # noqa: BLE001 - whatever it was is logged, and tried again; the server keeps what waits
            log.log.exception("archiving stopped; it goes on in ten seconds")
            failing = True
        else:
            if passed is not None and passed.error and not failing:
                log.log.error("the log cannot be archived; see `caretide doctor`")
            failing = failing if passed is None else bool(passed.error)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), 10 if failing else 1)


async def _watch(ours: Installation) -> None:
    """Start the embedded server again when it died under us; what an operator runs elsewhere is theirs to start."""
    while True:
        await asyncio.sleep(5)
        try:
            await ours.database.ping()
        except Unavailable:
            log.log.error("the database does not answer")
            if ours.urls.cluster is not None:
                await asyncio.to_thread(revive, ours.settings)


def check_port(settings: Settings) -> None:
    """Raise Unavailable unless the port is free: nobody waits for minutes to hear that it is not."""
    _listen(settings).close()


def _listen(settings: Settings) -> socket.socket:
    """Take the port before anything else is promised."""
    try:
        return socket.create_server((settings.host, settings.port), backlog=512)
    except OSError as error:
        raise Unavailable(
            f"{settings.host}:{settings.port} cannot be served on: {error.strerror}. Perhaps Caretide serves there "
            "already; otherwise choose another: CARETIDE_PORT"
        ) from error


async def close_month(ours: Installation, tenant: str, month: Month, clinic: str | None = None) -> list[ClinicStatus]:
    """Ask for a close and work on it until it is done; what other workers take is waited for."""
    async with ours.database.tx(Actor.nobody()) as tx:
        tenant_id = await tenants.tenant_by_slug(tx, tenant)
    system = Actor.system(tenant_id)
    async with ours.database.tx(system) as tx:
        chosen = [(await tenants.clinic_by_slug(tx, clinic)).id] if clinic else None
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(f"Closing {month}", total=None)
        before, waited = -1, 0.0
        while True:
            async with ours.database.tx(system) as tx:
                await billing.request_close(tx, month, chosen)
            await worker.drain(ours)
            async with ours.database.tx(system) as tx:
                states = [s for s in await closes.status(tx, month) if chosen is None or s.clinic_id in chosen]
            done = sum(state.records for state in states)
            progress.update(task, completed=done, total=sum(state.ready for state in states))
            if all(state.done for state in states):
                return states
            waited = 0.0 if done > before else waited + 1
            before = done
            if waited > PATIENCE_SECONDS:
                see = f"`caretide month status {month} --tenant {tenant}`"
                raise Unavailable(f"Some records could not be written; see {see} and run this again")
            await asyncio.sleep(1)
