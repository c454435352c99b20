"""Attempts to reach a patient."""

from migrations.walls import run_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply."""
    run_file("0004_outreach")
