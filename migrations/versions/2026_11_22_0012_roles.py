"""Accounts of service companies, and no role that somebody gives themselves."""

from migrations.walls import run_file, share

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Apply."""
    run_file("0012_roles")
    share("company_accounts", "SELECT, INSERT, UPDATE (is_director)")
