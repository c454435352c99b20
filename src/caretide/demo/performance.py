"""The demonstration of an installation: built the first time, found again later, or started over."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, sql

from caretide.demo import company, stage
from caretide.demo.stage import USUAL, Drain, Production, Tell
from caretide.demo.summary import Summary, summarize
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Invalid, NotFound
from caretide.kernel.month import Month
from caretide.postgres.databases import shared
from caretide.postgres.roles import LoginRole, connected, ensure_database
from caretide.postgres.server import DATABASE
from caretide.runtime.installation import Installation
from caretide.runtime.tx import Database
from caretide.settings import Settings
from caretide.tenants import queries as tenants

NOTEBOOK: Final = "demo.json"


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody of the practice, and how they get in."""

    role: str
    name: str
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class Performance:
    """A closed month, and who may look at it."""

    summary: Summary
    sign_ins: tuple[SignIn, ...]


async def performance(ours: Installation, drain: Drain, tell: Tell, production: Production = USUAL) -> Performance:
    """Return the demonstration that is there; build it first where there is none.

    Raises Conflict where an earlier one was interrupted: half a practice would not add up.
    """
    notebook = Notebook(ours.settings.home / NOTEBOOK)
    known, system = notebook.read(), await _system(ours.database)
    if system is not None and (known is None or known["tenant"] != str(system.tenant_id)):
        raise Conflict("An earlier demo was not finished here; start over with `script/demo --fresh`")
    if known is None or system is None:
        passwords = company.new_passwords()
        url = ours.urls.url(LoginRole.APP)
        summary = await stage.play(ours.database, url, passwords, drain, tell, production)
        system = await _system(ours.database)
        tenant = str(system.tenant_id) if system else ""
        played = {"tenant": tenant, "month": summary.month, "refused_attempts": summary.refused_attempts}
        notebook.write(played | {"passwords": passwords})
        return Performance(summary, _sign_ins(passwords))
    month, refused = Month.parse(known["month"]), known["refused_attempts"]
    summary = await summarize(ours.database, system, month, refused_attempts=refused)
    return Performance(summary, _sign_ins(known["passwords"]))


def _sign_ins(passwords: Mapping[str, str]) -> tuple[SignIn, ...]:
    return tuple(SignIn(seat.role, seat.name, seat.email(), passwords[seat.key]) for seat in company.SEATS)


async def _system(database: Database) -> Actor | None:
    try:
        async with database.tx(Actor.nobody()) as tx:
            return Actor.system(await tenants.tenant_by_slug(tx, company.SLUG))
    except NotFound:
        return None


@dataclass(frozen=True, slots=True)
class Notebook:
    """What the database does not know of the demonstration, passwords above all; for its owner's eyes alone."""

    path: Path

    def read(self) -> dict[str, Any] | None:
        """Return what was written; None before the first demonstration was finished."""
        try:
            return json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return None

    def write(self, content: Mapping[str, Any]) -> None:
        """Write it, all or nothing."""
        draft = self.path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(content), "utf-8")
        draft.replace(self.path)


_HAS_TENANTS: Final = "SELECT 1 WHERE to_regclass('public.tenants') IS NOT NULL"
_OTHERS: Final = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)


def _disposable(connection: Connection[Any]) -> list[UUID]:
    """Return the tenants of a database that may be dropped; raise Conflict where it may not."""
    made = connection.execute(_HAS_TENANTS).fetchone()
    rows = connection.execute("SELECT id, slug, is_generated FROM public.tenants").fetchall() if made else []
    real = [slug for _, slug, is_generated in rows if not is_generated]
    if real:
        raise Conflict(
            f"This installation holds tenants that were not generated ({', '.join(real)}); "
            "run the demo elsewhere: CARETIDE_HOME=/some/folder script/demo"
        )
    if connection.execute(_OTHERS).fetchone():
        raise Conflict("The demo is in use; stop whatever serves it, then try --fresh again")
    return [tenant_id for tenant_id, *_ in rows]


def start_over(settings: Settings) -> None:
    """Put an empty database in the place of one that holds generated tenants and nothing else.

    Raises Conflict naming the tenants that are real, or when something still uses the database; Invalid for an external
    database, which is not ours to empty.
    """
    with shared(settings) as urls:
        if urls.cluster is None:
            raise Invalid("--fresh empties only the built-in database; CARETIDE_DATABASE_URL names another")
        with connected(urls.cluster.url(LoginRole.ADMIN)) as connection:
            dropped = _disposable(connection)
        admin = urls.cluster.url(LoginRole.ADMIN, "postgres")
        with connected(admin) as connection:
            connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(DATABASE)))
        ensure_database(admin, DATABASE)
    (settings.home / NOTEBOOK).unlink(missing_ok=True)
    for tenant_id in dropped:
        shutil.rmtree(settings.home / "vault" / str(tenant_id), ignore_errors=True)
