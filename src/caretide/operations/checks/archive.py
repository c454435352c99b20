"""The archive of the log: whether it is written, keeps up, and leads on from a backup."""

from datetime import UTC, datetime, timedelta
from typing import Final

from caretide.operations import archive_state, records
from caretide.operations.archive import last_pass
from caretide.operations.findings import Check, Finding, Level, Subject
from caretide.postgres import archiving
from caretide.postgres.archiving import SEGMENT_BYTES

BEHIND: Final = timedelta(minutes=5)
"""How long a finished part of the log may wait: it is carried within a second, and the server asks once a minute."""
_WHY: Final = "What is not archived exists once; and the server keeps every part of its log until its disk is full."
_RESTART: Final = "Stop everything that uses the database, `caretide db stop`, and start again."


def look_at_archive(subject: Subject) -> list[Finding]:
    """See that the log is archived where that is wanted, and not kept where it is not."""
    folder = subject.settings.archive
    if subject.settings.database_url is not None:
        return _elsewhere(subject)
    ((mode,),) = subject.ask("SELECT current_setting('archive_mode')")
    if folder is None:
        return _unwanted(subject) if mode == "on" else []
    if mode != "on":
        what = "The server does not archive its log: it was started before CARETIDE_ARCHIVE was set."
        return [Finding(Level.ERROR, what, "What was recorded since the last backup exists once.", _RESTART)]
    found = _behind(subject)
    if folder.is_dir():
        found += _without_backup(subject)
        if folder.stat().st_dev == subject.home.path.stat().st_dev:
            what = f"The archive in {folder} lies on the same disk as the database."
            todo = "Let CARETIDE_ARCHIVE be a folder on another disk, and copy it off the site."
            found.append(Finding(Level.WARNING, what, "Both are lost together.", todo))
    return found + _newer_keys(subject)


def _elsewhere(subject: Subject) -> list[Finding]:
    if subject.settings.archive is None:
        return []
    what = "CARETIDE_ARCHIVE does nothing: the database is a server of your own."
    todo = "Archive its log by its own means, and take the setting away."
    return [Finding(Level.WARNING, what, "Only the embedded server's log is archived from here.", todo)]


def _unwanted(subject: Subject) -> list[Finding]:
    kept = len(archiving.finished(subject.home)) * SEGMENT_BYTES // 1_000_000
    what = f"The server keeps its log ({kept} MB) for an archive that CARETIDE_ARCHIVE does not name any more."
    return [Finding(Level.ERROR, what, "It keeps more and more of it until its disk is full.", _RESTART)]


def _behind(subject: Subject) -> list[Finding]:
    """See how long what waits has waited, and what the last pass and the server said of it."""
    waiting = archiving.finished(subject.home)
    late = [one for one in waiting if subject.clock() - one.at > BEHIND]
    last = last_pass(subject.home)
    said = f" {last.error}" if last is not None and last.error else ""
    if not late and not said:
        return []
    ((failed, since),) = subject.ask("SELECT failed_count, last_archived_time FROM pg_stat_archiver")
    kept = len(waiting) * SEGMENT_BYTES // 1_000_000
    done = f"; the server last had a part archived at {_told(since)}" if since is not None else ""
    what = f"{len(waiting)} parts of the log ({kept} MB) wait to be archived{done}, {failed} tries failed.{said}"
    todo = "Make the folder of CARETIDE_ARCHIVE writable, with room in it; then `caretide archive`, or wait."
    return [Finding(Level.ERROR, what, _WHY, todo)]


def _without_backup(subject: Subject) -> list[Finding]:
    folder = subject.settings.archive
    if folder is None or archive_state.stand(subject.home, folder).backups:
        return []
    what = f"No backup in {folder} begins the archive."
    why = "A log is replayed over a backup that was taken after archiving began; without one it restores nothing."
    return [Finding(Level.WARNING, what, why, f"Run `caretide backup {folder} --passphrase-file FILE`.")]


def _newer_keys(subject: Subject) -> list[Finding]:
    """See that every key was there when the last backup took them: the log is of no use without."""
    newest = records.last(subject.home, records.BACKUPS)
    if newest is None:
        return []
    newer = [
        path.name
        for path in sorted((subject.home.path / "keys").glob("[!.]*.key"))
        if datetime.fromtimestamp(path.stat().st_mtime, UTC) > newest[0] + timedelta(minutes=1)
    ]
    if not newer:
        return []
    what = f"The last backup has not got these keys: {', '.join(newer)}."
    why = "What was sealed with them since can be replayed from the archive, and not be read."
    return [
        Finding(
            Level.WARNING,
            what,
            why,
            "Run `caretide backup FOLDER --passphrase-file FILE` now, FOLDER being the one of CARETIDE_ARCHIVE.",
        )
    ]


def _told(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


CHECKS: Final = (Check("archive", "the log is archived as it is written, where that is wanted", look_at_archive),)
