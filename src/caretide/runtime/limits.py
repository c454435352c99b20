"""How much anybody may ask: counted in the database, so that neither a restart nor another process forgets it.

A process takes a block of requests from the database and serves from it, so that most requests cost a look into a
dictionary and a block costs one statement. What is left of a block when a process ends counts as used. Who is over the
limit is told when to come back; while they are, the database is not asked. Limits are about load and read the
machine's clock.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any, Final, TypeVar

from sqlalchemy import bindparam, case, delete, func
from sqlalchemy.dialects.postgresql import insert

from caretide.kernel.actor import Actor
from caretide.kernel.clock import Clock, system_clock
from caretide.kernel.errors import TooMany
from caretide.runtime.log import log
from caretide.runtime.models import RequestCount
from caretide.runtime.tx import Database

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Any]])


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many requests in so many seconds."""

    most: int
    seconds: int = 60

    @property
    def block(self) -> int:
        """How many a process takes at once: a twentieth, so that many processes waste little."""
        return max(1, self.most // 20)


FREE: Final = "free"
"""The kind of what is never refused: stopping one's timer, because a minute that nobody can stop is a wrong minute."""

SHARES: Final[dict[str, float]] = {
    "account": 1.0,
    "token": 2.0,
    "tenant": 10.0,
    "address": 5.0,
    "device": 1.0,
    "stranger": 0.25,
    "entrance": 0.25,
    "password": 0.25,
    "passkey": 0.25,
    "returning": 0.25,
    "search": 0.25,
    "export": 0.025,
    "document": 0.1,
    "import": 0.01,
}
"""Each kind's limit a minute as a share of `CARETIDE_REQUESTS_PER_MINUTE`, which is an account's.

Whoever is not known yet is counted by their address, and by what they do: load the sign-in page (entrance), try a
password, give a passkey, and the rest (stranger). A flood of one takes nothing of another. A browser in which somebody
has signed in before is counted by itself (`caretide.runtime.devices`): returning as it signs in, device in a session.
"""

WAYS_IN: Final = frozenset({"entrance", "password", "passkey"})
"""The kinds that take the place of a stranger's for somebody who is not known yet."""


def network_at(address: str) -> str:
    """Return what is counted for an address: itself, of IPv6 its network of 64 bits, which is the least anybody has.

    Whoever has one such address has as many as they like: each would have a share, and a row, of its own (RFC 6177).
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv4Address) or found.is_loopback:
        return str(found)
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False))


def limits(requests_per_minute: int) -> dict[str, Limit]:
    """Return the limit of each kind."""
    return {kind: Limit(max(1, int(requests_per_minute * share))) for kind, share in SHARES.items()}


def costs(kind: str) -> Callable[[Endpoint], Endpoint]:
    """Count a route's requests under a kind of its own as well: those that cost more than a page; FREE for never."""
    if kind not in SHARES and kind != FREE:
        raise ValueError(f"no such limit: {kind}")

    def decorate(endpoint: Endpoint) -> Endpoint:
        endpoint.__dict__["costs"] = kind
        return endpoint

    return decorate


@dataclass(slots=True)
class _Lease:
    """What a process may still serve in a window; `is_last` once the database had no whole block left."""

    starts: int
    left: int
    is_last: bool = False


_MOST_LEASES: Final = 20_000

_insert = insert(RequestCount).values(
    kind=bindparam("kind"), subject=bindparam("subject"), starts_at=bindparam("starts_at"), taken=bindparam("block")
)
_same = RequestCount.starts_at >= _insert.excluded.starts_at
_TAKE = _insert.on_conflict_do_update(
    index_elements=["kind", "subject"],
    set_={
        "starts_at": func.greatest(RequestCount.starts_at, _insert.excluded.starts_at),
        # No further than a block beyond the limit, so that a flood does not overflow the count.
        "taken": case(
            (_same, func.least(RequestCount.taken + _insert.excluded.taken, bindparam("most_and_block"))),
            else_=_insert.excluded.taken,
        ),
    },
).returning(
    RequestCount.taken,
    # No answer waits for the disk to have a count: what the last second counted may go with the power.
    func.pg_catalog.set_config("synchronous_commit", "off", True),  # noqa: FBT003 - for this transaction alone
)


class Limiter:
    """Counts requests by kind and subject."""

    def __init__(self, database: Database, known: dict[str, Limit], clock: Clock = system_clock) -> None:
        self._database = database
        self._limits = known
        self._clock = clock
        self._leases: dict[tuple[str, bytes], _Lease] = {}
        self._people: dict[bytes, tuple[str, str]] = {}

    async def spend(self, kind: str, subject: str) -> None:
        """Count one request; raise TooMany, which says when to come back, beyond the limit."""
        limit = self._limits[kind]
        now = int(self._clock().timestamp())
        starts = now - now % limit.seconds
        key = (kind, hashlib.sha256(subject.encode()).digest())
        lease = self._leases.get(key)
        if lease is None or lease.starts != starts:
            lease = self._leases[key] = _Lease(starts, 0)
            self._forget(starts)
        if lease.left == 0 and not lease.is_last:
            granted = await self._take(key, starts, limit)
            lease.left += granted
            lease.is_last = granted < limit.block
        if lease.left == 0:
            log.warning("too many requests", kind=kind)
            wait = starts + limit.seconds - now
            raise TooMany(f"Too many requests; try again in {wait} seconds", seconds=wait)
        lease.left -= 1

    async def _take(self, key: tuple[str, bytes], starts: int, limit: Limit) -> int:
        """Take a block from the database; return how many of it the limit leaves."""
        kind, subject = key
        block = limit.block
        values = {"kind": kind, "subject": subject, "block": block, "most_and_block": limit.most + block}
        async with self._database.tx(Actor.nobody()) as tx:
            taken: int = (await tx.db.execute(_TAKE, values | {"starts_at": _moment(starts)})).scalar_one()
        return max(0, min(block, limit.most - (taken - block)))

    def _forget(self, starts: int) -> None:
        """Let go of what was leased in earlier windows once there is much of it."""
        if len(self._leases) > _MOST_LEASES:
            self._leases = {key: lease for key, lease in self._leases.items() if lease.starts >= starts}
        if len(self._people) > _MOST_LEASES:
            self._people.clear()

    def learn(self, secret: str, account: str, tenant: str) -> None:
        """Remember whose a session is: the next request counts before a connection is taken for it."""
        self._people[hashlib.sha256(secret.encode()).digest()] = (account, tenant)

    def known(self, secret: str) -> tuple[str, str] | None:
        """Return the account and tenant behind a session, where this process has seen it."""
        return self._people.get(hashlib.sha256(secret.encode()).digest())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def forget_old_counts(database: Database, before: datetime) -> int:
    """Delete the counts of windows that ended; return how many there were."""
    async with database.tx(Actor.nobody()) as tx:
        return (await tx.db.execute(delete(RequestCount).where(RequestCount.starts_at < before))).rowcount
