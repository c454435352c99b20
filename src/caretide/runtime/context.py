"""The signed context: who a transaction is bound to, proved to the database.

Each transaction begins with one message that clears what the last one left in the session, binds it to nobody, sets its
time-outs and asks for what a context must name: this transaction and this backend. A context that is signed for
them is dead at COMMIT and in every other session, so it is of no use to whoever reads it.

`migrations/sql/0010_signed_context.sql` verifies it; docs/decisions/0006 says why it is made so.
"""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import AsyncConnection as Driver
from psycopg import errors as pg
from psycopg import generators
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
from sqlalchemy.ext.asyncio import AsyncConnection

from caretide.kernel.actor import Actor
from caretide.kernel.errors import Unavailable
from caretide.vault.keys import Keyring

NO_ANSWER: Final = "The database does not answer; is it running? Try `caretide db start`"
TIMEOUTS: Final = {
    "statement_timeout": "120s",
    "lock_timeout": "30s",
    # Rulings are worked out between two statements; whoever needs longer than this has died.
    "idle_in_transaction_session_timeout": "300s",
}
"""What a transaction may take at most: a statement, a wait for somebody else's lock, a pause."""

_OPENING: Final = "caretide opening"
_ATTEMPTS: Final = 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# One message in the simple protocol: nothing in it is a prepared statement, which SQL of the last transaction could
# have replaced. `from_sql` marks what SQL prepared; the driver's own statements came by protocol.
_BEGIN: Final = b"; ".join(
    (
        b"RESET ALL; CLOSE ALL; UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); BEGIN",
        *(f"SET LOCAL {name} = '{value}'".encode() for name, value in TIMEOUTS.items()),
        (
            b"SELECT ctx.opening(), EXISTS (SELECT FROM pg_catalog.pg_prepared_statements WHERE from_sql),"
            b" pg_catalog.set_config('app.ctx', '', true)"
        ),
    )
)
_BIND: Final = b"SELECT pg_catalog.set_config('app.ctx', $1, true)"


@dataclass
class Opening:
    """What a context of the running transaction must name, and the key that signs it."""

    kid: int
    started: str
    pid: str
    key: bytes = field(repr=False)
    bound: str | None = None
    """Whom the transaction is bound to; None where that is not known any more."""

    def sign(self, claims: str) -> bytes:
        """Return the context for `tenant:member:walled`."""
        body = f"{self.kid}:{claims}:{self.started}:{self.pid}".encode()
        return body + b":" + hmac.digest(self.key, body, "sha256").hex().encode()


async def begin(connection: AsyncConnection, signing: Keyring) -> datetime:
    """Begin a transaction that is bound to nobody; return when it began by the database's clock.

    A pooled connection that has gone, or on which SQL prepared a statement, is closed and another one opened: a
    statement put in the place of one of ours would run in the next transaction's context, which no signature prevents.
    Raises Unavailable when the database does not answer or expects a key that is not here.
    """
    for _ in range(_ATTEMPTS):
        driver = await _driver(connection)
        try:
            answer = await _begin(driver)
        except pg.UndefinedFunction as error:
            raise Unavailable("The schema is older than this program; run `caretide db migrate`") from error
        except pg.OperationalError as error:
            gone = driver.closed
            await connection.invalidate()
            if not gone:
                raise Unavailable(NO_ANSWER) from error
            continue
        if answer.get_value(0, 1) == b"f":
            opening = _opening((answer.get_value(0, 0) or b"").decode(), signing)
            connection.info[_OPENING] = opening
            return _EPOCH + timedelta(microseconds=int(opening.started))
        await connection.invalidate()
    raise Unavailable(NO_ANSWER)


async def bind(connection: AsyncConnection, actor: Actor) -> None:
    """Bind the transaction to the actor's tenant, member and roster wall."""
    opening: Opening = connection.info[_OPENING]
    claims = f"{actor.tenant_id}:{actor.member_id or ''}:{int(actor.walled)}" if actor.tenant_id else ""
    if claims == opening.bound:
        return
    opening.bound = None
    driver = await _driver(connection)
    # As a parameter: other sessions of the same role may read the text of a statement, and see `$1` there.
    async with driver.lock:
        driver.pgconn.send_query_params(_BIND, [opening.sign(claims) if claims else b""])
        await _answer(driver)
    opening.bound = claims


def forget(info: dict[Any, Any]) -> None:
    """Whom a connection is bound to is not known any more: a savepoint was undone, and settings with it."""
    if opening := info.get(_OPENING):
        opening.bound = None


def _opening(said: str, signing: Keyring) -> Opening:
    """Choose the newest key that both sides have: a key that was just rotated reaches other hosts a little later."""
    kids, started, pid = said.rsplit(":", 2)
    known = [int(kid) for kid in kids.split(",") if kid]
    for kid in known:
        if signing.has(kid):
            return Opening(kid, started, pid, signing.key(kid), bound="")
    wanted = f"context.{known[0]}.key" if known else "no key at all"
    raise Unavailable(
        f"The database expects the signing key {wanted}, which is not among this host's keys; copy the folder `keys` "
        "from a host that works, or run `caretide keys rotate-context`"
    )


async def _driver(connection: AsyncConnection) -> Driver[Any]:
    raw = await connection.get_raw_connection()
    driver: Driver[Any] | None = raw.driver_connection
    if driver is None:
        raise Unavailable(NO_ANSWER)
    return driver


async def _begin(driver: Driver[Any]) -> PGresult:
    async with driver.lock:
        driver.pgconn.send_query(_BEGIN)
        return await _answer(driver)


async def _answer(driver: Driver[Any]) -> PGresult:
    """Wait for what was sent and return the last statement's result; raise the driver's error for one that failed."""
    results = await driver.wait(generators.execute(driver.pgconn))
    for result in results:
        if result.status not in {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}:
            raise pg.error_from_result(result)
    return results[-1]
