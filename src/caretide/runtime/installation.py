"""An installation in use: its settings, its server, its keys, its vault."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from caretide.kernel.clock import Clock, system_clock
from caretide.postgres.databases import Databases, shared
from caretide.postgres.roles import LoginRole
from caretide.runtime.context_keys import install, signing_keys
from caretide.runtime.mail import SENDER, FolderPost
from caretide.runtime.migrations import migrate
from caretide.runtime.outbound import Reach
from caretide.runtime.tx import Database, Stores
from caretide.settings import Settings, host_of
from caretide.vault.keys import Keyring
from caretide.vault.store import FolderVault


@dataclass(frozen=True)
class Installation:
    """`database` is the application's pool; `urls` has the other roles' addresses."""

    settings: Settings
    urls: Databases
    stores: Stores
    database: Database


@asynccontextmanager
async def installation(settings: Settings, clock: Clock = system_clock) -> AsyncGenerator[Installation]:
    """Hold a share of the server, bring the schema up to date, open keys and vault; let all go at the end."""
    with shared(settings) as urls:
        migrate(urls.url(LoginRole.MIGRATOR))
        stores = open_stores(settings)
        install(urls.url(LoginRole.MIGRATOR), stores.signing)
        database = Database(urls.url(LoginRole.APP), stores, clock)
        try:
            yield Installation(settings, urls, stores, database)
        finally:
            await database.close()


def open_stores(settings: Settings) -> Stores:
    """Open the keys, the built-in vault and the post box under `home`; columns, vault and context have a key each."""
    keys = settings.home / "keys"
    vault = FolderVault(settings.home / "vault", Keyring.open(keys, "vault"))
    post = FolderPost(settings.home / "mail", settings.mail_sender or SENDER, host_of(settings.base_url))
    trust = str(settings.outbound_trust) if settings.outbound_trust else None
    reach = Reach(frozenset(one.lower() for one in settings.outbound_hosts), trust)
    return Stores(Keyring.open(keys, "columns"), vault, signing_keys(settings.home), post, reach)
