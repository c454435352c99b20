"""This host: who can read the folders of secrets, and how much room is left."""

import os
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from caretide.operations.findings import Check, Finding, Level, Subject
from caretide.postgres.roles import LoginRole

SECRET_DAYS: Final = 365
TIGHT, FULL = 0.20, 0.10
"""Parts of the disk that are free when it is time to think, and to act."""
_GIGABYTE: Final = 1_000_000_000
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def look_at_keys(subject: Subject) -> list[Finding]:
    """See that keys and passwords are there, ours, and readable by nobody else."""
    found: list[Finding] = []
    for path in _secrets(subject):
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            continue
        if status.st_uid != os.geteuid():
            found.append(_readable(path, f"belongs to user id {status.st_uid}", f"chown {os.geteuid()} {path}"))
        elif status.st_mode & _OTHERS:
            plain = "700" if path.is_dir() else "600"
            found.append(_readable(path, f"has mode {stat.S_IMODE(status.st_mode):04o}", f"chmod {plain} {path}"))
    return found


def look_at_key_files(subject: Subject) -> list[Finding]:
    """See that an installation with tenants has the keys that open what they recorded."""
    with subject.database.transaction():
        subject.database.execute("SET LOCAL ROLE caretide_owner")
        if subject.ask("SELECT to_regclass('public.tenants') IS NULL") == [(True,)]:
            return []
        if subject.ask("SELECT FROM public.tenants LIMIT 1") == []:
            return []
    return [
        Finding(
            Level.ERROR,
            f"There is no key '{name}' in {subject.home.path / 'keys'}.",
            "What was encrypted with it cannot be read, and a new key does not open it.",
            "Restore the folder `keys` from its backup before anything else starts.",
        )
        for name in ("columns", "context", "vault")
        if not list((subject.home.path / "keys").glob(f"{name}.*.key"))
    ]


def _readable(path: Path, how: str, command: str) -> Finding:
    why = "Whoever reads it can sign in as any role or open what was encrypted, in every tenant."
    return Finding(Level.ERROR, f"{path} {how}.", why, f"Run `{command}`; replace it if in doubt.", blocks=True)


def _secrets(subject: Subject) -> Iterator[Path]:
    for folder in (subject.home.secrets, subject.home.path / "keys"):
        if folder.is_dir():
            yield folder
            yield from sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    config = subject.home.path / "caretide.toml"
    if config.exists():
        yield config


def look_at_folders(subject: Subject) -> list[Finding]:
    """See that the vault, the mail folder and the server's data are closed to others."""
    found: list[Finding] = []
    for path in (subject.home.path / "vault", subject.home.path / "mail", subject.home.data, subject.home.log.parent):
        if not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS:
            why = "Other users of this host could read health data."
            found.append(
                Finding(Level.ERROR, f"{path} has mode {mode:04o}.", why, f"Run `chmod 700 {path}`.", blocks=True)
            )
    return found


def look_at_disk(subject: Subject) -> list[Finding]:
    """See that there is room to write."""
    if not subject.home.path.exists():
        return []
    usage = shutil.disk_usage(subject.home.path)
    share = usage.free / usage.total
    # A large disk is not full at nine tenths; a small one is tight at four fifths.
    if share >= TIGHT or usage.free > 50 * _GIGABYTE:
        return []
    level = Level.ERROR if share < FULL and usage.free < 5 * _GIGABYTE else Level.WARNING
    what = f"{usage.free / _GIGABYTE:.1f} GB ({share:.0%}) are free on the disk of {subject.home.path}."
    return [Finding(level, what, "A full disk stops every write.", "Free some space, or move CARETIDE_HOME.")]


def look_at_age(subject: Subject) -> list[Finding]:
    """See how old keys and passwords are. The superuser's never leaves this host."""
    found: list[Finding] = []
    newest: dict[str, Path] = {}
    for path in (subject.home.path / "keys").glob("*.key"):
        name, version, _ = path.name.rsplit(".", 2)
        if name not in newest or int(version) > int(newest[name].name.rsplit(".", 2)[1]):
            newest[name] = path
    passwords = sorted(path for path in subject.home.secrets.glob("*.password") if path.stem != LoginRole.ADMIN)
    for path in (*newest.values(), *passwords):
        days = (subject.clock() - datetime.fromtimestamp(path.stat().st_mtime, UTC)).days
        if days > SECRET_DAYS:
            todo = "See docs/runbooks/keys.md: keys rotate online, a password by removing its file before a start."
            found.append(
                Finding(Level.WARNING, f"{path} is {days} days old.", "What is old has been copied often.", todo)
            )
    return found


CHECKS: Final = (
    Check("keys", "keys and passwords are there and readable by us alone", look_at_keys, needs_database=False),
    Check("key files", "there are the keys that open what tenants recorded", look_at_key_files),
    Check("folders", "vault, mail and data are closed to other users", look_at_folders, needs_database=False),
    Check("disk", "there is room to write", look_at_disk, needs_database=False),
    Check("age", "keys and passwords are younger than a year", look_at_age, needs_database=False),
)
