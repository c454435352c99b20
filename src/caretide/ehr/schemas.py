"""What an import did, in figures, and what it could not take."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from caretide.kernel.errors import Invalid, NotFound
from tidegate.contract import Summary

KINDS: Final = ("patient", "practitioner", "condition", "medication", "allergy", "coverage", "encounter")
LISTED: Final = 1_000
"""Rejected pieces that a report names; all are counted."""


@dataclass(slots=True)
class Tally:
    """What became of one kind; `removed` are those that the EHR no longer names."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0

    @property
    def total(self) -> int:
        """How many were looked at."""
        return self.created + self.updated + self.unchanged + self.removed


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that was not taken. `place` is `file:line`, or the kind and id at the source; no health data."""

    place: str
    reason: str


def _tallies() -> dict[str, Tally]:
    return {kind: Tally() for kind in KINDS}


@dataclass(slots=True)
class Counts:
    """What one batch or one whole import did. `elsewhere` are source ids of patients who stay at another clinic."""

    tallies: dict[str, Tally] = field(default_factory=_tallies)
    refused: int = 0
    refusals: list[Refused] = field(default_factory=list[Refused])
    elsewhere: list[str] = field(default_factory=list[str])

    def refuse(self, place: str, reason: str) -> None:
        """Count something that was not taken, and name it while the list is short enough to read."""
        self.refused += 1
        if len(self.refusals) < LISTED:
            self.refusals.append(Refused(place, reason))

    def add(self, other: "Counts") -> None:
        """Add what another batch did."""
        for kind, tally in other.tallies.items():
            mine = self.tallies[kind]
            mine.created += tally.created
            mine.updated += tally.updated
            mine.unchanged += tally.unchanged
            mine.removed += tally.removed
        self.refused += other.refused
        self.refusals += other.refusals[: LISTED - len(self.refusals)]
        self.elsewhere += other.elsewhere

    @property
    def changed(self) -> int:
        """How many rows were created, updated or removed."""
        return sum(tally.total - tally.unchanged for tally in self.tallies.values())

    @property
    def total(self) -> int:
        """How many resources were looked at."""
        return sum(tally.total for tally in self.tallies.values())

    def figures(self) -> dict[str, Any]:
        """Return numbers alone, for the audit trail and the run's row."""
        tallies = {kind: asdict(tally) for kind, tally in self.tallies.items() if tally.total}
        return {**tallies, "refused": self.refused, "elsewhere": len(self.elsewhere)}


@dataclass(slots=True)
class ImportReport:
    """A whole import. `failure` says what ended it early; what is counted was taken all the same.

    `summary` is what the gateway says of the files, once it has read them all.
    """

    source: str = ""
    counts: Counts = field(default_factory=Counts)
    failure: str | None = None
    summary: Summary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOut:
    """What became of a file. `failure` says what ended it early; what is counted was taken all the same."""

    source: str
    complete: bool
    failure: str | None
    resources: int
    changed: int
    counts: dict[str, Tally]
    rejected_count: int
    rejected: list[Refused]
    at_another_clinic: int

    @classmethod
    def of(cls, report: ImportReport) -> Self:
        """Put a report into the words of the API."""
        counts = report.counts
        return cls(
            source=report.source,
            complete=report.failure is None,
            failure=report.failure,
            resources=counts.total,
            changed=counts.changed,
            counts={kind: tally for kind, tally in counts.tallies.items() if tally.total},
            rejected_count=counts.refused,
            rejected=counts.refusals,
            at_another_clinic=len(counts.elsewhere),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOut:
    """One import: `counts` by kind, empty for one that did not finish."""

    id: UUID
    clinic_id: UUID
    clinic: str
    source: str
    started_at: datetime
    finished_at: datetime | None
    patients: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportsPage:
    """Administration > Import."""

    clinics: list[tuple[str, str]]
    runs: list[RunOut]
    done: ImportOut | None = None


_SOURCE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


def source_name(text: str | None) -> str | None:
    """Return the name of an EHR, None where none was given; raise Invalid for what is no name."""
    if not text:
        return None
    if not _SOURCE_NAME.fullmatch(text):
        raise Invalid("A source is named in lower-case letters, digits and dashes", field="source")
    return text


def clinic_of(text: str) -> UUID:
    """Return the clinic that a form names."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


async def parts_of(read: Callable[[int], Awaitable[bytes]]) -> AsyncIterator[bytes]:
    """Yield a file part by part."""
    while part := await read(1 << 18):
        yield part
