"""The keys that contexts are signed with: in files here, and in a table there that nobody who serves requests may read.

A host signs with the newest key that the database has and it has too, so a rotation needs no restart: the database says
at the start of every transaction which keys it knows.
"""

import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from psycopg import Connection

from caretide.kernel.errors import Unavailable
from caretide.postgres.roles import OWNER, connected
from caretide.vault.keys import Keyring

_BLOCK: Final = 64
_OWN: Final = 0
"""The number of the owner's own key, which never leaves the database."""


def signing_keys(home: Path) -> Keyring:
    """Open the signing keys under `home`, making the first one where there is none."""
    return Keyring.open(home / "keys", "context")


def install(migrator_url: str, signing: Keyring) -> None:
    """Have the database verify what `signing` signs; safe to repeat, and to run at once on several hosts.

    A database without keys (new, or restored without them) takes the newest; one that has some must have one of ours.
    Raises Unavailable, saying what to do, when it expects others.
    """
    with _as_owner(migrator_url) as connection:
        found = connection.execute("SELECT kid, ipad, opad FROM ctx.key").fetchall()
        known: dict[int, tuple[bytes, bytes]] = {kid: (ipad, opad) for kid, ipad, opad in found}
        if _OWN not in known:
            _put(connection, _OWN, secrets.token_bytes(_BLOCK), secrets.token_bytes(_BLOCK))
        theirs = sorted(known.keys() - {_OWN})
        shared = [kid for kid in theirs if signing.has(kid)]
        if not theirs:
            _put(connection, signing.current, *pads(signing.key(signing.current)))
        elif not shared or pads(signing.key(shared[-1])) != known[shared[-1]]:
            raise Unavailable(
                f"The database expects contexts signed with the key context.{theirs[-1]}.key of another installation. "
                "Copy the folder `keys` from a host that works, or run `caretide keys rotate-context`."
            )


def rotate(migrator_url: str, signing: Keyring, *, wait_seconds: float) -> int:
    """Make a new signing key, have the database verify it, and forget the older ones after a while; return its number.

    Whatever began meanwhile with an older key must have ended by then, and other hosts must have the new file.
    """
    with _as_owner(migrator_url) as connection:
        (newest,) = connection.execute("SELECT coalesce(max(kid), 0) FROM ctx.key").fetchone() or (0,)
        kid = signing.rotate(above=newest)
        _put(connection, kid, *pads(signing.key(kid)))
    time.sleep(wait_seconds)
    with _as_owner(migrator_url) as connection:
        connection.execute("DELETE FROM ctx.key WHERE kid <> %s", (kid,))
        _put(connection, _OWN, secrets.token_bytes(_BLOCK), secrets.token_bytes(_BLOCK))
    return kid


def pads(key: bytes) -> tuple[bytes, bytes]:
    """Return a key's inner and outer padded form of RFC 2104, as the database keeps them."""
    padded = key.ljust(_BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)


@contextmanager
def _as_owner(migrator_url: str) -> Generator[Connection[Any]]:
    """Yield a transaction as the owner, with the table of keys to itself."""
    with connected(migrator_url) as connection, connection.transaction():
        connection.execute(f"SET LOCAL ROLE {OWNER}")
        connection.execute("LOCK TABLE ctx.key IN SHARE ROW EXCLUSIVE MODE")
        yield connection


def _put(connection: Connection[Any], kid: int, ipad: bytes, opad: bytes) -> None:
    connection.execute("INSERT INTO ctx.key VALUES (%s, %s, %s)", (kid, ipad, opad))
