"""A way to what was refused or not found in the trail."""

from migrations.walls import run_file

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Apply."""
    run_file("0028_tries")
