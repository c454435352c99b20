"""An installation that archives its log, with a mistake in it: what was before, what came after, and when."""

import hashlib
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import select

from caretide.documents import actions as documents
from caretide.operations import archive, backup
from caretide.operations.archive import Archivist, flush
from caretide.operations.findings import Finding, Level, Subject
from caretide.patients.models import Patient
from caretide.postgres import archiving
from caretide.postgres import server as postgres
from caretide.postgres.databases import Databases, archive_seconds
from caretide.postgres.folders import Home
from caretide.postgres.roles import LoginRole
from caretide.runtime.installation import Installation
from caretide.settings import Settings
from tests.billing.months import OCTOBER
from tests.operations.conftest import Small, opened

PASSPHRASE = "correct horse battery staple"
LATER = b"%PDF-1.7 kept after the moment"
Sums = dict[str, str]


@dataclass(frozen=True)
class Story:
    """An installation that archived its log, and what happened in it: `before`, then a mistake, then `after`."""

    settings: Settings
    folder: Path
    moment: datetime
    before: Sums
    after: Sums
    first: datetime
    later: str


def told_of(small: Small) -> Story:
    """Write, note a time, make a mistake, and write on."""
    folder = small.base / "kept"
    folder.mkdir(mode=0o700)
    settings = small.settings.model_copy(update={"archive": folder, "archive_seconds": 5})
    taken = backup.take(settings, folder, keys=None, passphrase=PASSPHRASE)
    earlier = opened(settings, lambda ours: _keep(ours, small, b"%PDF-1.7 kept before the moment"))
    with postgres.share(settings.home, archive=archive_seconds(settings)) as cluster:
        admin = cluster.url(LoginRole.ADMIN)
        before = sums(admin)
        time.sleep(1.1)
        with psycopg.connect(admin) as connection:
            (moment,) = connection.execute("SELECT clock_timestamp() - interval '1 second'").fetchone() or (None,)
            connection.execute("SET session_replication_role = replica")
            gone = connection.execute("DELETE FROM conditions").rowcount
        assert gone
        assert moment is not None
        flush(Archivist(settings), admin)
    later = opened(settings, lambda ours: _keep(ours, small, LATER))
    assert later != earlier
    with postgres.share(settings.home) as cluster:
        after = sums(cluster.url(LoginRole.ADMIN))
        flush(Archivist(settings), cluster.url(LoginRole.ADMIN))
    assert taken.log is not None
    return Story(settings, folder, moment, before, after, taken.log.whole, later)


async def _keep(ours: Installation, small: Small, pdf: bytes) -> str:
    async with ours.database.tx(small.cast.system) as tx:
        patient_id = (await tx.db.execute(select(Patient.id))).scalar_one()
        new = documents.NewDocument(patient_id=patient_id, kind="record", month=OCTOBER, title="Words", pdf=pdf)
        await documents.keep(tx, new)
    return hashlib.sha256(pdf).hexdigest()


def sums(url: str) -> Sums:
    """Return a checksum of every table."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname IN ('public', 'ctx', 'jobs') ORDER BY 1, 2"
        ).fetchall()
        text = sql.SQL(
            "SELECT count(*) || ' ' || md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t"
        )
        return {
            f"{schema}.{name}": str(
                (connection.execute(text.format(sql.Identifier(schema, name))).fetchone() or ("",))[0]
            )
            for schema, name in tables
        }


def segments(folder: Path) -> list[archive.Kept]:
    (place,) = (folder / archive.WAL).iterdir()
    return [one for one in archive.kept(folder, place.name) if archiving.is_segment(one.name)]


@contextmanager
def examined(settings: Settings) -> Generator[Subject]:
    with postgres.share(settings.home, archive=archive_seconds(settings)) as cluster:
        urls = Databases({role: cluster.url(role) for role in LoginRole}, cluster)
        with psycopg.connect(urls.url(LoginRole.ADMIN), autocommit=True) as connection:
            yield Subject(settings, Home(settings.home), lambda: datetime.now(UTC), urls, connection)


def errors(found: list[Finding]) -> list[str]:
    return [one.what for one in found if one.level is Level.ERROR]


def address(subject: Subject) -> str:
    """Return the superuser's address."""
    assert subject.urls is not None
    return subject.urls.url(LoginRole.ADMIN)


def until(holds: Callable[[], bool], seconds: float = 90) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)
