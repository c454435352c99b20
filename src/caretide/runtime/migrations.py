"""Bring the schema up to date."""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from caretide.kernel.errors import Unavailable

ROOT = Path(__file__).parents[3]


def migrate(url: str) -> tuple[str | None, str]:
    """Run every revision that the database lacks, as the migrator; return the revision before and after."""
    config = _config()
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            # The migrator may become the owner and inherits nothing: who is not the owner sees no revision.
            connection.execute(text("SET LOCAL ROLE caretide_owner"))
            before = MigrationContext.configure(connection).get_current_revision()
            connection.rollback()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as error:
        raise Unavailable(f"The schema was not migrated: {str(error.orig).splitlines()[0]}") from error
    finally:
        engine.dispose()
    return before, head()


def head() -> str:
    """Return the newest revision."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _config() -> Config:
    if str(ROOT) not in sys.path:
        # Revisions share `migrations.walls`, which is beside the package and not inside it.
        sys.path.insert(0, str(ROOT))
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return config
