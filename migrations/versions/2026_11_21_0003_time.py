"""Time entered after the fact, approvals, and sums of time kept by triggers."""

from migrations.walls import run_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
    run_file("0003_time")
