"""The names under which a tenant offers kinds of work, with their history."""

from alembic import op

from migrations.walls import run_file, secure

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Apply."""
    run_file("0019_activities")
    secure("activities", "SELECT, INSERT")
    op.execute("GRANT INSERT (activity_id) ON time_log_entries TO caretide_app, caretide_worker")
