"""What the close of a large month writes: facts deflated and sealed, and its jobs queued by the hundred."""

from migrations.walls import run_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply."""
    run_file("0006_close")
