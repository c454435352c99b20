"""Words that stand for health data go in by every way in: they come out in no log, job, letter, trail or file name.

One word is in the rows from the beginning, another is sent with every request. Logs are taken as production would write
them, but from every logger and down to the last detail. The test has a database of its own, to look through it whole.
"""

import asyncio
import io
import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.types import ASGIApp

from caretide import worker
from caretide.kernel.errors import CaretideError
from caretide.kernel.records import Data, reads
from caretide.postgres import server as postgres
from caretide.postgres.folders import Home
from caretide.runtime.access import verb_name
from caretide.runtime.installation import Installation
from caretide.runtime.jobs import JOBS, later
from caretide.runtime.log import Line, log
from caretide.runtime.mail import FolderPost, Letter
from caretide.runtime.trail import Trail
from caretide.runtime.tx import Stores, Tx
from caretide.vault.keys import Keyring
from caretide.vault.store import FolderVault
from tests.access.canaries import holding, plant
from tests.access.doors import Door, doors
from tests.access.house import House, furnish
from tests.access.samples import SLOT
from tests.access.wire import Answer, Caller, Request
from tests.database import HandClock, Server, clone_database, drop_database
from tests.isolation.conftest import Tell
from tests.screens.canaries import MACHINE

KEPT: Final = "Wendelgard"
"""A word that is in the rows. Nobody has this name."""
SENT: Final = "Wolfhelmine"
"""A word that requests bring along."""
SPELLED: Final = re.compile(
    "|".join(form for word in (KEPT, SENT) for form in (word, word.encode().hex())), re.IGNORECASE
)
"""Either word, in letters or as the bytes that PostgreSQL prints."""
SEATS: Final = ("coordinator", "administrator")
"""Who asks: the one who writes most of what is written of patients, and the one who may do the most."""
FREE: Final = frozenset({"note", "reason", "purpose", "recipient", "address", "what", "q", "text", "detail"})
"""Fields in which people write of patients: there the word makes a request that is done, elsewhere one that is not."""
ENDING: Final = frozenset(
    {
        *("POST /sign-out", "DELETE /api/v1/sessions/current", "POST /me/password", "POST /me/totp/remove"),
        *("POST /tenants", "POST /sign-in/elsewhere"),
    }
)
"""Routes that take the session away by which the others are asked."""
CODES: Final = MACHINE | {
    *("standard", "at_end", "file_sha256", "scopes", "networks", "duty", "category", "verdict", "amr"),
    *("acr_values", "algorithms", "amr_values", "client_id", "authorization_endpoint", "token_endpoint", "jwks_uri"),
    *("tenant_settings.name", "act", "actor_kind", "agent", "ip", "route", "session", "verb"),
}
"""Columns with words of ours, or of the trail, which is looked through itself."""
PATIENT: Final = {
    "resourceType": "Patient",
    "id": "w1",
    "name": [{"family": SENT, "given": [SENT]}],
    "birthDate": "1948-03-17",
    "gender": "female",
    "telecom": [{"system": "phone", "value": f"555 {SENT}"}],
}
PLACES: Final = (
    "log lines",
    "jobs",
    "audit events",
    "account events",
    "counts of requests",
    "letters",
    "file names",
    "lines of PostgreSQL",
)
"""Everything that is written down beside the rows themselves."""


async def broken(tx: Tx, clinic_id: UUID) -> None:
    """Fail as a job with health data in hand might."""
    await tx.db.execute(text("SELECT CAST(:value AS integer)"), {"value": f"{SENT} {clinic_id}"})


async def raising(_tx: Tx, clinic_id: UUID) -> None:
    """Fail with a message that quotes."""
    raise RuntimeError(f"{SENT} {clinic_id}")


@pytest.fixture(scope="module")
def server(cluster: postgres.Cluster, worker_id: str) -> Iterator[Server]:
    """A database of this test's own."""
    found = Server(cluster, f"silence_{worker_id}")
    clone_database(cluster, found.name)
    yield found
    drop_database(cluster, found.name)


@pytest.fixture
def stores(stores: Stores, tmp_path: Path) -> Stores:
    """The same keys, and folders of this test's own."""
    vault = FolderVault(tmp_path / "vault", Keyring.open(tmp_path / "keys", "vault"))
    return replace(stores, vault=vault, post=FolderPost(tmp_path / "mail"))


