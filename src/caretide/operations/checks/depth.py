"""What takes long: every tenant's keys unwrapped, every document opened and hashed anew."""

from typing import Final

from caretide.audit.queries.verify import verify
from caretide.documents import queries as documents
from caretide.kernel.actor import Actor
from caretide.kernel.errors import CaretideError
from caretide.operations.findings import Check, Finding, Level
from caretide.runtime.tx import Database, Tx
from caretide.tenants import queries as tenants

KEYS: Final = Check("column keys", "every tenant's column keys open")
DOCUMENTS: Final = Check("documents", "every document is in the vault with the bytes that were signed off")
AUDIT: Final = Check("audit", "every tenant's audit trail holds")
_SHOWN: Final = 5

Looked = list[tuple[Check, list[Finding] | None]]


async def look_deeper(database: Database) -> Looked:
    """Return what the long checks found, tenant by tenant."""
    async with database.tx(Actor.nobody()) as tx:
        ids = [row.id for row in await tenants.tenants(tx)]
    keys: list[Finding] = []
    bad: list[str] = []
    broken: list[Finding] = []
    for tenant_id in ids:
        try:
            async with database.tx(Actor.system(tenant_id)) as tx:
                bad += [f"{tenant_id}/{sha256}" for sha256 in await _damaged(tx)]
                trail = await verify(tx)
            broken += [_altered(str(tenant_id), f"{trail.event_id}: {trail.fault}")] if trail.fault else []
        except CaretideError as error:
            keys.append(_locked(str(tenant_id), error.message))
    return [(KEYS, keys), (DOCUMENTS, _missing(bad)), (AUDIT, broken)]


async def _damaged(tx: Tx) -> list[str]:
    """Return the hashes of documents that do not open as what was kept. The transaction unwrapped the column keys."""
    found: list[str] = []
    for sha256 in await documents.hashes(tx):
        try:
            await documents.reread(tx, sha256)
        except CaretideError:
            found.append(sha256)
    return found


def _locked(tenant: str, message: str) -> Finding:
    return Finding(
        Level.ERROR,
        f"The column keys of tenant {tenant} do not open: {message}.",
        "Contact data and notes of that tenant cannot be read.",
        "Restore the folder `keys` from its backup, or the database from one of the same time.",
    )


def _altered(tenant: str, fault: str) -> Finding:
    return Finding(
        Level.ERROR,
        f"The audit trail of tenant {tenant} was altered; the first fault is event {fault}.",
        "What the trail says of that time cannot be relied on.",
        "Keep this database as it is, restore a backup beside it, and compare: `caretide audit verify --tenant SLUG`.",
    )


def _missing(bad: list[str]) -> list[Finding]:
    if not bad:
        return []
    rest = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    what = f"{len(bad)} documents are missing or were changed: {', '.join(bad[:_SHOWN])}{rest}."
    todo = "Restore their files from the last backup; in the vault a file's name is the hash of its content."
    return [Finding(Level.ERROR, what, "The evidence of a month cannot be shown.", todo)]
