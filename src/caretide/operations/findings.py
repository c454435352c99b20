"""Findings, the checks that make them, and what is looked at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import Connection

from caretide.kernel.clock import Clock
from caretide.postgres.databases import Databases
from caretide.postgres.folders import Home
from caretide.settings import Settings


class Level(StrEnum):
    """How grave. An error fails the doctor's exit status; a note asks for nothing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """What is so, why it matters, and what to do. `blocks`: production refuses to start."""

    level: Level
    what: str
    why: str
    todo: str
    blocks: bool = False


@dataclass(frozen=True)
class Subject:
    """An installation under examination. `connection` sees the whole catalogue; it is None where nothing answers."""

    settings: Settings
    home: Home
    clock: Clock
    urls: Databases | None = None
    connection: Connection[Any] | None = field(default=None, repr=False)

    @property
    def database(self) -> Connection[Any]:
        """The connection, for checks that are asked only where there is one."""
        if self.connection is None:
            raise RuntimeError("this check was to be left out without a database")
        return self.connection

    def ask(self, query: Any, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.database.execute(query, parameters).fetchall()


@dataclass(frozen=True)
class Check:
    """One thing that is looked at. `title` says what holds when nothing is found. Deep ones have no `look`."""

    name: str
    title: str
    look: Callable[[Subject], list[Finding]] | None = None
    needs_database: bool = True


@dataclass(frozen=True)
class Report:
    """What was looked at, and what was found, check by check; a check that was not made has None."""

    at: datetime
    results: Sequence[tuple[Check, list[Finding] | None]]

    @property
    def findings(self) -> list[tuple[Check, Finding]]:
        """Every finding with its check, the gravest first."""
        order = list(Level)
        found = [(check, one) for check, many in self.results for one in many or ()]
        return sorted(found, key=lambda pair: order.index(pair[1].level))

    @property
    def blocking(self) -> list[Finding]:
        """What keeps production from starting."""
        return [finding for _, finding in self.findings if finding.blocks]

    @property
    def sound(self) -> bool:
        """Whether there is no error."""
        return all(finding.level is not Level.ERROR for _, finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "at": self.at.isoformat(),
            "sound": self.sound,
            "production_would_start": not self.blocking,
            "findings": [
                {
                    "check": check.name,
                    "level": one.level.value,
                    "what": one.what,
                    "why": one.why,
                    "do": one.todo,
                    "blocks_production": one.blocks,
                }
                for check, one in self.findings
            ],
            "checks": [
                {"name": check.name, "holds": check.title, "made": many is not None, "findings": len(many or ())}
                for check, many in self.results
            ],
        }
