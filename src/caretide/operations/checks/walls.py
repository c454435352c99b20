"""The walls: roles, policies, keys and grants, and the holes that a server may have."""

from typing import Final

from psycopg import errors

from caretide.operations.findings import Check, Finding, Level, Subject
from caretide.postgres import catalogue, roles
from caretide.postgres.probes import Probe, probe
from caretide.postgres.roles import LoginRole
from caretide.postgres.urls import parse

_REACH: Final = "One tenant's work could reach another tenant's rows."


def look_at_roles(subject: Subject) -> list[Finding]:
    """Compare roles, their powers and their grants with what they must be."""
    migrator = LoginRole.MIGRATOR.login
    if subject.settings.database_url is not None:
        migrator = parse(subject.settings.database_url)["user"]
    return [
        Finding(
            Level.ERROR, f"The roles are not as they must be; missing: {lacking}", _REACH, _repair(subject), blocks=True
        )
        for lacking in roles.missing(subject.database, migrator)
    ]


def _repair(subject: Subject) -> str:
    if subject.settings.database_url is None:
        return "Start again: `caretide db stop`, then `caretide db start`, sets the embedded server's roles right."
    return "Have an administrator of the server run that statement in this database."


def look_at_catalogue(subject: Subject) -> list[Finding]:
    """Ask the catalogue for every breach of the walls' rules."""
    todo = (
        "Nobody but the migrations may change the schema: find out who did, undo it, and run `caretide doctor` again. "
        "A restore of the last backup has the walls whole."
    )
    if _is_empty(subject):
        return []
    return [Finding(Level.ERROR, fault, _REACH, todo, blocks=True) for fault in catalogue.faults(subject.database)]


def _is_empty(subject: Subject) -> bool:
    """Whether there is nothing to wall in yet; that the schema lacks is another check's to say."""
    return subject.ask("SELECT to_regclass('public.tenants') IS NULL") == [(True,)]


def look_for_holes(subject: Subject) -> list[Finding]:
    """Try the known holes of row-level security out in a scratch schema."""
    try:
        probes = probe(subject.database)
    except errors.InsufficientPrivilege:
        return [
            Finding(
                Level.WARNING,
                "The known holes of row-level security could not be tried out: this login may not create roles.",
                "A version number does not tell whether a server has them.",
                "Let CARETIDE_DATABASE_URL name a login with CREATEROLE while `caretide doctor` runs.",
            )
        ]
    is_kept = _is_empty(subject) or not catalogue.faults(subject.database)
    return [_hole(one, is_kept=is_kept and one.closed) for one in probes if one.fires]


def _hole(one: Probe, *, is_kept: bool) -> Finding:
    what = f"This PostgreSQL has {one.hole}: {one.what}."
    update = "Update PostgreSQL when a release without it is there."
    if is_kept:
        why = f"Our schema keeps it out, as {one.kept_out_by}; the catalogue was checked for that just now."
        return Finding(Level.NOTE, what, why, update)
    why = f"{_REACH} The schema does not keep it out here: not everywhere is it so that {one.kept_out_by}."
    return Finding(Level.ERROR, what, why, f"Mend what the catalogue check names. {update}", blocks=True)


CHECKS: Final = (
    Check("roles", "every role of the database has its powers and no more", look_at_roles),
    Check("catalogue", "policies, keys, grants and functions keep the rules of both walls", look_at_catalogue),
    Check("holes", "no known hole of row-level security reaches another tenant", look_for_holes),
)
