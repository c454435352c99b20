"""A whole import: Tidegate reads the files in a process of its own, we take its messages as they come.

The gateway's output is read line by line and never held whole; each batch is a transaction of its own, so an import
that is cut off has taken whole patients, and running it again takes the rest.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import UUID

from caretide.ehr import actions
from caretide.ehr.actions import Message
from caretide.ehr.schemas import ImportReport
from caretide.kernel.actor import Actor
from caretide.kernel.errors import CaretideError, Invalid, Unavailable
from caretide.runtime.tx import Database
from caretide.tenants.queries import ClinicRow
from tidegate.contract import (
    VERSION,
    BadMessage,
    Header,
    PatientMessage,
    PractitionerMessage,
    Rejected,
    Summary,
    decode,
)

COMMAND: Final = (sys.executable, "-P", "-c", "from tidegate.cli import main; main()", "map")
"""The gateway's own program in this interpreter's environment; -P keeps the working folder out of what it imports."""

_LIMITS: Final = """
import resource as r
for kind, most in ((r.RLIMIT_AS, 2 << 30), (r.RLIMIT_CPU, 900), (r.RLIMIT_FSIZE, 0), (r.RLIMIT_NOFILE, 64),
        (r.RLIMIT_NPROC, 0), (r.RLIMIT_CORE, 0)):
    r.setrlimit(kind, (most, most))
