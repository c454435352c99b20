"""The log is archived as it is written, and a moment before a mistake comes back from it, whole or not at all."""

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import select

from caretide.documents import actions as documents
from caretide.kernel.errors import CaretideError, Conflict, Invalid, Unavailable
from caretide.operations import archive, backup, moments, records
from caretide.operations.archive import Archivist, flush
from caretide.operations.checks.archive import look_at_archive
from caretide.operations.findings import Finding, Level, Subject
from caretide.operations.restore import Outcome, drill, restore
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


@pytest.fixture(scope="module")
def story(small: Small) -> Story:
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
        text = sql.SQL("SELECT count(*) || ' ' || md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t")
        return {
            f"{schema}.{name}": str((connection.execute(text.format(sql.Identifier(schema, name))).fetchone() or ("",))[0])
            for schema, name in tables
        }


def again(story: Story, home: Path, to: moments.Moment | None, folder: Path | None = None) -> Outcome:
    return restore(story.settings, folder or story.folder, home, keys=None, passphrase=PASSPHRASE, to=to)


@pytest.fixture
def new_home() -> Iterator[Path]:
    """A home that does not exist yet, and whose server is stopped in the end."""
    with tempfile.TemporaryDirectory(prefix="caretide-moment-") as place:
        Path(place).chmod(0o711)
        yield Path(place) / "home"
        postgres.stop(Path(place) / "home", force=True)


def restored_sums(home: Path) -> Sums:
    with postgres.share(home) as cluster:
        return sums(cluster.url(LoginRole.ADMIN))


@pytest.mark.req("R-17", "R-16", "H-14")
@pytest.mark.timeout(300)
def test_second_before_a_mistake_comes_back_with_every_table_as_it_was(story: Story, new_home: Path) -> None:
    assert story.before["public.conditions"] != story.after["public.conditions"]
    outcome = again(story, new_home, story.moment)
    assert [(what, detail) for what, held, detail in outcome.checks if not held] == []
    assert (outcome.reach, outcome.last is not None and outcome.last <= story.moment) == (story.moment, True)
    found = restored_sums(new_home)
    assert {name for name in story.before if found[name] != story.before[name]} == set()
