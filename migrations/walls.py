"""The two walls as SQL: what every new table of a tenant gets, in one call.

The catalogue test fails on any table that did not get it.
"""

from pathlib import Path
from typing import Final

from alembic import op

SQL: Final = Path(__file__).parent / "sql"
ROLES = "caretide_app, caretide_worker"
SEES_ALL: Final = "(SELECT ctx.sees_all())"


def secure(table: str, grants: str, *, patient: str | None = None) -> None:
    """Put a table behind wall one and, where `patient` names its patient column, behind wall two.

    Policies are written TO PUBLIC: one that names a role is lost when that role drops what it owns (CVE-2026-116311).
    """
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY base ON {table} FOR ALL TO PUBLIC USING (true) WITH CHECK (true)")
    mine = "tenant_id = (SELECT ctx.tenant())"
    op.execute(f"CREATE POLICY tenant ON {table} AS RESTRICTIVE FOR ALL TO PUBLIC USING ({mine}) WITH CHECK ({mine})")
    if patient:
        text = seen(table, patient)
        op.execute(
            f"CREATE POLICY roster ON {table} AS RESTRICTIVE FOR ALL TO PUBLIC USING ({text}) WITH CHECK ({text})"
        )
    op.execute(f"GRANT {grants} ON {table} TO {ROLES}")


def seen(table: str, patient: str = "patient_id") -> str:
    """Return the condition of wall two: who sees every patient, a patient of the roster, or one of a clinic on duty.

    Where there is no duty yet, in revisions before it came, the text is that of its time.
    """
    listed = f"{SEES_ALL} OR {patient} = ANY ((SELECT ctx.roster())::uuid[])"
    if not op.get_bind().exec_driver_sql("SELECT to_regprocedure('ctx.duty()') IS NOT NULL").scalar():
        return listed
    if table == "patients":
        return f"{listed} OR clinic_id = ANY ((SELECT ctx.duty())::uuid[])"
    # The patient's own row decides: it knows the clinic. Nobody asks who is on duty nowhere.
    place = f"SELECT FROM patients AS p WHERE p.tenant_id = {table}.tenant_id AND p.id = {table}.{patient}"
    return f"{listed} OR ((SELECT ctx.duty()) IS NOT NULL AND EXISTS ({place}))"


def share(table: str, grants: str) -> None:
    """Grant on a table that stands outside the tenant wall; the catalogue test lists these with reasons."""
    op.execute(f"GRANT {grants} ON {table} TO {ROLES}")


def run_file(name: str) -> None:
    """Run one of the frozen files of statements, by its name without the ending."""
    run((SQL / f"{name}.sql").read_text())


def run(statements: str) -> None:
    """Run a script of statements as it stands: the driver alone leaves its percent signs be."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - a migration always has one; tells the type checker
    driver.execute(statements)
