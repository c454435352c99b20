"""Where the server listens: a folder short enough for a socket, and a free port."""

import hashlib
import os
import socket
import stat
import sys
import tempfile
from pathlib import Path

from caretide.postgres.account import Account, give
from caretide.postgres.folders import Home

# sockaddr_un.sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included.
_LONGEST = (103 if sys.platform == "darwin" else 107) - len("/.s.PGSQL.65535")


def socket_folder(home: Home, account: Account, remembered: str) -> Path:
    """Return a folder of mode 0700 for the socket that belongs to the account: under home if its path can be one.

    A predictable name in a folder that everyone may write to could be taken by another first, so in /tmp the name is
    random and remembered.
    """
    # libpq takes a comma in a host for the start of another host.
    if len(os.fsencode(home.run)) <= _LONGEST and "," not in str(home.run):
        return _private(home.run, account)
    if remembered and _is_private(Path(remembered), account):
        return Path(remembered)
    runtime = Path("/run") if account.switched else Path(f"/run/user/{account.uid}")
    if _writable_by_us_alone(runtime):
        name = hashlib.sha256(os.fsencode(home.path)).hexdigest()[:12]
        return _private(runtime / f"caretide-{name}", account)
    return _private(Path(tempfile.mkdtemp(prefix="caretide-", dir="/tmp")), account)


def free_port(preferred: int) -> int:
    """Return the preferred TCP port if nothing listens there, else one that the system picks."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            # As PostgreSQL does: a port that only waits for old connections to expire is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return preferred


def _private(path: Path, account: Account) -> Path:
    path.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)
    give(path, account)
    return path


def _is_private(path: Path, account: Account) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == account.uid and stat.S_IMODE(status.st_mode) == 0o700


def _writable_by_us_alone(path: Path) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    shared = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return status.st_uid == os.geteuid() and not shared and os.access(path, os.W_OK)
