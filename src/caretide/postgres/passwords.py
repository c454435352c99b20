"""The login roles' passwords: generated, one file each, readable by us alone."""

import secrets
from collections.abc import Iterable

from caretide.kernel.errors import Invalid, NotFound
from caretide.postgres.folders import Home, explained, write_whole
from caretide.postgres.roles import LoginRole


def generate(home: Home, roles: Iterable[LoginRole]) -> dict[LoginRole, str]:
    """Return a password for each role, making those that are missing. The caller holds the door."""
    for role in roles:
        path = home.secrets / f"{role}.password"
        with explained(home.path):
            if not path.exists():
                write_whole(path, secrets.token_urlsafe(32), 0o600)
    return {role: read(home, role) for role in roles}


def lacking(home: Home) -> bool:
    """Whether some role's file is not there: removed to have a new password made."""
    return any(not (home.secrets / f"{role}.password").exists() for role in LoginRole if role is not LoginRole.ADMIN)


def read(home: Home, role: LoginRole) -> str:
    """Return a role's password; raise NotFound when there is none, Invalid when others could read it too."""
    path = home.secrets / f"{role}.password"
    with explained(home.path):
        if not path.exists():
            raise NotFound(f"{path} is missing: run `caretide db start`, or restore the file from a backup.")
        if path.stat().st_mode & 0o077:
            raise Invalid(f"{path} can be read by others. Run `chmod 600 {path}`, and change the password if in doubt.")
        password = path.read_text().strip()
    if not password:
        raise Invalid(f"{path} is empty. Restore it from a backup.")
    return password
