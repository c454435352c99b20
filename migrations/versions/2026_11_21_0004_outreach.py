"""Attempts to reach a patient."""

from migrations.walls import run_file, secure

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply."""
    run_file("0004_outreach")
    secure("attempts", "SELECT, INSERT", patient="patient_id")
    # Only the trigger writes the counts.
    secure("attempt_months", "SELECT", patient="patient_id")
    secure("attempt_days", "SELECT")
