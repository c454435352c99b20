"""Tokens of programs, service accounts, and what ended with a person's access."""

from alembic import op

from migrations.walls import ROLES, run_file, secure

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Apply."""
    run_file("0021_tokens")
    secure("service_accounts", "SELECT, INSERT")
    secure("api_tokens", "SELECT, INSERT")
    secure("access_endings", "SELECT, INSERT")
    # Who owns a token, what it may do and until when stands as it was made.
    op.execute(f"GRANT UPDATE (ended_at, ended_by) ON service_accounts TO {ROLES}")
    op.execute(f"GRANT UPDATE (last_used_at, revoked_at, revoked_by) ON api_tokens TO {ROLES}")