@dataclass
class Written:
    """Everything that was written down from now on."""

    server: Server
    folder: Path
    stream: io.StringIO = field(default_factory=io.StringIO)
    begun: int = 0

    def __post_init__(self) -> None:
        self.begun = self.journal.stat().st_size

    @property
    def journal(self) -> Path:
        """The log of PostgreSQL, which other tests' databases share."""
        return Home(self.server.cluster.home).log

    def places(self) -> dict[str, list[str]]:
        """Return it piece by piece."""
        with psycopg.connect(self.server.admin) as behind:

            def rows(query: Any) -> list[str]:
                return [str(row) for row in behind.execute(query).fetchall()]

            letters = [
                message_from_bytes(one.read_bytes(), policy=policy.default)
                for one in sorted((self.folder / "mail").glob("*.eml"))
            ]
            found = [
                self.stream.getvalue().splitlines(),
                rows("SELECT jobs::text FROM jobs.procrastinate_jobs jobs"),
                rows("SELECT convert_from(canonical, 'UTF8'), audit_events::text FROM audit_events"),
                rows("SELECT convert_from(canonical, 'UTF8'), account_events::text FROM account_events"),
                rows("SELECT counts::text FROM request_counts counts"),
                [f"{one.items()} {one.get_content()}" for one in letters],
                [str(one.relative_to(self.folder)) for one in self.folder.rglob("*")],
                self.journal.read_bytes()[self.begun :].decode("utf-8", "replace").splitlines(),
            ]
        return dict(zip(PLACES, found, strict=True))

    def leaks(self) -> list[str]:
        """Return each piece that holds one of the words."""
        return [
            f"{place}: {piece[:400]}"
            for place, pieces in self.places().items()
            for piece in pieces
            if SPELLED.search(piece)
        ]


@pytest.fixture
def written(server: Server, tmp_path: Path) -> Iterator[Written]:
    """Listen to every logger, and to PostgreSQL."""
    found = Written(server, tmp_path)
    handler = logging.StreamHandler(found.stream)
    handler.setFormatter(Line())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield found
    root.removeHandler(handler)
    root.setLevel(level)


