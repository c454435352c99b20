"""Collects resources until the last is read, and counts what becomes of each.

Resources of a folder come in any order and refer to one another, so those that are mapped are held in memory, decoded
to the few fields that are used; resources of other types are counted and let go. That serves the extract of a practice
or of a health system's program (some 2 kB a resource); a feed sorted by patient would need less.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Final, Literal

import msgspec

from tidegate.contract import Rejected, SkippedFile
from tidegate.mapping.context import ID, Key
from tidegate.mapping.values import Unfit, when
from tidegate.resources import DECODERS, TYPES, AnyResource, Meta, read_head

UNREADABLE: Final = "unreadable"

Outcome = Literal["mapped", "looked_up", "retracted", "duplicates", "not_mapped", "orphans", "rejected"]
Version = tuple[datetime, int]

_VERSION_DIGITS: Final = 18
_UNDATED: Final = datetime.min.replace(tzinfo=UTC)
_URN: Final = "urn:uuid:"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something stands: a line (from 1), an entry of a Bundle (from 1), or both; neither is the whole file."""

    file: str
    line: int | None = None
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The bytes of what should be one resource, with the `fullUrl` and the scope of its Bundle."""

    spot: Spot
    raw: bytes
    full_url: str | None = None
    scope: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Held:
    """A decoded resource that waits for the rest."""

    spot: Spot
    resource: AnyResource
    scope: Mapping[str, str]
    version: Version


def _no_counts() -> defaultdict[str, Counter[Outcome]]:
    return defaultdict(Counter)


@dataclass
class Gathering:
    """All that was read so far. `counts` is by resource type, then by outcome."""

    held: dict[Key, Held] = field(default_factory=dict[Key, Held])
    rejected: list[Rejected] = field(default_factory=list[Rejected])
    skipped_files: list[SkippedFile] = field(default_factory=list[SkippedFile])
    counts: defaultdict[str, Counter[Outcome]] = field(default_factory=_no_counts)
    dropped: Counter[str] = field(default_factory=Counter[str])
    files: int = 0

    def take(self, found: Found) -> None:
        """Decode one resource and hold it, or count it, or reject it."""
        kind: str | None = None
        try:
            kind = _kind(found.raw)
            if kind in DECODERS:
                self._hold(kind, found)
            else:
                self.count(kind, "not_mapped")
        except Unfit as error:
            self.reject(found.spot, str(error), kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self.reject(found.spot, why(error), kind)

    def reject(
        self, spot: Spot, reason: str, kind: str | None = None, outcome: Literal["rejected", "orphans"] = "rejected"
    ) -> None:
        """Report what could not be taken."""
        self.count(kind or UNREADABLE, outcome)
        self.rejected.append(
            Rejected(file=spot.file, line=spot.line, entry=spot.entry, resource_type=kind, reason=reason)
        )

    def count(self, kind: str, outcome: Outcome) -> None:
        """Count one resource's outcome; each has exactly one."""
        self.counts[kind][outcome] += 1

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read that was, or meant to be, a resource."""
        return not self.counts and not self.held

    def _hold(self, kind: str, found: Found) -> None:
        resource = DECODERS[kind].decode(found.raw)
        key = (kind, _resource_id(resource.id, found.full_url))
        new = Held(found.spot, resource, found.scope, _version(resource.meta))
        old = self.held.get(key)
        if old is not None:
            self.count(kind, "duplicates")
        # The newest version wins; of equals the one read last.
        if old is None or new.version >= old.version:
            self.held[key] = new


def why(error: Exception) -> str:
    """Say in words why bytes could not be decoded. msgspec names the place in a text, never the text."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, msgspec.ValidationError):
        return f"not a FHIR resource: {error}"
    return f"not JSON: {error}"


def _kind(raw: bytes) -> str:
    """Return the resource type, having checked that all of the bytes are UTF-8, in skipped fields too."""
    if not raw.isascii():
        raw.decode()
    kind = read_head(raw).resource_type
    if kind not in TYPES:
        raise Unfit("resourceType is no resource type of FHIR R4")
    return kind


def _resource_id(own: str | None, full_url: str | None) -> str:
    """Return the id, for a resource without one that of its `fullUrl` (a transaction's entries have no ids yet)."""
    if own is None and full_url is not None and full_url.startswith(_URN):
        own = full_url.removeprefix(_URN)
    if own is None:
        raise Unfit("has no id")
    if not ID.fullmatch(own):
        raise Unfit("id is not 1 to 64 letters, digits, '-', '.' or '_'")
    return own


def _version(meta: Meta | None) -> Version:
    """Return what orders the versions of a resource: when it was last updated, then a numeric version."""
    if meta is None:
        return _UNDATED, -1
    try:
        updated = when(meta.last_updated, "meta.lastUpdated")
    except Unfit:
        updated = None
    text = str(meta.version_id)
    number = int(text) if text.isdecimal() and len(text) <= _VERSION_DIGITS else -1
    if updated is None:
        return _UNDATED, number
    return updated.instant or datetime.combine(updated.first_day, time(), UTC), number
