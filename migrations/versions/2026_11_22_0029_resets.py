"""A new way in by whoever runs the installation, for somebody who works in several tenants."""

from migrations.walls import run_file

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Apply."""
    run_file("0029_resets")