def worded(value: Any, *, everywhere: bool, name: str = "") -> Any:
    """Put the word into what is sent: into every text, or into those alone in which people write."""
    if isinstance(value, dict):
        return {key: worded(one, everywhere=everywhere, name=key) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [worded(one, everywhere=everywhere, name=name) for one in value]
    if isinstance(value, str) and (name in FREE or (everywhere and not SLOT.fullmatch(value))):
        return f"{value} {SENT}"
    return value


def said(door: Door, seat: str, ids: dict[str, str]) -> Iterator[Request]:
    """Yield a route's requests: the word in what people write, in a note, in every text, for each id, in a file."""
    sample = door.sample
    parts = {"query": sample.query, "form": sample.form, "body": sample.body}
    noted = {name: {"note": SENT, **given} for name, given in parts.items() if isinstance(given, dict)}
    for changed in (noted, worded(parts, everywhere=False)):
        yield replace(door, sample=replace(sample, **changed)).request(ids)
    if seat == "coordinator":
        # Who may do more is asked for what is refused anyway: one of the two is enough.
        return
    yield replace(door, sample=replace(sample, **worded(parts, everywhere=True))).request(ids)
    for place in door.slots():
        yield door.request(ids, {place: SENT})
    if sample.form is not None or sample.body is not None:
        yield replace(door.request(ids), form=None, body=None, file=f'{{"{SENT}": "{SENT}'.encode())


@dataclass
class Asked:
    """What was answered."""

    clock: HandClock
    statuses: Counter[int] = field(default_factory=Counter[int])
    showing: int = 0

    async def ask(self, caller: Caller, request: Request) -> Answer:
        """Ask a second later, and count the answer, and whether it showed what is in the rows."""
        self.clock.advance(seconds=1)
        answer = await caller.ask(request)
        self.statuses[answer.status] += 1
        self.showing += KEPT.encode() in answer.body
        return answer


async def walked(application: ASGIApp, clock: HandClock, house: House) -> Asked:
    """Bring in a patient of that name, and ask every route in two roles."""
    found, wrong = doors(application)
    assert not wrong
    done = Asked(clock)
    program = Caller(application, clock, house.secrets["manager"])
    lines = json.dumps(PATIENT).encode() + b"\n"
    where = {"clinic_id": str(house.cast.clinic_id), "source": "east"}
    imported = await done.ask(program, Request("POST", "/api/v1/imports", where, file=lines))
    assert imported.status == 201, imported.body
    for door in found:
        if door.name in ENDING:
            continue
        for seat in SEATS:
            caller = Caller(application, clock, house.secrets[seat])
            for request in said(door, seat, house.named(seat)):
                await done.ask(caller, request)
    return done


async def failed(installation: Installation, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail wherever something can: in SQL, in a job, in a task that nobody waits for."""
    database, clinic_id = installation.database, house.cast.clinic_id
    statements = (
        "SELECT CAST(:value AS integer)",
        "SELECT 1 / (length(:value) * 0)",
        "INSERT INTO clinics (id, name, slug) VALUES (gen_random_uuid(), :value, :value)",
        "SELECT * FROM no_such_table WHERE x = :value",
        f"SELECT '{SENT}' FROM no_such_table",  # noqa: S608 - a constant of this file
        "SELECT set_config('app.ctx', :value, true)",
        f"DO $$ BEGIN RAISE WARNING 'told of {SENT}'; RAISE EXCEPTION 'told of {SENT}'; END $$",
    )
    for statement in statements:
        try:
            async with database.tx(house.cast.system) as tx:
                await tx.db.execute(text(statement), {"value": SENT} if ":value" in statement else {})
        except (CaretideError, DBAPIError) as error:
            log.error("a statement failed", exc_info=error)
    for action in (broken, raising):
        monkeypatch.setitem(JOBS, verb_name(action), action)
        async with database.tx(house.cast.system) as tx:
            await later(tx, action, clinic_id=clinic_id)
    await worker.drain(installation)
    nobodys = {"message": "one that nobody caught", "exception": ValueError(SENT)}
    asyncio.get_running_loop().call_exception_handler(nobodys)


async def faulty(application: ASGIApp, clock: HandClock, house: House, monkeypatch: pytest.MonkeyPatch) -> int:
    """Ask every route once more while each verb fails with the words in its message; return how many broke."""

    def fail(*_given: object) -> None:
        raise RuntimeError(f"could not record {KEPT} {SENT}")

    broke = 0
    with monkeypatch.context() as breaking:
        breaking.setattr(Trail, "enter", fail)
        for door in doors(application)[0]:
            caller = Caller(application, clock, house.secrets["administrator"])
            answer = await caller.ask(door.request(house.named("administrator")))
            broke += answer.status == 500
            assert KEPT.encode() not in answer.whole, door.name
            assert SENT.encode() not in answer.whole, door.name
    return broke


@pytest.mark.req("T-09", "W-16")
@pytest.mark.timeout(1200)
async def test_words_that_go_in_everywhere_come_out_in_no_log_job_letter_trail_or_file_name(
    installation: Installation,
    application: ASGIApp,
    server: Server,
    clock: HandClock,
    written: Written,
    monkeypatch: pytest.MonkeyPatch,
    tell: Tell,
) -> None:
    house = await furnish(installation.database, server, clock)
    planted, _ = await plant(installation.database, server, house.cast.tenant_id, KEPT, beside=CODES)
    done = await walked(application, clock, house)
    await failed(installation, house, monkeypatch)
    broke = await faulty(application, clock, house, monkeypatch)
    arrived = await holding(installation.database, server, house.cast.tenant_id, SENT)
    places, found = written.places(), written.leaks()
    statuses = ", ".join(f"{status}: {count:,}" for status, count in sorted(done.statuses.items()))
    tell(
        f"W-16: a word in {len(planted)} columns, shown by {done.showing:,} answers; another in "
        f"{done.statuses.total():,} requests ({statuses}), kept in {len(arrived)} columns; {broke} routes broken: "
        + ", ".join(f"{len(pieces):,} {place}" for place, pieces in places.items())
        + f": {len(found)} hold one of them"
    )
    assert found == [], "\n".join(found[:40])
    written_of_patients = {"attempts.note", "patients.family", "ehr_messages.body", "disclosures.what"}
    assert written_of_patients <= {*arrived}
    assert len(planted) > 30
    assert done.showing > 200
    assert broke > 100
    assert {"debug", "info", "error"} <= {json.loads(line)["level"] for line in places["log lines"]}
    # PostgreSQL says nothing of all that, which is right; that it would be heard is tried last.
    assert [place for place, pieces in places.items() if not pieces] in ([], ["lines of PostgreSQL"])
    await give_away(installation, house, written)
    given_away = {piece.partition(": ")[0] for piece in written.leaks()}
    tell(f"W-16: given away by hand at {len(PLACES)} places, found at {len(given_away)}")
    assert given_away == {*PLACES}


async def give_away(installation: Installation, house: House, written: Written) -> None:
    """Leak a word at every place by hand."""
    log.error(f"we spoke to {SENT}")
    post = installation.database.stores.post
    await asyncio.to_thread(
        post.send, Letter("x@example.com", "Your visit", f"Chère Mme {SENT}"), installation.database.clock()
    )
    (written.folder / "vault" / f"{SENT}.pdf").touch()
    for actor in (house.cast.system, house.people["director"]):
        async with installation.database.tx(actor) as tx:
            with tx.trail.entering("tests.give_away", reads(Data.ACCOUNT)):
                tx.note(told=SENT)
    with psycopg.connect(written.server.admin, autocommit=True) as behind:
        behind.execute(
            "INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, args)"
            " SELECT 'default', 'tests.give_away', jsonb_build_object('patient', %s::text)",
            [SENT],
        )
        behind.execute("INSERT INTO request_counts VALUES ('tests', %s, now(), 1)", [SENT.encode()])
        behind.execute(f"DO $$ BEGIN RAISE LOG 'told of {SENT}'; END $$")
