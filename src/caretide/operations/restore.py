"""Restore a backup into an empty home, to a moment if the log was archived, and the drill that proves it can be done.

What is compared: every sealed file with the manifest, PostgreSQL's files with its own, rows with those that were
counted, documents with their hashes, audit events with their leaves, the walls with their rules; then every role signs
in and a page is served.
"""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from caretide.kernel.clock import Clock, system_clock
from caretide.kernel.errors import CaretideError, Conflict
from caretide.main import create_app
from caretide.operations import backup, key_bundle, moments, records, vault_copy
from caretide.operations.backup import BASE, FACTS, VAULT_LIST, Manifest
from caretide.operations.doctor import examine
from caretide.operations.findings import Level
from caretide.operations.moments import Moment, Way
from caretide.operations.vault_copy import VAULT
from caretide.postgres import cluster_copy
from caretide.postgres import server as postgres
from caretide.postgres.account import server_account
from caretide.postgres.folders import Home, claim_for, existing
from caretide.postgres.replay import replay, staging
from caretide.postgres.roles import LoginRole, connected
from caretide.runtime.installation import installation
from caretide.settings import Settings
from caretide.vault.keys import Keyring

_ON_PURPOSE: Final = {"transport", "listening", "backups", "drills", "disk", "age", "archive"}
"""What the doctor says of another place or time than the restored data's."""


@dataclass
class Outcome:
    """What a restore did. `seconds` until the server answered; `lost` is how old the data were when it began.

    `reach` is the moment that the archive was replayed to, None without one: `last` is the last change before it, and
    `onward` how far an archive would have led that was not asked for.
    """

    at: datetime
    backup_at: datetime
    lost: float
    seconds: float = 0.0
    reach: datetime | None = None
    last: datetime | None = None
    onward: datetime | None = None
    checks: list[tuple[str, bool, str]] = field(default_factory=list[tuple[str, bool, str]])

    @property
    def passed(self) -> bool:
        """Whether every comparison held."""
        return all(held for _, held, _ in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "at": self.at.isoformat(),
            "backup_at": self.backup_at.isoformat(),
            "to": _text(self.reach),
            "last_change": _text(self.last),
            "archive_leads_to": _text(self.onward),
            "passed": self.passed,
            "rpo_seconds": round(self.lost, 1),
            "rto_seconds": round(self.seconds, 1),
            "checks": [{"what": what, "held": held, "detail": detail} for what, held, detail in self.checks],
        }


def restore(
    settings: Settings,
    folder: Path,
    home: Path,
    *,
    keys: Path | None,
    passphrase: str | None,
    to: Moment | None = None,
    clock: Clock = system_clock,
) -> Outcome:
    """Restore the backup in `folder` (its newest) into the empty `home`, and compare everything.

    `to` replays the archived log over the newest backup that leads there. Raises Conflict for a home that is not empty,
    for a backup that is not whole and for an archive with a gap, and Invalid for a moment that nothing leads to; the
    home is empty again then.
    """
    begun, started = clock(), time.monotonic()
    manifest = backup.find(folder, to if isinstance(to, datetime) else None)
    found = None if to is None else moments.way(manifest, to)
    backup.check_parts(manifest)
    files = key_bundle.read(keys or manifest.folder.parent, passphrase)
    outcome = Outcome(begun, manifest.at, (begun - manifest.at).total_seconds())
    outcome.onward = None if found is not None else moments.reaches(manifest)
    with _whole_or_empty(home) as ours:
        key_bundle.put_back(ours, files)
        keyring = Keyring.open(ours.path / "keys", "backup")
        if manifest.postgres is not None:
            base = backup.inflated(backup.opened(manifest, BASE, keyring))
            cluster_copy.unpack(ours.path, base, replaying=found is not None)
        if found is not None:
            _replay(outcome, found, ours, keyring, None if to == moments.LATEST else to)
        _documents(manifest, ours, keyring)
    if manifest.postgres is not None:
        restored = settings.model_copy(update={"home": ours.path, "database_url": None, "archive": None})
        with postgres.share(ours.path) as cluster:
            outcome.seconds = time.monotonic() - started
            counted = backup.row_counts(cluster.url(LoginRole.ADMIN))
            if found is not None:
                _later_documents(outcome, manifest, ours, cluster.url(LoginRole.ADMIN))
            _compare(outcome, manifest, restored, counted, keyring)
    outcome.seconds = outcome.seconds or time.monotonic() - started
    return outcome


