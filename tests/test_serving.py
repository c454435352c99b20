"""Serving as a service manager sees it."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from caretide.operations import archive
from caretide.postgres import server
from caretide.postgres.folders import Home


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty home that the server's user can reach."""
    with tempfile.TemporaryDirectory(prefix="caretide-serve-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "home"


@pytest.mark.timeout(120)
async def test_a_signal_ends_serving_with_the_database_put_away(home: Path) -> None:
    async with served(home) as process:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
        assert not server.status(home).running


@pytest.mark.req("H-14")
@pytest.mark.timeout(400)
async def test_serving_archives_the_log_as_it_goes_and_to_the_end(home: Path) -> None:
    folder = home.parent / "kept"
    folder.mkdir()
    async with served(home, CARETIDE_ARCHIVE=str(folder), CARETIDE_ARCHIVE_SECONDS="5") as process:
        name = archive.identity(Home(home))
        for _ in range(300):
            if archive.kept(folder, name):
                break
            await asyncio.sleep(0.2)
        ending = datetime.now(UTC)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0
        assert archive.kept(folder, name)[-1].until >= ending
        assert archive.last_pass(Home(home)) is not None


@asynccontextmanager
async def served(home: Path, **settings: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Serve a home, once it answers; end what is left of it."""
    port = free_port()
    environment = {**os.environ, "CARETIDE_HOME": str(home), "CARETIDE_PORT": str(port), **settings}
    command = [sys.executable, "-c", "from caretide.cli import main; main()", "serve"]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.DEVNULL)
    try:
        await answering(f"http://127.0.0.1:{port}/readyz")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        server.stop(home, force=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


async def answering(address: str) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(300):
            try:
                if (await client.get(address)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)
    pytest.fail("nothing answered")
