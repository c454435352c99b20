"""The one door to the database.

A connection is reached only inside a `Tx`, a `Tx` exists only with an `Actor`, and the tenant is bound here and nowhere
else. One transaction per request or job: data, audit events and queued jobs live or die together.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import errors as pg
from sqlalchemy import Connection, event, func, select
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from caretide.kernel.actor import Actor
from caretide.kernel.clock import Clock
from caretide.kernel.errors import CaretideError, Conflict, Forbidden, Invalid, NotFound, Unavailable
from caretide.runtime.context import NO_ANSWER, TIMEOUTS, begin, bind, forget
from caretide.runtime.db import column_cipher
from caretide.runtime.log import log
from caretide.runtime.mail import Letter, NoPost, Post
from caretide.runtime.models import TenantKey
from caretide.runtime.outbound import Reach
from caretide.runtime.trail import NOWHERE, Named, Origin, Trail
from caretide.vault.envelope import ColumnCipher, UnknownVersion, unwrap_for
from caretide.vault.keys import Keyring
from caretide.vault.store import Vault


@dataclass(frozen=True)
class Stores:
    """What lies outside the database and is reached from a transaction: keys, the documents' vault, post, other hosts.

    `keyring` wraps the tenants' column keys, `signing` signs the context that each transaction is bound by.
    """

    keyring: Keyring
    vault: Vault
    signing: Keyring
    post: Post = field(default_factory=NoPost)
    reach: Reach = field(default_factory=Reach)


@dataclass
class Tx:
    """One transaction of one actor."""

    actor: Actor
    db: AsyncConnection
    now: datetime
    stores: Stores
    trail: Trail = field(default_factory=Trail)
    recalled: dict[Any, tuple[int, Any, Named]] = field(default_factory=dict[Any, Any])
    letters: list[Letter] = field(default_factory=list[Letter])
    is_quiet: bool = False
    """Whether a page says that nobody is behind its request."""

    @property
    def writes(self) -> int:
        """A number that changes with everything this transaction writes or undoes; see `access.remembered`."""
        return self.db.info.get(_WRITES, 0)

    @property
    def tenant_id(self) -> UUID:
        """The tenant that this transaction is bound to."""
        if self.actor.tenant_id is None:
            raise Forbidden("Choose a tenant first")
        return self.actor.tenant_id

    @property
    def member_id(self) -> UUID:
        """The member who acts; raise Forbidden for actors who are none."""
        if self.actor.member_id is None:
            raise Forbidden("Only a member of the tenant can do this")
        return self.actor.member_id

    def touch(self, *patient_ids: UUID) -> None:
        """Name patients whose data the running verb returns or changes."""
        if self.trail.events:
            self.trail.events[-1].patients.update(patient_ids)

    def note(self, **details: Any) -> None:
        """Add facts without health data (ids, counts, months) to the running verb's audit event."""
        if self.trail.events:
            self.trail.events[-1].details.update(details)

    @asynccontextmanager
    async def attempt(self) -> AsyncGenerator[None]:
        """Run verbs whose refusal the caller means to show: what they wrote is undone, the transaction goes on."""
        before = len(self.trail.events)
        try:
            async with self.db.begin_nested():
                yield
        except (Forbidden, NotFound):
            # Not the caller's to show: it ends the transaction, and what was tried goes on record.
            raise
        except CaretideError:
            del self.trail.events[before:]
            raise
        except DBAPIError as error:
            del self.trail.events[before:]
            raise translate(error) from error

    async def write_trail(self, outcome: str = "done") -> None:
        """Write the collected events; the transaction cannot commit without them."""
        await self.trail.write(self.db, self.actor, self.now, outcome)

    async def load_cipher(self) -> ColumnCipher | None:
        """Unwrap the tenant's column keys; None for a tenant that has none yet."""
        rows = (await self.db.execute(_KEYS)).all()
        place = key_place(self.tenant_id)
        keys = {row.version: unwrap_for(self.stores.keyring, row.wrapped, place) for row in rows}
        return ColumnCipher(keys, max(row.version for row in rows if row.seals)) if keys else None


_WRITES = "caretide writes"
WRITING: Final = {"caretide_writes": True}
"""The execution options of a question that writes, inside its WITH: a SELECT that looks like none that does."""


def _count_writes(engine: AsyncEngine) -> None:
    """Have each connection count what it writes. Plain text counts as writing: what it does cannot be seen."""

    def executing(connection: Connection, statement: Any, *given: Any) -> None:
        del given
        is_write = getattr(statement, "is_dml", False) or getattr(statement, "is_text", False)
        if is_write or "caretide_writes" in statement.get_execution_options():
            connection.info[_WRITES] = connection.info.get(_WRITES, 0) + 1

    def undoing(connection: Connection, *given: Any) -> None:
        del given
        connection.info[_WRITES] = connection.info.get(_WRITES, 0) + 1
        forget(connection.info)

    event.listen(engine.sync_engine, "before_execute", executing)
    event.listen(engine.sync_engine, "rollback_savepoint", undoing)


_KEYS = select(TenantKey.version, TenantKey.wrapped, (TenantKey.sealing_from <= func.clock_timestamp()).label("seals"))
CIPHER_SECONDS: Final = 20.0
"""How long a process goes on with the column keys that it read."""


def key_place(tenant_id: UUID) -> bytes:
    """Return what a tenant's wrapped keys are bound to: moved to another tenant's row they do not unwrap."""
    return b"column keys of tenant " + tenant_id.bytes


Identify = Callable[[Tx], Awaitable[Actor]]
"""Finds out who asks, in the transaction that will serve them."""


