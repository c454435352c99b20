"""Counts of requests, for limits that survive a restart."""

from migrations.walls import run_file, share

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Apply."""
    run_file("0014_request_counts")
    share("request_counts", "SELECT, INSERT, UPDATE, DELETE")
