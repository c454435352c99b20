"""Where benchmarks that need a database stand: a home of their own, made on first use and removed at the end.

The server is the embedded one as people run it, every commit flushed to disk.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from caretide.kernel.clock import Clock
from caretide.postgres import server
from caretide.postgres.roles import LoginRole
from caretide.runtime.context_keys import install, signing_keys
from caretide.runtime.installation import open_stores
from caretide.runtime.migrations import migrate
from caretide.runtime.tx import Database, Stores
from caretide.settings import Settings, load_settings
from tests.bench.measure import cpu_seconds, say


class Ground:
    """An installation to measure, thrown away at the end unless it is `given`.

    Nothing is made before something is asked of it.
    """

    def __init__(self, stack: ExitStack, given: Path | None = None, patients: int | None = None) -> None:
        self.stack = stack
        self.given = given
        self.patients = patients
        """How many patients the big tenant shall have, where that was asked for."""
        self.kept: dict[str, Any] = {}
        """What one benchmark made and another may use."""

    @cached_property
    def folder(self) -> Path:
        """A folder that the server's own user may pass through."""
        made = Path(tempfile.mkdtemp(prefix="caretide-bench-"))
        self.stack.callback(shutil.rmtree, made, ignore_errors=True)
        made.chmod(0o711)
        return made

    @property
    def home(self) -> Path:
        """The installation's home."""
        return self.given or self.folder / "home"

    @cached_property
    def cluster(self) -> server.Cluster:
        """The running server with the schema in it."""
        say("starting a server of our own")
        found = self.stack.enter_context(server.share(self.home, durable=True))
        migrate(found.url(LoginRole.MIGRATOR))
        install(found.url(LoginRole.MIGRATOR), signing_keys(self.home))
        return found

    @cached_property
    def stores(self) -> Stores:
        """The keys and the vault under the home."""
        return open_stores(settings_at(self.home))

    def database(self, clock: Clock) -> Database:
        """Open the application's pool; whoever opens it closes it."""
        return Database(self.cluster.url(LoginRole.APP), self.stores, clock, pool_size=4)

    def server_cpu(self) -> float:
        """Return the CPU seconds that the database server has used so far."""
        pid = server.status(self.cluster.home).pid
        return cpu_seconds(pid) if pid is not None else 0.0


def settings_at(home: Path) -> Settings:
    """Return the settings of an installation at a home, whatever database the environment names."""
    return load_settings(home=home, database_url=None)


@contextmanager
def prepared(home: Path | None = None, patients: int | None = None) -> Iterator[Ground]:
    """Yield a ground; end everything that was made on it, and remove it unless it stands in a home that is kept."""
    with ExitStack() as stack:
        yield Ground(stack, home, patients)
