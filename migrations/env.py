"""Run the revisions: as the owner, one transaction each, with time-outs so that a migration never queues the clinic."""

from alembic import context
from sqlalchemy import Connection, text

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"


def run(connection: Connection) -> None:
    """Upgrade over the connection that the caller opened as the migrator."""
    connection.execute(text("SET ROLE caretide_owner"))
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
    # Two operators at once: the second waits, then finds nothing to do.
    connection.execute(text("SELECT pg_advisory_lock(hashtext('caretide migrations'))"))
    connection.commit()
    context.configure(connection=connection, target_metadata=None, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
