"""A worker process that a test may kill; it is told on standard input where to work."""

import asyncio
import json
import os
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from caretide import worker
from caretide.postgres.databases import Databases
from caretide.postgres.roles import LoginRole
from caretide.runtime.context_keys import signing_keys
from caretide.runtime.installation import Installation, open_stores
from caretide.runtime.tx import Database
from caretide.settings import Settings
from tests.database import HOME, HandClock


def installed(app: str, worker_url: str, home: Path, now: datetime) -> Installation:
    """Return an installation over a database, with keys and vault under `home` and a clock that stands still."""
    settings = Settings(home=home)
    # The run's databases know one signing key, which lies in the run's own home.
    stores = replace(open_stores(settings), signing=signing_keys(Path(os.environ[HOME])))
    database = Database(app, stores, HandClock(now), pool_size=4)
    urls = Databases({LoginRole.APP: app, LoginRole.WORKER: worker_url})
    return Installation(settings, urls, database.stores, database)


async def main() -> None:
    told = json.load(sys.stdin)
    ours = installed(told["app"], told["worker"], Path(told["home"]), datetime.fromisoformat(told["now"]))
    try:
        await worker.drain(ours)
    finally:
        await ours.database.close()


if __name__ == "__main__":
    asyncio.run(main())
