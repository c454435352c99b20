"""Give a tenant a new column key while everybody works on.

A new version is announced first and seals only when every process has had time to read it, so that nobody meets a value
that they cannot open. Then what was sealed before is sealed anew, each batch in a transaction of its own: killed and
started again it does what is left, because what is left is found by the version in each value.

What the law of the log forbids to touch stays as it was sealed: the hash of a time entry covers its sealed note, and
entries and approvals are never updated. Their old version goes on opening them and seals nothing more.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import ColumnElement, LargeBinary, Table, func, literal, or_, select, type_coerce, update

from caretide.kernel.actor import Actor
from caretide.kernel.clock import Clock
from caretide.kernel.errors import Conflict
from caretide.main import PAGES
from caretide.operations import actions
from caretide.postgres.databases import Databases
from caretide.postgres.roles import OWNER, LoginRole
from caretide.runtime.db import Base, Encrypted, EncryptedJson, cipher
from caretide.runtime.tx import CIPHER_SECONDS, Database, Stores

BATCH: Final = 500
MARGIN_SECONDS: Final = 10.0
KEPT: Final = {
    "time_log_entries": "never updated but to be voided once; the row's hash covers its sealed note",
    "time_entry_approvals": "inserted once, never updated",
}
"""Tables whose sealed values stay as they were sealed, with the reason."""


@dataclass(frozen=True)
class Rotated:
    """What a rotation did: the version that seals now, and how many values were sealed anew."""

    version: int
    values: int
    resumed: bool


@dataclass(frozen=True)
class _Place:
    """One sealed column. `offset` is where in a value the envelope begins, counted from 1."""

    table: Table
    column: str
    offset: int


async def rotate(
    urls: Databases,
    stores: Stores,
    clock: Clock,
    tenant_id: UUID,
    *,
    patience: float = CIPHER_SECONDS + MARGIN_SECONDS,
    told: Callable[[int], object] = int,
) -> Rotated:
    """Rotate a tenant's column key, or finish a rotation that was begun; return what was done.

    `patience`: seconds that every process has for reading the new version, and again for what it began before.
    """
    database = Database(_as_owner(urls.url(LoginRole.MIGRATOR)), stores, clock, pool_size=2)
    try:
        async with database.tx(Actor.system(tenant_id)) as tx:
            version, wait, resumed = await actions.announce_key(tx, patience)
        await asyncio.sleep(wait + patience)
        database.ciphers.clear()
        done = 0
        for place in _sealed():
            while changed := await _reseal(database, tenant_id, place, version):
                done += changed
                told(done)
        async with database.tx(Actor.system(tenant_id)) as tx:
            await actions.retire_keys(tx, version)
        return Rotated(version, done, resumed)
    finally:
        await database.close()


def _as_owner(url: str) -> str:
    """The owner updates what the application may only insert; the wall binds it to the tenant all the same."""
    return f"{url}{'&' if '?' in url else '?'}options=-c%20role%3D{OWNER}"


def _sealed() -> Iterator[_Place]:
    """Yield every sealed column that may be sealed anew. Whoever knows every page has registered every table."""
    if not PAGES:
        raise RuntimeError("no feature is registered")
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, (Encrypted, EncryptedJson)) and table.name not in KEPT:
                yield _Place(table, column.name, 2 if isinstance(column.type, EncryptedJson) else 1)


async def _reseal(database: Database, tenant_id: UUID, place: _Place, version: int) -> int:
    """Seal a batch of a column's values anew; return how many were looked at, none when nothing is left.

    A value that somebody changes meanwhile keeps their change: it was sealed with the new version already.
    """
    table, column = place.table, place.table.columns[place.column]
    kind: Any = column.type
    raw = cast("ColumnElement[bytes]", type_coerce(column, LargeBinary))
    keys = [one for one in table.primary_key.columns if one.name != "tenant_id"]
    mark = func.substring(raw, place.offset + 1, 2)
    old = mark != literal(version.to_bytes(2), LargeBinary)
    if place.offset == 2:
        # From before such documents were sealed at all: a zero byte, and plain JSON.
        old = or_(old, func.get_byte(raw, 0) == 0)
    async with database.tx(Actor.system(tenant_id)) as tx:
        if cipher().current != version:
            raise Conflict("Another rotation of this tenant's key has begun meanwhile; run this again")
        wanted = select(*keys, raw.label("sealed")).where(table.c.tenant_id == tenant_id, raw.is_not(None), old)
        rows = (await tx.db.execute(wanted.limit(BATCH))).mappings().all()
        for row in rows:
            same = [one == row[one.name] for one in keys]
            anew = update(table).where(table.c.tenant_id == tenant_id, *same, raw == row["sealed"])
            await tx.db.execute(anew.values({place.column: kind.process_result_value(row["sealed"], None)}))
        tx.trail.events.clear()
    return len(rows)
