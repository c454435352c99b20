"""Many rows in one statement: they travel as one JSON document, which PostgreSQL unfolds by the table's own types.

Row-level security refuses COPY FROM; a statement per row costs a round through the driver each; an array per column
costs the driver nine times as much as this, because it converts value by value in Python. The tenant is asked for once
a statement, where a column's default would ask, and check the signature, once a row.

`insert_many` is enough where rows are new. An upsert starts from `insertion`:

    save = insertion(Thing, ("id", "patient_id", "amount"))
    save = save.on_conflict_do_update(index_elements=["tenant_id", "patient_id"], set_={"amount": save.excluded.amount})
    await execute_many(tx, save, Thing, rows)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, Final, Protocol

import orjson
from sqlalchemy import Dialect, Insert, LargeBinary, Text, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import JSON, TypeDecorator

from caretide.kernel.errors import Invalid
from caretide.runtime.db import Base, TenantTable

Row = dict[str, Any]


class Bound(Protocol):
    """What is needed of a `Tx`, whose own trail is written from here, too."""

    db: AsyncConnection


ROWS_AT_ONCE: Final = 2_000
"""How many rows one statement carries: enough to forget its cost, few enough that memory stays flat."""


async def insert_many(tx: Bound, table: type[Base], rows: Sequence[Row]) -> None:
    """Insert rows that all have the same columns; ids are the caller's, the tenant is the transaction's.

    Values are what the columns take elsewhere: UUIDs, aware datetimes, dates, text, numbers, bytes, JSON values (or
    `orjson.Fragment` where they are encoded already). An `Encrypted` column is sealed here as everywhere.
    """
    if rows:
        await execute_many(tx, insertion(table, tuple(rows[0])), table, rows)


async def execute_many(
    tx: Bound, statement: Insert | ReturningInsert[*tuple[Any, ...]], table: type[Base], rows: Sequence[Row]
) -> list[Any]:
    """Run an `insertion`, as the caller extended it, over any number of rows; return what it returns."""
    found: list[Any] = []
    for packed in _packed(tx.db.dialect, table, rows):
        result = await tx.db.execute(statement, {"rows": packed})
        if result.returns_rows:
            found += result.all()
    return found


@cache
def insertion(table: type[Base], names: tuple[str, ...]) -> PostgresInsert:
    """Return `INSERT INTO table (names) SELECT ... FROM json_to_recordset(:rows)`, for `execute_many`."""
    columns = table.__table__.c
    typed = [column(name, columns[name].type) for name in names]
    record = func.json_to_recordset(bindparam("rows", type_=Text).cast(_Json()))
    given = record.table_valued(*typed).render_derived(name="given", with_types=True)
    chosen: list[Any] = [given.c[name] for name in names]
    into = list(names)
    if issubclass(table, TenantTable) and "tenant_id" not in names:
        into.append("tenant_id")
        chosen.append(select(func.ctx.tenant()).scalar_subquery())
    return insert(table).from_select(into, select(*chosen), include_defaults=False)


class _Json(JSON):
    """The type's name alone: the value is encoded before SQLAlchemy sees it."""


def _packed(dialect: Dialect, table: type[Base], rows: Sequence[Row]) -> Iterator[str]:
    """Yield the rows as JSON documents, a statement's worth each."""
    shapes = _shapes(dialect, table, rows[0]) if rows else {}
    shaped = (_shaped(row, shapes) for row in rows) if shapes else iter(rows)
    while some := list(islice(shaped, ROWS_AT_ONCE)):
        try:
            yield orjson.dumps(some).decode()
        except TypeError as error:
            if "surrogates" in str(error):
                raise Invalid("The text holds a character that cannot be stored") from error
            raise


def _shaped(row: Row, shapes: Mapping[str, Callable[[Any], Any]]) -> Row:
    return {**row, **{name: shape(row[name]) for name, shape in shapes.items()}}


def _shapes(dialect: Dialect, table: type[Base], names: Row) -> dict[str, Callable[[Any], Any]]:
    """Return how the values of some columns become JSON: bytes as PostgreSQL's hex, sealed text as such bytes."""
    found: dict[str, Callable[[Any], Any]] = {}
    for name in names:
        kind = table.__table__.c[name].type
        if isinstance(kind, TypeDecorator):
            seal: Any = kind.process_bind_param
            found[name] = lambda value, seal=seal: _hex(seal(value, dialect))
        elif isinstance(kind, LargeBinary):
            found[name] = _hex
    return found


def _hex(value: bytes | None) -> str | None:
    return None if value is None else f"\\x{value.hex()}"
