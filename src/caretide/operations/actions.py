"""What an operator changes in a tenant: the versions of its column key."""

from sqlalchemy import func, insert, select, text, update

from caretide.kernel.errors import Conflict
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes
from caretide.runtime.access import requires
from caretide.runtime.models import TenantKey
from caretide.runtime.tx import Tx, key_place
from caretide.vault.envelope import new_key, wrap_for
from caretide.vault.keys import NEWEST_VERSION


@requires(Permission.TENANT_WRITE, changes(Data.SETTINGS))
async def announce_key(tx: Tx, patience: float) -> tuple[int, float, bool]:
    """Make a version of the tenant's column key that seals after so many seconds, or take up one that was begun.

    Returns the version, the seconds until it seals, and whether a rotation that was cut off is gone on with.
    """
    await tx.db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"rotate {tx.tenant_id}", 0))))
    until = func.extract("epoch", TenantKey.sealing_from - func.clock_timestamp())
    versions = select(TenantKey.version, TenantKey.retired_at, until).order_by(TenantKey.version)
    *older, newest = (await tx.db.execute(versions)).all()
    if any(row.retired_at is None for row in older):
        tx.note(version=newest.version, resumed=True)
        return newest.version, max(0.0, float(newest[2])), True
    version = newest.version + 1
    if version > NEWEST_VERSION:
        raise Conflict(f"The tenant's column key has no version left after {NEWEST_VERSION}")
    begins = func.clock_timestamp() + text("make_interval(secs => :patience)").bindparams(patience=patience)
    wrapped = wrap_for(tx.stores.keyring, new_key(), key_place(tx.tenant_id))
    await tx.db.execute(insert(TenantKey).values(version=version, wrapped=wrapped, sealing_from=begins))
    tx.note(version=version, resumed=False)
    return version, patience, False


@requires(Permission.TENANT_WRITE, changes(Data.SETTINGS))
async def retire_keys(tx: Tx, version: int) -> None:
    """Say that nothing is left to be sealed anew of what versions before this one sealed."""
    old = update(TenantKey).where(TenantKey.version < version, TenantKey.retired_at.is_(None))
    await tx.db.execute(old.values(retired_at=func.clock_timestamp()))
    tx.note(version=version)
