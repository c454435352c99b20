"""What has to be done again in time: backups, and the drill that proves them."""

from datetime import timedelta
from typing import Final

from caretide.operations import records
from caretide.operations.findings import Check, Finding, Level, Subject

BACKUP_DUE: Final = timedelta(hours=26)
BACKUP_LATE: Final = timedelta(hours=48)
"""90 FR 898 proposes that copies be no older than 48 hours; daily ones have two hours to finish."""
DRILL_DUE: Final = timedelta(days=32)


def look_at_backups(subject: Subject) -> list[Finding]:
    """See how old the last backup is."""
    why = "What was recorded since then exists once."
    if subject.settings.database_url is not None:
        why = "Your server is backed up by whoever runs it; keys and vault are not, and without them it is unreadable."
    todo = (
        "Run `caretide backup FOLDER --passphrase-file FILE` daily, by a timer: FOLDER on another disk, FILE with a"
        " passphrase that seals the keys, and kept elsewhere too."
    )
    newest = records.last(subject.home, records.BACKUPS)
    if newest is None:
        return [Finding(Level.WARNING, "There is no record of any backup.", why, todo)]
    age = subject.clock() - newest[0]
    if age <= BACKUP_DUE:
        return []
    level = Level.ERROR if age > BACKUP_LATE else Level.WARNING
    return [Finding(level, f"The last backup is {age.total_seconds() / 3600:.0f} hours old.", why, todo)]


def look_at_drills(subject: Subject) -> list[Finding]:
    """See when a restore was last proved."""
    why = "A backup that nobody has restored is a hope."
    todo = "Run `caretide restore FOLDER --drill --passphrase-file FILE` once a month."
    newest = records.last(subject.home, records.DRILLS)
    if newest is None:
        return [Finding(Level.WARNING, "There is no record of a restore drill.", why, todo)]
    age = subject.clock() - newest[0]
    if not newest[1].get("passed"):
        return [Finding(Level.ERROR, "The last restore drill failed.", why, todo)]
    if age > DRILL_DUE:
        return [Finding(Level.WARNING, f"The last restore drill is {age.days} days old.", why, todo)]
    return []


CHECKS: Final = (
    Check("backups", "there is a backup from the last day", look_at_backups, needs_database=False),
    Check("drills", "a restore was proved within a month", look_at_drills, needs_database=False),
)
