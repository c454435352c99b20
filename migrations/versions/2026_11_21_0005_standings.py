"""The month-to-date ruling of each patient-month, and what makes it stale."""

from alembic import op

from migrations.walls import run_file, secure

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply."""
    run_file("0005_standings")
    kept = "SELECT, INSERT, UPDATE, DELETE"
    for table in ("month_standings", "candidates"):
        secure(table, kept, patient="patient_id")
    for table in ("standing_counts", "standing_months"):
        secure(table, kept)
    # Only triggers insert marks, for whoever writes; who may not see the patient sees no mark of theirs.
    secure("standing_marks", "SELECT, DELETE")
    seen = "(SELECT ctx.sees_all()) OR patient_id = ANY ((SELECT ctx.roster())::uuid[])"
    for command in ("SELECT", "DELETE"):
        name = f"roster_{command.lower()}"
        op.execute(f"CREATE POLICY {name} ON standing_marks AS RESTRICTIVE FOR {command} TO PUBLIC USING ({seen})")
