"""A tenant context that is signed, and bound to its transaction and backend."""

from migrations.walls import run_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply."""
    run_file("0010_signed_context")
