"""Keys of patient-months that no question for a single one can mistake for the primary key."""

from migrations.walls import run_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply."""
    run_file("0007_month_keys")
