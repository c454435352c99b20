"""Enrollments by patient."""

from migrations.walls import run_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Apply."""
    run_file("0008_enrollment_patient")
