"""The one door to the database.

A connection is reached only inside a `Tx`, a `Tx` exists only with an `Actor`, and the tenant is bound here and nowhere
else. One transaction per request or job: data, audit events and queued jobs live or die together.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import errors as pg
from sqlalchemy import Connection, event, insert, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from caretide.kernel.actor import Actor
from caretide.kernel.clock import Clock
from caretide.kernel.errors import CaretideError, Conflict, Forbidden, Invalid, Unavailable
from caretide.kernel.ids import new_id
from caretide.runtime.db import column_cipher
from caretide.runtime.models import AccountEvent, TenantKey
from caretide.vault.envelope import ColumnCipher, unwrap
from caretide.vault.keys import Keyring
from caretide.vault.store import Vault

# Always written, even for nobody: a pooled connection must never inherit the last transaction's tenant.
SET_CONTEXT = text("SELECT set_config('app.ctx', :context, true)")

# Events and the patients they touched in one statement, which checks the context once.
_WRITE_TRAIL = text(
    """
    WITH context AS MATERIALIZED (SELECT ctx.tenant() AS tenant_id),
    written AS (
        INSERT INTO audit_events (tenant_id, id, actor_kind, account_id, member_id, verb, outcome, details)
        SELECT tenant_id, id, actor_kind, account_id, member_id, verb, outcome, details
        FROM context, json_to_recordset(CAST(:events AS json)) AS event(
            id uuid, actor_kind text, account_id uuid, member_id uuid, verb text, outcome text, details jsonb)
    )
    INSERT INTO audit_event_patients (tenant_id, id, patient_id)
    SELECT tenant_id, id, patient_id
    FROM context, json_to_recordset(CAST(:seen AS json)) AS touched(id uuid, patient_id uuid)
    """
)


def _json(rows: list[dict[str, Any]]) -> str:
    return orjson.dumps(rows).decode()


@dataclass
class Trail:
    """What the running transaction has to answer for: one event per outermost verb, with the patients it touched."""

    events: list[tuple[str, dict[str, Any], set[UUID]]] = field(default_factory=list[Any])
    depth: int = 0

    @contextmanager
    def entering(self, verb: str) -> Generator[None]:
        """Record the verb if no other verb called it."""
        if self.depth == 0:
            self.events.append((verb, {}, set()))
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    @contextmanager
    def unseen(self) -> Generator[None]:
        """Run verbs that work figures out anew and show nobody anything: whom they read about is not recorded."""
        self.events.append(("", {}, set()))
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            self.events.pop()

    @contextmanager
    def naming(self) -> Generator[set[UUID]]:
        """Hear which patients the running verb names meanwhile; its event has them too."""
        verb, details, patients = self.events[-1]
        named: set[UUID] = set()
        self.events[-1] = (verb, details, named)
        try:
            yield named
        finally:
            patients |= named
            self.events[-1] = (verb, details, patients)


@dataclass(frozen=True)
class Stores:
    """What lies outside the database and is reached from inside a transaction: the keys and the documents' vault."""

    keyring: Keyring
    vault: Vault


@dataclass
class Tx:
    """One transaction of one actor."""

    actor: Actor
    db: AsyncConnection
    now: datetime
    stores: Stores
    trail: Trail = field(default_factory=Trail)
    recalled: dict[Any, tuple[int, Any, frozenset[UUID]]] = field(default_factory=dict[Any, Any])

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
            self.trail.events[-1][2].update(patient_ids)

    def note(self, **details: Any) -> None:
        """Add facts without health data (ids, counts, months) to the running verb's audit event."""
        if self.trail.events:
            self.trail.events[-1][1].update(details)

    @asynccontextmanager
    async def attempt(self) -> AsyncGenerator[None]:
        """Run verbs whose refusal the caller means to show: what they wrote is undone, the transaction goes on."""
        before = len(self.trail.events)
        try:
            async with self.db.begin_nested():
                yield
        except Forbidden:
            # Not the caller's to show: it ends the transaction, and what was refused goes on record.
            raise
        except CaretideError:
            del self.trail.events[before:]
            raise
        except DBAPIError as error:
            del self.trail.events[before:]
            raise translate(error) from error

    async def write_trail(self, outcome: str = "done") -> None:
        """Write the collected events; the transaction cannot commit without them."""
        events, self.trail.events = self.trail.events, []
        if not events:
            return
        who = {"account_id": self.actor.account_id}
        if self.actor.tenant_id is None:
            # A sign-in knows better than the transaction whose it was and whether it was refused.
            known = {"outcome": outcome, **who}
            rows = [{"id": new_id(), "verb": verb, **{k: d.get(k, known[k]) for k in known}} for verb, d, _ in events]
            await self.db.execute(insert(AccountEvent), rows)
            return
        who |= {"actor_kind": self.actor.kind, "member_id": self.actor.member_id}
        keyed = [(new_id(), *event) for event in events]
        rows = [{"id": i, "verb": verb, "details": d, "outcome": outcome, **who} for i, verb, d, _ in keyed]
        seen = [{"id": i, "patient_id": patient} for i, _, _, patients in keyed for patient in sorted(patients)]
        await self.db.execute(_WRITE_TRAIL, {"events": _json(rows), "seen": _json(seen)})

    async def load_cipher(self) -> ColumnCipher | None:
        """Unwrap the tenant's column keys; None for a tenant that has none yet."""
        rows = (await self.db.execute(select(TenantKey.version, TenantKey.wrapped))).all()
        keys = {version: unwrap(self.stores.keyring, wrapped) for version, wrapped in rows}
        return ColumnCipher(keys) if keys else None


