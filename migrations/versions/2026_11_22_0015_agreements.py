"""Business associate agreements, and no patient data before one is in force."""

from migrations.walls import run_file, secure

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Apply."""
    run_file("0015_agreements")
    secure("agreements", "SELECT, INSERT, UPDATE (ended_on, ended_because, ended_by, ended_at)")
    secure("agreement_notices", "SELECT, INSERT")
