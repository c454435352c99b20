"""What a claim line's foreign key reads: its own patient-month, whatever the planner believes of the table."""

import psycopg

from tests.cast import Cast
from tests.database import Server

# As PostgreSQL asks for the row that a foreign key names.
QUESTION = "SELECT 1 FROM ONLY patient_months x WHERE tenant_id = $1 AND id = $2 FOR KEY SHARE OF x"


def test_a_line_finds_its_month_by_the_primary_key_in_a_table_that_was_counted_empty(
    server: Server, cast: Cast
) -> None:
    # Every other index of the table is partial: a whole one that begins with the tenant costs the same there.
    assert "Index Scan using patient_months_pkey" in plan(server, cast)


def plan(server: Server, cast: Cast) -> str:
    """Return how the question is answered while the table counts as empty; nothing of that stays."""
    with psycopg.connect(server.admin) as connection:
        connection.execute(
            "UPDATE pg_class SET reltuples = 0, relpages = 9 WHERE oid = 'public.patient_months'::regclass"
        )
        connection.execute("SET LOCAL enable_seqscan = off")
        connection.execute("SET LOCAL enable_bitmapscan = off")
        connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        connection.execute(f"PREPARE asked (uuid, uuid) AS {QUESTION}".encode())
        explained = f"EXPLAIN EXECUTE asked ('{cast.tenant_id}', '{cast.tenant_id}')"
        rows = connection.execute(explained.encode()).fetchall()
        connection.rollback()
    return "\n".join(row[0] for row in rows)
