"""How the archive of the log stands: what is in it, how far it leads, and what waits."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from caretide.kernel.errors import Conflict, Invalid, NotFound
from caretide.operations import archive, backup
from caretide.operations.archive import Archivist
from caretide.postgres import archiving
from caretide.postgres import server as postgres
from caretide.postgres.databases import archive_seconds
from caretide.postgres.folders import Home, existing
from caretide.postgres.roles import LoginRole
from caretide.settings import Settings


@dataclass(frozen=True)
class State:
    """An archive. `reach`: what was acknowledged by then is in it. `backups` are those that it leads on from."""

    place: Path
    segments: int
    bytes: int
    reach: datetime | None
    backups: list[datetime]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "folder": str(self.place),
            "segments": self.segments,
            "bytes": self.bytes,
            "leads_to": self.reach.isoformat() if self.reach else None,
            "backups": [one.isoformat() for one in self.backups],
        }


def archive_now(settings: Settings) -> State:
    """Archive everything up to now and return how the archive stands; raise Invalid where none is wanted."""
    if settings.archive is None:
        raise Invalid("CARETIDE_ARCHIVE names no folder: the log is not archived.", field="archive")
    if settings.database_url is not None:
        raise Invalid("Your own server archives its log by its own means (archive_command).", field="database_url")
    home = existing(settings.home)
    if home is None:
        raise NotFound(f"There is no installation in {settings.home} yet: nothing to archive.")
    with postgres.share(settings.home, archive=archive_seconds(settings)) as cluster:
        archive.flush(Archivist(settings), cluster.url(LoginRole.ADMIN))
    return stand(home, settings.archive)


def stand(home: Home, folder: Path) -> State:
    """Return how the archive of a home stands in a folder of backups."""
    name = archive.identity(home) if archiving.receipts(home).exists() else ""
    parts = [one for one in archive.kept(folder, name) if archiving.is_segment(one.name)] if name else []
    size = sum(one.path.stat().st_size for one in parts)
    return State(folder / archive.WAL / name, len(parts), size, parts[-1].until if parts else None, _led(folder, name))


def _led(folder: Path, name: str) -> list[datetime]:
    try:
        manifests = [backup.find(path.parent) for path in sorted(folder.glob(f"caretide-*/{backup.MANIFEST}"))]
    except Conflict:
        return []
    return [one.at for one in manifests if one.log is not None and one.log.archive == name]
