"""Bring an unpacked server to a moment: the log of its archive is replayed over it, commit by commit."""

import shutil
import time
from datetime import datetime
from pathlib import Path
from typing import Final

from caretide.kernel.errors import Conflict, Unavailable
from caretide.postgres import binaries, conf, launch, locks, passwords, processes, urls
from caretide.postgres.account import Account, give, server_account
from caretide.postgres.binaries import Binaries
from caretide.postgres.cluster_copy import SIGNAL
from caretide.postgres.folders import Home, explained, read_state
from caretide.postgres.roles import LoginRole, connected

_REPLAY_SECONDS: Final = 12 * 3600
_POLL_SECONDS: Final = 0.05
_NOTHING_LATER: Final = "before configured recovery target was reached"


def staging(home: Home) -> Path:
    """Make and return the folder for the plain log that is to be replayed: the server's own, like its data."""
    place = home.postgres / "replay"
    place.mkdir(mode=0o700)
    give(place, server_account())
    return place


def replay(home: Home, staged: Path, to: datetime | None) -> datetime | None:
    """Replay the segments in `staged`, which follow one another, to a moment or to their end; stop the server again.

    Returns when the last change was committed that is in it now; None where the log held none. Raises Unavailable with
    the server's words where it could not: then the home is not to be used.
    """
    account = server_account()
    with locks.door(home), explained(home.path):
        programs = binaries.usable(home.path, account)
        try:
            _run(home, account, programs, _way(staged, to))
        except Unavailable as error:
            # Whoever calls knows that the log goes on past the moment: nothing was committed after it, then.
            if to is None or _NOTHING_LATER not in error.message:
                raise
            _run(home, account, programs, _way(staged, None))
        try:
            last = _last_change(home)
        finally:
            launch.shut_down(home)
        if (home.data / SIGNAL).exists():
            raise Conflict(f"The server of {home.path} ended without having replayed its log. See {home.log}.")
        shutil.rmtree(staged)
    return last


def _run(home: Home, account: Account, programs: Binaries, way: launch.Way) -> None:
    """Start the server and wait until it has replayed; raise Unavailable with its words where it gave up."""
    before = home.log.stat().st_size if home.log.exists() else 0
    launch.launch(home, account, programs, way)
    # pg_ctl is content with a server that replays and lets nobody in.
    while (alive := processes.postmaster(home)) is not None and not alive.ready:
        time.sleep(_POLL_SECONDS)
    if alive is None:
        raise launch.failure(home, "Replaying the log", launch.logged(home, before))


def _way(staged: Path, to: datetime | None) -> launch.Way:
    return launch.Way(recovery=conf.replaying(staged, to), seconds=_REPLAY_SECONDS)


def _last_change(home: Home) -> datetime | None:
    state = read_state(home)
    address = {"user": LoginRole.ADMIN.login, "password": passwords.read(home, LoginRole.ADMIN), "dbname": "postgres"}
    with connected(urls.build({**address, "host": state.socket_dir, "port": str(state.port)})) as connection:
        row = connection.execute("SELECT pg_last_xact_replay_timestamp()").fetchone()
    return row[0] if row else None
