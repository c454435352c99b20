"""Files that come by the web: streamed to a private folder within a limit, read by a process that can do little harm.

The browser's or program's word for what a file is counts for nothing: its first bytes decide. The gateway that parses
it runs with limits of memory, time and files, without our environment, and the file is gone once it is read.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import UUID

from caretide.ehr.gateway import run_import
from caretide.ehr.schemas import ImportReport
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Invalid, TooMany
from caretide.runtime.tx import Database
from caretide.tenants.queries import ClinicRow

GZIP: Final = b"\x1f\x8b"
_MARK: Final = b"\xef\xbb\xbf"
NOT_FHIR: Final = "This is neither FHIR NDJSON nor a FHIR Bundle, plain or gzip"

_ONE_AT_A_TIME: Final = asyncio.Semaphore(1)
"""An import takes a processor for itself: a second one waits outside, with whoever sent it."""


async def import_upload(
    database: Database,
    actor: Actor,
    tenant_id: UUID,
    clinic: ClinicRow,
    parts: AsyncIterator[bytes],
    source: str | None = None,
) -> ImportReport:
    """Take a file as somebody's import into a clinic; raise Invalid for what is no FHIR, TooMany while one runs."""
    if _ONE_AT_A_TIME.locked():
        raise TooMany("Another import is running; try again in a minute", seconds=60)
    async with _ONE_AT_A_TIME:
        with tempfile.TemporaryDirectory(prefix="caretide-upload-") as folder:
            path = await _kept(Path(folder), parts)
            return await run_import(database, path, tenant_id, clinic, source, actor=actor, is_bounded=True)


async def _kept(folder: Path, parts: AsyncIterator[bytes]) -> Path:
    """Write a file as it comes; return where it is, under a name that says what it holds."""
    draft = folder / "upload"
    start = b""
    with draft.open("xb") as stream:
        async for part in parts:
            if len(start) < 4096:
                start += part[:4096]
            await asyncio.to_thread(stream.write, part)
    if not start:
        raise Invalid("The file is empty", field="file")
    return draft.rename(draft.with_suffix(suffix_of(start)))


def suffix_of(start: bytes) -> str:
    """Return the ending that the gateway goes by, from a file's first bytes; raise Invalid for what is no FHIR.

    A resource that ends with its line is one of many; a Bundle or a resource over several lines is a document.
    """
    if start.startswith(GZIP):
        return ".ndjson.gz"
    text = start.removeprefix(_MARK).lstrip()
    if not text.startswith(b"{"):
        raise Invalid(NOT_FHIR, field="file")
    first, ends, _ = text.partition(b"\n")
    is_line = b'"resourceType"' in first and b'"Bundle"' not in first
    return ".ndjson" if is_line and (ends or first.rstrip().endswith(b"}")) else ".json"
