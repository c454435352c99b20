"""What a tenant decided about itself, with its history."""

from migrations.walls import run_file, secure

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Apply."""
    run_file("0017_settings")
    secure("tenant_settings", "SELECT, INSERT")