"""
BOUNDED: Final = (sys.executable, "-P", "-B", "-c", f"{_LIMITS}\nfrom tidegate.cli import main; main()", "map")
"""The same for files from outside: 2 GB of memory, 15 minutes of a processor, nothing written and nothing started."""

BATCH_MESSAGES: Final = 100
BATCH_RESOURCES: Final = 4_000
LINE_BYTES: Final = 256 * 1024 * 1024
_CHUNK: Final = 1 << 18
_TAIL: Final = 4_000
_USAGE: Final = 2

OnProgress = Callable[[ImportReport], None]
"""Hears of an import after every batch."""


@asynccontextmanager
async def mapped(path: Path, *, is_bounded: bool = False) -> AsyncGenerator["Gateway"]:
    """Run the gateway over a path; end it when the reader is done or gives up. Bounded, it gets no environment."""
    command = BOUNDED if is_bounded else COMMAND
    environment: dict[str, str] | None = {} if is_bounded else None
    process = await asyncio.create_subprocess_exec(*command, "--", str(path), stdout=PIPE, stderr=PIPE, env=environment)
    gateway = Gateway(process)
    try:
        yield gateway
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await gateway.ended()


class Gateway:
    """The gateway's process: its lines, and how it ended."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._errors = asyncio.create_task(self._listen())

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield what it writes, line by line."""
        stream = self._process.stdout
        rest = b""
        while stream and (chunk := await stream.read(_CHUNK)):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line
            if len(rest) > LINE_BYTES:
                raise Unavailable("The gateway wrote a message that is larger than 256 MB")
        if rest:
            yield rest

    async def _listen(self) -> bytes:
        """Read what it says on standard error to the end, keeping the last of it: a full pipe would stop it."""
        stream = self._process.stderr
        kept = b""
        while stream and (chunk := await stream.read(_CHUNK)):
            kept = (kept + chunk)[-_TAIL:]
        return kept

    async def ended(self) -> tuple[int, str]:
        """Return its exit status and its last words; what it still writes is thrown away, or its pipe stays open."""
        while self._process.stdout and await self._process.stdout.read(_CHUNK):
            pass
        spoken = (await self._errors).decode(errors="replace").strip().splitlines()
        return await self._process.wait(), spoken[-1] if spoken else "without a word"


async def run_import(
    database: Database,
    path: Path,
    tenant_id: UUID,
    clinic: ClinicRow,
    source: str | None = None,
    on_progress: OnProgress = lambda _: None,
    *,
    actor: Actor | None = None,
    is_bounded: bool = False,
) -> ImportReport:
    """Import FHIR files into a clinic, as the system or as somebody; return what was taken and what was not.

    `source` names the EHR inside which the files' ids are unique; by default it is what the gateway calls them. Raises
    Invalid when the path holds nothing to read. What ends an import later is the report's `failure`.
    """
    report = ImportReport()
    async with mapped(path, is_bounded=is_bounded) as gateway:
        lines = gateway.lines()
        named = await _source(gateway, lines)
        report.source = source or named
        acting = actor or Actor.system(tenant_id)
        async with database.tx(acting) as tx:
            run_id = await actions.start_run(tx, clinic.id, report.source)
        try:
            await _take_all(database, acting, clinic, _messages(lines, report), report, on_progress)
        except CaretideError as error:
            report.failure = error.message
        else:
            report.failure = await _cut_off(gateway, report)
    if report.failure is None:
        async with database.tx(acting) as tx:
            await actions.finish_run(tx, run_id, report.counts)
    return report


async def _source(gateway: Gateway, lines: AsyncIterator[bytes]) -> str:
    """Read the header; raise Invalid when the gateway found nothing to read, Unavailable when it speaks otherwise."""
    first = await anext(lines, None)
    if first is None:
        status, words = await gateway.ended()
        if status == _USAGE:
            raise Invalid(words.removeprefix("tidegate: "), field="path")
        raise Unavailable(f"The gateway did not start (exit status {status}): {words}")
    with suppress(BadMessage):
        header = decode(first)
        if isinstance(header, Header) and header.contract == VERSION:
            return header.source
    raise Unavailable(f"The gateway does not speak version {VERSION} of the contract; install both from one release")


async def _messages(lines: AsyncIterator[bytes], report: ImportReport) -> AsyncIterator[Message]:
    """Yield the messages to take; note in the report what was rejected, and the summary that ends the stream."""
    number = 1
    async for line in lines:
        number += 1
        try:
            message = decode(line)
        except BadMessage as error:
            report.counts.refuse(f"message {number}", str(error))
            continue
        if isinstance(message, Rejected):
            report.counts.refuse(place_of(message), message.reason)
        elif isinstance(message, Summary):
            report.summary = message
        elif isinstance(message, PatientMessage | PractitionerMessage):
            yield message


def place_of(rejected: Rejected) -> str:
    """Return `file:line`, with the entry of a Bundle where there is one."""
    line = f":{rejected.line}" if rejected.line else ""
    return f"{rejected.file}{line}" + (f" entry {rejected.entry}" if rejected.entry else "")


async def _take_all(
    database: Database,
    system: Actor,
    clinic: ClinicRow,
    messages: AsyncIterator[Message],
    report: ImportReport,
    on_progress: OnProgress,
) -> None:
    """Take messages in batches that are small enough to commit often and large enough to be quick."""
    async for batch in _batches(messages):
        async with database.tx(system) as tx:
            counts = await actions.import_messages(tx, clinic.id, report.source, batch)
        # Counted once it is committed: a report never tells of what was rolled back.
        report.counts.add(counts)
        on_progress(report)


async def _batches(messages: AsyncIterator[Message]) -> AsyncIterator[list[Message]]:
    batch: list[Message] = []
    resources = 0
    async for message in messages:
        batch.append(message)
        resources += _size(message)
        if len(batch) >= BATCH_MESSAGES or resources >= BATCH_RESOURCES:
            yield batch
            batch, resources = [], 0
    if batch:
        yield batch


def _size(message: Message) -> int:
    if isinstance(message, PractitionerMessage):
        return 1
    parts = (message.conditions, message.medications, message.allergies, message.coverages, message.encounters)
    return 1 + sum(len(part) for part in parts)


async def _cut_off(gateway: Gateway, report: ImportReport) -> str | None:
    """Say why a stream without its summary must not be taken for the whole."""
    if report.summary is not None:
        return None
    status, words = await gateway.ended()
    return f"The gateway stopped before its end (exit status {status}): {words}"
