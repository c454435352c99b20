"""Companies, and what a member brings: languages, licenses, hours."""

from migrations.walls import run_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply."""
    run_file("0002_people")
