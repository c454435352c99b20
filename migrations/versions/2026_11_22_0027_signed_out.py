"""A tenant that signs somebody out keeps their sessions elsewhere from coming back."""

from migrations.walls import run_file

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Apply."""
    run_file("0027_signed_out")
