"""Where each role connects, whichever server stands behind: the embedded one or an external one."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from caretide.kernel.errors import Invalid
from caretide.postgres import locks, passwords, server, urls
from caretide.postgres.folders import Home, claim
from caretide.postgres.roles import LoginRole, ensure_roles
from caretide.settings import Settings

_RUNNING = (LoginRole.APP, LoginRole.WORKER, LoginRole.GATEWAY)


@dataclass(frozen=True)
class Databases:
    """A URL for each login role. `cluster` is the embedded server; with an external one there is none."""

    _urls: Mapping[LoginRole, str] = field(repr=False)
    cluster: server.Cluster | None = None

    def url(self, role: LoginRole) -> str:
        """Return the role's URL in libpq's form; raise Invalid for the superuser of an external server."""
        if role not in self._urls:
            raise Invalid("The superuser of an external database is not ours to know. Use the role migrator.")
        return self._urls[role]


@contextmanager
def shared(settings: Settings, *, durable: bool = True) -> Generator[Databases]:
    """Yield the databases, holding a share of the embedded server meanwhile; an external one is only looked after."""
    if settings.database_url is not None:
        yield prepare_external(settings.database_url, settings.home)
        return
    with server.share(settings.home, durable=durable, archive=archive_seconds(settings)) as cluster:
        yield Databases({role: cluster.url(role) for role in LoginRole}, cluster)


def revive(settings: Settings) -> None:
    """Start the embedded server again if it died while this process holds a share of it."""
    with server.share(settings.home, archive=archive_seconds(settings)):
        pass


def archive_seconds(settings: Settings) -> int:
    """Return how old a part of the log may be that is not archived; 0 where there is no archive."""
    return settings.archive_seconds if settings.archive is not None else 0


def prepare_external(database_url: str, home: Path) -> Databases:
    """Make the roles that an external database lacks, with passwords kept under `home`, and return everyone's URLs."""
    database = urls.parse(database_url)["dbname"]
    ours = claim(home)
    with locks.door(ours):
        generated = passwords.generate(ours, _RUNNING)
        ensure_roles(database_url, generated, database)
    return _external(database_url, generated)


def known(settings: Settings) -> Databases:
    """Return the URLs without starting, creating or connecting to anything; raise NotFound when there are none yet."""
    if settings.database_url is not None:
        home = Home(settings.home.expanduser().absolute())
        return _external(settings.database_url, {role: passwords.read(home, role) for role in _RUNNING})
    cluster = server.initialized(settings.home)
    return Databases({role: cluster.url(role) for role in LoginRole}, cluster)


def _external(database_url: str, generated: Mapping[LoginRole, str]) -> Databases:
    migrator = urls.parse(database_url)
    derived = {role: urls.build(migrator, user=role.login, password=generated[role]) for role in generated}
    return Databases({**derived, LoginRole.MIGRATOR: urls.build(migrator)})