class Database:
    """A pool of connections of one database role, and the clock that its transactions read."""

    def __init__(self, url: str, stores: Stores, clock: Clock, *, pool_size: int = 10) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            json_deserializer=orjson.loads,
            max_overflow=0,
            # An error that is logged would quote the values, which may be health data.
            hide_parameters=True,
        )
        _count_writes(self.engine)
        self.stores = stores
        self.clock = clock
        self.ciphers: dict[UUID, tuple[float, ColumnCipher]] = {}

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    async def ping(self) -> None:
        """Raise Unavailable unless the database answers."""
        async with self.tx(Actor.nobody()):
            pass

    @asynccontextmanager
    async def tx(self, actor: Actor, origin: Origin = NOWHERE) -> AsyncGenerator[Tx]:
        """Open a transaction for an actor; commit at the end, roll back on any error."""

        async def known(tx: Tx) -> Actor:
            del tx
            return actor

        async with self.tx_for(known, origin) as tx:
            yield tx

    @asynccontextmanager
    async def tx_for(self, identify: Identify, origin: Origin = NOWHERE) -> AsyncGenerator[Tx]:
        """Open a transaction for whoever `identify` finds, on the same connection: one round trip less.

        `origin` is where the request came from; every event of the transaction carries it.
        """
        tx: Tx | None = None
        try:
            async with self._begun() as (connection, began):
                tx = Tx(Actor.nobody(), connection, self.clock(), self.stores, Trail(origin, began=began))
                tx.actor = await identify(tx)
                # Finding out who asks is not itself something that they did.
                tx.trail.events.clear()
                await bind(connection, tx.actor)
                token = column_cipher.set(await self._cipher(tx))
                try:
                    yield tx
                    await tx.write_trail()
                    await connection.commit()
                finally:
                    column_cipher.reset(token)
            await self._send(tx)
        except Forbidden:
            await self._record_refusal(tx, "refused")
            raise
        except NotFound:
            await self._record_refusal(tx, "not_found")
            raise
        except UnknownVersion:
            # Another process sealed with a newer key: whoever asks again is answered.
            self.ciphers.pop(tx.actor.tenant_id if tx and tx.actor.tenant_id else UUID(int=0), None)
            raise
        except OperationalError as error:
            raise _unavailable(error) from error.orig
        except DBAPIError as error:
            raise translate(error) from error
        except UnicodeEncodeError as error:
            raise Invalid("The text holds a character that cannot be stored") from error

    async def _send(self, tx: Tx) -> None:
        """Send what was written. What is recorded stands even where the post fails."""
        for letter in tx.letters:
            try:
                await asyncio.to_thread(self.stores.post.send, letter, tx.now)
            except OSError as error:
                log.error("a letter could not be sent", reason=error.strerror)

    async def _cipher(self, tx: Tx) -> ColumnCipher | None:
        """Return the tenant's cipher, read anew after a while: a rotation gives every process that long to notice."""
        tenant_id = tx.actor.tenant_id
        if tenant_id is None:
            return None
        read_at, cipher = self.ciphers.get(tenant_id, (0.0, None))
        if cipher is None or time.monotonic() - read_at > CIPHER_SECONDS:
            read_at = time.monotonic()
            cipher = await tx.load_cipher()
            if cipher is None:
                return None
            self.ciphers[tenant_id] = (read_at, cipher)
        return cipher

    async def _record_refusal(self, tx: Tx | None, outcome: str) -> None:
        """Write the events of a refused transaction in one of their own: a refusal must outlive its rollback.

        What was not found is on record where a caller asked for it by an id, with the id and whatever it is an id of:
        nobody's, another tenant's and one behind the roster wall leave the same behind. Where this cannot be written
        the answer is 503, which shows as little.
        """
        if tx is None or not tx.trail.events:
            return
        if tx.actor.is_caller and not tx.trail.has_tries:
            tx.trail.tried()
        if outcome == "not_found" and not (tx.actor.is_caller and tx.trail.has_tries):
            return
        try:
            async with self._begun() as (connection, began):
                await bind(connection, tx.actor)
                tx.trail.began = began
                await tx.trail.write(connection, tx.actor, tx.now, outcome)
                await connection.commit()
        except DBAPIError as error:
            raise Unavailable(NO_ANSWER) from error

    @asynccontextmanager
    async def _begun(self) -> AsyncGenerator[tuple[AsyncConnection, datetime]]:
        """Yield a connection in a transaction that is bound to nobody yet, and when it began by the database's clock.

        What is not committed is rolled back.
        """
        async with self.engine.connect() as connection:
            yield connection, await begin(connection, self.stores.signing)


def _unavailable(error: OperationalError) -> Unavailable:
    """Tell a server that is away from work that was stopped because it took too long."""
    if isinstance(error.orig, (pg.LockNotAvailable, pg.DeadlockDetected)):
        return Unavailable("Somebody else is changing the same thing; try again in a moment")
    if isinstance(error.orig, pg.QueryCanceled):
        return Unavailable(f"This took longer than {TIMEOUTS['statement_timeout']} and was stopped; nothing is changed")
    return Unavailable(NO_ANSWER)


def translate(error: DBAPIError) -> CaretideError | DBAPIError:
    """Turn what a constraint refuses into the kind of error a person can act on; leave faults of ours as they are."""
    original = error.orig
    if isinstance(original, pg.ExclusionViolation):
        return Conflict("This time overlaps time that is already running or recorded for you")
    if isinstance(original, pg.UniqueViolation):
        return Conflict("This is already recorded")
    if isinstance(original, pg.RaiseException):
        # Raised by our own triggers, whose messages are written for people and carry no health data.
        return Conflict(original.diag.message_primary)
    if isinstance(original, pg.ForeignKeyViolation):
        return Conflict("This refers to something that does not exist here")
    if isinstance(original, (pg.CheckViolation, pg.DataError)):
        return Invalid("A value is outside what can be recorded")
    return error
