"""The key that seals what accounts keep secret: accounts belong to no tenant, so no tenant's key would do."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from caretide.identity.models import AccountKey
from caretide.runtime.tx import Tx
from caretide.vault.envelope import ColumnCipher, new_key, unwrap, wrap

FIRST: Final = 1


async def account_cipher(tx: Tx) -> ColumnCipher:
    """Return the cipher of all accounts, making its key the first time; two that do so at once end with one key."""
    rows = (await tx.db.execute(_KEYS)).all()
    if not rows:
        wrapped = wrap(tx.stores.keyring, new_key())
        made = insert(AccountKey).values(version=FIRST, wrapped=wrapped).on_conflict_do_nothing()
        await tx.db.execute(made)
        rows = (await tx.db.execute(_KEYS)).all()
    return ColumnCipher({version: unwrap(tx.stores.keyring, wrapped) for version, wrapped in rows})


_KEYS: Final = select(AccountKey.version, AccountKey.wrapped)
