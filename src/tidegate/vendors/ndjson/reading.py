"""Reads the resources out of files: lines, Bundles, single resources. One bad piece never stops the rest."""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from tidegate.contract import SkippedFile
from tidegate.gather import Found, Gathering, Spot, why
from tidegate.resources import Entry, read_bundle, read_entry, read_head, read_identity
from tidegate.vendors.ndjson.folder import Candidate, candidates, open_plain

MAX_RESOURCE: Final = 10 * 1024 * 1024
"""Bytes of one resource or line. A resource that is larger carries a document inside, which nobody maps."""
MAX_DOCUMENT: Final = 256 * 1024 * 1024
"""Bytes of one `.json` document, which has to be in memory whole."""

TOO_LARGE: Final = "larger than 10 MB"
_MARK: Final = b"\xef\xbb\xbf"
_BROKEN_GZIP: Final = (EOFError, gzip.BadGzipFile, zlib.error)
_UNDECODABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def gather(path: Path) -> Gathering:
    """Read a folder or a file; raise OSError when a file cannot be read at all."""
    gathering = Gathering()
    for candidate in candidates(path):
        if candidate.refused:
            gathering.skipped_files.append(SkippedFile(file=candidate.label, reason=candidate.refused))
        else:
            _read(candidate, gathering)
    return gathering


def _read(candidate: Candidate, gathering: Gathering) -> None:
    with open_plain(candidate.path) as stream:
        if candidate.is_lines:
            gathering.files += 1
            _read_lines(stream, candidate.label, gathering)
        else:
            _read_document(stream, candidate.label, gathering)


def _read_lines(stream: BinaryIO, file: str, gathering: Gathering) -> None:
    number = 0
    try:
        for number, line in enumerate(_lines(stream), start=1):
            _take_line(line, Spot(file, number), gathering)
    except _BROKEN_GZIP:
        gathering.reject(Spot(file, number + 1), "gzip data is damaged or cut off from here on")


def _lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Yield lines; None for one that is too long, which is read past without being held."""
    while line := stream.readline(MAX_RESOURCE + 1):
        if len(line) <= MAX_RESOURCE:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_RESOURCE)
        yield None


def _take_line(line: bytes | None, spot: Spot, gathering: Gathering) -> None:
    if line is None:
        gathering.reject(spot, TOO_LARGE)
        return
    if spot.line == 1:
        line = line.removeprefix(_MARK)
    line = line.strip()
    if line:
        _take(line, spot, gathering)


def _take(raw: bytes, spot: Spot, gathering: Gathering) -> None:
    """Take a resource, or what a Bundle holds."""
    if b'"Bundle"' in raw and _is_bundle(raw):
        _take_bundle(raw, spot, gathering)
    elif len(raw) > MAX_RESOURCE:
        gathering.reject(spot, TOO_LARGE)
    else:
        gathering.take(Found(spot, raw))


def _is_bundle(raw: bytes) -> bool:
    try:
        return read_head(raw).resource_type == "Bundle"
    except _UNDECODABLE:
        return False


def _read_document(stream: BinaryIO, file: str, gathering: Gathering) -> None:
    """Read a `.json` file: one document, or lines all the same (bulk servers name them so)."""
    try:
        whole = stream.read(MAX_DOCUMENT + 1)
    except _BROKEN_GZIP:
        whole = None
    if whole is None or len(whole) > MAX_DOCUMENT:
        gathering.files += 1
        gathering.reject(Spot(file), "gzip data is damaged or cut off" if whole is None else "larger than 256 MB")
        return
    whole = whole.removeprefix(_MARK)
    fault = _fault(whole)
    if isinstance(fault, msgspec.ValidationError):
        gathering.skipped_files.append(SkippedFile(file=file, reason="JSON, but not FHIR"))
        return
    gathering.files += 1
    if fault is None:
        _take(whole.strip(), Spot(file), gathering)
    elif any(_fault(line) is None for line in whole.splitlines()):
        for number, line in enumerate(whole.split(b"\n"), start=1):
            _take_line(line if len(line) <= MAX_RESOURCE else None, Spot(file, number), gathering)
    else:
        gathering.reject(Spot(file), why(fault))


def _fault(raw: bytes) -> Exception | None:
    """Return what keeps bytes from being a resource, None if nothing does."""
    try:
        read_head(raw)
    except _UNDECODABLE as error:
        return error
    return None


def _take_bundle(raw: bytes, spot: Spot, gathering: Gathering) -> None:
    try:
        bundle = read_bundle(raw)
    except _UNDECODABLE as error:
        gathering.reject(spot, why(error), "Bundle")
        return
    gathering.count("Bundle", "not_mapped")
    entries = [_entry(bytes(entry)) for entry in bundle.entry]
    scope = _scope(entries)
    for number, entry in enumerate(entries, start=1):
        place = Spot(spot.file, spot.line, number)
        if isinstance(entry, Exception):
            gathering.reject(place, why(entry))
        elif resource := bytes(entry.resource):
            _take_entry(resource, entry.full_url, place, scope, gathering)
        elif entry.request and entry.request.method == "DELETE":
            gathering.reject(place, "a deletion is not applied; send the resource as entered-in-error")


def _take_entry(raw: bytes, full_url: str | None, place: Spot, scope: Mapping[str, str], gathering: Gathering) -> None:
    if len(raw) > MAX_RESOURCE:
        gathering.reject(place, TOO_LARGE)
    elif _is_bundle(raw):
        gathering.reject(place, "a Bundle inside a Bundle is not read", "Bundle")
    else:
        gathering.take(Found(place, raw, full_url, scope))


def _entry(raw: bytes) -> Entry | Exception:
    try:
        return read_entry(raw)
    except _UNDECODABLE as error:
        return error


def _scope(entries: list[Entry | Exception]) -> Mapping[str, str]:
    """Return where the `fullUrl`s of a Bundle point, as `Type/id`."""
    scope: dict[str, str] = {}
    for entry in entries:
        if isinstance(entry, Exception) or entry.full_url is None:
            continue
        try:
            named = read_identity(entry.resource)
        except _UNDECODABLE:
            continue
        inner_id = named.id or entry.full_url.removeprefix("urn:uuid:")
        scope[entry.full_url] = f"{named.resource_type}/{inner_id}"
    return scope
