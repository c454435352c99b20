"""The log is archived as it is written, and a moment before a mistake comes back from it, whole or not at all."""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from caretide.cli import app
from caretide.kernel.errors import CaretideError, Conflict, Invalid, NotFound, Unavailable
from caretide.operations import archive, backup, key_bundle, moments, records
from caretide.operations import restore as restoring
from caretide.operations.archive import Archivist, flush
from caretide.operations.archive_state import archive_now
from caretide.operations.checks.archive import look_at_archive
from caretide.operations.restore import Outcome, drill, restore
from caretide.postgres import archiving, cluster_copy
from caretide.postgres import server as postgres
from caretide.postgres.account import server_account
from caretide.postgres.folders import Home, claim_for
from caretide.postgres.replay import replay, staging
from caretide.postgres.roles import LoginRole
from caretide.settings import Settings
from caretide.vault.keys import Keyring
from tests.operations.conftest import Small
from tests.operations.story import PASSPHRASE, Story, Sums, address, errors, examined, segments, sums, told_of, until


@pytest.fixture(scope="module")
def story(small: Small) -> Story:
    """What happened in an installation whose log was archived."""
    return told_of(small)


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
@pytest.mark.timeout(600)
def test_second_before_a_mistake_comes_back_with_every_table_as_it_was(
    story: Story, new_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: Sums = {}
    compare: Callable[..., None] = getattr(restoring, "_compare")  # noqa: B009 - looked at before the checks write

    def looked(*arguments: Any) -> None:
        found.update(restored_sums(new_home))
        compare(*arguments)

    monkeypatch.setattr(restoring, "_compare", looked)
    assert story.before["public.conditions"] != story.after["public.conditions"]
    outcome = again(story, new_home, story.moment)
    assert [(what, detail) for what, held, detail in outcome.checks if not held] == []
    assert (outcome.reach, outcome.last is not None and outcome.last <= story.moment) == (story.moment, True)
    assert found == story.before
    # What was kept in the vault later stays, and is told: no row of that moment names it.
    (unnamed,) = records.recall(Home(new_home), records.UNNAMED)
    assert [Path(one).name for one in unnamed["documents"]] == [story.later]
    assert any("1 stay that none names" in detail for _, _, detail in outcome.checks)
    assert list((new_home / "vault").rglob(story.later))
    assert not (Home(new_home).postgres / "replay").exists()


@pytest.mark.req("R-17", "H-14")
@pytest.mark.timeout(600)
def test_drill_replays_the_archive_to_its_end(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    found: Sums = {}
    compare: Callable[..., None] = getattr(restoring, "_compare")  # noqa: B009 - looked at before the checks write

    def looked(outcome: Outcome, manifest: backup.Manifest, settings: Settings, *rest: Any) -> None:
        found.update(restored_sums(settings.home))
        compare(outcome, manifest, settings, *rest)

    monkeypatch.setattr(restoring, "_compare", looked)
    outcome = drill(story.settings, story.folder, keys=None, passphrase=PASSPHRASE)
    assert [(what, detail) for what, held, detail in outcome.checks if not held] == []
    assert found == story.after
    newest = records.last(Home(story.settings.home), records.DRILLS)
    assert newest is not None
    assert outcome.reach is not None
    assert newest[1]["to"] == outcome.reach.isoformat()
    assert newest[1]["rpo_seconds"] < (outcome.at - outcome.backup_at).total_seconds()


@pytest.mark.req("R-17")
@pytest.mark.timeout(600)
def test_quiet_moment_after_the_last_change_is_reached(story: Story, new_home: Path) -> None:
    """PostgreSQL itself refuses a moment that no later commit follows in the log."""
    end = moments.reaches(backup.find(story.folder))
    assert end is not None
    home = new_home
    manifest = backup.find(story.folder)
    found = moments.way(manifest, end)
    files = key_bundle.read(story.folder, PASSPHRASE)
    ours = claim_for(home, server_account())
    key_bundle.put_back(ours, files)
    keyring = Keyring.open(ours.path / "keys", "backup")
    base = backup.inflated(backup.opened(manifest, backup.BASE, keyring))
    cluster_copy.unpack(ours.path, base, replaying=True)
    with pytest.raises(Unavailable, match="restore_command"), postgres.share(home):
        pytest.fail("a home that is to be replayed does not start by itself")
    place = staging(ours)
    moments.lay_out(found, keyring, place)
    last = replay(ours, place, end)
    assert last is not None
    assert last <= end
    assert restored_sums(home) == story.after


@pytest.mark.req("R-17")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-11-22T09:00:00", "no time zone"),
        ("2026-11-22", "no time zone"),
        ("yesterday", "names no moment"),
        ("", "names no moment"),
    ],
)
def test_moment_without_a_zone_is_refused(text: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        moments.read_moment(text)


def test_moment_is_read_with_its_zone() -> None:
    nine = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    assert moments.read_moment("2026-11-22T09:00:00Z") == nine
    assert moments.read_moment("2026-11-22T03:00:00-06:00") == nine
    assert moments.read_moment("latest") == moments.LATEST


@pytest.mark.req("R-17")
def test_moment_that_nothing_leads_to_is_refused_in_words(story: Story, new_home: Path) -> None:
    with pytest.raises(Invalid, match="no older backup"):
        again(story, new_home, story.first - timedelta(seconds=1))
    with pytest.raises(Invalid, match=r"The archive ends at .*--to latest restores all of it"):
        again(story, new_home, datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(Invalid, match="another passphrase"):
        restore(story.settings, story.folder, new_home, keys=None, passphrase=f"{PASSPHRASE}r", to=story.moment)
    assert not new_home.exists()


@pytest.fixture
def harmed(story: Story) -> Iterator[Path]:
    """A copy of the backups that a test may harm."""
    with tempfile.TemporaryDirectory(prefix="caretide-harmed-") as place:
        Path(place).chmod(0o711)
        yield Path(shutil.copytree(story.folder, Path(place) / "kept"))


@pytest.mark.req("R-17")
def test_gap_in_the_log_is_named_and_nothing_is_restored(story: Story, harmed: Path, new_home: Path) -> None:
    there = segments(harmed)
    assert len(there) > 3
    there[1].path.unlink()
    for to in (story.moment, moments.LATEST):
        with pytest.raises(Conflict, match=f"lacks the segment {there[1].name}. It leads to"):
            again(story, new_home, to, harmed)
    there[0].path.unlink()
    with pytest.raises(Conflict, match=f"lacks the segment {there[0].name}. It leads nowhere"):
        again(story, new_home, moments.LATEST, harmed)
    assert not new_home.exists()


@pytest.mark.req("R-17")
@pytest.mark.parametrize("harm", ["cut", "changed", "renamed", "empty"])
def test_segment_that_is_not_what_was_sealed_leaves_the_home_empty(
    story: Story, harmed: Path, new_home: Path, harm: str
) -> None:
    first, second, *_ = segments(harmed)
    content = first.path.read_bytes()
    first.path.chmod(0o600)
    if harm == "renamed":
        content = second.path.read_bytes()
    elif harm == "changed":
        content = content[:-20] + bytes([content[-20] ^ 1]) + content[-19:]
    first.path.write_bytes({"cut": content[:-30], "empty": b""}.get(harm, content))
    with pytest.raises(CaretideError, match=r"cut|changed"):
        again(story, new_home, story.moment, harmed)
    assert list(new_home.iterdir()) == []


@pytest.mark.req("H-04")
def test_archive_tells_nothing_without_its_keys(story: Story) -> None:
    for one in segments(story.folder):
        content = one.path.read_bytes()
        assert one.path.stat().st_mode & 0o277 == 0
        for word in (b"Whitfield", b"Hypertension", b"Eleanor", b"caretide_app"):
            assert word not in content


def test_log_before_the_oldest_backup_is_forgotten_and_no_more(story: Story, harmed: Path) -> None:
    there = segments(harmed)
    manifest = backup.find(harmed)
    assert manifest.log is not None
    assert backup.forget_log(harmed, manifest.log.archive) == 0
    values = json.loads((manifest.folder / backup.MANIFEST).read_text())
    values["log"]["first"] = there[2].name
    (manifest.folder / backup.MANIFEST).write_text(json.dumps(values))
    older = Path(shutil.copytree(manifest.folder, harmed / "caretide-20200101T000000Z"))
    (older / backup.MANIFEST).write_text("{}")
    assert backup.forget_log(harmed, manifest.log.archive) == 0, "a backup that cannot be read may need all of it"
    shutil.rmtree(older)
    assert backup.forget_log(harmed, manifest.log.archive) == 2
    assert segments(harmed) == there[2:]
    shutil.rmtree(manifest.folder)
    assert backup.forget_log(harmed, manifest.log.archive) == 0, "the first backup is still to come"


def _disk_full(*arguments: object) -> Iterator[bytes]:
    del arguments
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.req("R-11")
@pytest.mark.timeout(300)
def test_server_works_on_while_the_archive_cannot_be_written_and_the_doctor_tells(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    archivist = Archivist(story.settings)
    home = Home(story.settings.home)
    with examined(story.settings) as subject:
        archivist.carry()
        before = len(segments(story.folder))
        assert errors(look_at_archive(subject)) == []
        monkeypatch.setattr(archive, "seal_stream", _disk_full)
        # Beside the tables whose sums other tests compare: what is archived here they replay.
        subject.database.execute("CREATE SCHEMA aside CREATE TABLE written (at timestamptz)")
        subject.database.execute("INSERT INTO aside.written SELECT clock_timestamp()")
        with pytest.raises(Unavailable, match="is full"):
            flush(archivist, address(subject))
        (found,) = errors(look_at_archive(subject))
        assert "wait to be archived" in found
        assert f"The disk that holds {story.folder} is full" in found
        assert archiving.finished(home)
        assert len(segments(story.folder)) == before
        assert not list(story.folder.rglob("*.part"))
        assert subject.ask("SELECT count(*) FROM aside.written") == [(1,)]
        monkeypatch.undo()
        late = replace(subject, clock=lambda: datetime.now(UTC) + timedelta(minutes=6))
        assert archivist.carry() is not None
        subject.database.execute("DROP SCHEMA aside CASCADE")
        assert len(segments(story.folder)) > before
        until(lambda: not archiving.finished(home))
        assert errors(look_at_archive(late)) == []


@pytest.mark.timeout(300)
def test_folder_that_is_not_there_is_not_made_and_the_doctor_tells(story: Story) -> None:
    gone = story.settings.model_copy(update={"archive": story.folder.parent / "unmounted"})
    with examined(gone) as subject:
        subject.database.execute("SELECT pg_logical_emit_message(true, 'test', 'x')")
        with pytest.raises(Unavailable, match="is not there"):
            flush(Archivist(gone), address(subject))
        (found,) = errors(look_at_archive(subject))
        assert "unmounted is not there" in found
        assert not (story.folder.parent / "unmounted").exists()
        flush(Archivist(story.settings), address(subject))


@pytest.mark.timeout(300)
def test_server_that_was_started_otherwise_is_told(story: Story, new_home: Path) -> None:
    # In a home of its own: what is written while nothing is archived is a gap in its archive for good.
    again(story, new_home, moments.LATEST)
    kept = new_home.parent / "kept"
    kept.mkdir(mode=0o700)
    settings = story.settings.model_copy(update={"home": new_home, "archive": kept})
    without = settings.model_copy(update={"archive": None})
    with examined(settings) as subject:
        (found,) = errors(look_at_archive(replace(subject, settings=without)))
        assert "for an archive that CARETIDE_ARCHIVE does not name" in found
    with examined(without) as subject:
        assert look_at_archive(subject) == []
        (found,) = errors(look_at_archive(replace(subject, settings=settings)))
        assert "started before CARETIDE_ARCHIVE was set" in found


def test_part_of_the_log_is_never_written_over(story: Story, harmed: Path) -> None:
    first = segments(harmed)[0]
    name = first.path.parent.name
    keyring = Keyring.open(story.settings.home / "keys", "backup")
    plain = harmed / first.name
    plain.write_bytes(b"".join(archive.opened(first, keyring)))
    put: Callable[..., None] = getattr(archive, "_put")  # noqa: B009 - what each pass does with one part
    finished = archiving.Finished(first.name, plain, datetime.now(UTC))
    put(first.path.parent, finished, keyring)
    assert archive.kept(harmed, name)[0] == first, "the same again changes nothing"
    plain.write_bytes(b"something else")
    with pytest.raises(Conflict, match="Nothing is written over it"):
        put(first.path.parent, finished, keyring)


def test_archive_needs_a_folder_and_a_server_of_ours(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Invalid, match="names no folder"):
        archive_now(small.settings)
    with pytest.raises(Invalid, match="its own means"):
        archive_now(small.settings.model_copy(update={"archive": tmp_path, "database_url": "postgresql://x/y"}))
    with pytest.raises(NotFound):
        archive_now(Settings(home=tmp_path / "none", archive=tmp_path))
    monkeypatch.setenv("CARETIDE_HOME", str(tmp_path / "none"))
    result = CliRunner().invoke(app, ["restore", str(tmp_path), "--drill", "--to", "2026-11-22T09:00:00"])
    assert isinstance(result.exception, Invalid)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(300)
def test_command_archives_up_to_now_and_says_how_far_it_leads(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARETIDE_HOME", str(story.settings.home))
    monkeypatch.setenv("CARETIDE_ARCHIVE", str(story.folder))
    begun = datetime.now(UTC)
    with examined(story.settings) as subject:
        subject.database.execute("SELECT pg_logical_emit_message(true, 'test', 'x')")
        result = CliRunner().invoke(app, ["archive", "--json"])
    told = json.loads(result.stdout)
    assert datetime.fromisoformat(told["leads_to"]) >= begun - timedelta(seconds=1)
    assert (told["segments"], len(told["backups"])) == (len(segments(story.folder)), 1)


def test_processes_that_begin_an_archive_at_once_agree_on_its_name(tmp_path: Path) -> None:
    home = Home(tmp_path)
    archiving.receipts(home).mkdir(parents=True)
    with ThreadPoolExecutor(16) as pool:
        names = {*pool.map(lambda _: archive.identity(home), range(64))}
    assert len(names) == 1
    assert [path.name for path in archiving.receipts(home).iterdir()] == ["identity"]


@pytest.mark.req("W-15")
@pytest.mark.timeout(300)
def test_key_that_no_backup_has_is_told(story: Story) -> None:
    path = story.settings.home / "keys" / "vault.2.key"
    with examined(story.settings) as subject:
        before = {one.what for one in look_at_archive(subject)}
        path.write_text("0" * 64)
        path.chmod(0o600)
        later = (datetime.now(UTC) + timedelta(hours=1)).timestamp()
        os.utime(path, (later, later))
        try:
            told = {one.what for one in look_at_archive(subject)} - before
        finally:
            path.unlink()
    assert told == {"The last backup has not got these keys: vault.2.key."}
