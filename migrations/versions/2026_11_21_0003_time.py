"""Time entered after the fact, approvals, and sums of time kept by triggers."""

from alembic import op

from migrations.walls import run_file, secure

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""
    run_file("0003_time")
    # Nobody but the triggers writes a sum; their roster walls let the owner pass: 0003_time_sums.sql.
    secure("month_seconds", "SELECT")
    secure("member_days", "SELECT")
    secure("time_entry_approvals", "SELECT, INSERT")
    op.execute("GRANT INSERT (entry_reason) ON time_log_entries TO caretide_app, caretide_worker")
    run_file("0003_time_sums")
