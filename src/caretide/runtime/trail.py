"""The audit trail: what a transaction has to answer for, as bytes that are the truth and columns derived from them.

An event is a JSON document in one canonical form (keys sorted, no white space, UTF-8, no fractions: RFC 8785 for what
stands in ours). The bytes are stored with their leaf, SHA-256(0x00 || bytes) as RFC 9162 hashes the leaves of a Merkle
tree, and the database reads the columns out of the same bytes. Ids, classes of data and counts stand in them, never
health data. No trail, no data: a transaction whose events cannot be written ends with 503 and nothing done.
"""

import hashlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import UUID

import orjson
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from caretide.kernel.actor import Actor
from caretide.kernel.errors import Unavailable
from caretide.kernel.ids import new_id
from caretide.kernel.records import Records, classes

MOST_ASKED: Final = 200
"""Ids of a refused request that its event keeps: a list of hundreds is no try at one chart."""

VERSION: Final = 1
"""The form of the bytes. 0: an event of before there were bytes, written down by the migration as PostgreSQL prints."""

# One statement writes events and their patients, and reads both out of the bytes: columns cannot say anything else.
_READ_OUT: Final = """
    WITH given AS MATERIALIZED (
        SELECT sent.canonical, sent.leaf, event.*
        FROM unnest(CAST(:documents AS bytea[]), CAST(:leaves AS bytea[])) AS sent(canonical, leaf),
        jsonb_to_record(CAST(convert_from(sent.canonical, 'UTF8') AS jsonb)) AS event(
            tenant uuid, id uuid, at timestamptz, app_at timestamptz, actor text, account uuid, member uuid,
            roles text[], session text, request uuid, ip text, agent text, route text, verb text, act text, data text[],
            outcome text, purpose text, glass uuid, rows integer, patients jsonb, details jsonb
        )
    )
"""
_WRITE_EVENTS = text(
    f"""{_READ_OUT}, written AS (
        INSERT INTO audit_events (
            tenant_id, id, at, app_at, actor_kind, account_id, member_id, roles, session, request_id, ip, agent, route,
            verb, act, data, outcome, purpose, glass_id, rows, patients, details, canonical, leaf
        )
        SELECT tenant, id, at, app_at, actor, account, member, roles, session, request, ip, agent, route,
            verb, act, data, outcome, purpose, glass, rows, jsonb_array_length(patients), details, canonical, leaf
        FROM given
    )
    INSERT INTO audit_event_patients (tenant_id, id, patient_id)
    SELECT tenant, id, CAST(patient AS uuid) FROM given, jsonb_array_elements_text(patients) AS seen(patient)
    """  # noqa: S608 - both parts are constants of this file
)
_WRITE_ACCOUNT_EVENTS = text(
    f"""{_READ_OUT}
    INSERT INTO account_events (
        id, at, app_at, account_id, session, request_id, ip, agent, route, verb, act, data, outcome, details,
        canonical, leaf
    )
    SELECT id, at, app_at, account, session, request, ip, agent, route, verb, act, data, outcome, details,
        canonical, leaf
    FROM given
    """  # noqa: S608 - both parts are constants of this file
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from. `agent` is a hash, `route` a template: no id of a patient in it.

    `session` is the id of the session that was found (`Trail.belongs_to`), until then a hash of what was shown for one.
    `asked` are the ids in its address, which go on record where it is refused.
    """

    route: str = ""
    request_id: UUID | None = None
    session: str | None = None
    ip: str | None = None
    agent: str | None = None
    asked: frozenset[UUID] = frozenset()


NOWHERE: Final = Origin()
"""The origin of what no request asked for: tests, and work inside the process."""


@dataclass(slots=True)
class Event:
    """An outermost verb in the making: its classes of data grow with every verb that runs inside it."""

    verb: str
    act: str
    bits: int
    patients: set[UUID] = field(default_factory=set[UUID])
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    rows: int | None = None


@dataclass(slots=True)
class Named:
    """Whom and which classes of data a part of a verb named."""

    patients: set[UUID] = field(default_factory=set[UUID])
    bits: int = 0


@dataclass
class Trail:
    """What the running transaction has to answer for: one event per outermost verb, with the patients it touched.

    `began` is the start of the transaction by the database's clock. `purpose` and `glass_id` say under which special
    right it runs, where it does.
    """

    origin: Origin = NOWHERE
    events: list[Event] = field(default_factory=list[Event])
    depth: int = 0
    began: datetime | None = None
    purpose: str | None = None
    glass_id: UUID | None = None

    def belongs_to(self, session_id: UUID) -> None:
        """Name the session behind the request: the same name as long as it lasts, however often its secret changes."""
        self.origin = replace(self.origin, session=session_id.hex)

    def enter(self, verb: str, records: Records) -> None:
        """Begin a verb: the outermost is an event, those inside add their classes of data to it."""
        if self.depth == 0:
            self.events.append(Event(verb, records.act, records.bits))
        else:
            self.events[-1].bits |= records.bits
        self.depth += 1

    def leave(self) -> None:
        """End a verb, whether it succeeded or not."""
        self.depth -= 1

    def tried(self, *given: object) -> None:
        """Name in the running event the ids that were asked for: in the address, and in what a verb was given.

        What is refused shows nobody anything, so this alone can say whose chart was tried. An id says no more than
        that somebody sent it: it may be anybody's or nobody's.
        """
        if self.events and (ids := {*self.origin.asked, *ids_in(given)}):
            self.events[-1].details["asked"] = sorted(str(one) for one in ids)[:MOST_ASKED]

    @property
    def has_tries(self) -> bool:
        """Whether an event says which ids were asked for."""
        return any("asked" in one.details for one in self.events)

    @contextmanager
    def entering(self, verb: str, records: Records) -> Generator[None]:
        """Record work that is no function of its own as a verb."""
        self.enter(verb, records)
        try:
            yield
        finally:
            self.leave()

    @contextmanager
    def unseen(self) -> Generator[None]:
        """Run verbs that work figures out anew and show nobody anything: whom they read about is not recorded."""
        self.events.append(Event("", "", 0))
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            self.events.pop()

    @contextmanager
    def naming(self) -> Generator[Named]:
        """Hear which patients and classes the running verb names meanwhile; its event has them too."""
        running, named = self.events[-1], Named()
        patients, bits = running.patients, running.bits
        running.patients, running.bits = named.patients, 0
        try:
            yield named
        finally:
            named.bits = running.bits
            running.patients, running.bits = patients | named.patients, bits | named.bits

    def name(self, named: Named) -> None:
        """Name the same patients and classes once more, for an answer that is given again."""
        if self.events:
            self.events[-1].patients |= named.patients
            self.events[-1].bits |= named.bits

    async def write(self, db: AsyncConnection, actor: Actor, now: datetime, outcome: str) -> None:
        """Write the collected events in the name of an actor; raise Unavailable where that cannot be done."""
        events, self.events = self.events, []
        if not events:
            return
        # Sorted, so that the events of a transaction, which share a time, stand in their order.
        ids = sorted(new_id() for _ in events)
        shared = self._shared(actor, now, outcome)
        glasses = dict(actor.glasses)
        documents = [canonical(_document(shared, id_, one, glasses)) for id_, one in zip(ids, events, strict=True)]
        statement = _WRITE_ACCOUNT_EVENTS if actor.tenant_id is None else _WRITE_EVENTS
        try:
            await db.execute(statement, {"documents": documents, "leaves": [leaf(one) for one in documents]})
        except DBAPIError as error:
            raise Unavailable("What was asked for cannot be recorded, so it was not done") from error

    def _shared(self, actor: Actor, now: datetime, outcome: str) -> dict[str, Any]:
        """Return what all events of the transaction have in common."""
        origin = self.origin
        return {
            "v": VERSION,
            "tenant": actor.tenant_id,
            "at": _time(self.began or now),
            "app_at": _time(now),
            "actor": actor.kind,
            "account": actor.account_id,
            "member": actor.member_id,
            "roles": actor.roles,
            "session": origin.session,
            "request": origin.request_id,
            "ip": origin.ip,
            "agent": origin.agent,
            "route": origin.route,
            "outcome": outcome,
            "purpose": self.purpose,
            "glass": self.glass_id,
        }


EMERGENCY: Final = "emergency"
"""The purpose of what is done by emergency access."""


def _document(
    shared: Mapping[str, Any], id_: UUID, event: Event, glasses: Mapping[UUID, UUID] | None = None
) -> dict[str, Any]:
    """Return an event; one that names a patient of `glasses` carries the id of the use by which they were seen."""
    document = {
        **shared,
        "id": id_,
        "verb": event.verb,
        "act": event.act,
        "data": classes(event.bits),
        "rows": event.rows,
        "patients": sorted(event.patients),
        "details": event.details,
    }
    if used := sorted({glass for patient, glass in (glasses or {}).items() if patient in event.patients}):
        document |= {"glass": used[0], "purpose": EMERGENCY}
        if len(used) > 1:
            document["details"] = {**event.details, "glasses": used}
    if shared["tenant"] is None:
        # A sign-in knows better than the transaction whose it was and whether it was refused.
        details = dict(event.details)
        document["outcome"] = details.pop("outcome", shared["outcome"])
        document["account"] = details.pop("account_id", shared["account"])
        document["details"] = details
    return {key: value for key, value in document.items() if value is not None}


def ids_in(value: object, depth: int = 5) -> Iterator[UUID]:
    """Yield the ids in what a verb was given, inside lists, forms and models too. Other text is never looked at."""
    if isinstance(value, UUID):
        yield value
    elif isinstance(value, str):
        yield from _id_of(value)
    elif depth and isinstance(value, Mapping):
        yield from ids_in(list(cast("Mapping[object, object]", value).values()), depth - 1)
    elif depth and isinstance(value, (list, tuple, set, frozenset)):
        for one in cast("Iterable[object]", value):
            yield from ids_in(one, depth - 1)
    elif depth and is_dataclass(value) and not isinstance(value, type):
        yield from ids_in([getattr(value, one.name) for one in fields(value)], depth - 1)
    elif depth and isinstance(value, BaseModel):
        yield from ids_in([one for _, one in value], depth - 1)


def _id_of(text: str) -> Iterator[UUID]:
    # In the one way that ids are printed: a secret in hexadecimal is none.
    if len(text) == 36:
        with suppress(ValueError):
            yield UUID(text)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of an event."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def leaf(document: bytes) -> bytes:
    """Return the Merkle leaf of an event's bytes (RFC 9162, section 2.1.1)."""
    return hashlib.sha256(b"\x00" + document).digest()
