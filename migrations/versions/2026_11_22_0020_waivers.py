"""Waivers of separated duties: recorded, expiring, and named by what rests on them."""

from migrations.walls import run_file, secure

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Apply."""
    run_file("0020_waivers")
    secure("duty_waivers", "SELECT, INSERT, UPDATE (ended_by, ended_at)")
