"""A new way in for somebody who lost theirs: two administrators, a link and a code."""

from migrations.walls import run_file, secure

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Apply."""
    run_file("0026_recoveries")
    secure("recoveries", "SELECT, INSERT, UPDATE (tries, confirmed_by, confirmed_at, ended_by, ended_at)")
