"""Who has to come in by a passkey."""

from migrations.walls import run_file

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Apply."""
    run_file("0025_sign_in_policy")
