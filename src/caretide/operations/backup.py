"""Back an installation up: the database as one sealed stream, the vault file by file, the keys apart.

A backup folder holds one folder for each backup, named by its time, and one `vault`, to which every backup adds what it
lacks: documents are written once, lie there sealed as in the installation, and are named by their hashes. Where the log
is archived, `wal` has it from the oldest backup on. Nothing in it can be read without the keys, which are never in it.
No name says anything about a patient.
"""

import hashlib
import json
import os
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from caretide.kernel.clock import Clock, system_clock
from caretide.kernel.errors import Conflict, Invalid, NotFound, Unavailable
from caretide.operations import archive, key_bundle, records, vault_copy
from caretide.operations.archive import Archivist
from caretide.operations.vault_copy import VAULT
from caretide.postgres import archiving, cluster_copy
from caretide.postgres import server as postgres
from caretide.postgres.databases import archive_seconds
from caretide.postgres.folders import Home, existing, explained
from caretide.postgres.roles import LoginRole
from caretide.runtime.migrations import head
from caretide.settings import Settings
from caretide.vault.keys import Keyring, sync_folder
from caretide.vault.stream import open_stream, seal_stream

FORMAT: Final = 1
MANIFEST, BASE, VAULT_LIST = "manifest.json", "base.tar.gz.sealed", "vault.list.sealed"
FACTS: Final = "facts.json.sealed"
_ARCHIVE: Final = re.compile(r"[0-9a-f]{16}")
"""What an archive of the log is called."""


@dataclass(frozen=True)
class Part:
    """A sealed file of a backup."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Log:
    """Where the log goes on after a backup: in which archive, from which segment, and when the backup was whole."""

    archive: str
    first: str
    whole: datetime


@dataclass(frozen=True)
class Manifest:
    """What a backup is. `at`: everything that was committed before is in it. It can be read without any key."""

    at: datetime
    ended: datetime
    caretide: str
    schema: str
    postgres: str | None
    documents: int
    parts: list[Part]
    log: Log | None = None
    format: int = FORMAT
    folder: Path = field(default=Path(), compare=False)

    def dump(self) -> str:
        """Return its text."""
        values = asdict(self)
        del values["folder"]
        return json.dumps(values, default=str, indent=1)


def take(
    settings: Settings, folder: Path, *, keys: Path | None, passphrase: str | None, clock: Clock = system_clock
) -> Manifest:
    """Back up into `folder` while everything goes on, keys into `keys`; return the manifest.

    An external database is its operator's to back up: vault and keys are backed up here, and the manifest says so.
    """
    home = existing(settings.home)
    if home is None:
        raise NotFound(f"There is no installation in {settings.home} yet: nothing to back up.")
    keys = keys or folder
    key_bundle.require_apart(folder, keys, passphrase)
    for place in (folder, keys):
        if home.path == place.expanduser().resolve() or home.path in place.expanduser().resolve().parents:
            raise Invalid(f"{place} is inside CARETIDE_HOME, and would be lost with it", field="folder")
    at = clock()
    with explained(folder):
        half = _new(folder, at)
        try:
            writer = _Writer(half, at, Keyring.open(home.path / "keys", "backup"))
            parts, server, log = _database(settings, home, writer)
            # After the database, so that it holds every document that the database knows of.
            documents = _vault(home, folder / VAULT)
            parts.append(writer.put(VAULT_LIST, ["\n".join(documents).encode()]))
            manifest = Manifest(at, clock(), version("caretide"), head(), server, len(documents), parts, log)
            (half / MANIFEST).write_text(manifest.dump())
            key_bundle.write(keys, key_bundle.gather(home), passphrase)
            final = half.rename(half.with_suffix(""))
            sync_folder(folder)
        except BaseException:
            shutil.rmtree(half, ignore_errors=True)
            raise
    if log is not None:
        forget_log(folder, log.archive)
    size = sum(part.bytes for part in manifest.parts)
    records.remember(home, records.BACKUPS, at, seconds=(manifest.ended - at).total_seconds(), bytes=size)
    return replace(manifest, folder=final)


def find(folder: Path, before: datetime | None = None) -> Manifest:
    """Return the manifest of a backup, or of the newest where the folder holds several; raise NotFound without any.

    With `before`, the newest that was whole by then; the oldest where none was.
    """
    if (folder / MANIFEST).exists():
        return _read(folder)
    found = sorted((path.parent for path in folder.glob(f"caretide-*/{MANIFEST}")), reverse=True)
    if not found:
        raise NotFound(f"{folder} holds no backup: there is no {MANIFEST} in it or in the folders in it.")
    if before is None:
        return _read(found[0])
    several = [_read(one) for one in found]
    return next((one for one in several if one.log is not None and one.log.whole <= before), several[-1])


def forget_log(folder: Path, name: str) -> int:
    """Remove the part of an archive that no backup in the folder needs any more; return how many segments that was.

    A backup that cannot be read may need all of it.
    """
    try:
        manifests = [_read(path.parent) for path in folder.glob(f"caretide-*/{MANIFEST}")]
    except Conflict:
        return 0
    needed = [one.log.first for one in manifests if one.log is not None and one.log.archive == name]
    return archive.prune(folder, name, min(needed)) if needed else 0


def check_parts(manifest: Manifest) -> None:
    """Compare every sealed file with the manifest; raise Conflict naming the first that is not what was written."""
    for part in manifest.parts:
        path = manifest.folder / part.name
        if not path.exists():
            raise Conflict(f"{path} is missing. Use another backup.")
        if _sha256(path) != part.sha256:
            raise Conflict(f"{path} is not what was written. Use another backup.")


def opened(manifest: Manifest, name: str, keyring: Keyring) -> Iterator[bytes]:
    """Yield a part's plain bytes."""
    with (manifest.folder / name).open("rb") as source:
        yield from open_stream(keyring, f"{name} {manifest.at.isoformat()}", source)


def inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield gzip's content."""
    unpacker = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        yield unpacker.decompress(chunk)
    yield unpacker.flush()


def row_counts(url: str) -> dict[str, int]:
    """Return how many rows each table of ours has, all tenants together: for whoever passes by the walls."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname IN ('public', 'ctx', 'jobs') ORDER BY 1, 2"
        ).fetchall()
        count = sql.SQL("SELECT count(*) FROM {}")
        return {
            f"{schema}.{table}": (connection.execute(count.format(sql.Identifier(schema, table))).fetchone() or (0,))[0]
            for schema, table in tables
        }


@dataclass(frozen=True)
class _Writer:
    """Where sealed parts go: each is bound to its name and to the time of the backup."""

    folder: Path
    at: datetime
    keyring: Keyring

    def put(self, name: str, chunks: Iterable[bytes]) -> Part:
        digest = hashlib.sha256()
        size = 0
        with os.fdopen(_create(self.folder / name), "wb") as file:
            for piece in seal_stream(self.keyring, f"{name} {self.at.isoformat()}", chunks):
                digest.update(piece)
                size += file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        return Part(name, size, digest.hexdigest())


def _database(settings: Settings, home: Home, writer: _Writer) -> tuple[list[Part], str | None, Log | None]:
    """Copy the embedded server. Rows are counted before and after: what was copied lies between."""
    if settings.database_url is not None:
        return [], None, None
    with postgres.share(settings.home, archive=archive_seconds(settings)) as cluster:
        admin = cluster.url(LoginRole.ADMIN)
        before = row_counts(admin)
        first = _segment(admin) if settings.archive is not None else None
        base = writer.put(BASE, _deflated(cluster_copy.stream(cluster)))
        with psycopg.connect(admin) as connection:
            server = str(connection.info.server_version)
            (whole,) = connection.execute("SELECT clock_timestamp()").fetchone() or (writer.at,)
        facts = json.dumps({"before": before, "after": row_counts(admin)})
        if first is not None:
            # The archive leads past the backup from the start. Where it cannot be written, the doctor tells.
            with suppress(Unavailable):
                archive.flush(Archivist(settings), admin)
    log = Log(archive.identity(home), first, whole) if first is not None else None
    return [base, writer.put(FACTS, [facts.encode()])], server, log


def _segment(admin: str) -> str | None:
    """Return the segment that the server writes now, where it archives its log."""
    with psycopg.connect(admin) as connection:
        asked = "SELECT pg_walfile_name(pg_current_wal_lsn()) WHERE current_setting('archive_mode') = 'on'"
        row = connection.execute(asked).fetchone()
    return str(row[0]) if row else None


def _vault(home: Home, there: Path) -> list[str]:
    """Copy the documents that the backup folder lacks; return the place of every one."""
    source = home.path / "vault"
    names = sorted(str(path.relative_to(source)) for path in source.glob("*/??/*") if path.is_file())
    for name in names:
        vault_copy.copy(source / name, there / name, there.parent)
    return names


def _new(folder: Path, at: datetime) -> Path:
    """Make the folder that a backup is written into; it gets its name when it is whole."""
    half = folder / f"caretide-{at:%Y%m%dT%H%M%SZ}.part"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if half.with_suffix("").exists():
        raise Conflict(f"{half.with_suffix('')} is there already: one backup a second.")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    return half


def _deflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=31)
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(folder: Path) -> Manifest:
    try:
        values: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
        if values["format"] != FORMAT:
            raise Conflict(f"{folder} has the format {values['format']}; this program reads {FORMAT}.")
        values["parts"] = [Part(**part) for part in values["parts"]]
        values |= {name: datetime.fromisoformat(values[name]) for name in ("at", "ended")}
        if (log := values.get("log")) is not None:
            values["log"] = Log(log["archive"], log["first"], datetime.fromisoformat(log["whole"]))
        return _with_plain_names(Manifest(**values, folder=folder))
    except (ValueError, KeyError, TypeError) as error:
        raise Conflict(f"{folder / MANIFEST} is damaged. Use another backup.") from error


def _with_plain_names(manifest: Manifest) -> Manifest:
    """Return a manifest that leads nowhere but into its own folder; raise ValueError for any other.

    It is the one part of a backup that no key seals: whoever can write there may have written it.
    """
    log = manifest.log
    is_log = log is None or (_ARCHIVE.fullmatch(log.archive) is not None and archiving.is_segment(log.first))
    if not is_log or not {part.name for part in manifest.parts} <= {BASE, FACTS, VAULT_LIST}:
        raise ValueError
    return manifest
