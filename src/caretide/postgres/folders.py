"""The folder `home`: what lies where, how we know that it is ours, and plain words for a disk that refuses."""

import errno
import json
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from caretide.kernel.errors import CaretideError, Invalid, Unavailable
from caretide.postgres.account import Account, obstacle
from caretide.postgres.binaries import UNQUOTABLE

_MARKER = "caretide.home"
_MARKER_TEXT = "Caretide keeps its state in this folder. Without this file it will not touch it.\n"
# What may lie in a folder that we have not used yet: a file system's own, and the operator's configuration.
_TOLERATED = {"lost+found", "caretide.toml"}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FULL_TEXTS = ("No space left on device", "Disk quota exceeded", "could not extend file")


@dataclass(frozen=True)
class Home:
    """Paths under the state folder. `data`, `log` and `run` belong to the server's account, all else to us."""

    path: Path

    @property
    def secrets(self) -> Path:
        """One password file for each login role."""
        return self.path / "secrets"

    @property
    def postgres(self) -> Path:
        """Everything of the server, its secrets apart."""
        return self.path / "postgres"

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.postgres / "data"

    @property
    def log(self) -> Path:
        """What the server has to say; no statements and no values among it."""
        return self.postgres / "log" / "server.log"

    @property
    def run(self) -> Path:
        """The folder of the socket, unless its path is too long for one."""
        return self.postgres / "run"

    @property
    def keep(self) -> Path:
        """Exists while an operator wants the server to stay up."""
        return self.postgres / "keep"


@dataclass(frozen=True)
class State:
    """What is remembered from one start to the next. `roles` is the version of the bootstrap that was completed.

    `archive` is how old in seconds a part of the log may be that is not archived; 0 is no archive.
    """

    port: int = 0
    socket_dir: str = ""
    roles: int = 0
    archive: int = 0


@contextmanager
def explained(home: Path) -> Generator[None]:
    """Turn what the operating system says about a file into a sentence about `home`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise disk_full(home) from error
        place = error.filename or home
        if error.errno == errno.EROFS:
            raise Unavailable(
                f"{place} is on a read-only file system. Make it writable or set CARETIDE_HOME."
            ) from error
        raise Unavailable(f"{place}: {error.strerror or error}. Make it usable or set CARETIDE_HOME.") from error


def disk_full(home: Path) -> CaretideError:
    """Return the error for a full disk."""
    return Unavailable(f"The disk that holds {home} is full. Free at least 200 MB there, then start again.")


def says_full(text: str) -> bool:
    """Whether what a program printed complains of a full disk."""
    return any(phrase in text for phrase in _FULL_TEXTS)


def claim(path: Path) -> Home:
    """Make `path` our home, or see that it is; raise Invalid when it is somebody else's, Unavailable when it cannot be.

    For root the folder can be passed through (0711), because the server runs as another account; what is secret lies
    in folders of mode 0700 inside.
    """
    home = Home(path.expanduser().absolute())
    if UNQUOTABLE.search(str(home.path)):
        raise Invalid(f"CARETIDE_HOME {str(home.path)!r} has quotes, $, ` or \\ in its name. Choose a plainer one.")
    passable = 0o711 if os.geteuid() == 0 else 0o700
    with explained(home.path):
        _make(home.path, passable)
        if not _is_ours(home.path):
            home.path.chmod(passable)
            with suppress(FileExistsError), (home.path / _MARKER).open("x") as marker:
                marker.write(_MARKER_TEXT)
        _folder(home.secrets, 0o700)
        _folder(home.postgres, passable)
    return home


def existing(path: Path) -> Home | None:
    """Return the home at `path` when there is one, creating nothing."""
    home = Home(path.expanduser().absolute())
    with explained(home.path):
        return home if home.path.exists() and _is_ours(home.path) and home.postgres.exists() else None


def claim_for(path: Path, account: Account) -> Home:
    """Claim `path` for a server that runs as the account; raise Invalid, creating nothing, when it could not get there.

    The folder itself may be closed until it is claimed.
    """
    path = path.expanduser().absolute()
    _require_reach(path, path.parent, account)
    home = claim(path)
    _require_reach(path, home.postgres, account)
    return home


def _require_reach(path: Path, target: Path, account: Account) -> None:
    blocked = obstacle(target, account) if account.switched else None
    if blocked is not None:
        raise Invalid(
            f"CARETIDE_HOME {path} cannot be reached by the account {account.name}, which runs the database: "
            f"{blocked} is closed to it. Choose a folder outside, such as /var/lib/caretide."
        )


def read_state(home: Home) -> State:
    """Return what the last start wrote down; nothing when there was none."""
    try:
        return State(**json.loads((home.postgres / "server.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return State()


def write_state(home: Home, state: State) -> None:
    """Write the state down, whole or not at all."""
    write_whole(home.postgres / "server.json", json.dumps(asdict(state)), 0o600)


def write_whole(path: Path, text: str, mode: int) -> None:
    """Write a file so that a crash or a full disk leaves the old one or the new one. The caller holds the door."""
    half = path.with_name(f"{path.name}.part")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "w") as stream:  # noqa: PTH123 - Path.open cannot take the descriptor that fixes the mode
        os.fchmod(descriptor, mode)
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)
    half.replace(path)


def _make(path: Path, mode: int) -> None:
    """Create `path` and what is missing above it; as root the new parents can be passed through whatever the umask."""
    for step in (*reversed(path.parents), path):
        if not step.exists():
            with suppress(FileExistsError):
                step.mkdir()
                step.chmod(mode if step == path else 0o755 if os.geteuid() == 0 else 0o700)


def _folder(path: Path, mode: int) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    if path.stat().st_mode & 0o777 != mode:
        path.chmod(mode)


def _is_ours(path: Path) -> bool:
    """Whether the folder carries our marker; raise Invalid when it is no place for one."""
    if not path.is_dir():
        raise Invalid(f"CARETIDE_HOME {path} is not a folder. Remove it or choose another path.")
    owner = path.stat().st_uid
    if owner != os.geteuid():
        raise Invalid(
            f"CARETIDE_HOME {path} belongs to user id {owner}, and this runs as {os.geteuid()}. "
            "Run as its owner, or choose another folder."
        )
    if (path / _MARKER).exists():
        return True
    # Another process may be claiming the folder right now: what it made came after its marker, so look once more.
    if {entry.name for entry in path.iterdir()} - _TOLERATED and not (path / _MARKER).exists():
        raise Invalid(
            f"CARETIDE_HOME {path} holds files that are not Caretide's (there is no {_MARKER}). Choose an empty folder."
        )
    return (path / _MARKER).exists()
