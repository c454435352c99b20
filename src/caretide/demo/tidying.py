"""Statistics after a founding: of thousands of new rows the planner knows nothing until they are gathered."""

from psycopg import sql

from caretide.postgres.roles import OWNER, connected
from caretide.runtime.db import Base


def tidy(migrator_url: str) -> None:
    """Let the planner know what came in: an owner's privilege, so over the migrator's connection.

    Autovacuum would get there, too, in its own time; the first pages do not wait for it.
    """
    tables = sql.SQL(", ").join(sql.Identifier(*table.fullname.split(".")) for table in Base.metadata.sorted_tables)
    with connected(migrator_url) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
        connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(tables))
