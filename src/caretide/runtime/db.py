"""What every table has in common, and the encrypted column.

A tenant's table derives from `TenantTable`: `tenant_id` leads its primary key and every other key, and the database
fills it in from the signed-in context. `references()` makes the composite foreign keys that keep two tenants apart: a
plain one would let tenant A point at tenant B's row.
"""

import zlib
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import TIMESTAMP, Date, Dialect, ForeignKeyConstraint, LargeBinary, MetaData, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, UserDefinedType

from caretide.kernel.errors import Unavailable
from caretide.kernel.ids import new_id
from caretide.vault.envelope import ColumnCipher

column_cipher: ContextVar[ColumnCipher | None] = ContextVar("column_cipher", default=None)
"""The cipher of the tenant whose transaction is running; set by `Database.tx` and by nothing else."""


class Encrypted(TypeDecorator[str]):
    """Text that the database only ever holds sealed with the tenant's own key.

    `name` is `table.column`: it is authenticated with the value, so a sealed value cannot be moved to another column.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Seal on the way in."""
        del dialect
        return None if value is None else cipher().seal(value.encode(), self.name.encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Open on the way out."""
        del dialect
        return None if value is None else cipher().open(bytes(value), self.name.encode()).decode()


class EncryptedJson(TypeDecorator[bytes]):
    """JSON as bytes that the database holds deflated and sealed: for documents of some kilobytes, read a row at a time.

    `words` is what such documents have in common; deflate refers to it, so that a row holds little but what is its own:
    a tenth of what compressed JSONB takes, in room and in the server's time. Rows can only be read with the same words.
    """

    impl = LargeBinary
    cache_ok = True

    _PLAIN, _SEALED = b"\0", b"\1"

    def __init__(self, name: str, words: bytes) -> None:
        super().__init__()
        self.name = name
        self.words = words
        # Raw deflate in a window of 16 kB: the quickest setting that still sees all of the words. To copy a state that
        # has seen them is quicker than to show them anew.
        self._packer = zlib.compressobj(2, zlib.DEFLATED, -14, 7, zlib.Z_DEFAULT_STRATEGY, words)

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Deflate and seal on the way in."""
        del dialect
        if value is None:
            return None
        packer = self._packer.copy()
        return self._SEALED + cipher().seal(packer.compress(value) + packer.flush(), self.name.encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Open on the way out; rows from before there was a seal hold their JSON as it is."""
        del dialect
        if value is None or value[:1] == self._PLAIN:
            return None if value is None else bytes(value[1:])
        opened = cipher().open(bytes(value[1:]), self.name.encode())
        return zlib.decompressobj(-14, self.words).decompress(opened)


class Ids(UserDefinedType[Iterable[UUID]]):
    """Ids to choose rows by, as `Patient.id == any_(bindparam("ids", type_=Ids()))`: UUIDs in, `uuid[]` there.

    They travel as one text that PostgreSQL reads. The driver would look at each of a thousand and quote it, which takes
    ten times as long.
    """

    cache_ok = True

    def get_col_spec(self, **given: Any) -> str:
        """Return the type's name."""
        del given
        return "uuid[]"

    def bind_processor(self, dialect: Dialect) -> Any:
        """Return what writes an array."""
        del dialect
        return _array


def _array(ids: Iterable[UUID] | None) -> str | None:
    return None if ids is None else f"{{{','.join([one.hex for one in ids])}}}"


def cipher() -> ColumnCipher:
    """Return the running transaction's cipher; raise Unavailable where the tenant has none."""
    found = column_cipher.get()
    if found is None:
        raise Unavailable("This tenant has no column key; create tenants with `caretide tenants create NAME`")
    return found


class Base(DeclarativeBase):
    """The registry of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: TIMESTAMP(timezone=True),
        date: Date,
        str: Text,
        UUID: Uuid,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


class TenantTable(Base):
    """A table behind the first wall."""

    __abstract__ = True

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("ctx.tenant()"))
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)


def references(table: str, column: str, target: str = "id") -> ForeignKeyConstraint:
    """Return the composite foreign key from `column` to a row of `table` in the same tenant."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.{target}"])
