"""Checks on what is committed: nothing of the machine it was written on, nothing that somebody else built."""

import re
import shutil
import subprocess
from pathlib import Path

BUILT = re.compile(
    r"\.(?:min\.(?:js|css)|woff2?|ttf|otf|whl|so|pyc|map)$|(?:^|/)(?:node_modules|vendor)/"
    r"|(?:^|/)(?:uv\.lock|pylock[^/]*\.toml|poetry\.lock)$"
)
"""What is fetched or made at set-up, and lock files that record where packages came from."""

REGISTRY = re.compile(
    r"\b(?:registry|files|deb|security|pypi|test)\.[a-z]+\.(?:org|com|net)\b|\bpypi\.[a-z]{2,}\b"
    r"|--(?:extra-)?index-url\b[ =]\S|--find-links\b[ =]\S|\"resolved\": \"",
)
"""Hosts that packages come from, and the options that name one."""


def committed(root: Path) -> list[Path] | None:
    """Return the tracked files; None where this is no clone or there is no git."""
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return None
    # A clone that another user owns is as good to read as one's own.
    command = [git, "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return [root / name for name in names if name and (root / name).is_file()]


def foreign_files(root: Path, paths: list[Path]) -> list[str]:
    """Find committed files that somebody else built, or that set-up makes."""
    names = [str(path.relative_to(root)) for path in paths]
    return [f"{name}:1 does not belong into the repository" for name in names if BUILT.search(name)]


def foreign_text(root: Path, paths: list[Path]) -> list[str]:
    """Find names of package registries, and paths of the very machine that this runs on."""
    machine = re.compile("|".join(re.escape(str(path)) + r"\b" for path in (root, root.parent / "shared")))
    found: list[str] = []
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, start=1):
            match = REGISTRY.search(line) or machine.search(line)
            if match:
                found.append(f"{path.relative_to(root)}:{number} names {match[0]}")
    return found