def _replay(outcome: Outcome, found: Way, home: Home, keyring: Keyring, to: datetime | None) -> None:
    """Replay the log, and say how far that led."""
    place = staging(home)
    moments.lay_out(found, keyring, place)
    outcome.last = replay(home, place, to)
    outcome.reach = to or found.reach
    outcome.lost = (outcome.at - outcome.reach).total_seconds()
    late = to is not None and outcome.last is not None and outcome.last > to
    told = f"{len(found.parts)} segments; the last change is of {_text(outcome.last) or 'before the backup'}"
    outcome.checks.append((f"the log was replayed to {_text(outcome.reach)}", not late, told))


def drill(
    settings: Settings,
    folder: Path,
    *,
    keys: Path | None,
    passphrase: str | None,
    to: Moment | None = None,
    clock: Clock = system_clock,
) -> Outcome:
    """Restore into an empty home that is thrown away, and write down how it went where the doctor looks.

    Where the log is archived it is replayed too, to its end unless a moment is named.
    """
    if to is None and moments.reaches(backup.find(folder)) is not None:
        to = moments.LATEST
    with _passing_home() as home:
        outcome = restore(settings, folder, home, keys=keys, passphrase=passphrase, to=to, clock=clock)
    ours = existing(settings.home)
    if ours is not None:
        told = outcome.as_json()
        records.remember(ours, records.DRILLS, outcome.at, **{key: told[key] for key in told if key != "at"})
    return outcome


@contextmanager
def _whole_or_empty(home: Path) -> Generator[Home]:
    """Yield an empty home; leave nothing in it where what it was wanted for fails: half of one could pass for all."""
    ours = _empty(home)
    try:
        yield ours
    except BaseException:
        with suppress(CaretideError):  # what went wrong first is what is told
            postgres.stop(ours.path, force=True)
        for path in ours.path.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


@contextmanager
def _passing_home() -> Generator[Path]:
    base = Path(tempfile.mkdtemp(prefix="caretide-drill-"))
    base.chmod(0o711)  # the server runs as another account where we are root
    try:
        yield base / "home"
    finally:
        try:
            postgres.stop(base / "home", force=True)
        finally:
            shutil.rmtree(base, ignore_errors=True)


def _empty(home: Path) -> Home:
    path = home.expanduser().absolute()
    if path.exists() and any(path.iterdir()):
        raise Conflict(f"{path} is not empty. A restore never writes over anything: name another --home.")
    return claim_for(path, server_account())


def _documents(manifest: Manifest, home: Home, keyring: Keyring) -> None:
    """Copy the documents that this backup knows; a later one may have added others."""
    names = b"".join(backup.opened(manifest, VAULT_LIST, keyring)).decode().split("\n")
    there = manifest.folder.parent / VAULT
    for name in filter(None, names):
        if not (there / name).exists():
            raise Conflict(f"{there / name} is missing: the vault's copies stand beside the backup.")
        vault_copy.copy(there / name, home.path / "vault" / name, home.path)


def _later_documents(outcome: Outcome, manifest: Manifest, home: Home, admin_url: str) -> None:
    """Copy the documents that the log's rows name, and those that none names any more: nothing in a vault is lost.

    The latter were made after the moment. They stay, unnamed, and are told; their places are written down.
    """
    there = manifest.folder.parent / VAULT
    with psycopg.connect(admin_url) as connection:
        tenants = [str(row[0]) for row in connection.execute("SELECT id FROM tenants")]
        asked = "SELECT tenant_id, sha256 FROM documents UNION SELECT tenant_id, file_sha256 FROM agreements"
        named = {f"{tenant}/{sha256[:2]}/{sha256}" for tenant, sha256 in connection.execute(asked)}
    places = [path for tenant in tenants for path in sorted(there.glob(f"{tenant}/??/*")) if not path.suffix]
    for path in places:
        vault_copy.copy(path, home.path / "vault" / path.relative_to(there), home.path)
    unnamed = sorted({str(path.relative_to(there)) for path in places} - named)
    if unnamed:
        records.remember(home, records.UNNAMED, outcome.at, documents=unnamed)
    told = f"{len(unnamed)} stay that none names: made later; they are listed in records/{records.UNNAMED}.jsonl"
    outcome.checks.append(("documents that rows of that moment name came along", True, told if unnamed else ""))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


def _compare(
    outcome: Outcome, manifest: Manifest, settings: Settings, counted: dict[str, int], keyring: Keyring
) -> None:
    """Make every comparison; none keeps another from being made."""
    facts: dict[str, dict[str, int]] = json.loads(b"".join(backup.opened(manifest, FACTS, keyring)))
    if outcome.reach is None:  # nobody counted the rows of another moment
        outcome.checks.append(_rows(facts["before"], facts["after"], counted))
    outcome.checks.append(_logins(settings))
    # Brings an older backup's schema up to date, which what follows expects.
    outcome.checks.append(_page(settings))
    outcome.checks.append(_leaves(settings))
    report = examine(settings, deep=True)
    for check, found in report.results:
        if check.name in _ON_PURPOSE:
            continue
        grave = [one.what for one in found or () if one.level is Level.ERROR]
        made = "not looked at" if found is None else "; ".join(grave)
        outcome.checks.append((check.title, found is not None and not grave, made))


def _rows(before: dict[str, int], after: dict[str, int], counted: dict[str, int]) -> tuple[str, bool, str]:
    """What was copied while others wrote lies between what was counted before and after."""
    off = [
        f"{table}: {counted.get(table)} instead of {low}"
        + (f" to {after.get(table)}" if after.get(table) != low else "")
        for table, low in before.items()
        if not min(low, after.get(table, low)) <= counted.get(table, -1) <= max(low, after.get(table, low))
    ]
    return f"rows of {len(before)} tables are those that were counted", not off, "; ".join(off[:5])


def _logins(settings: Settings) -> tuple[str, bool, str]:
    """Every role signs in with the password that came with the keys."""
    cluster = postgres.initialized(settings.home)
    refused: list[str] = []
    for role in LoginRole:
        try:
            with connected(cluster.url(role)):
                pass
        except CaretideError as error:
            refused.append(f"{role}: {error.message}")
    return "every role of the database signs in", not refused, "; ".join(refused)


def _leaves(settings: Settings) -> tuple[str, bool, str]:
    """Every event of the audit hashes to its leaf."""
    what = "every audit event hashes to its leaf"
    with psycopg.connect(postgres.initialized(settings.home).url(LoginRole.ADMIN)) as connection:
        counts = "SELECT count(*), count(*) FILTER (WHERE leaf IS DISTINCT FROM sha256('\\x00'::bytea || canonical))"
        row = connection.execute(f"{counts} FROM audit_events").fetchone() or (0, 0)
    return what, row[1] == 0, f"{row[1]} of {row[0]} do not" if row[1] else ""


def _page(settings: Settings) -> tuple[str, bool, str]:
    """The application serves its page for signing in."""
    try:
        status = asyncio.run(_ask(settings, "/sign-in"))
    except (CaretideError, OSError) as error:
        return "the sign-in page is served", False, str(error)
    return "the sign-in page is served", status == 200, f"it answered {status}" if status != 200 else ""


async def _ask(settings: Settings, path: str) -> int:
    """Ask the application itself for a page, without any port."""
    answers: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "scheme": "http",
        "root_path": "",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 0),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        answers.append(message)

    async with installation(settings) as ours:
        await create_app(ours)(scope, receive, send)
    return int(answers[0]["status"])
