"""Second factors, failed tries, and sessions that know how they were opened."""

from migrations.walls import run_file, secure, share

revision = "0013"
down_revision = "0012"

EDITABLE = "SELECT, INSERT, UPDATE, DELETE"


def upgrade() -> None:
    """Apply."""
    run_file("0013_identity")
    for table in ("passkeys", "totp_seeds", "recovery_codes", "authenticator_failures"):
        share(table, EDITABLE)
    share("challenges", "SELECT, INSERT, DELETE")
    share("account_keys", "SELECT, INSERT")
    secure("drafts", EDITABLE)
