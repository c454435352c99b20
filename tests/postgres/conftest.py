"""Real servers in folders of their own. Root's pytest folders are closed to `nobody`, so these lie right under /tmp."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from caretide.kernel.errors import CaretideError
from caretide.postgres import processes, server
from caretide.postgres.folders import Home
from caretide.postgres.server import Cluster

Python = Callable[..., subprocess.Popen[str]]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("PG", "CARETIDE_"))]:
        monkeypatch.delenv(name)


@contextmanager
def _folder() -> Generator[Path]:
    base = Path(tempfile.mkdtemp(prefix="caretide-test-", dir="/tmp"))
    base.chmod(0o711)
    try:
        yield base / "home"
    finally:
        with suppress(CaretideError):
            server.stop(base / "home", force=True)
        shutil.rmtree(base)


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a path for a home that does not exist yet."""
    with _folder() as path:
        yield path


@pytest.fixture(scope="session")
def _pattern() -> Iterator[Path]:
    with _folder() as path:
        with server.share(path, durable=False):
            pass
        yield path


@pytest.fixture
def initialized(home: Path, _pattern: Path) -> Path:
    """Return a home with a server that was initialized and stopped: a copy, because initdb takes a second."""
    subprocess.run(["/bin/cp", "-a", _pattern, home], check=True)
    return home


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Return a running server for tests that leave it as it was."""
    with _folder() as path:
        yield server.start(path, durable=False)


@pytest.fixture
def python() -> Iterator[Python]:
    """Run a script in another Python; its first argument is `sys.argv[1]`, its output is text."""
    with ExitStack() as stack:

        def run(script: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", script, *map(str, arguments)]
            child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
            )
            stack.enter_context(child)
            stack.callback(lambda: child.kill() if child.poll() is None else None)
            return child

        yield run


def postmaster_pid(home: Path) -> int | None:
    """Return the process id of the server that runs in `home`."""
    alive = processes.postmaster(Home(home))
    return alive.pid if alive else None


def kill_postmaster(home: Path) -> int:
    """End the server of this home as the kernel would when memory runs out; return its process id."""
    pid = postmaster_pid(home)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid
