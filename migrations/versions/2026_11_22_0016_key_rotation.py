"""When a tenant's column keys begin and cease to seal."""

from migrations.walls import run_file

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Apply."""
    run_file("0016_key_rotation")
