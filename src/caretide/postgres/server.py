"""Start, join, share and stop the embedded server."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from caretide.kernel.errors import Conflict, Invalid, NotFound, Unavailable
from caretide.postgres import binaries, launch, locks, passwords, processes, urls
from caretide.postgres.account import Account, server_account
from caretide.postgres.binaries import Binaries
from caretide.postgres.folders import Home, State, claim_for, existing, explained, read_state, write_state
from caretide.postgres.roles import ROLES_VERSION, LoginRole, ensure_roles

DATABASE = "caretide"


@dataclass(frozen=True)
class Cluster:
    """A server that was initialized under `home`, and where it listens."""

    home: Path
    socket_dir: Path
    port: int

    def url(self, role: LoginRole, database: str = DATABASE, *, tcp: bool = False) -> str:
        """Return a libpq URL for the role, by the Unix socket or, if asked, by TCP to 127.0.0.1."""
        host = "127.0.0.1" if tcp else str(self.socket_dir)
        password = passwords.read(Home(self.home), role)
        return urls.build(
            {"user": role.login, "password": password, "dbname": database, "host": host, "port": str(self.port)}
        )


@dataclass(frozen=True)
class Status:
    """What `caretide db status` tells. `kept`: an operator started it; `shared`: some process needs it now."""

    home: Path
    initialized: bool
    running: bool
    kept: bool
    shared: bool
    pid: int | None = None
    port: int | None = None
    socket_dir: Path | None = None
    version: str | None = None


def start(home: Path, *, durable: bool = True, archive: int | None = None) -> Cluster:
    """Start or join the server and keep it up until `stop`; initialize it and its roles when needed.

    `durable=False` trades safety in a crash for speed, for tests. `archive` is as in `State`; None leaves it as it was,
    and a server that runs already runs on as it does. Raises Invalid for a home that cannot be used and
    Unavailable when the server cannot run.
    """
    account = server_account()
    ours = claim_for(home, account)
    with locks.door(ours), explained(ours.path):
        cluster = _bring_up(ours, account, durable=durable, archive=archive)
        ours.keep.touch(mode=0o600)
    return cluster


@contextmanager
def share(home: Path, *, durable: bool = True, archive: int | None = None) -> Generator[Cluster]:
    """Hold a share of the server: the first to come starts it, the last to leave stops it unless it is kept."""
    account = server_account()
    ours = claim_for(home, account)
    with locks.door(ours), explained(ours.path):
        descriptor = locks.hold(ours)
        try:
            cluster = _bring_up(ours, account, durable=durable, archive=archive)
        except BaseException:
            os.close(descriptor)
            raise
    try:
        yield cluster
    finally:
        os.close(descriptor)
        _leave(ours)


def stop(home: Path, *, force: bool = False) -> bool:
    """Stop the server and return whether it ran. One that processes still share stays until the last of them leaves.

    Raises Conflict then, unless forced.
    """
    ours = existing(home)
    if ours is None:
        return False
    with locks.door(ours), explained(ours.path):
        ours.keep.unlink(missing_ok=True)
        if not processes.settle(ours, _remembered_socket(ours)):
            return False
        if not force and not locks.alone(ours):
            raise Conflict(
                "The database is in use by a running process (serve, worker). It stops when the last of them ends; "
                "`caretide db stop --force` stops it now."
            )
        launch.shut_down(ours)
        return True


def status(home: Path) -> Status:
    """Return what runs, changing nothing."""
    ours = existing(home)
    if ours is None:
        return Status(home, initialized=False, running=False, kept=False, shared=False)
    alive = processes.postmaster(ours)
    state = read_state(ours)
    return Status(
        ours.path,
        initialized=state.roles > 0,
        running=alive is not None and alive.ready,
        kept=ours.keep.exists(),
        shared=_is_shared(ours),
        pid=alive.pid if alive else None,
        port=state.port or None,
        socket_dir=_remembered_socket(ours),
        version=_data_version(ours),
    )


def initialized(home: Path) -> Cluster:
    """Return the cluster of `home`, running or not; raise NotFound when none was initialized."""
    ours = existing(home)
    state = read_state(ours) if ours else State()
    if ours is None or not state.roles:
        raise NotFound(f"There is no database in {home} yet: run `caretide db start`.")
    return Cluster(ours.path, Path(state.socket_dir), state.port)


def _is_shared(home: Home) -> bool:
    """Ask at the door: a look at the lock takes it for a moment, and whoever leaves then would not know it is last."""
    try:
        with locks.door(home, seconds=0.5):
            return not locks.alone(home)
    except Unavailable:
        return True


def _leave(home: Home) -> None:
    with locks.door(home), explained(home.path):
        if not home.keep.exists() and locks.alone(home) and processes.settle(home, _remembered_socket(home)):
            launch.shut_down(home)


def _bring_up(home: Home, account: Account, *, durable: bool, archive: int | None) -> Cluster:
    """Return the running server with its roles in place. Held at the door."""
    _forget_client_environment()
    programs = binaries.usable(home.path, account)
    _require_same_major(home, programs)
    running = processes.settle(home, _remembered_socket(home))
    if not running:
        if not home.data.exists():
            launch.initialize(home, account, programs, durable=durable)
        if archive is not None:
            write_state(home, replace(read_state(home), archive=archive))
        launch.launch(home, account, programs, launch.Way(durable=durable))
    state = read_state(home)
    cluster = Cluster(home.path, Path(state.socket_dir), state.port)
    if state.roles != ROLES_VERSION or passwords.lacking(home):
        try:
            _ensure_roles(home, cluster)
        except BaseException:
            if not running:
                launch.shut_down(home)
            raise
        write_state(home, replace(state, roles=ROLES_VERSION))
    return cluster


def _ensure_roles(home: Home, cluster: Cluster) -> None:
    generated = passwords.generate(home, [role for role in LoginRole if role is not LoginRole.ADMIN])
    ensure_roles(cluster.url(LoginRole.ADMIN, "postgres"), generated, DATABASE)


def _require_same_major(home: Home, programs: Binaries) -> None:
    version = _data_version(home)
    if version is not None and version != str(programs.major):
        raise Invalid(
            f"The data in {home.data} is PostgreSQL {version}'s, and this Caretide brings PostgreSQL {programs.major}. "
            f"Back it up with the Caretide that made it and restore it here into an empty CARETIDE_HOME."
        )


def _data_version(home: Home) -> str | None:
    try:
        return (home.data / "PG_VERSION").read_text().strip()
    except (FileNotFoundError, PermissionError):
        return None


def _remembered_socket(home: Home) -> Path | None:
    remembered = read_state(home).socket_dir
    return Path(remembered) if remembered else None


def _forget_client_environment() -> None:
    """Take `PG*` out of this process: libpq would mix PGHOSTADDR or PGOPTIONS into every connection to our server."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