_WRITES = "caretide writes"


def _count_writes(engine: AsyncEngine) -> None:
    """Have each connection count what it writes. Plain text counts as writing: what it does cannot be seen."""

    def executing(connection: Connection, statement: Any, *given: Any) -> None:
        del given
        if getattr(statement, "is_dml", False) or getattr(statement, "is_text", False):
            connection.info[_WRITES] = connection.info.get(_WRITES, 0) + 1

    def undoing(connection: Connection, *given: Any) -> None:
        del given
        connection.info[_WRITES] = connection.info.get(_WRITES, 0) + 1

    event.listen(engine.sync_engine, "before_execute", executing)
    event.listen(engine.sync_engine, "rollback_savepoint", undoing)


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
        self.ciphers: dict[UUID, ColumnCipher] = {}

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    async def ping(self) -> None:
        """Raise Unavailable unless the database answers."""
        async with self.tx(Actor.nobody()):
            pass

    @asynccontextmanager
    async def tx(self, actor: Actor) -> AsyncGenerator[Tx]:
        """Open a transaction for an actor; commit at the end, roll back on any error."""

        async def known(tx: Tx) -> Actor:
            del tx
            return actor

        async with self.tx_for(known) as tx:
            yield tx

    @asynccontextmanager
    async def tx_for(self, identify: Identify) -> AsyncGenerator[Tx]:
        """Open a transaction for whoever `identify` finds, on the same connection: one round trip less."""
        tx: Tx | None = None
        try:
            async with self.engine.connect() as connection:
                tx = Tx(Actor.nobody(), connection, self.clock(), self.stores)
                await bind(connection, tx.actor)
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
        except Forbidden:
            await self._record_refusal(tx)
            raise
        except OperationalError as error:
            raise Unavailable("The database does not answer; is it running? Try `caretide db start`") from error
        except DBAPIError as error:
            raise translate(error) from error
        except UnicodeEncodeError as error:
            raise Invalid("The text holds a character that cannot be stored") from error

    async def _cipher(self, tx: Tx) -> ColumnCipher | None:
        """Return the tenant's cipher, unwrapped once per process."""
        tenant_id = tx.actor.tenant_id
        if tenant_id is None:
            return None
        if tenant_id not in self.ciphers:
            loaded = await tx.load_cipher()
            if loaded is None:
                return None
            self.ciphers[tenant_id] = loaded
        return self.ciphers[tenant_id]

    async def _record_refusal(self, tx: Tx | None) -> None:
        """Write the events of a refused transaction in one of their own: a refusal must outlive its rollback."""
        if tx is None or not tx.trail.events:
            return
        async with self.engine.begin() as connection:
            await bind(connection, tx.actor)
            refused = Tx(tx.actor, connection, tx.now, tx.stores, Trail(events=tx.trail.events))
            await refused.write_trail("refused")


async def bind(connection: AsyncConnection, actor: Actor) -> None:
    """Bind a transaction to the actor's tenant, member and roster wall: `tenant:member:walled`."""
    context = f"{actor.tenant_id or ''}:{actor.member_id or ''}:{int(actor.walled)}"
    await connection.execute(SET_CONTEXT, {"context": context})


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
