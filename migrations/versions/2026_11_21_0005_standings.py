"""The month-to-date ruling of each patient-month, and what makes it stale."""

from migrations.walls import run_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply."""
    run_file("0005_standings")
