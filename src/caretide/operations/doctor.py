"""Look an installation over, changing nothing: what is found says what to do about it."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import Connection

from caretide.kernel.clock import Clock, system_clock
from caretide.kernel.errors import CaretideError, Invalid, NotFound
from caretide.operations.checks import archive, duties, letters, machine, server, walls
from caretide.operations.checks.depth import AUDIT, DOCUMENTS, KEYS, Looked, look_deeper
from caretide.operations.findings import Check, Finding, Level, Report, Subject
from caretide.postgres import server as postgres
from caretide.postgres.databases import Databases, archive_seconds, known
from caretide.postgres.folders import Home
from caretide.postgres.roles import LoginRole, connected
from caretide.runtime.installation import open_stores
from caretide.runtime.tx import Database
from caretide.settings import Settings

CHECKS: Final = (*walls.CHECKS, *server.CHECKS, *machine.CHECKS, *duties.CHECKS, *archive.CHECKS, *letters.CHECKS)
BEFORE_SERVING: Final = (*walls.CHECKS, *server.CHECKS[:4], *machine.CHECKS[:2])
"""What production asks before it starts."""
_REACHED: Final = Check("database", "the database answers", needs_database=False)


def examine(settings: Settings, clock: Clock = system_clock, *, deep: bool = False) -> Report:
    """Examine the installation that the settings describe. An embedded server is started for as long as it takes."""
    home = Home(settings.home.expanduser().absolute())
    try:
        with _reached(settings) as (urls, connection):
            subject = Subject(settings, home, clock, urls, connection)
            results: Looked = [(_REACHED, []), *_look(subject, CHECKS)]
            if deep:
                results += _look_deeper(subject, results)
            return Report(clock(), results)
    except CaretideError as error:
        subject = Subject(settings, home, clock)
        return Report(clock(), [(_REACHED, [_unreached(error)]), *_look(subject, CHECKS)])


def refuse_if_open(settings: Settings, urls: Databases, clock: Clock = system_clock) -> None:
    """Raise Invalid where production must not start: another tenant, or a reader outside, could be reached.

    For an installation that is open already. There is no switch for it.
    """
    home = Home(settings.home.expanduser().absolute())
    with connected(_seer(urls)) as connection:
        report = Report(clock(), _look(Subject(settings, home, clock, urls, connection), BEFORE_SERVING))
    if report.blocking:
        more = f" And {len(report.blocking) - 1} more." if len(report.blocking) > 1 else ""
        first = report.blocking[0]
        raise Invalid(f"Production does not start: {first.what} {first.todo}{more} `caretide doctor` names everything.")


def _look(subject: Subject, checks: tuple[Check, ...]) -> Looked:
    return [(check, _found(check, subject)) for check in checks]


def _found(check: Check, subject: Subject) -> list[Finding] | None:
    if check.look is None or (check.needs_database and subject.connection is None):
        return None
    try:
        return check.look(subject)
    except psycopg.Error as error:
        # A check that cannot be made is found out, never passed over.
        what = f"The check '{check.name}' could not be made: {type(error).__name__}."
        return [Finding(Level.ERROR, what, "What it looks at is not known.", "Run it again; see the server's log.")]


def _look_deeper(subject: Subject, before: Looked) -> Looked:
    """Make the long checks, unless what they stand on is missing: they would make new keys where there are none."""
    stands = {check.name for check, found in before if found is not None and not any(_grave(one) for one in found)}
    if subject.urls is None or not {"schema", "key files"} <= stands or not _keys(subject.home.path):
        return [(KEYS, None), (DOCUMENTS, None), (AUDIT, None)]
    return asyncio.run(_deep(subject, subject.urls))


async def _deep(subject: Subject, urls: Databases) -> Looked:
    database = Database(urls.url(LoginRole.APP), open_stores(subject.settings), subject.clock, pool_size=2)
    try:
        return await look_deeper(database)
    finally:
        await database.close()


def _grave(finding: Finding) -> bool:
    return finding.level is Level.ERROR


def _keys(home: Path) -> bool:
    return all(any((home / "keys").glob(f"{name}.*.key")) for name in ("columns", "context", "vault"))


@contextmanager
def _reached(settings: Settings) -> Generator[tuple[Databases, Connection[Any]]]:
    """Yield a connection that sees the whole catalogue; never initialize, migrate or repair anything for it."""
    urls = known(settings)
    if settings.database_url is not None:
        with connected(_seer(urls)) as connection:
            yield urls, connection
        return
    with postgres.share(settings.home, archive=archive_seconds(settings)) as cluster:
        shared = Databases({role: cluster.url(role) for role in LoginRole}, cluster)
        with connected(_seer(shared)) as connection:
            yield shared, connection


def _seer(urls: Databases) -> str:
    return urls.url(LoginRole.ADMIN if urls.cluster is not None else LoginRole.MIGRATOR)


def _unreached(error: CaretideError) -> Finding:
    if isinstance(error, NotFound):
        todo = "Run `caretide serve` or `caretide db migrate`: the first start sets everything up."
        return Finding(Level.NOTE, error.message, "There is nothing to examine but this host.", todo)
    todo = "Start it, or mend what is named; then run `caretide doctor` again."
    return Finding(Level.ERROR, error.message, "Without its database the installation does nothing.", todo)
