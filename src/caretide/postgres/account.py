"""Who the server runs as: PostgreSQL refuses to run as root, so root hands it to `nobody`."""

import os
import pwd
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from caretide.kernel.errors import Unavailable

UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Account:
    """A user of the operating system. `switched` says that it is another one than ours."""

    name: str
    uid: int
    gid: int
    switched: bool


@dataclass(frozen=True)
class Outcome:
    """What a program answered: its exit status and everything it printed."""

    status: int
    text: str


def server_account() -> Account:
    """Return the account that the server runs as; raise Unavailable when there is none that PostgreSQL accepts."""
    uid = os.geteuid()
    try:
        entry = pwd.getpwnam(UNPRIVILEGED) if uid == 0 else pwd.getpwuid(uid)
    except KeyError as error:
        who = f"an account named {UNPRIVILEGED}" if uid == 0 else f"an entry for user id {uid}"
        raise Unavailable(
            f"PostgreSQL needs {who} in /etc/passwd. Add one, or set CARETIDE_DATABASE_URL to a server of your own."
        ) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switched=uid == 0)


def obstacle(path: Path, account: Account) -> Path | None:
    """Return the first folder on the way to `path`, or `path` itself, that the account may not enter or read.

    What does not exist is no obstacle.
    """
    for step in (*reversed(path.parents), path):
        if not step.exists():
            break
        status = step.stat()
        needed = stat.S_IXOTH if stat.S_ISDIR(status.st_mode) else stat.S_IROTH
        if status.st_uid == account.uid:
            needed <<= 6
        elif status.st_gid == account.gid:
            needed <<= 3
        if not status.st_mode & needed:
            return step
    return None


def give(path: Path, account: Account) -> None:
    """Make the account the owner of `path`; nothing to do where it is ours already."""
    if account.switched:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def run(command: Sequence[str | Path], account: Account, *, timeout: float) -> Outcome:
    """Run one of the server's programs as the account; raise Unavailable when it cannot run or does not end in time.

    It gets an environment of its own: `PG*` variables would redirect it, a foreign PATH could slip in another
    PostgreSQL, and our secrets are none of its business. `/usr/bin` stays, for the commands that archiving calls.
    """
    program = Path(command[0])
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd="/",
            env={"PATH": f"{program.parent}:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
            umask=0o077,
            # A Ctrl-C in our terminal must not reach a server that others share.
            start_new_session=True,
            user=account.uid if account.switched else None,
            group=account.gid if account.switched else None,
            extra_groups=[] if account.switched else None,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(
            f"{program.name} did not end within {timeout:.0f} seconds. Is the disk overloaded?"
        ) from error
    except OSError as error:
        raise Unavailable(
            f"{program} cannot run here as {account.name}: {error.strerror}. "
            "Its platform is Linux with glibc or macOS; elsewhere set CARETIDE_DATABASE_URL to a server of your own."
        ) from error
    return Outcome(done.returncode, done.stdout.decode(errors="replace"))
