"""The demonstration of an installation: built the first time, found again later, or started over."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, sql

from caretide.demo import company, stage
from caretide.demo.houses import HOUSES, SEATS, SERVICE_COMPANY
from caretide.demo.stage import USUAL, Part, Production, Tell
from caretide.demo.summary import Summary, Total, summarize
from caretide.demo.tidying import tidy
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
BULK_NOTEBOOK: Final = "demo-scale.json"

Play = Callable[[Sequence[Part], Tell], Awaitable[list[Summary]]]
"""Plays the parts of a production and returns their summaries in the same order."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody of the company, where they work, and how they get in."""

    role: str
    name: str
    email: str
    password: str
    totp_seed: str
    tenants: tuple[str, ...]
    try_this: str


@dataclass(frozen=True, slots=True)
class Performance:
    """A closed month, and who may look at it."""

    summary: Total
    sign_ins: tuple[SignIn, ...]


async def performance(ours: Installation, play: Play, tell: Tell, production: Production = USUAL) -> Performance:
    """Return the demonstration that is there; build it first where there is none.

    Raises Conflict where an earlier one was interrupted: half a company would not add up.
    """
    notebook = Notebook(ours.settings.home / NOTEBOOK)
    known, actors = notebook.read(), await _systems(ours.database)
    if actors and not _is_whole(known, {slug: str(actor.tenant_id) for slug, actor in actors.items()}):
        raise Conflict("An earlier demo was not finished here; start over with `script/demo --fresh`")
    if known is None or not actors:
        passwords = company.new_passwords()
        url = ours.urls.url(LoginRole.APP)
        parts = await stage.open_doors(ours.database, url, passwords, tell, production)
        summaries = await play(parts, tell)
        await asyncio.to_thread(tidy, ours.urls.url(LoginRole.MIGRATOR))
        refused = {one.tenant: one.refused_attempts for one in summaries}
        tenant_ids = {one.tenant: str(part.company.tenant_id) for one, part in zip(summaries, parts, strict=True)}
        seeds = {key: seed for part in parts for key, seed in part.company.seeds.items()}
        told = {"tenants": tenant_ids, "month": summaries[0].month, "refused_attempts": refused}
        notebook.write(told | {"passwords": passwords, "seeds": seeds})
        return Performance(_total(summaries), _sign_ins(passwords, seeds))
    month, refused = Month.parse(known["month"]), known["refused_attempts"]
    summaries = [
        await summarize(ours.database, actor, month, refused_attempts=refused[slug]) for slug, actor in actors.items()
    ]
    return Performance(_total(summaries), _sign_ins(known["passwords"], known.get("seeds", {})))


def _is_whole(known: Mapping[str, Any] | None, tenant_ids: Mapping[str, str]) -> bool:
    """Whether the notebook tells of exactly these tenants: it is written last."""
    return known is not None and known.get("tenants") == tenant_ids


def _total(summaries: Sequence[Summary]) -> Total:
    return Total(company=SERVICE_COMPANY, people=len(SEATS), tenants=tuple(summaries))


def _sign_ins(passwords: Mapping[str, str], seeds: Mapping[str, str]) -> tuple[SignIn, ...]:
    return tuple(
        SignIn(
            role=seat.role,
            name=seat.name,
            email=seat.email,
            password=passwords[seat.key],
            # A demonstration from before there were second factors has none: its people set one up.
            totp_seed=seeds.get(seat.key, ""),
            tenants=tuple(house.slug for house in HOUSES if house.key in seat.shifts),
            try_this=seat.hint,
        )
        for seat in SEATS
    )


async def _systems(database: Database) -> dict[str, Actor]:
    """Return the command line in each of the demonstration's tenants that is there."""
    found: dict[str, Actor] = {}
    for house in HOUSES:
        with suppress(NotFound):
            async with database.tx(Actor.nobody()) as tx:
                found[house.slug] = Actor.system(await tenants.tenant_by_slug(tx, house.slug))
    return found


def seeds_by_email(settings: Settings) -> dict[str, str]:
    """Return the seeds of the authenticator apps of all demonstrations here, by address."""
    known = Notebook(settings.home / NOTEBOOK).read() or {}
    bulk = Notebook(settings.home / BULK_NOTEBOOK).read() or {}
    seats = {one.email: one.totp_seed for one in _sign_ins(known["passwords"], known.get("seeds", {}))} if known else {}
    return seats | {one["email"]: one.get("totp_seed", "") for one in bulk.get("sign_ins", [])}


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


def clear_ruins(settings: Settings) -> bool:
    """Start over where an earlier demonstration was interrupted and nothing here is real; return whether that was so.

    What is not ours to drop (a real tenant, an external database) is left for the build to refuse. Raises Conflict when
    something still uses the database.
    """
    with shared(settings) as urls:
        if urls.cluster is None:
            return False
        with connected(urls.cluster.url(LoginRole.ADMIN)) as connection:
            ruined = _is_ruined(connection, Notebook(settings.home / NOTEBOOK).read())
        if ruined:
            start_over(settings)
        return ruined


def _is_ruined(connection: Connection[Any], known: Mapping[str, Any] | None) -> bool:
    """Whether there is a demonstration that was not finished, and no tenant beside it that is real."""
    if connection.execute(_HAS_TENANTS).fetchone() is None:
        return False
    rows = connection.execute("SELECT slug, id, is_generated FROM public.tenants").fetchall()
    slugs = {house.slug for house in HOUSES}
    ours = {slug: str(tenant_id) for slug, tenant_id, _ in rows if slug in slugs}
    return bool(ours) and not _is_whole(known, ours) and all(is_generated for *_, is_generated in rows)


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
